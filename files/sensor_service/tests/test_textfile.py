"""Pages that others wrote: each file has its own faults, ours wins, and what we serve is valid in both formats."""

from __future__ import annotations

import os
import threading
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
from sensor_service.collectors import textfile
from sensor_service.metric import gauge
from sensor_service.output import Output
from sensor_service.robot import Robot

from files.sensor_service.tests.checkers import parse_openmetrics, promtool
from files.sensor_service.tests.robots import common
from files.sensor_service.tests.service import OPENMETRICS, Service, series
from files.sensor_service.tests.trees import write

OURS, PART = gauge("ours", "What fails at times."), gauge("part", "What does not.")
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


@pytest.mark.parametrize("own", textfile.OWN)
def test_many_full_files_leave_room_for_the_stacks_own(folder: Folder, own: str) -> None:
    for number in range(5):
        lines = [f'many{{file="{number}",i="{index}"}} 1\n' for index in range(2000)]
        (folder.path / f"a{number}.prom").write_text("".join(lines))
    (folder.path / own).write_text("of_the_watchdog 1\n")
    page = folder.page()
    assert page["of_the_watchdog"] == 1
    assert len(page) < 2200
    assert "a1.prom: " in folder.faults()
    assert own not in folder.faults()


@pytest.mark.parametrize("own", textfile.OWN)
def test_any_number_of_files_leaves_room_for_the_stacks_own(folder: Folder, own: str) -> None:
    for number in range(textfile.MAX_FILES + 1):
        (folder.path / f"a{number:03}.prom").write_text(f"a{number:03} 1\n")
    (folder.path / own).write_text("of_the_watchdog 1\n")
    assert folder.page()["of_the_watchdog"] == 1


@pytest.mark.parametrize(("beyond", "more"), [(1, ""), (3, " (and 2 more)")])
def test_files_beyond_those_that_are_read_are_named(folder: Folder, beyond: int, more: str) -> None:
    for number in range(textfile.MAX_FILES + beyond):
        (folder.path / f"a{number:03}.prom").write_text(f"a{number:03} 1\n")
    page = folder.page()
    assert ("a099" in page, "a100" in page, page["robot_stack_verdict"]) == (True, False, 1)
    assert folder.faults() == f"{folder.path}/a100.prom: left out, behind 100 files of others{more}"


@pytest.mark.parametrize("own", textfile.OWN)
def test_a_series_of_the_stacks_own_counts_before_anybody_elses(folder: Folder, own: str) -> None:
    series_name = 'node_filesystem_avail_bytes{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"}'
    (folder.path / "aaa.prom").write_text(f"{series_name} 99\n")
    (folder.path / own).write_text(f"{series_name} 5\n")
    assert folder.page()[series_name] == 5
    assert "aaa.prom: node_filesystem_avail_bytes{" in folder.faults()


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


def test_a_file_that_fails_later_is_named_too(folder: Folder) -> None:
    (folder.path / "aaa.prom").write_text("?\n")
    folder.page()
    (folder.path / "aaa.prom").write_text("\n?\n")
    (folder.path / "bbb.prom").mkdir()
    folder.page()
    assert [line.partition(": ")[2] for line in folder.service.log] == [
        f"{folder.path}/aaa.prom:1: no name of a metric",
        f"{folder.path}/bbb.prom: not a regular file",
    ]


def test_files_that_are_too_many_to_name_are_counted(folder: Folder) -> None:
    for number in range(12):
        (folder.path / f"a{number:02}.prom").mkdir()
    assert folder.faults().endswith("a07.prom: not a regular file (and 4 more)")


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


FULL = {
    "long labels": [f'x{file}{{a="{"y" * 250_000}"}} 1\n' for file in range(99)],
    "many labels": [
        "".join(f'x{{f="{file}",i="{index}",a="{"y" * 2_450}"}} 1\n' for index in range(100)) for file in range(20)
    ],
    "long help": [f"# HELP x{file} {'y' * 250_000}\nx{file} 1\n" for file in range(99)],
    "many metrics": [
        "".join(f"# HELP x{file}_{index} Help.\nx{file}_{index} 1\n" for index in range(100)) for file in range(20)
    ],
}


