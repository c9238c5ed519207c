"""Pages that others wrote: each file has its own faults, ours wins, and what we serve is valid in both formats."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    write_to_textfile,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from files.sensor_service.tests.checkers import parse_openmetrics, promtool
from files.sensor_service.tests.robots import common
from files.sensor_service.tests.service import OPENMETRICS, Service, series
from files.sensor_service.tests.trees import write

STACK = "robot_stack.prom"
VERDICT = "robot_stack_verdict 1\n"


class Folder:
    """A robot with a folder of text files, and the service on it."""

    def __init__(self, root: Path) -> None:
        self.path = root / "text"
        write(common(root), {"proc/diskstats": "", f"text/{STACK}": VERDICT})
        self.service = Service(root, textfiles=str(self.path))

    def page(self, accept: str = "*/*") -> dict[str, float]:
        return series(self.service.get(accept=accept).body)

    def faults(self) -> str:
        """What is wrong with the folder: the service's log has the first complaint."""
        self.page()
        return self.service.scraper.reason("textfile")

    def both(self) -> dict[str, float]:
        """The page, as both parsers of prometheus_client and promtool take it."""
        text, open_text = self.service.get().body, self.service.get(accept=OPENMETRICS).body
        for page in (list(parse_text(text)), parse_openmetrics(open_text)):
            found = [
                (sample.name, tuple(sorted(sample.labels.items()))) for family in page for sample in family.samples
            ]
            assert len(found) == len(set(found)), "a series twice"
        valid, remarks = promtool(text)
        assert valid, remarks
        return series(text)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.service.stop()


def test_a_file_with_too_many_series_costs_itself(folder: Folder) -> None:
    (folder.path / "aaa.prom").write_text("".join(f'many{{i="{index}"}} 1\n' for index in range(2300)))
    (folder.path / "zzz.prom").write_text("after 1\n")
    page = folder.both()
    assert (page["robot_stack_verdict"], page["after"]) == (1, 1)
    assert "aaa.prom: more than 2000 series" in folder.faults()
    assert not [name for name in page if name.startswith("many")]


def test_many_full_files_leave_room_for_the_stacks_own(folder: Folder) -> None:
    for number in range(5):
        lines = [f'many{{file="{number}",i="{index}"}} 1\n' for index in range(1500)]
        (folder.path / f"a{number}.prom").write_text("".join(lines))
    page = folder.page()
    assert page["robot_stack_verdict"] == 1
    assert len(page) < 2200
    assert "a1.prom: " in folder.faults()


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket", "huge", "endless", "dangling", "itself"])
def test_only_regular_files_of_bounded_size_are_read(folder: Folder, kind: str) -> None:
    odd = folder.path / "aaa.prom"
    if kind == "fifo":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    elif kind == "socket":
        os.mknod(odd, 0o140644)
    elif kind in ("endless", "dangling", "itself"):
        odd.symlink_to({"endless": "/dev/zero", "dangling": "/nonexistent", "itself": "aaa.prom"}[kind])
    else:
        odd.write_text("# much\n" * 100_000)
    (folder.path / "zzz.prom").write_text("after 1\n")
    for _ in range(2):
        page = folder.page()
        assert (page["robot_stack_verdict"], page["after"]) == (1, 1)
        assert "aaa.prom: " in folder.faults()
    assert page["node_textfile_scrape_error"] == 1


def test_a_file_that_fails_in_every_line_leaves_room_for_the_next_ones_fault(folder: Folder) -> None:
    (folder.path / "aaa.prom").write_text("?\n" * 50)
    (folder.path / "bbb.prom").write_text("?\n")
    assert "aaa.prom:1: " in folder.faults()
    assert "and 49 more" in folder.faults()
    assert "bbb.prom:1: " in folder.faults()


def test_files_of_rubbish_cost_no_memory(folder: Folder) -> None:
    """Logs under the wrong name: each is read until that is certain, and left out."""
    for name in ("aaa", "bbb", "ccc"):
        (folder.path / f"{name}.prom").write_text("good 1\n" + "1\n" * 131_000)
    tracemalloc.start()
    try:
        for name in ("aaa", "bbb", "ccc"):
            assert f"{name}.prom: more than 100 lines that are no series" in folder.faults()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20, "a file's text, and little else"
    assert "good" not in folder.both()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a{socket="0", reason=""} 1\n', {'a{socket="0"}': 1.0}),
        ('a {x="1"} 1\n', {'a{x="1"}': 1.0}),
        ('a{ x = "1" , } 1\n', {'a{x="1"}': 1.0}),
        ('\ta\t{x="1"}\t1\t\n', {'a{x="1"}': 1.0}),
        ("a{}1\n", {"a": 1.0}),
        ("# TYPE x info\nx 1\n", {"x": 1.0}),
        ('# TYPE x info\nx_info{v="1"} 1\n', {'x_info{v="1"}': 1.0}),
        ('# TYPE x stateset\nx{x="on"} 1\n', {'x{x="on"}': 1.0}),
        ('x 3 # {trace="1"} 0.5\n# EOF\n', {"x": 3.0}),
        ("x +Inf\ny -inf\n", {"x": float("inf"), "y": float("-inf")}),
        ("x 0x10p0\n", {}),
        ("x 1_0\n", {}),
        ("x 1 1700000000000\n", {}),
    ],
)
def test_what_the_format_allows_is_taken(folder: Folder, text: str, expected: dict[str, float]) -> None:
    (folder.path / "a.prom").write_text(text)
    page = folder.both()
    found = {name: value for name, value in page.items() if name[0] in "axy"}
    assert found == expected
    assert bool(folder.faults()) is not bool(expected)


