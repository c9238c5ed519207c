"""Files that outlive a version: yesterday's, tomorrow's, empty ones, garbage, wrong types inside. None is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import (
    good_versions,
    kept,
    samples,
    state,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import MIB, Robot, parameters, service, write

pytestmark = pytest.mark.usefixtures("any_owner")
SENSOR = "robot-stack-sensor_service"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
UNREADABLE = ["", "  \n", "{", "nothing", "[" * 100_000, "\x00"]
# As version 0.1 wrote it, before there was a format number.
YESTERDAY = {
    "engine_packages": ["docker.io"],
    "engine_configuration": "c0ffee",
    "images": ["a:1"],
    "services": {"sensor_service": {"container": "c", "peak_bytes": 9, "last_failure": "", "made": "c"}},
    "image_history": {"sensor_service": ["sha256:1"]},
    "changed_at": 12.5,
}


def rolled_out(operator: Operator, *services: dict[str, Any]) -> None:
    told = operator.call(*services)
    judged = operator.call(*services, state="proven", sent=False, fresh=told["fresh"])
    assert judged["proven"], judged


def limit(fake: FakeEngine) -> int:
    return int(fake.containers[SENSOR]["HostConfig"]["Memory"]) // MIB


def asides(robot: Robot) -> list[str]:
    return sorted(path.name.partition(kept.ASIDE)[0] for path in (robot.root / ROOT).glob(f"*{kept.ASIDE}*"))


# --- reading -------------------------------------------------------------------------------------------------------


def test_each_file_carries_its_format(operator: Operator, robot: Robot) -> None:
    rolled_out(operator, service())
    for name in (state.FILE, good_versions.FILE):
        assert json.loads((robot.root / ROOT / name).read_text())["format"] == 1
    assert json.loads(samples.text(samples.Samples()))["format"] == 1


def test_yesterdays_state_is_read_and_tomorrows_as_far_as_it_is_known(tmp_path: Path) -> None:
    write(tmp_path / state.FILE, json.dumps(YESTERDAY))
    known = state.load(tmp_path)
    assert (known.engine_packages, known.changed_at, known.services["sensor_service"].peak_bytes) == (
        ["docker.io"],
        12.5,
        9,
    )
    tomorrow = {**YESTERDAY, "format": 7, "colour": "red", "services": {"sensor_service": {"made": "c", "mood": 1}}}
    del tomorrow["image_history"]
    write(tmp_path / state.FILE, json.dumps(tomorrow))
    known, trouble = state.read(tmp_path)
    assert (trouble, known.engine_packages, known.services["sensor_service"].made) == ("", ["docker.io"], "c")


@pytest.mark.parametrize("key", sorted(YESTERDAY))
@pytest.mark.parametrize("wrong", [None, 3, "x", [1], {"sensor_service": 5}])
def test_a_value_of_another_type_costs_that_value(tmp_path: Path, key: str, wrong: Any) -> None:
    write(tmp_path / state.FILE, json.dumps({**YESTERDAY, key: wrong}))
    known, trouble = state.read(tmp_path)
    assert trouble == ""
    if key != "engine_packages":
        assert known.engine_packages == ["docker.io"]


@given(content=VALUES)
def test_no_content_raises_anything(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name in (state.FILE, *good_versions.FILES, samples.FILE):
        write(folder / name, json.dumps(content))
    known, trouble = state.read(folder)
    assert trouble or isinstance(known, state.State)
    state.save(known, folder)
    assert state.load(folder) == known
    good_versions.read(folder)
    samples.load(folder)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_told_from_what_is_not_there(tmp_path: Path, text: str) -> None:
    assert (state.read(tmp_path)[1], good_versions.read(tmp_path)) == ("", ([], ""))
    for name in (state.FILE, good_versions.FILE):
        write(tmp_path / name, text)
    assert state.read(tmp_path)[1]
    assert good_versions.read(tmp_path)[1]
    assert samples.load(tmp_path) == samples.Samples()


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / state.FILE).open("wb") as file:
        file.truncate(1 << 40)  # sparse: it would fill any robot's memory
    assert "larger than" in state.read(tmp_path)[1]


def test_a_file_of_another_kind_is_not_taken_for_nothing(tmp_path: Path) -> None:
    (tmp_path / state.FILE).mkdir()
    assert state.read(tmp_path)[1] == "Is a directory"


def test_of_what_was_set_aside_the_newest_stay(tmp_path: Path) -> None:
    for moment in range(5):
        write(tmp_path / "a", str(moment))
        kept.set_aside(tmp_path / "a", float(moment))
    left = sorted(tmp_path.glob("a*"))
    assert [path.read_text() for path in left] == ["2", "3", "4"]


def test_the_former_project_and_this_one_read_each_others_good_versions(operator: Operator, robot: Robot) -> None:
    rolled_out(operator, service())
    new, old = (robot.root / ROOT / name for name in (good_versions.FILE, good_versions.FORMER))
    (listed,) = json.loads(old.read_text())
    # what the former one makes of it: these four, and no others
    assert sorted(listed) == ["budget", "images", "services", "watchdog_interval_seconds"]
    later = {**listed, "services": [{**listed["services"][0], "memory_limit_mib": 48}]}
    write(old, json.dumps([later, listed]))
    os.utime(old, (new.stat().st_mtime + 5,) * 2)  # it was at work after this one
    assert [one.services["sensor_service"]["memory_limit_mib"] for one in good_versions.load(robot.root / ROOT)] == [
        48,
        32,
    ]


def test_a_version_of_tomorrow_is_read_without_what_nobody_knows(operator: Operator, robot: Robot) -> None:
    rolled_out(operator, service())
    path = robot.root / ROOT / good_versions.FILE
    told = json.loads(path.read_text())
    told["versions"][0]["colour"] = "red"
    told["versions"][0]["budget"]["ounces"] = 3
    del told["versions"][0]["watchdog_interval_seconds"]
    write(path, json.dumps({**told, "format": 9}))
    (version,) = good_versions.load(robot.root / ROOT)
    stack = good_versions.stack_of(version, parse.parse(parameters(service())))
    assert (stack.budget.memory_budget_mib, stack.watchdog_interval_seconds) == (300, 30)


# --- whole runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_engine_of_ours_stays_ours_when_its_record_is_spoilt(
    operator: Operator, robot: Robot, fake: FakeEngine, text: str
) -> None:
    ours_of(robot, operator)
    before = state.load(robot.root / ROOT)
    assert before.engine_packages == ["docker.io"]
    write(robot.root / ROOT / state.FILE, text)
    planned = operator.call(service(), state="planned", sent=False)
    assert [step for step in planned["plan"] if "engine" in step] == []
    (told,) = planned["plan"]
    assert told.startswith(f"set /{ROOT}/state.json aside, which cannot be read")
    verified = operator.call(service(), state="verified", sent=False)
    assert verified["failed"]
    assert told in verified["msg"]
    assert (robot.root / ROOT / state.FILE).read_text() == text  # looking changes nothing
    healed = operator.call(service())
    assert (healed["plan"], healed["changed"], fake.changes) == ([told], True, [])
    assert asides(robot) == ["state.json"]
    known = state.load(robot.root / ROOT)
    assert (known.engine_packages, known.engine_configuration) == (
        before.engine_packages,
        before.engine_configuration,
    )
    assert (known.images, known.image_history) == (before.images, before.image_history)
    again = operator.call(service())
    assert (again["plan"], again["changed"]) == ([], False)


def ours_of(robot: Robot, operator: Operator) -> None:
    """Deploy to a robot whose engine this project has installed."""
    write(robot.root / "var/lib/dpkg/status", "Package: docker.io\nStatus: install ok installed\n")
    state.save(state.State(engine_packages=["docker.io"]), robot.root / ROOT)
    operator.call(service())


def test_an_engine_of_somebody_else_stays_theirs(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    assert state.load(robot.root / ROOT).engine_packages == []
    write(robot.root / ROOT / state.FILE, "{")
    operator.call(service())
    assert state.load(robot.root / ROOT).engine_packages == []


@pytest.mark.parametrize("change", [{"colour": "red"}, {"images": None}, {"budget": None}])
def test_a_rollback_finds_versions_that_another_project_wrote(
    operator: Operator, robot: Robot, fake: FakeEngine, change: dict[str, Any]
) -> None:
    rolled_out(operator, service())
    rolled_out(operator, service(limit=40))
    path = robot.root / ROOT / good_versions.FILE
    told = json.loads(path.read_text())
    told["versions"] = [
        {key: value for key, value in {**one, **change}.items() if value is not None} for one in told["versions"]
    ]
    write(path, json.dumps(told))
    assert not operator.call(service(limit=40), state="restored", sent=False).get("failed")
    assert limit(fake) == 32


def test_the_automatic_way_back_works_without_a_key_that_is_gone(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    rolled_out(operator, service())
    path = robot.root / ROOT / good_versions.FILE
    told = json.loads(path.read_text())
    for key in ("slice", "root"):
        del told["versions"][0]["budget"][key]
    write(path, json.dumps(told))
    changed = operator.call(service(limit=40))
    fake.containers[SENSOR]["State"] = {"Running": False, "Status": "exited", "Pid": 0}
    judged = operator.call(service(limit=40), state="proven", sent=False, fresh=changed["fresh"])
    assert judged["failed"]
    assert limit(fake) == 32


def test_versions_that_cannot_be_read_are_told_and_set_aside(operator: Operator, robot: Robot) -> None:
    rolled_out(operator, service())
    for name in good_versions.FILES:
        write(robot.root / ROOT / name, "{")
    assert "aside, of which not all can be read (it is no JSON)" in operator.call(service(), state="verified")["msg"]
    healed = operator.call(service())
    assert "what else was good here is not known" in healed["plan"][0]
    operator.call(service())  # the other project's file is spoilt as well
    assert asides(robot) == [good_versions.FILE, good_versions.FORMER]
    rolled_out(operator, service())
    assert len(good_versions.load(robot.root / ROOT)) == 1


def test_one_damaged_version_costs_that_version(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    rolled_out(operator, service())
    rolled_out(operator, service(limit=40))
    path = robot.root / ROOT / good_versions.FILE
    told = json.loads(path.read_text())
    told["versions"][0]["services"] = [{"name": "sensor_service"}]
    write(path, json.dumps(told))
    healed = operator.call(service(limit=40))
    assert "1 of its versions are damaged" in healed["plan"][0]
    assert len(json.loads(path.read_text())["versions"]) == 1
    operator.call(service(limit=40), state="restored", sent=False)
    assert limit(fake) == 32


def test_removal_takes_what_was_set_aside_too(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    write(robot.root / ROOT / state.FILE, "{")
    operator.call(service())
    operator.call(service(), state="absent", sent=False, remove_data=True)
    assert not (robot.root / ROOT).exists()
