"""Whether something is there after the next boot is observed as well: timer, engine, slices, and their masks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import units
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.units import Unit
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions, observe, plan
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog.setup import TIMER
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import MIB, Robot, service, write
from robot_stack.test_plan import declared, done, info, kinds

pytestmark = pytest.mark.usefixtures("any_owner")
ENABLE = ["systemctl", "enable", "--quiet"]


def unit(name: str, file_state: str = "enabled", active: str = "active", load: str = "loaded") -> dict[str, Unit]:
    return {name: Unit(name, load, active, "dead" if active == "inactive" else "", file_state)}


@pytest.mark.parametrize(
    ("name", "told", "kind", "words"),
    [
        (TIMER, {"UnitFileState": "disabled"}, "start the watchdog at boot, too", f"{TIMER} is disabled"),
        (TIMER, {"UnitFileState": "enabled-runtime"}, "start the watchdog at boot", "enabled-runtime"),
        (TIMER, {"ActiveState": "inactive", "SubState": "dead"}, "start the watchdog: ", "is inactive (dead)"),
        (TIMER, {"ActiveState": "failed", "Result": "resources"}, "start the watchdog: ", "is failed (resources)"),
        (
            "docker.service",
            {"UnitFileState": "disabled"},
            "have the container engine start at the next boot",
            "disabled",
        ),
        ("docker.service", {"UnitFileState": "linked-runtime"}, "have the container engine start", "linked-runtime"),
        ("robotstack.slice", {"UnitFileState": "disabled"}, "enable slice robotstack.slice", "it is disabled"),
        ("robotstack-sensor_service.slice", {"UnitFileState": "disabled"}, "enable slice", "it is disabled"),
    ],
)
def test_what_would_not_be_there_after_the_next_boot_is_drift_at_once_and_is_healed(
    operator: Operator, robot: Robot, name: str, told: dict[str, str], kind: str, words: str
) -> None:
    operator.call(service())
    assert operator.call(service(), state="verified", sent=False).get("failed") is None
    robot.units[name] = dict(told)
    found = operator.call(service(), state="verified", sent=False)
    assert found["failed"]
    assert kind in found["msg"]
    assert words in found["msg"]
    healed = operator.call(service())
    assert (healed["changed"], healed.get("failed")) == (True, None)
    assert [line for line in healed["plan"] if line.startswith(kind)] == healed["plan"]
    assert [argv for argv in operator.systemctl if argv[:3] == ENABLE and argv[-1] == name]

    assert not operator.call(service())["changed"]


@pytest.mark.parametrize("file_state", ["static", "generated", "indirect", "alias", ""])
def test_a_unit_that_needs_no_link_is_no_drift(file_state: str) -> None:
    assert Unit("docker.service", "loaded", "active", "", file_state).lost_at_boot == ""


def test_an_engine_without_a_unit_is_not_asked_to_be_enabled() -> None:
    stack = declared()
    engine = observe.FoundEngine(True, True, [], info(), unit("docker.service", "", load="not-found"))
    assert kinds(plan.make(stack, done(stack, engine=engine))) == []


def test_an_engine_of_ours_that_is_masked_is_unmasked_and_one_of_somebody_else_is_refused_by_name() -> None:
    stack = declared()
    engine = observe.FoundEngine(True, True, [], info(), unit("docker.service", "masked", load="masked"))
    (step,) = plan.make(stack, done(stack, engine=engine)).steps
    assert step.summary == "have the container engine start at the next boot: docker.service is masked"
    assert step.action == actions.EnableEngine(("docker.service",))
    (reason,) = plan.make(stack, done(stack, engine=engine, state=state.State())).refusals
    assert "docker.service is masked" in reason
    assert "systemctl unmask docker.service" in reason


def test_what_was_masked_is_unmasked_for_good_and_until_the_next_boot(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    robot.units["robotstack.slice"] = {"LoadState": "masked", "UnitFileState": "masked-runtime"}
    operator.call(service())
    done_ = [argv for argv in operator.systemctl if argv[1] == "unmask"]
    assert done_ == [
        ["systemctl", "unmask", "--quiet", "robotstack.slice"],
        ["systemctl", "unmask", "--quiet", "--runtime", "robotstack.slice"],
    ]


def test_somebody_elses_engine_is_disabled_again_by_a_removal(operator: Operator, robot: Robot) -> None:
    robot.units["docker.service"] = {"UnitFileState": "disabled"}
    operator.call(service())
    assert state.load(robot.root / ROOT).enabled_unit == "docker.service"

    gone = operator.call(service(), state="absent")
    assert "have docker.service not start at boot, as before" in gone["plan"]
    assert ["systemctl", "disable", "--quiet", "docker.service"] in operator.systemctl


def test_an_engine_that_was_enabled_stays_so_after_a_removal(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    operator.call(service(), state="absent")
    assert not [argv for argv in operator.systemctl if argv[1] == "disable" and "docker" in argv[-1]]


def test_all_units_are_asked_for_in_one_question(robot: Robot) -> None:
    asked: list[Any] = []

    def run(argv: Any) -> str:
        asked.append(argv)
        return str(robot.tells(argv))

    robot.units["docker.socket"] = {"LoadState": "masked"}
    seen = observe.observe(declared(), robot.roots, DockerEngine("/nowhere"), run)
    assert len(asked) == 1
    assert {TIMER, "docker.service", "docker.socket", "containerd.service", "robotstack.slice"} <= set(seen.units)
    assert seen.units["docker.socket"].masked
    assert not seen.units[TIMER].masked


def test_a_unit_whose_answer_is_missing_says_nothing() -> None:
    assert units.observe(["a.timer"], lambda _: "") == {"a.timer": Unit("a.timer")}
    assert units.observe([], lambda _: "never asked") == {}
    assert Unit("a.timer").lost_at_boot == ""


@pytest.mark.parametrize("folder", ["system", "system.control"])
@pytest.mark.parametrize("name", ["robotstack.slice", "robotstack-sensor_service.slice"])
def test_what_others_say_of_a_slices_memory_would_count_at_the_next_boot_and_goes(
    operator: Operator, robot: Robot, folder: str, name: str
) -> None:
    """The kernel has the declared limit by now, and would not have it then."""
    operator.call(service())
    file = write(robot.root / f"etc/systemd/{folder}/{name}.d/override.conf", "[Slice]\nMemoryMax=600M\n")
    theirs = write(file.with_name("cpu.conf"), "[Slice]\nCPUWeight=50\n")
    found = operator.call(service(), state="verified", sent=False)
    line = f"remove /etc/systemd/{folder}/{name}.d/override.conf: the memory of {name} is set there as well"
    assert f"drift: {line}" in found["msg"]
    healed = operator.call(service())
    assert healed["plan"] == [line]
    assert "[Slice], MemoryMax=600M" in healed["diff"][0]["before"]
    assert (file.exists(), theirs.exists()) == (False, True)
    assert ["systemctl", "daemon-reload"] in operator.systemctl
    assert not operator.call(service())["changed"]


def test_a_ceiling_that_was_raised_by_hand_stays_down_after_the_next_boot(operator: Operator, robot: Robot) -> None:
    operator.call(service())
    file = write(robot.root / "etc/systemd/system/robotstack.slice.d/override.conf", "[Slice]\nMemoryMax=600M\n")
    robot.group("/robotstack.slice", 600 * MIB)
    (line,) = operator.call(service())["plan"]
    assert line == "cap the whole stack at 300 MiB (was 600 MiB) in robotstack.slice"
    assert not file.exists()