def test_nan_is_taken(folder: Folder) -> None:
    (folder.path / "a.prom").write_text("x NaN\n# TYPE n_total counter\nn_total NaN\n")
    page = folder.both()
    assert page["x"] != page["x"]
    assert "n_total" in page
    assert folder.faults() == ""


def test_a_help_text_comes_through_once(folder: Folder) -> None:
    (folder.path / "a.prom").write_text("# HELP e C:\\\\DIR \\n x\n# TYPE e gauge\ne 1\n")
    for family in parse_text(folder.service.get().body):
        if family.name == "e":
            assert family.documentation == "C:\\DIR \n x"
    assert "# HELP e C:\\\\DIR \\n x\n" in folder.service.get().body
    folder.both()


def test_what_prometheus_client_writes_is_taken_whole(folder: Folder) -> None:
    registry = CollectorRegistry()
    Counter("jobs", "Jobs.", registry=registry).inc(3)
    Gauge("heat", "Heat.", ["side"], registry=registry).labels("left").set(1.5)
    Histogram("wait_seconds", "Wait.", registry=registry).observe(0.2)
    Summary("size_bytes", "Size.", registry=registry).observe(9)
    Info("build", "Build.", registry=registry).info({"version": "1"})
    Enum("mode", "Mode.", states=["on", "off"], registry=registry).state("on")
    write_to_textfile(str(folder.path / "client.prom"), registry)
    wanted = series((folder.path / "client.prom").read_text())
    page = folder.both()
    assert folder.faults() == ""
    assert {name: page[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    "text",
    [
        'a{x="1",x="2"} 1\n',
        'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n',
        "a 1\na{} 2\n",
        'a{x=""} 1\na 2\n',
        "a 1\na 1\n",
    ],
)
def test_the_same_series_twice_is_a_fault_of_its_file(folder: Folder, text: str) -> None:
    (folder.path / "a.prom").write_text(text)
    page = folder.both()
    assert set(page.values()) >= {1.0}
    assert "a.prom" in folder.faults()


@pytest.mark.parametrize("line", ['foo{__name__="bar"} 1', '{__name__="bar"} 1', 'foo{a="1",__name__=""} 1'])
def test_a_series_has_one_name(folder: Folder, line: str) -> None:
    (folder.path / "a.prom").write_text(f"{line}\nother 1\n")
    page = folder.both()
    assert page["other"] == 1
    assert not [name for name in page if name.startswith(("foo", "bar"))]
    assert "a.prom:1: " in folder.faults()


def test_two_files_with_one_series_are_told(folder: Folder) -> None:
    (folder.path / "a.prom").write_text('a{x="1",y="2"} 1\n')
    (folder.path / "b.prom").write_text('a{y="2",x="1"} 2\n')
    assert folder.both()['a{x="1",y="2"}'] == 1
    assert "b.prom: a{" in folder.faults()


@pytest.mark.parametrize(
    "line",
    [
        "node_load1 99",
        'sensor_collector_success{collector="load"} 99',
        "sensor_scrape_duration_seconds_count 99",
        'sensor_scrape_duration_seconds_bucket{le="9"} 99',
        "sensor_scrape_duration_seconds 99",
        "process_cpu_seconds_total 99",
        "process_cpu_seconds_created 99",
        "sensor_service_info 99",
        "robot_stack_verdict 99",
    ],
)
def test_ours_wins_and_the_file_is_named(folder: Folder, line: str) -> None:
    (folder.path / "aaa.prom").write_text(f"{line}\nother 1\n")
    page = folder.both()
    assert 99 not in page.values()
    assert page["other"] == 1
    assert "aaa.prom: " in folder.faults()
    assert page['sensor_collector_success{collector="textfile"}'] == 0


def test_a_series_of_its_own_may_stand_beside_ours(folder: Folder) -> None:
    (folder.path / "a.prom").write_text('node_load1{of="arm"} 7\n')
    assert folder.both()['node_load1{of="arm"}'] == 7


NAMES = st.sampled_from(["x", "x_total", "x_created", "x_info", "x_count", "x_bucket", "x_sum", "node_load1", "up"])
LINES = st.one_of(
    st.builds(
        lambda name, labels, value: f"{name}{labels} {value}",
        NAMES,
        st.sampled_from(
            ["", "{}", '{a="1"}', '{a="1",b="2"}', '{b="2", a="1",}', '{a="\\"}', '{a="\\\\\\n"}', '{a="}"}', "{a"]
        ),
        st.sampled_from(["1", "-1", "NaN", "+Inf", "1e3", "x", "1 2", ""]),
    ),
    st.builds(
        lambda name, kind: f"# TYPE {name} {kind}",
        NAMES,
        st.sampled_from(["counter", "gauge", "histogram", "summary", "untyped", "info", "stateset", "odd", ""]),
    ),
    st.builds(lambda name, text: f"# HELP {name} {text}", NAMES, st.text(max_size=12)),
    st.text(max_size=30),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=12), st.lists(LINES, max_size=6))
def test_whatever_lies_in_the_folder_our_page_is_valid(folder: Folder, one: list[str], two: list[str]) -> None:
    (folder.path / "a.prom").write_bytes("\n".join(one).encode("utf-8", "replace"))
    (folder.path / "b.prom").write_bytes("\n".join(two).encode("utf-8", "replace"))
    page = folder.both()
    assert page["robot_stack_verdict"] == 1
    assert page["node_load1"] == 0.52
