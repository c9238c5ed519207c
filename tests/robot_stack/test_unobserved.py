"""What cannot be observed is not taken for absent: an engine that is there and silent is one reason, told first."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import units
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions, observe, plan, preflight
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import Problem
from ansible_collections.robotfleet.stack.plugins.plugin_utils.summary import tables, words
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, service, write
from robot_stack.test_plan import declared, done, kinds

STOPPED = {"ActiveState": "inactive", "SubState": "dead"}
FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
MASKED = {"LoadState": "masked", "ActiveState": "inactive", "UnitFileState": "masked"}


@pytest.fixture
def silent(robot: Robot) -> Operator:
    """A robot with somebody else's engine, which does not run."""
    write(robot.root / "usr/bin/dockerd", "")
    robot.units["docker.service"] = dict(STOPPED)
    return Operator(robot, None)


def tree(robot: Robot) -> list[str]:
    """Every path of the robot, but for the lock of a run."""
    return sorted(str(path) for path in robot.root.rglob("*") if "lock" not in str(path.relative_to(robot.root)))


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize("asked", ["present", "planned", "verified"])
def test_an_engine_that_does_not_run_is_one_reason_before_anything_is_asked_for(
    silent: Operator, robot: Robot, asked: str
) -> None:
    before = tree(robot)
    told = silent.call(service(), service("victoriametrics", 50), state=asked, sent=False)
    (reason,) = told["refusals"]
    assert "its container engine does not run, so what is on it cannot be observed" in reason
    assert "docker.service is inactive (dead)" in reason
    assert "systemctl start docker.service" in reason
    assert (told["failed"], told["plan"], told["changed"]) == (True, [], False)
    assert "needs" not in told, "an image would be sent that nobody can load"
    assert tree(robot) == before


@pytest.mark.parametrize(
    ("unit", "told", "words"),
    [
        ("docker.service", FAILED, "docker.service is failed (exit-code); it said: bad daemon.json"),
        ("docker.service", MASKED, "systemctl unmask docker.service, then systemctl start docker.service"),
        ("docker.socket", MASKED, "docker.socket is masked"),
        ("containerd.service", MASKED, "containerd.service is masked"),
        ("docker.service", {"ActiveState": "active"}, "is active, and nobody answers at /var/run/docker.sock"),
        ("docker.service", {"LoadState": "not-found"}, "nobody answers at /var/run/docker.sock"),
    ],
)
def test_why_it_does_not_run_is_told(
    silent: Operator, robot: Robot, unit: str, told: dict[str, str], words: str
) -> None:
    robot.units[unit] = dict(told)
    robot.journal = 'time="2026-01-01" level=fatal msg="bad daemon.json"\ntime="2026-01-01" msg="bad daemon.json"\n'
    (reason,) = silent.call(service(), state="planned", sent=False)["refusals"]
    assert words in reason


@pytest.mark.usefixtures("any_owner")
def test_an_engine_of_ours_is_started_and_nothing_else_is_planned_before(robot: Robot) -> None:
    stack = declared()
    silent = observe.FoundEngine(installed=True, running=False, silence="docker.service is inactive (dead)")
    made = plan.make(stack, done(stack, engine=silent, containers={}, images={}))
    assert kinds(made) == [actions.RestartEngine], "neither images nor containers: nobody knows what is there"
    assert "(docker.service is inactive (dead)); what else is to do is planned after that" in made.steps[0].summary


@pytest.mark.usefixtures("any_owner")
def test_an_engine_of_ours_that_cannot_be_started_is_the_reason(silent: Operator, robot: Robot) -> None:
    state.save(state.State(engine_packages=["docker.io"]), robot.root / ROOT)
    write(robot.root / "var/lib/dpkg/status", "Package: docker.io\nStatus: install ok installed\n")
    robot.refuses_to_start = "docker.service"
    told = silent.call(service(), sent=False)
    assert "docker.service is inactive (dead)" in told["refusals"][0]
    assert (told["failed"], told["changed"]) == (True, True)
    assert "needs" not in told
    assert state.load(robot.root / ROOT).engine_configuration == "", "it was not started with these settings"


def test_nobody_is_told_that_there_is_nothing_to_go_back_to(silent: Operator) -> None:
    told = silent.call(service(), state="restored", sent=False)
    assert (told["failed"], told["changed"]) == (True, False)
    assert "its container engine does not run" in told["msg"]


def test_a_damaged_state_is_not_made_anew_while_its_engine_is_silent() -> None:
    """What it should tell is told by containers, which nobody sees now."""
    stack = declared()
    engine = observe.FoundEngine(installed=True, running=False, silence="docker.service is failed (exit-code)")
    damaged = done(stack, engine=engine, record_problems=[Problem(state.FILE, "is no JSON")])
    assert len(preflight.reasons(stack, damaged)) == 1


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ELOOP])
def test_a_file_that_cannot_be_looked_at_is_not_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    assert files.find(tmp_path / "absent") is None
    assert files.find(write(tmp_path / "file", "") / "below") is None

    def fails(path: Path) -> Any:
        raise OSError(code, "cannot be looked at", str(path))

    monkeypatch.setattr(Path, "lstat", fails)
    with pytest.raises(OSError, match="cannot be looked at"):
        files.find(tmp_path / "file")


def test_a_systemd_that_cannot_be_asked_is_no_answer() -> None:
    def run(argv: Any) -> str:
        raise CommandError(f"{argv[0]}: Failed to connect to bus")

    with pytest.raises(CommandError, match="Failed to connect to bus"):
        units.observe(["docker.service"], run)
    assert units.last_words("docker.service", ["dockerd"], run) == []


def test_the_summary_has_a_row_for_what_was_not_observed() -> None:
    answer = {"asked": "verified", "unobserved": ["its engine does not run"], "refusals": []}
    ((robot, name, *cells, verdict),) = tables.rows("scout", answer)
    assert (robot, name, set(cells), verdict) == ("scout", "engine", {"-"}, "not observed")
    assert "scout could not be observed: its engine does not run" in words.told({"scout": answer}, {})
    refused = {**answer, "refusals": answer["unobserved"]}
    assert not [line for line in words.told({"scout": refused}, {}) if "could not be observed" in line]
