"""The course of the benchmark of a whole robot, its variants and its tables, with a machine that is none."""

from __future__ import annotations

import re
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from declarations import PROJECT

from benchmarks import results as kept_results
from benchmarks.whole_robot import __main__ as program
from benchmarks.whole_robot import batch, course, robot, samples, tables, variants
from benchmarks.whole_robot.course import BEFORE, DASHBOARD, DEPLOYED, REST
from benchmarks.whole_robot.robot import FailedError
from benchmarks.whole_robot.variants import Page, Variant

MIB = 1024 * 1024
PRODUCT = Variant("docker", "this stack, Docker", True, "robotstack.slice", ("docker.io",), "127.0.0.1:8428")
PEER = Variant("netdata", "Netdata", False, "benchmark.slice", ("netdata",), page=Page("127.0.0.1:19999", "/", "^n", 3))
SYSTEM = "Debian GNU/Linux 13 (trixie)\n6.12.1-cloud-amd64\nx86_64\n2\n"
LATE = "Unable to locate package netdata"


def look(used: int, at: float = 0.0) -> dict[str, Any]:
    """What a robot tells with ``used`` MiB in use, all of it in one service; a twentieth of a core works."""
    size = used * MIB
    whole = dict.fromkeys(("limit", "current", "peak", "working_set", "unreclaimable", "pss"), size) | {"oom_kills": 0}
    service = {"victoria-metric": {"count": 1, "pss": size}}
    group = {"cgroup": "/robotstack.slice/robotstack-db.slice/x", "working_set": size, "unreclaimable": size}
    extremes = {"current": size, "working_set": size, "unreclaimable": size, "available": size, "looks": 1}
    return {
        "total": 455 * MIB, "available": 455 * MIB - size, "used": size, "busy_seconds": at / 20, "at": at,
        "whole": whole, "groups": [{**group, "programs": service}], "extremes": extremes,
    }  # fmt: skip


class FakeMachine:
    """A machine that notes what is done to it; each playbook takes ten seconds, and two of its processor."""

    def __init__(self, variant: Variant, said: str = "Nothing changed.", apt: str = "") -> None:
        self.variant, self.said, self.apt = variant, said, apt
        self.done: list[str] = []
        self.now, self.busy, self.used = 0.0, 0.0, 100

    def playbook(self, path: str) -> str:
        self.done.append(path)
        self.now, self.busy = self.now + 10, self.busy + 2
        self.used = 180 if path == course.SITE else self.used
        return self.said

    def run(self, command: str, given: bytes = b"") -> str:
        self.done.append(command.split(maxsplit=1)[0])
        if "install" in command and self.apt:
            raise FailedError(f"netdata: {command}: exit code 100: {self.apt}")
        if "dpkg-query" in command:
            return "installed docker.io 26.1.5\nnot-installed runc \n"
        return SYSTEM if "os-release" in command else ""

    @contextmanager
    def observer(self) -> Iterator[FakeMachine]:
        yield self

    @contextmanager
    def tunnel(self, address: str) -> Iterator[str]:
        self.done.append(f"tunnel {address}")
        yield address

    def look(self) -> dict[str, Any]:
        seen = look(self.used, self.now)
        return {**seen, "busy_seconds": seen["busy_seconds"] + self.busy}

    def forget(self) -> dict[str, Any]:
        self.done.append("forget")
        return self.look()

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have samples there at once, and a dashboard for which 20 MiB more are used."""
    monkeypatch.setattr(samples, "wait_for", lambda variant, here: 1234 if variant.collector else None)
    answered = {"asked": 9, "failed": 0, "refused": 0, "empty": 1, "failures": []}
    monkeypatch.setattr(samples, "dashboard", lambda variant, here, look_: ([look(200), look(190)], answered))


def measured(machine: FakeMachine) -> dict[str, Any]:
    return course.run(machine, lambda _: None, sleep=machine.sleep)


@pytest.mark.usefixtures("fed")
def test_the_product_is_deployed_fed_asked_and_run_again() -> None:
    machine = FakeMachine(PRODUCT)
    found = measured(machine)
    assert machine.done[:2] == ["forget", course.SITE]
    assert machine.done.count(course.SITE) == 1 + course.RUNS
    used = {name: moment["used_mib"] for name, moment in found["moments"].items()}
    assert used == {BEFORE: 100, DEPLOYED: 180, DASHBOARD: 200, REST: 180}
    assert found["unchanged"] == {"wall_seconds": 10, "robot_cpu_seconds": 2, "runs": course.RUNS}
    assert (found["series"], found["cpus"], found["kernel"]) == (1234, 2, "6.12.1-cloud-amd64")
    assert found["versions"] == {"docker.io": "26.1.5"}, "what is not installed has no version"


@pytest.mark.usefixtures("fed")
def test_a_run_that_changed_something_is_no_run_without_changes() -> None:
    with pytest.raises(FailedError, match="a second run changed something"):
        measured(FakeMachine(PRODUCT, said="Changed on 1 robot"))


@pytest.mark.usefixtures("fed")
def test_a_peer_is_installed_and_asked_nothing_that_it_cannot_answer() -> None:
    machine = FakeMachine(PEER)
    found = measured(machine)
    assert "benchmarks/whole_robot/peer.yml" in machine.done
    assert course.SITE not in machine.done
    assert set(found["moments"]) == {BEFORE, DEPLOYED, REST}
    assert "unchanged" not in found


@pytest.mark.usefixtures("fed")
def test_a_package_that_debian_does_not_have_is_told_in_apts_words() -> None:
    with pytest.raises(course.NotToBeHadError, match=r"^Unable to locate package netdata$"):
        measured(FakeMachine(PEER, apt=f"E: {LATE}"))


PODMAN = replace(PRODUCT, name="podman", title="this stack, Podman")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The playbooks that were run, beside those of a course."""
    done: list[str] = []
    monkeypatch.setattr(robot, "playbook", lambda path, *words, log: done.append(" ".join((path, *words))))
    return done


