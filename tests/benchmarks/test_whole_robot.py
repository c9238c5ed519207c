"""The course of the benchmark of a whole robot, its variants and its tables, with a machine that is none."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from declarations import PROJECT, catalogue, fleet

from benchmarks import results as kept_results
from benchmarks.whole_robot import __main__ as program
from benchmarks.whole_robot import (
    changes,
    course,
    goals,
    looking,
    machines,
    next_image,
    robot,
    runs,
    samples,
    tables,
    variants,
)
from benchmarks.whole_robot.course import AFTER_CUT, BEFORE, DASHBOARD, DEPLOYED, REST
from benchmarks.whole_robot.robot import FailedError
from benchmarks.whole_robot.variants import Page, Variant

MIB = 1024 * 1024
PRODUCT = Variant("docker", "this stack, Docker", True, "robotstack.slice", ("docker.io",), "127.0.0.1:8428")
PEER = Variant("netdata", "Netdata", False, "benchmark.slice", ("netdata",), page=Page("127.0.0.1:19999", "/", "^n", 3))
PLAN = course.Plan(next_image.NEXT, changes.Watch(20, 600.0, 30))
SENDING = "sending robot-stack-benchmark/next-sensor-service:1 (36 KB, thin)"
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
        "received": 0, "whole": whole, "groups": [{**group, "programs": service}], "extremes": extremes,
    }  # fmt: skip


class FakeMachine:
    """A machine that notes what is done to it; each playbook takes ten seconds, and two of its processor."""

    def __init__(self, variant: Variant, said: str = "Nothing changed.", fails: str = "", words: str = "") -> None:
        self.variant, self.said, self.fails, self.words = variant, said, fails, words
        self.done: list[str] = []
        self.now, self.busy, self.used, self.boots, self.received = 0.0, 0.0, 100, 1, 0

    def playbook(self, path: str, *words: str) -> str:
        self.done.append(path)
        self.now, self.busy = self.now + 10, self.busy + 2
        self.used = 180 if path == looking.SITE else self.used
        self.received += 90_000 if words else 25_000
        return SENDING if words else self.said

    def run(self, command: str, given: bytes = b"") -> str:
        self.done.append(command.split(maxsplit=1)[0])
        if self.fails and self.fails in command:
            raise FailedError(f"netdata: {command}: {self.words}")
        if command == course.BOOT_ID:
            return str(self.boots)
        if command == course.BOOTED_AT:
            return "1700000000\n"
        if "systemctl start" in command:
            self.done.append(command)
            self.now += 25
        if "dpkg-query" in command:
            return "installed docker.io 26.1.5\nnot-installed runc \n"
        return SYSTEM if "os-release" in command else ""

    def cut(self) -> None:
        self.done.append("cut")
        self.boots, self.used = self.boots + 1, 140

    @contextmanager
    def observer(self) -> Iterator[FakeMachine]:
        self.done.append("observer")
        yield self

    @contextmanager
    def tunnel(self, address: str) -> Iterator[str]:
        self.done.append(f"tunnel {address}")
        yield address

    def look(self) -> dict[str, Any]:
        seen = look(self.used, self.now)
        return {**seen, "busy_seconds": seen["busy_seconds"] + self.busy, "received": self.received}

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
    monkeypatch.setattr(samples, "wait_for_new", lambda variant, here, since: None)
    monkeypatch.setattr(samples, "dashboard", lambda variant, here, look_: ([look(200), look(190)], answered))


def measured(machine: FakeMachine, kept: list[Any] | None = None) -> dict[str, Any]:
    def keep(found: dict[str, Any]) -> None:
        if kept is not None:
            kept.append(copy.deepcopy(found))

    return course.run(machine, PLAN, lambda _: None, keep, machine.sleep)


@pytest.mark.usefixtures("fed")
def test_the_product_is_deployed_fed_asked_and_run_again() -> None:
    machine = FakeMachine(PRODUCT)
    found = measured(machine)
    assert machine.done[:3] == ["observer", "forget", looking.SITE]
    assert machine.done.count(looking.SITE) == 1 + changes.RUNS + 1
    used = {name: moment["used_mib"] for name, moment in found["moments"].items()}
    assert used == {BEFORE: 100, DEPLOYED: 180, DASHBOARD: 200, REST: 180, AFTER_CUT: 140}
    assert found["moments"][DASHBOARD]["highest_of_looks"]["pss_mib"] == 200
    assert found["unchanged"] == {
        "wall_seconds": 10, "robot_cpu_seconds": 2, "received_kb": 25, "runs": changes.RUNS,
    }  # fmt: skip
    assert (found["series"], found["cpus"], found["kernel"]) == (1234, 2, "6.12.1-cloud-amd64")
    assert found["versions"] == {"docker.io": "26.1.5"}, "what is not installed has no version"
    assert found["missing"] == {}


@pytest.mark.usefixtures("fed")
def test_it_is_updated_watched_for_hours_and_cut_from_its_power() -> None:
    machine = FakeMachine(PRODUCT)
    found = measured(machine)
    assert found["update"] == {"received_kb": 90, "sent_kb": 36, "layer_kb": 40}
    assert found["watchdog"] == {"looks": 20, "seconds": 50, "hours": 0.17}
    assert list(found["highest"])[-3:] == [course.UPDATE, course.WATCHDOG, course.CUT]
    assert machine.done[machine.done.index("cut") :].count("observer") == 1, "one that looks anew after the boot"


def test_a_look_is_a_start_of_the_service_and_a_start_that_fails_is_told() -> None:
    started = changes.START.format(count=3, unit="x.service").replace("systemctl", "echo")
    done = subprocess.run(["sh", "-c", started], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["reset-failed x.service", "start x.service"] * 3
    fails = f"systemctl() {{ test $1 != start; }}; {changes.START.format(count=3, unit='x.service')}"
    assert subprocess.run(["sh", "-c", fails], check=False).returncode == 1


def test_looks_of_the_watchdog_end_in_time_on_a_slow_machine() -> None:
    machine = FakeMachine(PRODUCT)
    with closing(looking.Looking(machine, machine.sleep)) as looks:
        looks.begin()
        found = changes.watchdog(looks, changes.Watch(1000, 60.0, 30), lambda _: None)
    assert found == {"looks": 30, "seconds": 75, "hours": 0.25}


def test_the_layer_is_what_the_product_says_that_it_sends_where_that_is_more() -> None:
    said = "sending a/b:1 (36 KB)\nsending a/b:1 (7.1 MB, whole)\nsending a/c:1 (9 KB)"
    assert changes.told_to_be_sent(said, "a/b:1") == pytest.approx(7136)
    machine = FakeMachine(PRODUCT)
    with closing(looking.Looking(machine, machine.sleep)) as looks:
        looks.begin()
        assert changes.update(looks, next_image.NEXT, 40.0)["layer_kb"] == 36


def test_an_update_that_sends_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(PRODUCT)
    monkeypatch.setattr(machine, "playbook", lambda *_: "Changed on 1 robot")
    with closing(looking.Looking(machine, machine.sleep)) as looks:
        looks.begin()
        with pytest.raises(FailedError, match="did not send robot-stack-benchmark"):
            changes.update(looks, next_image.NEXT, 40.0)


def test_the_next_image_differs_in_its_last_layer_alone() -> None:
    next_image.check(["a", "b", "c"], ["a", "b", "d"])
    for other in (["a", "b", "c"], ["a", "x", "d"], ["a", "b"]):
        with pytest.raises(FailedError, match="in its last layer alone"):
            next_image.check(["a", "b", "c"], other)
    assert (next_image.SOURCE / next_image.CHANGED).is_file()
    assert re.fullmatch(r"robot-stack/sensor-service:[\d.]+-amd64", next_image.own_name())


@pytest.mark.usefixtures("fed")
def test_what_was_measured_before_a_failure_is_kept_with_its_reason() -> None:
    kept: list[Any] = []
    machine = FakeMachine(PRODUCT, fails="systemctl start", words="exit code 1: it was killed\nmore words")
    with pytest.raises(FailedError, match=f"^not measured: {course.WATCHDOG}$"):
        measured(machine, kept)
    assert kept[0]["missing"][course.SERVING] == course.NOT_REACHED
    last = kept[-1]
    assert set(last["missing"]) == {course.WATCHDOG}
    assert last["missing"][course.WATCHDOG].endswith("exit code 1: it was killed")
    assert course.CUT in last["highest"], "the power was cut nevertheless"


@pytest.mark.usefixtures("fed")
def test_nothing_more_is_tried_with_a_machine_that_does_not_answer_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def watchdog(*_: Any) -> None:
        monkeypatch.setattr(machine, "observer", dead)
        raise FailedError("it did not come back")

    @contextmanager
    def dead() -> Iterator[FakeMachine]:
        raise FailedError("no SSH")
        yield

    kept: list[Any] = []
    machine = FakeMachine(PRODUCT)
    monkeypatch.setattr(changes, "watchdog", watchdog)
    with pytest.raises(FailedError, match=f"^not measured: {course.WATCHDOG}, {course.CUT}$"):
        measured(machine, kept)
    assert kept[-1]["missing"] == {course.WATCHDOG: "it did not come back", course.CUT: course.NOT_REACHED}


@pytest.mark.usefixtures("fed")
def test_without_a_next_image_all_but_the_update_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(variant: Variant) -> None:
        raise FailedError("more than a layer differs")

    monkeypatch.setattr(next_image, "ready", fail)
    plan = replace(PLAN, next_image=program.image_for([PEER, PRODUCT]))
    kept: list[Any] = []
    machine = FakeMachine(PRODUCT)
    with pytest.raises(FailedError, match=f"^not measured: {course.UPDATE}$"):
        course.run(machine, plan, lambda _: None, lambda found: kept.append(dict(found)), machine.sleep)
    assert kept[-1]["missing"] == {course.UPDATE: "its image could not be made"}


@pytest.mark.usefixtures("fed")
def test_a_deployment_that_fails_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> str:
        raise FailedError("it did not end")

    kept: list[Any] = []
    machine = FakeMachine(PRODUCT)
    monkeypatch.setattr(machine, "playbook", fail)
    with pytest.raises(FailedError, match="it did not end"):
        measured(machine, kept)
    assert kept == []


@pytest.mark.usefixtures("fed")
def test_a_run_that_changed_something_is_no_run_without_changes() -> None:
    kept: list[Any] = []
    with pytest.raises(FailedError, match=f"^not measured: {course.UNCHANGED}, {course.UPDATE}$"):
        measured(FakeMachine(PRODUCT, said="Changed on 1 robot"), kept)
    assert kept[-1]["missing"][course.UNCHANGED] == "docker: a second run changed something:"
    assert "not known" in kept[-1]["missing"][course.UPDATE], "nothing to compare what is sent with"


@pytest.mark.usefixtures("fed")
def test_a_peer_is_installed_and_asked_nothing_that_it_cannot_answer() -> None:
    machine = FakeMachine(PEER)
    found = measured(machine)
    assert course.PEER in machine.done
    assert looking.SITE not in machine.done
    assert set(found["moments"]) == {BEFORE, DEPLOYED, REST}
    assert "unchanged" not in found
    assert "cut" not in machine.done


def test_packages_that_debian_does_not_have_are_told_in_apts_words() -> None:
    machine = FakeMachine(PEER, fails="install netdata ", words=f"exit code 100: E: {LATE}")
    assert course.absent(machine, [PEER, replace(PEER, name="other", packages=("other",))]) == {"netdata": LATE}


def test_a_machine_that_does_not_answer_says_nothing_of_debians_packages() -> None:
    with pytest.raises(FailedError, match="not within 600 s"):
        course.absent(FakeMachine(PEER, fails="install netdata ", words="not within 600 s"), [PEER])


PODMAN = replace(PRODUCT, name="podman", title="this stack, Podman")
RUN = {"id": "a-run", "commit": "abc"}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The playbooks that were run, beside those of a course."""
    done: list[str] = []
    monkeypatch.setattr(robot, "playbook", lambda path, *words, log: done.append(" ".join((path, *words))))
    return done


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder that holds the results of this test."""
    monkeypatch.setattr(kept_results, "FOLDER", tmp_path)
    monkeypatch.setattr(kept_results, "machine", lambda: {"cpus": 2})
    return tmp_path


MADE = ["testbed/create.yml --limit docker", "molecule/shared/exporter.yml --limit docker", "testbed/destroy.yml"]


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit, FailedError])
def test_a_machine_is_removed_whatever_happens(ends: type[BaseException], played: list[str]) -> None:
    with pytest.raises(ends), machines.made(PRODUCT, lambda _: None) as machine:
        raise ends(machine.variant.name)
    assert played == MADE


def test_a_machine_that_boots_slowly_is_waited_for_again_and_one_that_never_does_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    never = [True] * machines.TRIES

    def playbook(path: str, *words: str, log: str) -> None:
        done.append(path)
        if path == "testbed/create.yml" and never.pop():
            raise FailedError("no SSH within 600 s\nits log")

    monkeypatch.setattr(robot, "playbook", playbook)
    with pytest.raises(FailedError, match="no SSH"), machines.made(PRODUCT, lambda _: None):
        pytest.fail("there was no machine")
    assert done == ["testbed/create.yml"] * machines.TRIES + ["testbed/destroy.yml"]
    never[:] = [False, True]
    told: list[str] = []
    with machines.made(PRODUCT, told.append):
        pass
    assert told == ["its machine is waited for once more: no SSH within 600 s"]


@pytest.mark.usefixtures("played", "folder")
def test_robots_are_measured_one_after_another_and_failures_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = []

    def run(machine: robot.Robot, plan: course.Plan, say: Any, keep: course.Keep) -> dict[str, Any]:
        order.append(machine.variant.name)
        if machine.variant is PRODUCT:
            raise FailedError("it broke")
        keep({"moments": {}})
        return {}

    other = replace(PEER, name="agent")
    monkeypatch.setattr(course, "run", run)
    monkeypatch.setattr(robot, "ports", lambda: {"docker": 1, "podman": 2, "netdata": 3, "agent": 4})
    monkeypatch.setattr(course, "absent", lambda machine, peers: {"netdata": LATE})
    assert program.every([PODMAN, PRODUCT, other, PEER], RUN, PLAN) == ["docker"]
    assert order == ["podman", "docker", "agent"], "the one that is not to be had got no machine"
    known = kept_results.load(program.NAME)
    assert (set(known["variants"]), known["run"]) == ({"podman", "agent", "netdata"}, RUN)
    assert known["variants"]["netdata"]["not_measured"] == LATE
    said = capsys.readouterr().out
    assert "docker: FAILED: it broke" in said
    assert f"netdata: not measured: {LATE}" in said


@pytest.mark.usefixtures("folder")
def test_a_run_goes_on_with_what_it_lacks_and_drops_what_another_one_measured() -> None:
    program.keep(PEER, {"id": "before", "commit": "x"}, {})
    program.keep(PRODUCT, RUN, {"missing": {}})
    assert set(kept_results.load(program.NAME)["variants"]) == {"docker"}
    program.keep(PODMAN, RUN, {"missing": {"a power cut": "it was not reached"}})
    assert program.lacking([PRODUCT, PODMAN, PEER], RUN) == [PODMAN, PEER]
    assert program.lacking([PRODUCT], {**RUN, "id": "later"}) == [PRODUCT]


def test_two_runs_are_never_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"cpus": 2}
    kept = {"run": RUN, "machine": here}
    changed: list[str] = []
    monkeypatch.setattr(runs, "differs", lambda commit: list(changed))
    monkeypatch.setattr(runs, "head", lambda: "def")
    assert runs.joined(kept, here, anew=False) == RUN
    assert runs.joined({}, here, anew=False)["commit"] == "def"
    assert runs.joined(kept, here, anew=True)["id"].endswith("-def")
    with pytest.raises(runs.MixedError, match="was begun on another computer"):
        runs.joined(kept, {"cpus": 4}, anew=False)
    changed.append("plugins/x.py")
    with pytest.raises(runs.MixedError, match=r"run a-run measures commit abc, and plugins/x\.py changed"):
        runs.joined(kept, here, anew=False)
    with pytest.raises(runs.MixedError, match=r"commit plugins/x\.py first"):
        runs.joined({}, here, anew=False)


def test_what_is_measured_is_there_and_pages_and_results_are_none_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = [path for path in runs.MEASURED if not path.startswith(":!")]
    assert [path for path in paths if not (PROJECT / path).exists()] == []
    monkeypatch.setattr(runs, "PROJECT", tmp_path)
    files = ["plugins/a.py", "benchmarks/results/robot.json", "docs/benchmark.md", "benchmarks/whole_robot/tables.py"]
    for file in [*files, *(f"{path}/x" if "." not in path else path for path in paths)]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("before", encoding="utf-8")
    runs.git("init", "--quiet")
    runs.git("add", "--all")
    runs.git("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "x")
    for file in files:
        (tmp_path / file).write_text("after", encoding="utf-8")
    assert runs.differs(runs.head()) == ["plugins/a.py"]


def test_robots_are_named_with_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {variant.name: variant for variant in (PRODUCT, PODMAN, PEER)}
    monkeypatch.setattr(sys, "argv", ["x", "podman,docker", "netdata", "--looks", "60"])
    options, named = program.parsed(known)
    assert (named, options.looks, options.new) == ([PODMAN, PRODUCT, PEER], 60, False)
    monkeypatch.setattr(sys, "argv", ["x", "podamn"])
    with pytest.raises(SystemExit):
        program.parsed(known)


def test_only_one_run_is_at_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(program, "LOCK", tmp_path / "lock")
    with program.alone(), pytest.raises(SystemExit, match="it runs already"), program.alone():
        pytest.fail("it ran twice")
    with program.alone():
        pass


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
    samples.until(lambda: not child.exists() or "State:\tZ" in child.read_text(encoding="utf-8"), "its child ends", 30)
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


def test_the_inventory_is_let_through_as_the_products_defaults_and_twice_the_same_but_for_its_engine() -> None:
    machines_ = {machine.name: machine for machine in fleet(variants.INVENTORY)}
    assert set(machines_) == set(variants.ports())
    for name, machine in machines_.items():
        assert gate.check(machine, catalogue()) == [], name
    values = [machines_[name].values for name in (goals.DOCKER, goals.PODMAN)]
    assert [one["robot_stack_memory_budget_mib"] for one in values] == [300, goals.SLICE_MIB]


def test_a_variant_needs_one_way_to_see_that_series_arrive() -> None:
    about = {"title": "x", "slice": "x.slice", "packages": []}
    for more in ({}, {"collector": "a:1", "page": {"address": "a:1", "path": "/", "pattern": "^", "least": 1}}):
        with pytest.raises(ValueError, match="either collector or page"):
            variants.of_host("x", variants.PEERS, {**about, **more})
    with pytest.raises(ValueError, match="x: benchmark lacks packages"):
        variants.of_host("x", variants.PEERS, {"title": "x", "slice": "x.slice", "collector": "a:1"})


def test_an_agents_series_arrive_when_it_says_so_of_900() -> None:
    (agent,) = (variant for variant in variants.all_of_them() if variant.name == "agent")
    page = agent.page
    assert page
    for count, there in {"0": False, "899": False, "900": True, "1234": True, "10234": True}.items():
        text = f"# TYPE prometheus_agent_active_series gauge\nprometheus_agent_active_series {count}\nother 1\n"
        assert (len(re.findall(page.pattern, text, re.MULTILINE)) >= page.least) == there, count


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
    about = {
        "title": PRODUCT.title, "date": "2026-11-29", "run": "a-run", "commit": "abc", "command": "make x ROBOTS=y",
    }  # fmt: skip
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
        "100.0 / 355.0",
        "180.0 / 275.0",
        "200.0 / 255.0",
        "180.0 / 275.0",
        "140.0 / 315.0",
        "80.0",
        "100.0",
        "80.0",
    ]
    assert ["this stack, Docker", *free] in found
    assert ["this stack, Docker, dashboard open", "200.0", "200.0", "200.0", "200.0", "200.0"] in found
    assert ["this stack, Docker, an update", "180.0", "180.0", "180.0", "0", "180.0"] in found
    assert [
        *("db", "1", "200.0", "200.0", "200.0"),
        *("1", "180.0", "180.0", "180.0"),
        *("1", "140.0", "140.0", "140.0"),
    ] in found
    assert [
        "services, together",
        *(cell for used in ("200.0", "180.0", "140.0") for cell in ("-", used, used, used)),
    ] in found
    assert ["this stack, Docker", "1.00", "1.00"] in found
    assert ["this stack, Docker", "40.0", "36.0", "90.0", "25.0"] in found
    assert "This stack, Docker: 20 looks of the watchdog, as many as its timer starts in 0.17 hours" in text
    assert "Taken by run `a-run` on virtual machines of 512 MB" in text


@pytest.mark.usefixtures("fed")
def test_the_tables_take_what_there_is_of_a_robot_that_got_no_further() -> None:
    kept: list[Any] = []
    machine = FakeMachine(PRODUCT, fails="systemctl start", words="exit code 1: it was killed")
    with pytest.raises(FailedError):
        measured(machine, kept)
    about = {"title": PRODUCT.title, "date": "x", "run": "a-run", "commit": "abc", "command": "x"}
    for found in kept:
        variant = {"variants": {"docker": {**about, **found}}}
        text = tables.measured(variant, [PRODUCT])
        assert ("- Not measured: this stack, Docker, a power cut: it was not reached" in text) == (
            found is not kept[-1]
        )
        assert tables.readme(variant, [PRODUCT]).count("\n") == 2
    assert "- Not measured: this stack, Docker, looks of the watchdog: netdata: i=0" in text


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
