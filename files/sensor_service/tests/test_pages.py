"""The parser of other programs' pages, held against prometheus_client's parsers and promtool's.

promtool has node_exporter's parser: what it takes of a line, ours takes, and nothing else. Three differences are
meant: blanks behind a value are no fault, time stamps are one, as node_exporter has it, and OpenMetrics' exemplars are
left out.
prometheus_client takes more than the format allows (any name, any escape), but reads what is valid as we do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sensor_service.output import identity, number
from sensor_service.pages import Page, parse

from files.sensor_service.tests.checkers import parse_openmetrics, promtool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

KINDS = ("counter", "gauge", "histogram", "summary", "info")
LABELS = ("side", "reason")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HELP = st.text(st.sampled_from('ab \\"\né{}#'), max_size=8)
# without an underline: prometheus_client writes pages in which `x` and `x_total` meet, and cannot read them
NAMES = st.from_regex(r"[a-z:][a-z0-9:]{0,4}", fullmatch=True)
AMOUNTS = st.floats(min_value=0, allow_nan=False)


def ours(text: str) -> tuple[Page, dict[str, str], list[str]]:
    """A page, its series with their values' text, and its faults."""
    faults: list[str] = []
    page = parse(text, 1_000_000, lambda line, reason: faults.append(f"{line}: {reason}"))
    return page, {name: value for samples in page.samples.values() for name, value in samples.items()}, faults


def theirs(families: Iterable[Metric]) -> dict[str, str]:
    """The same of what prometheus_client has read."""
    return {
        identity(sample.name, dict(sample.labels)): number(float(sample.value))
        for family in families
        for sample in family.samples
    }


def _add(draw: st.DrawFn, kind: str, registry: CollectorRegistry, name: str, text: str, values: list[str]) -> None:
    """Adds a metric with one value. Raises ValueError where its names are taken."""
    if kind == "counter":
        Counter(name, text, LABELS, registry=registry).labels(*values).inc(draw(AMOUNTS))
    elif kind == "gauge":
        Gauge(name, text, LABELS, registry=registry).labels(*values).set(draw(st.floats()))
    elif kind == "histogram":
        Histogram(name, text, LABELS, registry=registry).labels(*values).observe(draw(AMOUNTS))
    elif kind == "summary":
        Summary(name, text, LABELS, registry=registry).labels(*values).observe(draw(AMOUNTS))
    else:
        Info(name, text, registry=registry).info({"version": values[0]})


def openmetrics(registry: CollectorRegistry) -> str:
    page: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # it ships no types
    return page.decode()


@st.composite
def registries(draw: st.DrawFn) -> CollectorRegistry:
    """Up to four metrics of any type, with any text in their labels and any value."""
    registry = CollectorRegistry()
    for _ in range(draw(st.integers(1, 4))):
        name, text = draw(NAMES), draw(HELP)
        values = [draw(TEXT) for _ in LABELS]
        try:
            _add(draw, draw(st.sampled_from(KINDS)), registry, name, text, values)
        except ValueError:  # two metrics whose names meet
            reject()
    return registry


@given(registries())
def test_a_page_in_the_text_format_is_read_as_prometheus_client_reads_it(registry: CollectorRegistry) -> None:
    text = generate_latest(registry).decode()
    families = list(parse_text(text))
    page, found, faults = ours(text)
    assert faults == []
    assert found == theirs(families)
    for family in families:
        if family.type in ("gauge", "counter"):
            assert {page.kind(sample.name) for sample in family.samples} == {family.type}
            helps = {page.help(sample.name).strip() for sample in family.samples}
            assert helps == {family.documentation.strip()}


@given(registries())
def test_a_page_in_openmetrics_is_read_as_prometheus_client_reads_it(registry: CollectorRegistry) -> None:
    text = openmetrics(registry)
    _, found, faults = ours(text)
    assert faults == []
    assert found == theirs(parse_openmetrics(text))


def test_an_exemplar_is_left_out() -> None:
    registry = CollectorRegistry()
    Counter("jobs", "Jobs.", registry=registry).inc(1, {"trace": "a1"})
    text = openmetrics(registry)
    assert " # {" in text
    assert ours(text)[1:] == (theirs(parse_openmetrics(text)), [])
    assert ours('x 1 # {t="a \\"#{b"} 1')[1:] == ({"x": "1.0"}, [])


BLANKS = st.sampled_from(["", "", "", " ", "\t", "  "])
LABEL = st.tuples(
    st.sampled_from(["a", "b", "_c", "d1", "e", "f", "1x", "é", "a:b", ""]),
    BLANKS,
    st.sampled_from(["=", "=", "=", ""]),
    BLANKS,
    st.sampled_from(
        [
            '"x"',
            '"x"',
            '"\\\\"',
            '"\\n"',
            '"\\q"',
            '"}"',
            '","',
            '"é"',
            '"="',
            '"a=\\"b\\""',
            "x",
            '"',
            '""',
            '"#"',
            '"{"',
        ]
    ),
).map("".join)
LABELLED = st.tuples(
    st.just("{"),
    BLANKS,
    st.lists(LABEL, max_size=3).map(",".join),
    st.sampled_from(["", "", ",", ",,"]),
    BLANKS,
    st.sampled_from(["}", "}", "}", ""]),
    BLANKS,
).map("".join)
LINES = st.tuples(
    BLANKS,
    st.sampled_from(["x", "x_total", "a:b", "x1", ":", "1x", "é", "x-y", ""]),
    BLANKS,
    LABELLED | st.just(" "),
    st.sampled_from(
        ["1", "-1.5e3", "NaN", "+Inf", "-inf", "Infinity", "0x1", "0x1p1", "1_0", "x", "", "\u0661", "1#", "1 #"]
    ),
).map("".join)


@settings(max_examples=200)
@given(LINES)
def test_a_line_is_taken_where_promtool_takes_it(line: str) -> None:
    _, found, faults = ours(line)
    stripped = line.strip(" \t")
    assert bool(found) is (promtool(f"{stripped}\n")[0] and bool(stripped) and not stripped.startswith("#"))
    assert bool(found) is not (bool(faults) or not stripped)


@settings(max_examples=1000)
@given(LINES)
def test_a_line_that_is_taken_is_read_as_prometheus_client_reads_it(line: str) -> None:
    _, found, faults = ours(line)
    if not faults:
        assert found == theirs(parse_text(f"{line}\n"))


@pytest.mark.parametrize(
    "line",
    ["x 1 1700000000000", 'x 1 # {t="1"} 0.5', 'x{a="1"} 1 # {} 0.5 1.7', "x 1 \t"],
    ids=["time stamp", "exemplar", "exemplar with a time", "blanks"],
)
def test_the_three_differences(line: str) -> None:
    assert bool(ours(line)[1]) is not promtool(f"{line}\n")[0]


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "{" * 200_000, 'x{a="' + "\\\\" * 90_000, "x{" + 'a="1",' * 40_000, "x " * 90_000]
)
def test_a_long_line_takes_no_longer_for_each_of_its_characters(text: str) -> None:
    """A file may have 256 KiB in one line: were each step to look at the rest of it, this test would take hours."""
    assert ours(text)[1] == {}