def test_machines_of_a_batch_are_made_together_and_removed(played: list[str]) -> None:
    found = dict(batch.run([PRODUCT, PODMAN], lambda variant, alone: {"title": variant.title}))
    assert found == {PRODUCT: {"title": PRODUCT.title}, PODMAN: {"title": PODMAN.title}}
    assert played == [
        "testbed/create.yml --limit docker,podman",
        "molecule/shared/exporter.yml --limit docker,podman",
        "testbed/destroy.yml",
    ]
    assert not robot.ENDING.is_set()


def test_one_that_fails_keeps_no_other_waiting(played: list[str]) -> None:
    def measure(variant: Variant, alone: course.Alone) -> dict[str, Any]:
        if variant is PODMAN:
            raise FailedError("it did not boot")
        with alone():
            return {"alone": True}

    found = dict(batch.run([PRODUCT, PODMAN], measure))
    assert found[PRODUCT] == {"alone": True}
    assert str(found[PODMAN]) == "it did not boot"
    assert played[-1] == "testbed/destroy.yml"


def test_only_one_at_a_time_is_alone_and_only_when_all_have_come() -> None:
    turns, seen, inside = batch.Turns(2), [], threading.Lock()

    def come(name: str) -> None:
        with turns.alone():
            assert inside.acquire(blocking=False)
            seen.append(name)
            inside.release()

    first = threading.Thread(target=come, args=("first",))
    first.start()
    first.join(timeout=0.2)
    assert (first.is_alive(), seen) == (True, [])
    come("second")
    first.join(timeout=30)
    assert sorted(seen) == ["first", "second"]


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_machines_are_removed_whatever_happens(ends: type[BaseException], played: list[str]) -> None:
    def measure(variant: Variant, alone: course.Alone) -> dict[str, Any]:
        raise ends

    with pytest.raises(ends):
        list(batch.run([PRODUCT], measure))
    assert played[-1] == "testbed/destroy.yml"


def test_machines_that_cannot_be_made_are_removed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def playbook(path: str, *words: str, log: str) -> None:
        done.append(path)
        if path == "testbed/create.yml":
            raise FailedError("no QEMU")

    monkeypatch.setattr(robot, "playbook", playbook)
    monkeypatch.setattr(program, "keep", lambda *_: pytest.fail("nothing was measured"))
    assert program.of_batch([PRODUCT, PODMAN]) == ["docker", "podman"]
    assert done == ["testbed/create.yml", "testbed/destroy.yml"]


