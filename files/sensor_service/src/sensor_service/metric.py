"""What a metric is: its name, type, unit and help text.

The rules for names, types and units are those of the Prometheus exposition formats and of OpenMetrics 1.0:
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

GAUGE = "gauge"
COUNTER = "counter"
HISTOGRAM = "histogram"
INFO = "info"
UNKNOWN = "unknown"

# A family's name may carry these before its unit: OpenMetrics takes them off to find the family.
_SUFFIXES = {COUNTER: "_total", INFO: "_info"}
# What OpenMetrics puts behind a family's name: no other family may have one of these names.
_OPEN_SUFFIXES = {
    COUNTER: ("", "_total", "_created"),
    HISTOGRAM: ("", "_bucket", "_count", "_sum", "_created"),
    INFO: ("", "_info"),
}
# Only base units are declared: OpenMetrics wants the unit to be the last word of the family's name.
_UNITS = ("bytes", "seconds", "celsius", "volts", "amps", "watts", "hertz", "meters", "pascals", "lux")


# Below, a temperature stands for "none": Jetson's sensors that are off show -256, others less than there is.
COLDEST_CELSIUS = -200.0


class Metric:
    """A metric family, without values. Immutable by convention; collectors keep theirs as module constants.

    `name` is the name of the sample in both formats (a counter's ends in `_total`, an info's in `_info`), `kind` its
    type, `open_kind` its type in OpenMetrics (it differs for what others wrote only), `family` the name that
    OpenMetrics puts in its metadata, `names` every name that the family takes in either format, `unit` the base unit
    at the end of it, or "". A value below `lowest` stands for none, and makes no series.
    A flag that bears a unit in its name (node_exporter has some) passes `unit=""`.

    Raises ValueError where a counter's or an info's name lacks its suffix.
    """

    __slots__ = ("family", "help", "kind", "lowest", "name", "names", "open_kind", "unit")

    def __init__(self, name: str, kind: str, text: str, unit: str | None = None) -> None:
        """Checks the name against the kind, and finds family and unit in it."""
        suffix = _SUFFIXES.get(kind, "")
        if not name.endswith(suffix):
            raise ValueError(f"{name}: the name of a {kind} ends in {suffix}")
        self.name = name
        self.kind = self.open_kind = kind
        self.help = text
        self.lowest = -float("inf")
        self.family = name[: len(name) - len(suffix)]
        self.names = tuple([self.family + end for end in _OPEN_SUFFIXES.get(kind, ("",))])
        last = self.family.rpartition("_")[2]
        self.unit = unit if unit is not None else last if last in _UNITS else ""


def gauge(name: str, text: str, unit: str | None = None) -> Metric:
    """Returns a metric that goes up and down."""
    return Metric(name, GAUGE, text, unit)


def temperature(name: str, text: str) -> Metric:
    """Returns a gauge of degrees Celsius, in which values that no robot's sensor measures stand for none."""
    metric = Metric(name, GAUGE, text)
    metric.lowest = COLDEST_CELSIUS
    return metric


def counter(name: str, text: str) -> Metric:
    """Returns a metric that only grows, and restarts at zero. Its name ends in `_total`."""
    return Metric(name, COUNTER, text)


def info(name: str, text: str) -> Metric:
    """Returns a metric that is always 1 and tells its facts as labels. Its name ends in `_info`."""
    return Metric(name, INFO, text)


def unknown(name: str, text: str) -> Metric:
    """Returns a metric whose type is left open, as node_exporter does for `/proc/vmstat`."""
    return Metric(name, UNKNOWN, text)


def foreign(name: str, kind: str, text: str, plain: bool = False) -> Metric:
    """Returns a metric of somebody else's. In OpenMetrics a counter that is `plain`, or badly named, has no type."""
    if kind == COUNTER and not plain and name.endswith("_total"):
        return Metric(name, COUNTER, text, "")
    metric = Metric(name, GAUGE if kind == GAUGE else UNKNOWN, text, "")
    metric.kind = kind
    return metric
