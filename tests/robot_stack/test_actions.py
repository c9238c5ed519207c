"""Every way of changing a robot has a method that does it, or is the controller's."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import typing
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.apply import Applier
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import actions
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan.step import Step
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import needs

PACKAGE = Path(actions.__file__).parents[1]
KINDS = [one for one in vars(actions).values() if inspect.isclass(one) and issubclass(one, actions.Action)]
MEANT = [one for one in KINDS if one not in (actions.Action, actions.WriteFile)]
BY_THE_CONTROLLER = (actions.Reboot, actions.InstallPackages, actions.PurgePackages)


def done_by(kind: type[actions.Action]) -> str:
    found = Applier.__dict__["_act"].dispatcher.dispatch(kind)
    return str(found.__name__)


@pytest.mark.parametrize("kind", MEANT, ids=lambda kind: str(kind.__name__))
def test_every_action_is_done_by_a_method_or_by_the_controller(kind: type[actions.Action]) -> None:
    assert (done_by(kind) == "_act") == (kind in BY_THE_CONTROLLER)


@pytest.mark.parametrize("kind", MEANT, ids=lambda kind: str(kind.__name__))
def test_what_an_action_needs_is_what_its_step_asks_the_controller_for(kind: type[actions.Action]) -> None:
    if "need" not in [field.name for field in dataclasses.fields(typing.cast("typing.Any", kind))]:
        return
    need = needs.RebootNeed()
    given = {field.name: None for field in dataclasses.fields(typing.cast("typing.Any", kind))}
    assert Step(kind(**{**given, "need": need}), "robot", "words").need is need


@pytest.mark.parametrize("kind", MEANT, ids=lambda kind: str(kind.__name__))
def test_every_action_is_planned_by_somebody(kind: type[actions.Action]) -> None:
    made = set()
    for path in (*PACKAGE.glob("plan/*.py"), *PACKAGE.glob("run/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                made.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
    assert kind.__name__ in made


def test_what_nobody_does_is_not_passed_over() -> None:
    class Dance(actions.Action):
        """Something new."""

    assert done_by(Dance) == "_act"
    with pytest.raises(TypeError, match="'turn round' cannot be done on the robot: Dance"):
        Applier.__dict__["_act"].dispatcher.dispatch(Dance)(None, Dance(), Step(Dance(), "robot", "turn round"))
