"""Text of a scrape: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/specs/om/open_metrics_spec/
Series read the same in both. The formats differ in the metadata: OpenMetrics names families without their suffix, has
units and types of its own, and ends with a mark, so that a page cut short is seen.
"""

from __future__ import annotations

from .metric import INFO, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .metric import Metric
    from .output import Family

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# The older format has no such types.
_TEXT_KINDS = {INFO: "gauge", UNKNOWN: "untyped"}


def merge(groups: Iterable[dict[str, Family]]) -> list[Family]:
    """Returns one family for each name in `groups`: a family's series must stand together, whoever made them."""
    merged: dict[str, Family] = {}
    for families in groups:
        for name, family in families.items():
            if name in merged:
                # the first one stays, as everywhere
                merged[name].samples = {**family.samples, **merged[name].samples}
            else:
                merged[name] = family
    return list(merged.values())


def render(families: Iterable[Family], openmetrics: bool) -> bytes:
    """Returns a page with every family that has series, as UTF-8."""
    head = _openmetrics_head if openmetrics else _text_head
    lines = []
    for family in families:
        if family.samples:
            lines.append(head(family.metric))
            lines += [f"{series} {value}\n" for series, value in family.samples.items()]
    if openmetrics:
        lines.append("# EOF\n")
    # whatever got here: a page must not fail for one character of it
    return "".join(lines).encode("utf-8", "replace")


def _text_head(metric: Metric) -> str:
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {metric.name} {text}\n# TYPE {metric.name} {_TEXT_KINDS.get(metric.kind, metric.kind)}\n"


def _openmetrics_head(metric: Metric) -> str:
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    unit = f"# UNIT {metric.family} {metric.unit}\n" if metric.unit else ""
    return f"# TYPE {metric.family} {metric.open_kind}\n{unit}# HELP {metric.family} {text}\n"
