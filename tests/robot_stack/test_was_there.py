"""What was there before is kept: an owner's settings of an engine are joined, shown, and put back by a removal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.apply import Applier
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions, observe, plan, remove
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan.step import Step
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.operating import ROOT
from robot_stack.robots import Robot, parameters, write
from robot_stack.test_plan import declared

pytestmark = pytest.mark.usefixtures("any_owner")
OURS = {"live-restore": True, "exec-opts": ["native.cgroupdriver=systemd"], "log-driver": "json-file"}
THEIRS = {
    "data-root": "/mnt/ssd/docker",
    "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}},
    "insecure-registries": ["registry.example.org:5000"],
    "exec-opts": ["native.cgroupdriver=cgroupfs", "isolation=default"],
    "log-driver": "journald",
}
DAEMON = "etc/docker/daemon.json"
LONG_AGO = 1_600_000_000_123_456_789  # nanoseconds since 1970
ENGINE = {**parameters()["engine"], "daemon": OURS}


def look(robot: Robot, **more: Any) -> tuple[Any, Any]:
    stack = declared(engine=ENGINE, **more)
    return stack, observe.observe(stack, robot.roots, DockerEngine("/nowhere"))


def engine_file(robot: Robot) -> Step:
    stack, seen = look(robot)
    made = plan.make(stack, seen)
    assert made.refusals == []
    return next(step for step in made.steps if step.subject == f"/{DAEMON}")


def applied(robot: Robot, *steps: Step, **more: Any) -> None:
    stack = declared(engine=ENGINE, **more)
    Applier(stack, robot.roots, DockerEngine("/nowhere"), {}, run=robot.systemctl([])).apply(list(steps))


@pytest.mark.parametrize("remove_engine", [True, False])
def test_an_owners_settings_are_joined_shown_and_put_back(robot: Robot, remove_engine: bool) -> None:
    before = json.dumps(THEIRS, indent=4)
    file = write(robot.root / DAEMON, before)
    file.chmod(0o600)
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    step = engine_file(robot)
    assert "keeping its owner's data-root, insecure-registries, runtimes" in step.summary
    assert "in place of its owner's exec-opts, log-driver" in step.summary
    assert step.diff is not None
    assert "nvidia-container-runtime" in step.diff["before"]
    assert "nvidia-container-runtime" in step.diff["after"]
    applied(robot, step)
    found = json.loads((robot.root / DAEMON).read_text())
    assert {key: found[key] for key in ("data-root", "runtimes", "insecure-registries")} == {
        key: THEIRS[key] for key in ("data-root", "runtimes", "insecure-registries")
    }
    assert found["exec-opts"] == ["native.cgroupdriver=systemd", "isolation=default"]
    assert (found["log-driver"], found["live-restore"]) == ("json-file", True)
    # once it is there, nothing differs
    write(robot.root / "usr/bin/dockerd", "")
    stack, seen = look(robot)
    assert not [one for one in plan.make(stack, seen).steps if one.subject == f"/{DAEMON}"]
    assert seen.driver.store(stack, robot.roots) == "/mnt/ssd/docker"
    # another declaration, later: what is found then is ours, and what was kept stays as it is
    applied(robot, step)
    # and it goes as it came
    answers = observe.FoundEngine(installed=True, running=True)
    stack, seen = look(robot, state="absent", remove_engine=remove_engine)
    steps = remove.make(stack, _with(seen, engine=answers)).steps
    (back,) = [one for one in steps if one.subject == f"/{DAEMON}"]
    assert back.summary == f"put /{DAEMON} back as its owner had it"
    applied(robot, back, state="absent", remove_engine=remove_engine)
    assert (robot.root / DAEMON).read_text() == before
    assert (robot.root / DAEMON).stat().st_mode & 0o777 == 0o600
    assert (robot.root / DAEMON).stat().st_mtime_ns == LONG_AGO
    kept = (robot.root / ROOT / "engine-settings.before").exists()
    assert kept != remove_engine, "an engine that stays ours gets its owner's settings again"
    stack, seen = look(robot, state="absent")
    again = remove.make(stack, _with(seen, engine=answers)).steps
    assert not [one for one in again if isinstance(one.action, actions.PutBack)]


def _with(seen: Any, **change: Any) -> Any:
    return type(seen)(**{**seen.__dict__, **change})


def test_what_was_kept_is_kept_before_anything_is_written(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cut off must not be the last one that knew."""
    write(robot.root / DAEMON, json.dumps(THEIRS))
    step = engine_file(robot)

    def cut_off(*_: Any) -> None:
        raise OSError("power is gone")

    monkeypatch.setattr(Applier, "remember", cut_off)
    with pytest.raises(OSError, match="power is gone"):
        applied(robot, step)
    assert json.loads((robot.root / DAEMON).read_text()) == THEIRS
    assert json.loads((robot.root / ROOT / "engine-settings.before").read_text()) == THEIRS


