"""The pages' text: valid in both formats for every robot, whatever stands in a label."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sensor_service import exposition
from sensor_service.catalogue import COLLECTORS
from sensor_service.metric import COUNTER, GAUGE, INFO, UNKNOWN, Metric, counter, gauge, info
from sensor_service.output import MAX_SERIES, Output, number
from sensor_service.robot import Robot

from files.sensor_service.tests import robots
from files.sensor_service.tests.checkers import parse_openmetrics, promtool
from files.sensor_service.tests.field_robots import ROBOTS
from files.sensor_service.tests.service import OPENMETRICS, Service, series

# What promtool has to say of us: these are node_exporter's names, which test_node_exporter.py holds them against.
GIVEN_NAMES = re.compile(
    r"(node_memory_[A-Za-z]+_bytes) metric names should be written in 'snake_case' not 'camelCase'"
)


def page_of(root: Path, accept: str = "*/*") -> str:
    service = Service(root, filesystems={"/": str(root)})
    service.get()
    page = service.get(accept=accept).body
    service.stop()
    return page


@pytest.mark.parametrize("build", [robots.raspberry_pi, robots.x86_robot, robots.common])
def test_prometheus_own_parsers_read_every_robots_page(build: robots.Builder, tmp_path: Path) -> None:
    build(tmp_path)
    text = page_of(tmp_path)
    openmetrics = page_of(tmp_path, OPENMETRICS)
    families = list(parse_text(text))
    assert len({family.name for family in families}) == len(families)
    from_text = {sample.name for family in families for sample in family.samples}
    from_openmetrics = {sample.name for family in parse_openmetrics(openmetrics) for sample in family.samples}
    # prometheus_client adds nothing and drops nothing but the suffix that the formats treat differently
    assert {name.removesuffix("_total") for name in from_text} == {
        name.removesuffix("_total") for name in from_openmetrics
    }


@pytest.mark.parametrize("build", ROBOTS.values(), ids=list(ROBOTS))
def test_promtool_says_nothing_but_of_node_exporters_names(tmp_path: Path, build: robots.Builder) -> None:
    valid, remarks = promtool(page_of(build(tmp_path)))
    assert valid
    assert [line for line in remarks if not GIVEN_NAMES.fullmatch(line)] == []
    assert len(remarks) == 11


def test_openmetrics_ends_with_its_mark_and_text_does_not(raspberry_pi: Path) -> None:
    assert page_of(raspberry_pi, OPENMETRICS).endswith("\n# EOF\n")
    assert "EOF" not in page_of(raspberry_pi)


def test_series_read_the_same_in_both_formats() -> None:
    out = Output()
    for collect in COLLECTORS.values():
        try:
            collect(Robot("/proc", "/sys", {"/": "/"}), out)
        except OSError:
            continue
    families = out.families.values()
    assert series(exposition.render(families, True).decode()) == series(exposition.render(families, False).decode())


def test_metadata_follows_each_formats_rules() -> None:
    out = Output()
    out.add(counter("x_bytes_total", 'Help with "quotes",\nlines and \\.'), 1)
    out.add(info("x_info", "Facts."), 1, version="1")
    out.add(Metric("x_open", UNKNOWN, "Open."), 1)
    families = list(out.families.values())
    assert exposition.render(families, False).decode().splitlines() == [
        '# HELP x_bytes_total Help with "quotes",\\nlines and \\\\.',
        "# TYPE x_bytes_total counter",
        "x_bytes_total 1",
        "# HELP x_info Facts.",
        "# TYPE x_info gauge",
        'x_info{version="1"} 1',
        "# HELP x_open Open.",
        "# TYPE x_open untyped",
        "x_open 1",
    ]
    assert exposition.render(families, True).decode().splitlines() == [
        "# TYPE x_bytes counter",
        "# UNIT x_bytes bytes",
        '# HELP x_bytes Help with \\"quotes\\",\\nlines and \\\\.',
        "x_bytes_total 1",
        "# TYPE x info",
        "# HELP x Facts.",
        'x_info{version="1"} 1',
        "# TYPE x_open unknown",
        "# HELP x_open Open.",
        "x_open 1",
        "# EOF",
    ]


@pytest.mark.parametrize(("name", "kind"), [("x", COUNTER), ("x_total_bytes", COUNTER), ("x", INFO)])
def test_a_name_without_its_kinds_suffix_is_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError):
        Metric(name, kind, "")


def test_a_flag_can_bear_a_units_name_without_the_unit() -> None:
    assert gauge("x_alarm_volts", "", unit="").unit == ""
    assert Metric("x_volts", GAUGE, "").unit == "volts"


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), st.text(min_size=1), min_size=1, max_size=4)
)
def test_any_text_in_a_label_comes_back_from_both_parsers(labels: dict[str, str]) -> None:
    out = Output()
    out.add(gauge("anything", "Any label."), 1.5, **labels)
    families = list(out.families.values())
    # UTF-8 has no lone surrogates: their numbers are told
    wanted = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in labels.items()}
    for page in (
        list(parse_text(exposition.render(families, False).decode())),
        list(parse_openmetrics(exposition.render(families, True).decode())),
    ):
        assert [sample.labels for family in page for sample in family.samples] == [wanted]


@given(st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.booleans()))
def test_any_number_comes_back(value: float) -> None:
    back = float(number(value))
    assert back == float(value) or (math.isnan(back) and math.isnan(value))


def test_special_numbers_are_written_as_the_formats_want() -> None:
    assert [number(value) for value in (math.inf, -math.inf, math.nan, True, 0.5, 7)] == [
        "+Inf",
        "-Inf",
        "NaN",
        "1",
        "0.5",
        "7",
    ]


def test_no_series_appears_twice_even_from_two_collectors() -> None:
    metric = gauge("twice", "Said twice.")
    first, second = Output(), Output()
    first.add(metric, 1, side="left")
    first.add(metric, 9, side="left")
    second.add(metric, 2, side="left")
    second.add(metric, 3, side="right")
    page = exposition.render(exposition.merge([first.families, second.families]), False).decode()
    assert page.count("# TYPE") == 1
    assert series(page) == {'twice{side="left"}': 1, 'twice{side="right"}': 3}


def test_empty_labels_are_left_out() -> None:
    out = Output()
    out.add(gauge("x", ""), 1, a="", b="")
    assert list(out.families["x"].samples) == ["x"]


def test_a_collector_cannot_put_out_series_without_end() -> None:
    out = Output()
    metric = gauge("many", "")
    for index in range(MAX_SERIES):
        out.add(metric, index, index=str(index))
    with pytest.raises(OverflowError):
        out.add(metric, 0, index="one more")
    assert len(out.families["many"].samples) == MAX_SERIES


def test_families_without_series_are_not_mentioned(raspberry_pi: Path) -> None:
    assert "iio" not in page_of(raspberry_pi).replace('"iio"', "")
