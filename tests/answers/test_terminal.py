"""An operator's terminal shows what was written, and of every robot, whatever one of them answers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.robotfleet.stack.plugins.action.robot_stack import ActionModule
from ansible_collections.robotfleet.stack.plugins.callback import display, rollout, summary
from ansible_collections.robotfleet.stack.plugins.plugin_utils import console
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import printable, shape
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import Connection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.report import measurement, pages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from answers.attacks import PAINTS, UP_AND_OK, paints
from hypothesis import given, settings
from hypothesis import strategies as st
from report import answers as honest

STATES = ("present", "planned", "verified", "proven", "absent", "restored", "report")
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*PAINTS, "ok", "down", "a\nrobot-b  ok"])
)
ANY = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIXED = settings(derandomize=True, max_examples=150)


def answer(**changes: Any) -> dict[str, Any]:
    more = {"asked": "present", "changed": False, "proven": True, "declared": DECLARED}
    return copy.deepcopy({**honest.fine(), **more, **changes})


DECLARED = {
    "memory_budget_mib": 300,
    "memory_reserve_mib": 150,
    "engine_allowance_mib": 128,
    "limits_mib": {"victoriametrics": 50},
    "notes": [],
    "sum_mib": 178,
    "left_mib": 122,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in an answer, at any depth."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


PLACES = [path for path in places(answer()) if "history" not in path]


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


class Terminal:
    """What the callbacks print when robots have answered."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.summary, self.rollout = summary.CallbackModule(), rollout.CallbackModule()
        for callback in (self.summary, self.rollout):
            callback._display = SimpleNamespace(banner=self._say, display=self._say)
        self.rollout._progress = Progress(hosts=("robot-a", "robot-b"), answers={"robot-b": "passed"})

    def _say(self, text: str, **_: Any) -> None:
        self.said.append(text)

    def hears(self, robot: str, result: Any, failed: bool = False) -> None:
        event = SimpleNamespace(
            task=SimpleNamespace(action="robotfleet.stack.robot_stack"),
            host=SimpleNamespace(get_name=lambda: robot),
            result=result,
        )
        for callback in (self.summary, self.rollout):
            (callback.v2_runner_on_failed if failed else callback.v2_runner_on_ok)(event)

    def ends(self) -> str:
        self.summary.v2_playbook_on_stats(None)
        self.rollout.v2_playbook_on_stats(None)
        return "\n".join(self.said)


@pytest.mark.parametrize("paint", PAINTS)
def test_what_would_paint_is_written_out(paint: str) -> None:
    for text in (printable.line(paint), printable.block(paint), *printable.plain({paint: [paint]})):
        assert paints(text) == []
    assert "\n" not in printable.line(f"a\n{paint}")
    assert printable.line("\x1b[2K") == "\\x1b[2K", "and can be read"


@pytest.mark.parametrize("asked", STATES)
def test_no_place_of_an_answer_reaches_the_terminal_as_it_is(asked: str) -> None:
    paint = "".join(PAINTS)
    for path in PLACES:
        hostile = answer(asked=asked, plan=["a"], refusals=["b"], records=["c"], rolled_back=["d"], msg="e")
        put(hostile, path, paint)
        terminal = Terminal()
        terminal.hears("robot-a", hostile, failed=True)
        terminal.hears("robot-b", answer(asked=asked))
        said = terminal.ends()
        assert paints(said) == [], path
    for key in ("plan", "refusals", "records", "rolled_back", "objections"):
        terminal = Terminal()
        terminal.hears("robot-a", answer(asked=asked, **{key: [paint, f"x\nrobot-b refused: {paint}"]}), failed=True)
        said = terminal.ends()
        assert paints(said) == []
        assert "\nrobot-b refused" not in said, "no line is another robot's"


@FIXED
@given(st.sampled_from(PLACES), ANY, st.sampled_from(STATES))
def test_one_robots_odd_types_never_hide_the_others(path: tuple[Any, ...], odd: Any, asked: str) -> None:
    hostile = answer(asked=asked)
    put(hostile, path, odd)
    terminal = Terminal()
    terminal.hears("robot-a", hostile)
    terminal.hears("robot-b", answer(asked="present"))
    said = terminal.ends()
    assert "robot-b" in said
    assert paints(said) == []
    rows = [line for line in said.splitlines() if "whole stack" in line and "robot" not in line.split("whole")[0]]
    assert rows


@FIXED
@given(ANY)
def test_any_answer_at_all_is_read_or_has_failed(raw: Any) -> None:
    found = shape.read("robot_stack", raw)
    if not isinstance(raw, dict):
        assert found["failed"]
    assert shape.read("robot_stack", found) == found, "what was read once stays as it is"
    terminal = Terminal()
    terminal.hears("robot-a", raw)
    terminal.hears("robot-b", answer())
    assert "robot-b" in terminal.ends()


@FIXED
@given(st.sampled_from(PLACES), ANY)
def test_any_answer_makes_a_report(path: tuple[Any, ...], odd: Any) -> None:
    hostile = answer()
    put(hostile, path, odd)
    measured = measurement.of_fleet("fleet", {"robot-a": hostile, "robot-b": answer()}, honest.VERSIONS)
    text = "".join(pages.files(pages.view(measured, None)).values())
    assert paints(text) == []