def test_what_waits_gives_up_when_all_of_it_ends() -> None:
    robot.ENDING.set()
    try:
        with pytest.raises(FailedError, match="given up, because all of it is ending: samples"):
            samples.until(lambda: False, "samples", 60)
    finally:
        robot.ENDING.clear()


@pytest.mark.usefixtures("played")
def test_results_are_kept_one_by_one_and_failures_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(machine: robot.Robot, say: course.Say, alone: course.Alone) -> dict[str, Any]:
        if machine.variant.name == "netdata":
            raise course.NotToBeHadError(LATE)
        raise FailedError("it broke")

    monkeypatch.setattr(course, "run", run)
    monkeypatch.setattr(kept_results, "FOLDER", tmp_path)
    monkeypatch.setattr(kept_results, "machine", dict)
    kept_results.keep(program.NAME, {"variants": {"docker": {"title": "before"}}})
    assert program.of_batch([PRODUCT, PEER]) == ["docker"]
    known = kept_results.load(program.NAME)["variants"]
    assert (known["docker"], known["netdata"]["not_measured"]) == ({"title": "before"}, LATE)
    said = capsys.readouterr().out
    assert "docker: FAILED: it broke" in said
    assert f"netdata: not measured: {LATE}" in said


def test_the_products_variants_are_measured_beside_each_other_and_the_others_afterwards() -> None:
    assert program.batches([PRODUCT, PEER, PODMAN]) == [[PRODUCT, PODMAN], [PEER]]
    assert program.batches([PEER]) == [[PEER]]


def test_a_playbook_that_hangs_is_ended_with_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = tmp_path / "ansible-playbook"
    hangs.write_text(f"#!/bin/sh\nsleep 600 &\necho $! >{tmp_path}/child\necho asked: $3\nwait\n", encoding="utf-8")
    hangs.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(robot, "LOGS", tmp_path)
    monkeypatch.setattr(robot, "PLAYBOOK_SECONDS", 2)
    with pytest.raises(FailedError, match=r"x\.yml did not end within 2 s"):
        robot.playbook("x.yml", log="test")
    child = Path("/proc", (tmp_path / "child").read_text(encoding="utf-8").strip(), "status")
    assert not child.exists() or "State:\tZ" in child.read_text(encoding="utf-8")
    assert "asked: x.yml" in (tmp_path / "whole-robot-test.log").read_text(encoding="utf-8")


def test_a_playbook_that_fails_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails = tmp_path / "ansible-playbook"
    fails.write_text("#!/bin/sh\necho the end of $3; exit 4\n", encoding="utf-8")
    fails.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(robot, "LOGS", tmp_path)
    with pytest.raises(FailedError, match=r"x\.yml: exit code 4(.|\n)*the end of x\.yml"):
        robot.playbook("x.yml", log="test")


def test_every_host_of_the_inventory_is_a_variant_with_a_port_of_its_own() -> None:
    known = variants.all_of_them()
    assert known[0].name == "docker"
    ports = variants.ports()
    assert {variant.name for variant in known} == set(ports)
    listed = [*PROJECT.glob("molecule/*/inventory/hosts.yml"), *PROJECT.glob("inventory/*/hosts.yml")]
    listed.append(PROJECT / "benchmarks" / "provision" / "inventory" / "hosts.yml")
    text = "".join(path.read_text(encoding="utf-8") for path in listed)
    others = re.findall(r"testbed_ssh_port: (\d+)", text)
    assert others
    assert len(set(ports.values())) == len(ports)
    assert not set(ports.values()) & set(map(int, others))


def test_a_variant_needs_one_way_to_see_that_series_arrive() -> None:
    about = {"title": "x", "slice": "x.slice", "packages": []}
    for more in ({}, {"collector": "a:1", "page": {"address": "a:1", "path": "/", "pattern": "^", "least": 1}}):
        with pytest.raises(ValueError, match="either collector or page"):
            variants.of_host("x", variants.PEERS, {**about, **more})
    with pytest.raises(ValueError, match="x: benchmark lacks packages"):
        variants.of_host("x", variants.PEERS, {"title": "x", "slice": "x.slice", "collector": "a:1"})


