"""The controller asks a robot again until it lacks nothing, and does not go in circles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.action.robot_stack import ROUNDS, ActionModule
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import Need, told
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import reboot
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import Connection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.images import ImageDelivery

IMAGE = {"kind": "image", "reference": "sensor_service:1", "architecture": "amd64"}
REBOOT = {"kind": "reboot"}


ARGUMENTS = {
    "services": [
        {
            "name": "sensor_service",
            "image": {"reference": "sensor_service:1", "fingerprints": {"amd64": "sha256:1"}},
        }
    ],
    "scope": [],
    "state": "present",
    "architecture": "amd64",
    "memory_controller": {"reboot_allowed": True},
}


class Controller(ActionModule):
    """Whose robot answers with ``answers``, one after the other, and who needs an hour for whatever it lacks."""

    def __init__(self, answers: Iterator[dict[str, Any]], clock: list[float]) -> None:
        self.answers, self.clock, self.asked = answers, clock, list[dict[str, Any]]()
        self._task, self._templar = SimpleNamespace(tags=[], args={}, check_mode=True), None

    def _arguments(self, *_: Any) -> dict[str, Any]:
        return ARGUMENTS

    def _is_pipelining_enabled(self, *_: Any) -> bool:
        return False

    def _execute_module(self, *, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.asked.append(dict(module_args))
        return next(self.answers)

    def _meet(self, need: Need, *_: Any) -> list[str]:
        self.clock[0] += 3600.0
        return [f"bring {told(need)['kind']}"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    return now


def answer(*needs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"asked": "planned", "changed": False, "plan": [], "diff": [], "needs": list(needs), **more}


def test_a_robot_that_lacks_nothing_is_asked_once(clock: list[float]) -> None:
    controller = Controller(iter([answer()]), clock)
    assert controller.run(task_vars={"inventory_hostname": "a"}) == {
        "asked": "planned",
        "changed": False,
        "plan": [],
        "diff": [],
    }
    assert len(controller.asked) == 1


def test_a_need_that_nobody_knows_is_an_error(clock: list[float]) -> None:
    with pytest.raises(AnsibleActionFail, match="asks for 'tea'"):
        Controller(iter([answer({"kind": "tea"})]), clock).run(task_vars={"inventory_hostname": "a"})


def test_what_is_brought_is_a_change_and_the_clock_is_that_of_each_round(clock: list[float]) -> None:
    """A delivery of an hour must not look like a robot whose clock is an hour off."""
    controller = Controller(iter([answer(IMAGE), answer(plan=["create container"])]), clock)
    result = controller.run(task_vars={"inventory_hostname": "a"})
    assert (result["changed"], result["plan"]) == (True, ["bring image", "create container"])
    assert [asked["controller_clock"] for asked in controller.asked] == [1000.0, 4600.0]


def test_what_the_first_round_healed_is_still_told_at_the_end(clock: list[float]) -> None:
    healed = answer(IMAGE, records=["state.json is empty"])
    result = Controller(iter([healed, answer()]), clock).run(task_vars={"inventory_hostname": "a"})
    assert result["records"] == ["state.json is empty"]


def test_a_refusal_ends_it(clock: list[float]) -> None:
    controller = Controller(iter([answer(IMAGE, failed=True, msg="refused")]), clock)
    assert controller.run(task_vars={"inventory_hostname": "a"})["failed"]
    assert len(controller.asked) == 1


@pytest.mark.parametrize(
    ("need", "words", "rounds"), [(REBOOT, "asks for it again", 2), (IMAGE, f"after {ROUNDS} rounds", ROUNDS)]
)
def test_a_robot_that_is_never_content_fails(clock: list[float], need: Any, words: str, rounds: int) -> None:
    controller = Controller((answer(need) for _ in range(10)), clock)
    with pytest.raises(AnsibleActionFail, match=words):
        controller.run(task_vars={"inventory_hostname": "a"})
    assert len(controller.asked) == rounds


BROKE = AnsibleConnectionFailure("Failed to connect to the host via ssh: Timeout, server scout-01 not responding.")
NO_ROUTE = AnsibleConnectionFailure("Failed to connect to the host via ssh: ssh: connect to host a port 22: No route")


def cut_off(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | Exception, check: bool = False
) -> dict[str, Any]:
    """What is told of a robot that answers so, the last time by what its connection says."""
    said = list(answers)

    def execute(*_: Any, **__: Any) -> Any:
        now = said.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    controller = Controller(iter([]), clock)
    controller._task.check_mode = check
    monkeypatch.setattr(controller, "_execute_module", execute)
    monkeypatch.setattr(ImageDelivery, "guess", lambda *_: None)
    return controller.run(task_vars={"inventory_hostname": "a"})


def test_a_robot_whose_connection_breaks_in_its_change_is_told_from_one_that_is_not_there(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its network may be what the new engine has taken, or its memory what the new version has."""
    for answers in ([BROKE], [answer(REBOOT), NO_ROUTE], [answer(REBOOT), BROKE]):
        found = cut_off(clock, monkeypatch, *answers)
        assert (found["unreachable"], found["begun"]) == (True, True)
        assert found["msg"].startswith("the connection broke while it was being changed: ")
    with pytest.raises(AnsibleConnectionFailure):
        cut_off(clock, monkeypatch, NO_ROUTE)
    with pytest.raises(AnsibleConnectionFailure):
        cut_off(clock, monkeypatch, BROKE, check=True)
    monkeypatch.setattr(Controller, "_arguments", lambda *_: {**ARGUMENTS, "state": "verified"})
    with pytest.raises(AnsibleConnectionFailure):
        cut_off(clock, monkeypatch, BROKE)


