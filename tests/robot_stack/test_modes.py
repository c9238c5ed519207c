"""Every folder and file of ours has the declared mode and owner, whoever's umask it is; another one is drift."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import plan
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import layout, parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup as watchdog_setup
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service
from robot_stack.test_plan import declared, done, kinds

UMASKS = (0o077, 0o027, 0o022, 0o000)
DATABASE: dict[str, Any] = {
    "files": [{"path": "scrape.yml", "content": "a"}, {"path": "dashboards/deep/robot.json", "content": "{}"}],
    "data": [{"name": "data", "target": "/data"}],
}


@pytest.fixture
def owners(request: pytest.FixtureRequest) -> None:
    """Let files that shall be root's be ours, where these tests are not run as root."""
    if os.getuid():
        request.getfixturevalue("any_owner")


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of who logs in."""
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wrong(robot: Robot, changed: str = "a") -> dict[str, str]:
    """The folders and files of ours that have another mode than the declared one."""
    files_ = [{**one, "content": changed} for one in DATABASE["files"]]
    stack = parse.parse(parameters(service(**{**DATABASE, "files": files_})))
    one = stack.services[0]
    wanted: dict[str, int] = {stack.budget.root: 0o755}
    for folder in [*layout.folders(stack, one), *watchdog_setup.folders(stack)]:
        wanted[folder.path] = folder.mode
    wanted.update({file.path: file.mode for file in layout.config_files(stack, one)})
    wanted.update({file.path: file.mode for file in watchdog_setup.program_files(stack)})
    found = {path: robot.roots.path(path) for path in wanted}
    return {path: f"{mode(real):04o}" for path, real in found.items() if real.exists() and mode(real) != wanted[path]}


@pytest.mark.usefixtures("owners", "umask")
@pytest.mark.parametrize("umask", UMASKS, ids=oct, indirect=True)
def test_no_umask_decides_a_mode(operator: Operator, robot: Robot) -> None:
    assert not operator.call(service(**DATABASE)).get("failed")
    assert wrong(robot) == {}
    changed = [{**one, "content": "b"} for one in DATABASE["files"]]
    told = operator.call(service(**{**DATABASE, "files": changed}))
    assert not told.get("failed"), told
    assert wrong(robot, "b") == {}
    again = operator.call(service(**{**DATABASE, "files": changed}), state="verified", sent=False)
    assert (again["plan"], again.get("failed")) == ([], None)


STRAY = {
    "closed configuration": (f"{ROOT}/sensor_service/config/VERSION", 0o700),
    "closed folder inside of it": (f"{ROOT}/sensor_service/config/VERSION/dashboards", 0o700),
    "open list of versions": (f"{ROOT}/sensor_service/config", 0o755),
    "open data": (f"{ROOT}/sensor_service/data", 0o777),
    "closed service": (f"{ROOT}/sensor_service", 0o700),
    "closed root": (ROOT, 0o700),
    "watchdog's program that others can change": (f"{ROOT}/watchdog/robot_stack/watchdog", 0o777),
    "watchdog's settings": (f"{ROOT}/watchdog/services", 0o775),
    "inherited group": (f"{ROOT}/watchdog", 0o2755),
    "closed metrics": ("run/robot-stack/metrics", 0o700),
}


@pytest.mark.usefixtures("owners")
@pytest.mark.parametrize("name", STRAY)
def test_another_mode_is_drift_with_its_path_and_is_healed(operator: Operator, robot: Robot, name: str) -> None:
    operator.call(service(**DATABASE))
    (version,) = (robot.root / ROOT / "sensor_service/config").iterdir()
    place, other = STRAY[name]
    path = robot.root / place.replace("VERSION", version.name)
    path.mkdir(exist_ok=True, parents=True)
    before = mode(path)
    path.chmod(other)
    found = operator.call(service(**DATABASE), state="verified", sent=False)
    (line,) = [line for line in found["plan"] if line.startswith("put ")]
    assert f"put /{path.relative_to(robot.root)} right: mode" in line
    assert f"(was mode {other:04o}," in line
    assert found["failed"]
    healed = operator.call(service(**DATABASE))
    assert healed["plan"] == found["plan"]
    assert mode(path) == (before if "metrics" not in place else 0o755)
    assert not operator.call(service(**DATABASE))["changed"]


LOGIN: dict[str, Any] = {
    "files": [{"path": "password", "content": "hunter2", "sensitive": True}],
    "health": {"url": "http://127.0.0.1:1/health", "username": "hub", "password_file": "password"},
}


def test_what_tells_the_digest_of_a_password_is_roots_alone() -> None:
    stack = parse.parse(parameters(service(**LOGIN)))
    told = watchdog_setup.service_settings(stack, stack.services[0])
    assert "/config/" in told.content
    assert told.mode == 0o600
    assert watchdog_setup.says(told, files.FoundFile(told.content, 0o600, 0, 0))
    assert not watchdog_setup.says(told, files.FoundFile(told.content, 0o644, 0, 0)), "which is drift, and is healed"
    without = parse.parse(parameters(service(**DATABASE)))
    assert watchdog_setup.service_settings(without, without.services[0]).mode == 0o644


def test_another_owner_is_drift_as_well() -> None:
    stack = declared(service(files=[{"path": "a", "content": "b"}]))
    path = layout.config_directory(stack, stack.services[0])
    (step,) = plan_steps(stack, {path: files.FoundFolder(0o755, 1000, 0)})
    assert step.summary == f"put {path} right: mode 0755, owner 0:0 (was mode 0755, owner 1000:0)"
    assert step.request == {"path": path, "mode": 0o755, "uid": 0, "gid": 0}


def test_data_of_another_owner_is_one_step_that_goes_down_into_it() -> None:
    stack = declared(service(data=[{"name": "data", "target": "/data"}]))
    path = layout.data_path(stack, stack.services[0], "data")
    seen = done(stack, found_folders={path: files.FoundFolder(0o700, 0, 0)}, data_owners={path: [0, 0]})
    assert kinds(plan.make(stack, seen)) == ["data"]


def test_a_root_with_other_peoples_folders_keeps_its_mode(operator: Operator, robot: Robot, owners: None) -> None:
    shared = robot.root / ROOT
    (shared / "photos").mkdir(parents=True)
    shared.chmod(0o775)
    operator.call(service(**DATABASE))
    assert mode(shared) == 0o775
    assert mode(shared / "sensor_service") == 0o755
    assert not operator.call(service(**DATABASE))["changed"]


def plan_steps(stack: Any, found: dict[str, Any]) -> Any:
    owners = {layout.data_path(stack, one, d.name): list(one.uid_gid) for one in stack.services for d in one.data}
    return plan.make(stack, done(stack, found_folders=found, data_owners=owners)).steps