def test_peers_have_all_that_their_playbook_reads() -> None:
    listed = yaml.safe_load((variants.INVENTORY / "hosts.yml").read_text(encoding="utf-8"))
    for name, host in listed["robots"]["children"][variants.PEERS]["hosts"].items():
        assert host["benchmark"]["units"], name
        assert host["benchmark"]["slice"] != "robotstack.slice", name


def test_a_command_arrives_at_the_machines_shell_as_it_is() -> None:
    command = "echo 'a b' \"$HOME\" | cat"
    assert shlex.split(robot._quoted(command)) == [command]


def test_answers_are_summed_up_and_none_at_all_is_a_failure() -> None:
    query = {"asked": 4, "failed": 1, "refused": 0, "empty": 1, "failures": ["slow"]}
    assert samples.summed_up({"queries": [query, query]})["failed"] == 2
    with pytest.raises(FailedError, match="no query of the dashboard was answered with data"):
        samples.summed_up({"queries": [{**query, "failed": 3}]})


def test_prometheus_is_asked_in_its_own_language() -> None:
    ours, others = samples.questions(PRODUCT), samples.questions(replace(PRODUCT, is_product=False))
    assert len(ours) == len(others)
    assert any("[1m]" in other.expr and "[1m]" not in our.expr for our, other in zip(ours, others))


def test_waiting_ends_with_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "PAUSE_SECONDS", 0)
    answers = iter([False, False, True])
    samples.until(lambda: next(answers), "it is there", 60)
    with pytest.raises(FailedError, match="not within 0 s: 900 series"):
        samples.until(lambda: False, "900 series", 0)


@pytest.fixture
def results(fed: None) -> dict[str, Any]:
    about = {"title": PRODUCT.title, "date": "2026-11-29", "commit": "abc", "command": "python -m x docker"}
    docker = {**about, **measured(FakeMachine(PRODUCT))}
    peer = {**about, "title": PEER.title, "not_measured": LATE}
    return {"variants": {"docker": docker, "netdata": peer, "gone": docker}}


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_tables_say_what_was_measured_and_what_was_not(results: dict[str, Any]) -> None:
    later = replace(PEER, name="later", title="Another")
    text = tables.measured(results, [PRODUCT, PEER, later])
    assert "- Not measured: Netdata: Unable to locate package netdata" in text
    assert "- Not measured: Another: it has not been run yet" in text
    found = rows(text)
    free = [
        "this stack, Docker",
        "100.0 / 355.0",
        "180.0 / 275.0",
        "200.0 / 255.0",
        "180.0 / 275.0",
        "80.0",
        "100.0",
        "80.0",
    ]
    assert free in found
    assert [row[0] for row in found].count("this stack, Docker, dashboard open") == 1
    assert ["db", "1", "200.0", "200.0", "200.0", "1", "180.0", "180.0", "180.0"] in found
    assert ["this stack, Docker", "1.00", "1.00"] in found


def test_durations_stand_as_parts_of_the_first_variants(results: dict[str, Any]) -> None:
    docker = results["variants"]["docker"]
    podman = {**docker, "title": "Podman", "unchanged": {"wall_seconds": 5, "robot_cpu_seconds": 1.5, "runs": 3}}
    assert ["Podman", "0.50", "0.75"] in rows(tables.unchanged({"docker": docker, "podman": podman}))


def test_readme_has_a_row_for_each_that_was_measured(results: dict[str, Any]) -> None:
    found = rows(tables.readme(results, [PRODUCT, PEER]))
    assert found[2:] == [["this stack, Docker", "100.0", "80.0", "-", "200.0", "200.0"]]


def test_without_results_the_pages_say_so() -> None:
    assert tables.measured({}, [PRODUCT]).startswith("Not measured yet.")
    assert tables.readme({}, [PRODUCT]) == "Not measured yet."