@pytest.mark.parametrize("kind", FULL)
def test_a_full_folder_costs_little_memory(folder: Folder, kind: str) -> None:
    """Whatever a series is made of; docs/sensors.md says so."""
    for number, text in enumerate(FULL[kind]):
        (folder.path / f"a{number:02}.prom").write_text(text)
    folder.service.get()  # modules of the client that are loaded at the first time
    tracemalloc.start()
    try:
        bodies = [folder.service.get(accept=accept).body for accept in ("*/*", OPENMETRICS)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20, "of the page as it is made, and of what the client keeps of it"
    assert max(map(len, bodies)) < textfile.MAX_BYTES + 200_000, "with the service's own series"
    assert all("\nrobot_stack_verdict 1.0\n" in body for body in bodies)
    if kind != "many metrics":
        assert f"more than {textfile.MAX_BYTES} bytes, alone or with the files before it" in folder.faults()


def test_what_other_programs_leave_behind_costs_no_memory(folder: Folder) -> None:
    """A script that ends between `> x.prom.$$` and `mv`, once a minute for two weeks."""
    for number in range(20_000):
        (folder.path / f"x.prom.{number}").symlink_to("nowhere")
    robot = Robot("/nowhere", "/nowhere", textfiles=str(folder.path))
    tracemalloc.start()
    try:
        textfile.collect(robot, Output())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 256 * 1024, f"{peak} bytes"


def test_a_file_that_is_left_out_takes_no_room(folder: Folder) -> None:
    label = "y" * (textfile.MAX_BYTES - 1000)
    for name in ("aaa", "bbb", "ccc"):
        (folder.path / f"{name}.prom").write_text(f'{name}{{a="{label}"}} 1\n')
    (folder.path / "ddd.prom").write_text("ddd 1\n")
    page = folder.page()
    assert [name[:3] for name in page if name[:3] in ("aaa", "bbb", "ccc", "ddd")] == ["aaa", "ddd"]
    assert "bbb.prom: more than" in folder.faults()
    assert "ccc.prom: more than" in folder.faults()


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


def test_two_names_that_are_no_text_are_two_series(folder: Folder) -> None:
    for name in (b"temperat\xfcr.prom", b"temperat\xe4r.prom"):  # of scripts in Latin-1
        (folder.path / os.fsdecode(name)).write_text("")
    found = [name for name in folder.both() if name.startswith("node_textfile_mtime_seconds") and "temperat" in name]
    assert len(found) == 2
    assert folder.faults() == ""


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


def test_ours_that_just_fails_is_not_told_by_a_file(tmp_path: Path) -> None:
    """A graph must not jump to somebody else's value, least of all while ours is gone."""
    write(tmp_path, {"text/aaa.prom": "ours 99\nother 1\n"})
    answers = ["", "Input/output error", "Input/output error", "", "unplugged"]

    def moody(_: Robot, out: Output) -> None:
        answer = answers.pop(0)
        out.add(PART, 1)
        if answer == "Input/output error":
            out.fault("/sys/ours", answer)
        elif not answer:
            out.add(OURS, 5)

    service = Service(tmp_path, {"textfile": textfile.collect, "moody": moody}, textfiles=str(tmp_path / "text"))
    try:
        for told in (5, None, None, 5):
            page = series(service.get().body)
            assert (page.get("ours"), page["other"], page["part"]) == (told, 1, 1)
            assert "aaa.prom: ours: the sensor service tells it itself" in service.scraper.reason("textfile")
        assert series(service.get().body)["ours"] == 99, "gone without a fault: not ours any more"
    finally:
        service.stop()


def test_ours_that_hangs_is_not_told_by_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"text/aaa.prom": "ours 99\n"})
    hangs, released = threading.Event(), threading.Event()

    def slow(_: Robot, out: Output) -> None:
        if hangs.is_set():
            released.wait(20)
        out.add(OURS, 5)

    service = Service(tmp_path, {"textfile": textfile.collect, "slow": slow}, 3.0, textfiles=str(tmp_path / "text"))
    try:
        service.get()
        hangs.set()
        for _ in range(2):
            page = series(service.get().body)
            assert page['sensor_collector_success{collector="slow"}'] == 0
            assert "ours" not in page
    finally:
        released.set()
        service.stop()


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