@pytest.mark.parametrize(
    ("theirs", "joined"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o666, 0o644), (0o755, 0o644)]
)
def test_joined_settings_are_open_to_nobody_for_whom_their_owners_were_not(
    robot: Robot, theirs: int, joined: int
) -> None:
    """There may be a login of a proxy in them."""
    write(robot.root / DAEMON, json.dumps(THEIRS)).chmod(theirs)
    applied(robot, engine_file(robot))
    assert (robot.root / DAEMON).stat().st_mode & 0o777 == joined
    write(robot.root / "usr/bin/dockerd", "")
    stack, seen = look(robot)
    assert not [one for one in plan.make(stack, seen).steps if one.subject == f"/{DAEMON}"], "and stay so"


def test_a_file_that_was_opened_by_an_earlier_version_is_closed_and_the_engine_runs_on(robot: Robot) -> None:
    write(robot.root / DAEMON, json.dumps(THEIRS)).chmod(0o600)
    applied(robot, engine_file(robot))
    (robot.root / DAEMON).chmod(0o644)
    write(robot.root / "usr/bin/dockerd", "")
    stack, seen = look(robot)
    started_with = seen.driver.configuration(stack)
    seen = _with(seen, state=state.State(engine_packages=["docker.io"], engine_configuration=started_with))
    seen = _with(seen, engine=observe.FoundEngine(installed=True, running=True))
    steps = plan.make(stack, seen).steps
    written = [one.action.file for one in steps if isinstance(one.action, actions.WriteFile)]
    assert [file.mode for file in written if file.path == f"/{DAEMON}"] == [0o600]
    assert not [one for one in steps if isinstance(one.action, actions.RestartEngine)]


@pytest.mark.parametrize(
    ("content", "told"), [("{nojson", "no JSON object"), ("[]", "no JSON object"), ("é", "no JSON")]
)
def test_settings_that_nobody_can_read_are_refused_by_name(robot: Robot, content: str, told: str) -> None:
    write(robot.root / DAEMON, content)
    stack, seen = look(robot)
    (reason,) = plan.make(stack, seen).refusals
    assert f"/{DAEMON}" in reason
    assert "no JSON object" in reason


def test_a_link_is_nothing_that_could_be_put_back(robot: Robot) -> None:
    target = write(robot.root / "home/owner/daemon.json", "{}")
    (robot.root / DAEMON).parent.mkdir(parents=True)
    (robot.root / DAEMON).symlink_to(target)
    stack, seen = look(robot)
    (reason,) = plan.make(stack, seen).refusals
    assert "is no plain file" in reason


def test_an_empty_file_holds_nothing_and_is_put_back_as_well(robot: Robot) -> None:
    write(robot.root / DAEMON, "")
    step = engine_file(robot)
    assert step.summary == f"write /{DAEMON}"
    applied(robot, step)
    assert (robot.root / ROOT / "engine-settings.before").read_text() == ""


def test_settings_that_this_project_wrote_are_nobody_elses(robot: Robot) -> None:
    """Neither those of an earlier version, which kept nothing, nor where our drop-ins are all that tells of it."""
    write(robot.root / DAEMON, json.dumps(OURS))
    state.save(state.State(engine_packages=["docker.io"]), robot.root / ROOT)
    assert look(robot)[1].settings_before is None
    (robot.root / ROOT / state.FILE).unlink()
    assert look(robot)[1].settings_before is not None
    for file in setup.engine_files(look(robot)[0], {})[1:]:
        write(robot.root / file.path.lstrip("/"), file.content)
    assert look(robot)[1].settings_before is None


def test_an_engine_that_is_there_keeps_its_settings_untouched(robot: Robot) -> None:
    write(robot.root / DAEMON, json.dumps(THEIRS))
    write(robot.root / "usr/bin/dockerd", "")
    stack, seen = look(robot)
    assert seen.settings_before is None
    assert Path(robot.root / DAEMON).exists()
    assert not [step for step in plan.differences(stack, seen) if step.subject == f"/{DAEMON}"]


def test_declared_settings_win_and_options_count_on_their_own() -> None:
    assert setup.joined({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}) == {"a": 1, "b": {"d": 3}}
    assert setup.joined({"exec-opts": ["x=1"]}, {}) == {"exec-opts": ["x=1"]}
    assert setup.joined({}, {"exec-opts": ["x=1"]}) == {"exec-opts": ["x=1"]}