@pytest.mark.parametrize(("need", "begun"), [(IMAGE, False), (REBOOT, True)])
def test_while_images_are_sent_nothing_runs_that_could_cut_a_robot_off(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, need: dict[str, Any], begun: bool
) -> None:
    def meet(*_: Any) -> list[str]:
        raise NO_ROUTE

    monkeypatch.setattr(Controller, "_meet", meet)
    if begun:
        assert cut_off(clock, monkeypatch, answer(need))["begun"]
    else:
        with pytest.raises(AnsibleConnectionFailure):
            cut_off(clock, monkeypatch, answer(need))


def after_a_reboot(said: dict[str, Any]) -> Connection:
    """Return a robot whose reboot ends as Ansible says in ``said``."""
    plugin = SimpleNamespace(run=lambda **_: {"elapsed": 600, **said})
    action: Any = SimpleNamespace(
        _task=SimpleNamespace(copy=SimpleNamespace),
        _shared_loader_obj=SimpleNamespace(action_loader=SimpleNamespace(get=lambda _name, **_: plugin)),
        _connection=None,
        _play_context=None,
        _loader=None,
        _templar=None,
    )
    return Connection(action, {"inventory_hostname": "scout-01"})


@pytest.mark.parametrize("waited", ["last boot time check", "post-reboot test command"])
def test_a_robot_that_does_not_come_back_says_so(waited: str) -> None:
    """In words that tell what was done to it, and where to look, not in Ansible's alone."""
    why = f"Timed out waiting for {waited} (timeout=600)"
    with pytest.raises(AnsibleActionFail) as failed:
        reboot.reboot(after_a_reboot({"failed": True, "rebooted": True, "msg": why}))
    assert str(failed.value) == (
        "the robot did not come back from the reboot that switches its memory controller on "
        f"(ansible.builtin.reboot: {why}): look at its screen or serial console, see docs/raspberry-pi.md"
    )
    assert failed.value.result["changed"]


@pytest.mark.parametrize("more", [{"rebooted": False}, {}])
def test_a_robot_that_was_not_rebooted_is_not_said_to_be_gone(more: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail) as failed:
        reboot.reboot(after_a_reboot({"failed": True, "msg": "Reboot command failed", **more}))
    assert str(failed.value) == "ansible.builtin.reboot: Reboot command failed"


def test_a_robot_that_comes_back_is_only_asked_again() -> None:
    assert reboot.reboot(after_a_reboot({"changed": True, "rebooted": True})) == []