def test_an_answer_without_end_is_one_failed_robot() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    long = ["x"] * 300_000
    for immense in (deep, long, ["x" * 600_000] * 40):
        found = shape.read("robot_stack", {**answer(), "plan": immense})
        assert found["failed"]
        assert "was not used" in found["msg"]


def test_one_robots_many_lines_do_not_push_the_others_out_of_sight() -> None:
    terminal = Terminal()
    terminal.hears("robot-a", answer(plan=["x" * 100_000] * 3000, msg="y\n" * 100_000), failed=True)
    terminal.hears("robot-b", answer())
    said = terminal.ends().splitlines()
    assert len(said) < 1000
    assert max(map(len, said)) < 3000


def test_a_robot_gives_the_controller_neither_facts_nor_hosts() -> None:
    keys = ("ansible_facts", "ansible_stats", "add_host", "add_group", "skipped", "unreachable", "_ansible_no_log")
    found = shape.read("robotfleet.stack.robot_stack", answer(**{key: {"a": 1} for key in keys}))
    assert not found.keys() & set(keys)
    found = shape.read("ansible.builtin.apt", {"msg": "a", "failed": True, "ansible_facts": {"a": 1}})
    assert found == {"msg": "a", "failed": True}


class Robots(ActionModule):
    """The action plugin before a robot that says ``said``, or fails with it."""

    def __init__(self, said: dict[str, Any] | Exception) -> None:
        self.said, self._templar = said, None
        self._task = SimpleNamespace(tags=[], args={}, check_mode=True)

    def _is_pipelining_enabled(self, *_: Any) -> bool:
        return False

    def _execute_module(self, **_: Any) -> dict[str, Any]:
        assert isinstance(self.said, dict)
        return self.said

    def _arguments(self, *_: Any) -> dict[str, Any]:
        return {"services": [], "scope": [], "state": "verified", "architecture": "amd64"}


def test_the_action_plugin_lets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    hostile = answer(msg=UP_AND_OK, plan=[UP_AND_OK], diff=[{"before": UP_AND_OK, "after": "a"}], failed=True)
    result = Robots({**hostile, "ansible_facts": {"robot_stack_images": {}}}).run(task_vars={"inventory_hostname": "a"})
    assert paints(str(printable.plain(result)) + "".join(map(str, result.values()))) == []
    assert "ansible_facts" not in result
    assert paints(result["diff"][0]["before"] + result["plan"][0] + result["msg"]) == []


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_a_command_prints_is_printable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also what a module prints after its answer, which Ansible shows as a warning of its own."""
    done = {"rc": 1, "stdout": "", "stderr": "", name: f"{UP_AND_OK}\nand more"}
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lambda *_, **__: dict(done))
    robots = Robots({})
    assert paints(robots._low_level_execute_command("true")[name]) == []
    connection = Connection(robots, {"inventory_hostname": "a"})
    assert paints(connection.as_root("true")[1]) == []
    with pytest.raises(AnsibleActionFail) as failed:
        connection.output_of("true")
    assert paints(str(failed.value)) == []


def test_lines_that_a_terminal_has_ended_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pipelining, SSH asks for a terminal, which ends each line with two characters."""
    done = {"rc": 0, "stdout": '{"changed": false}\r\n', "stderr": ""}
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lambda *_, **__: dict(done))
    assert Robots({})._low_level_execute_command("true")["stdout"] == '{"changed": false}\n'


def test_what_a_failing_connection_says_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    """sshd's banner is the robot's own text."""

    def fails(*_: Any, **__: Any) -> None:
        raise AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {UP_AND_OK}")

    monkeypatch.setattr(ActionBase, "_low_level_execute_command", fails)
    with pytest.raises(AnsibleConnectionFailure) as failed:
        Robots({})._low_level_execute_command("true")
    assert paints(str(failed.value)) == []
    assert failed.value.__cause__ is None


def test_bytes_of_a_backup_come_through_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"rc": 0, "stdout": UP_AND_OK, "stderr": UP_AND_OK}
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lambda *_, **__: dict(done))
    found = Robots({})._low_level_execute_command("true", encoding_errors="surrogateescape")
    assert found["stdout"] == UP_AND_OK
    assert paints(found["stderr"]) == []


def test_other_modules_results_and_diffs_are_shown_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Display(), "verbosity", 1)
    monkeypatch.setattr(constants, "ANSIBLE_COLOR", False, raising=False)
    shown = display.CallbackModule()
    assert paints(shown._dump_results({"msg": UP_AND_OK, "stdout": PAINTS[1], UP_AND_OK: 1})) == []
    text = shown._get_diff([{"before": "a\n", "after": f"{UP_AND_OK}\n{PAINTS[1]}"}])
    assert paints(re.sub("\x1b\\[[0-9;]*m", "", text)) == [], "Ansible's own colours are all that is left"


def test_what_goes_on_is_told_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Display(), "display", lambda text, **_: said.append(text))
    console.say("robot-a", f"its engine wants the whole archive: {UP_AND_OK}")
    assert paints(said[0]) == []
