"""A robot that has this version's program answers from it; whatever stands in the way, the module is sent instead."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.replacement import ServiceFailedError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import answer, run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import own_program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import own_copy
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import ask
from robot_stack.robots import write

PASSWORD = "correct horse"
SENT = {"asked": "planned", "changed": False, "msg": "the module was sent"}


class Controller(RobotAction):
    """The action plugin, with a shell of this machine as its robot; ``task`` is what a user may set."""

    def __init__(self, pipelining: bool = True, **task: Any) -> None:
        self.commands, self.sent, self.pipelining = list[str](), 0, pipelining
        self._task = SimpleNamespace(**{"check_mode": False, "environment": [{}], "async_val": 0, **task})
        self._templar = SimpleNamespace(template=lambda value: value)

    def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _is_pipelining_enabled(self, *_: Any) -> bool:
        return self.pipelining

    def _low_level_execute_command(self, command: str, sudoable: bool, in_data: bytes = b"") -> dict[str, Any]:
        assert sudoable
        self.commands.append(command)
        # larger than a pipe holds: what the robot does not read fails the connection
        done = subprocess.run(
            ["/bin/sh", "-c", command], input=in_data + b" " * (1 << 18), capture_output=True, check=False
        )
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

    def _execute_module(self, **_: Any) -> dict[str, Any]:
        self.sent += 1
        return dict(SENT)


def asks(controller: Controller, root: Path, variables: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    options = {"state": "planned", "budget": {"root": str(root)}, "engine": {"socket": f"{root}/none"}, **more}
    return ask(
        controller, {"ansible_python_interpreter": sys.executable, **(variables or {})}, own_copy.MODULE, options
    )


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs these tests is the root of this module's robot, in the test's process and in the program's."""
    monkeypatch.setattr(answer, "ROOT", os.geteuid())
    file, contents = "robot_stack/run/answer.py", own_program.contents()
    text = contents[file].replace("\nROOT = user.ROOT ", f"\nROOT = {os.geteuid()} ")
    assert f"ROOT = {os.geteuid()} " in text
    changed = {**contents, file: text}
    monkeypatch.setattr(own_program, "contents", lambda: changed)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder of a program as `setup.install` writes it."""
    for path, text in own_program.contents().items():
        write(tmp_path / own_program.NAME / path, text)
    return tmp_path / own_program.NAME


def test_the_program_is_what_ansible_sends_with_the_module() -> None:
    """Ansible takes along what is imported; were it more or less, no robot's program would ever be the same."""
    listing = """if True:
        import sys
        import ansible_collections.robotfleet.stack.plugins.modules.robot_stack
        print("\\n".join(name for name in sys.modules if ".module_utils.robot_stack" in name))
    """
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    names = {name.partition(".module_utils.")[2] for name in done.stdout.split()}
    files = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in own_program.contents()}
    assert files - {"look", "answer"} == names - {"robot_stack_arguments"}, "whoever runs it has checked their form"


def _parameters(state: str) -> dict[str, Any]:
    given = {"state": state, "engine": {"socket": "/none"}}
    found: dict[str, Any] = ArgumentSpecValidator(ARGUMENTS).validate(given).validated_parameters
    return found


def test_it_answers_as_the_module_does(installed: Path) -> None:
    controller = Controller()
    told = asks(controller, installed.parent)
    directly = answer.answer(_parameters("planned"), check=False)
    assert told["asked"] == directly["asked"] == "planned"
    assert told.keys() == directly.keys()
    assert (len(controller.commands), controller.sent) == (1, 0)


def test_a_service_that_failed_is_answered_with_the_lines_of_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_call: run.Call) -> dict[str, Any]:
        raise ServiceFailedError("s: it ended\nits log says: no lidar", ["s: its log says: no lidar"])

    monkeypatch.setattr(run, "execute", fails)
    told = answer.answer(_parameters("present"), check=False)
    assert told == {
        "failed": True,
        "msg": "s: it ended\nits log says: no lidar",
        "causes": ["s: its log says: no lidar"],
    }


def test_who_is_not_root_is_told_what_to_set_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "ROOT", os.geteuid() + 1)
    me = pwd.getpwuid(os.geteuid()).pw_name
    told = answer.answer(_parameters("planned"), check=False)
    assert told["failed"]
    assert told["msg"].startswith(f"this runs as {me}, not as root: set ansible_become: true")

    def of_nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", of_nobody)
    told = answer.answer(_parameters("planned"), check=False)
    assert told["msg"].startswith(f"this runs as user {os.geteuid()}, not as root")


def test_check_mode_and_the_state_reach_it(installed: Path) -> None:
    told = asks(Controller(check_mode=True), installed.parent, state="present")
    assert (told["asked"], told["changed"]) == (answer.answer(_parameters("present"), check=True)["asked"], False)
    assert asks(Controller(), installed.parent, state="verified")["asked"] == "verified"


@pytest.mark.parametrize(
    "damage",
    [
        lambda top: (top / "answer.py").unlink(),
        lambda top: (top / "look.py").unlink(),
        lambda top: write(top / "robot_stack/run/run.py", "import nothing_of_that_name\n"),
        lambda top: write(top / "robot_stack/base/program.py", "}"),
        lambda top: (top / "robot_stack/spec/model.py").write_bytes(b"\xff\x00"),
        lambda top: (top / "robot_stack/judge/verdict.py").unlink(),
        lambda top: write(top / "robot_stack/judge/more.py", ""),
    ],
    ids=["no-entry", "no-look", "another-version", "damaged", "not-text", "cut-off", "more"],
)
def test_another_program_than_ours_is_not_asked(installed: Path, damage: Any) -> None:
    damage(installed)
    controller = Controller()
    assert asks(controller, installed.parent) == SENT
    assert controller.sent == 1


def test_a_bare_robot_is_sent_the_module(tmp_path: Path) -> None:
    controller = Controller()
    assert asks(controller, tmp_path) == SENT


@pytest.mark.parametrize("interpreter", ["/nowhere/python3", "/usr/bin/env python3"])
def test_an_interpreter_that_is_none_is_ansibles_to_tell_of(installed: Path, interpreter: str) -> None:
    assert asks(Controller(), installed.parent, {"ansible_python_interpreter": interpreter}) == SENT


@pytest.mark.parametrize(
    "controller",
    [Controller(pipelining=False), Controller(environment=[{"http_proxy": "a"}]), Controller(async_val=10)],
    ids=["no-pipelining", "environment", "async"],
)
def test_what_ansible_does_for_modules_only_is_left_to_it(installed: Path, controller: Controller) -> None:
    assert asks(controller, installed.parent) == SENT
    assert not controller.commands


@pytest.mark.parametrize(
    "more", [{"state": "absent"}, {"state": "nosuch"}, {"services": [{"name": "a"}]}, {"unknown": 1}]
)
def test_a_removal_and_what_the_module_refuses_are_its_own(installed: Path, more: dict[str, Any]) -> None:
    controller = Controller()
    assert asks(controller, installed.parent, **more) == SENT
    assert not controller.commands


def test_a_program_that_fails_is_told_and_not_tried_again(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have changed something before: the same is not done twice in one breath."""
    text = (installed / "robot_stack/run/answer.py").read_text() + "\n\ndef main():\n    raise LookupError\n"
    write(installed / "robot_stack/run/answer.py", text)
    changed = {**own_program.contents(), "robot_stack/run/answer.py": text}
    monkeypatch.setattr(own_program, "contents", lambda: changed)
    controller = Controller()
    told = asks(controller, installed.parent)
    assert told["failed"]
    assert told["msg"] == "the robot's program ended without an answer (exit code 1): LookupError"
    assert "Traceback" in told["module_stderr"]
    assert controller.sent == 0


@pytest.mark.parametrize("said", ["", "{", "[1]\n", '{"a": 1', "Killed\n"])
def test_what_is_no_answer_has_failed_with_what_came_instead(said: str) -> None:
    read = own_copy._read({"rc": 137, "stdout": said, "stderr": "a\nno memory\n"})
    assert read["failed"]
    assert read["msg"] == "the robot's program ended without an answer (exit code 137): no memory"


def test_an_answer_may_come_after_what_a_login_prints() -> None:
    assert own_copy._read({"rc": 0, "stdout": 'welcome\n{"changed": false}\n', "stderr": ""}) == {"changed": False}


def test_no_secret_is_in_the_command_or_in_the_answer(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (installed / "robot_stack/run/answer.py").read_text()
    told = '\n\ndef answer(parameters, check):\n    return {"failed": True, "msg": str(parameters["registry"])}\n'
    text = text.replace("\n\ndef main", f"{told}\n\ndef main")
    write(installed / "robot_stack/run/answer.py", text)
    changed = {**own_program.contents(), "robot_stack/run/answer.py": text}
    monkeypatch.setattr(own_program, "contents", lambda: changed)
    controller = Controller()
    answered = asks(controller, installed.parent, registry={"username": "fleet", "password": PASSWORD})
    assert "fleet" in answered["msg"]
    assert PASSWORD not in json.dumps(answered)
    assert PASSWORD not in controller.commands[0]


def test_a_password_that_is_a_word_of_ours_spoils_no_answer(installed: Path) -> None:
    told = asks(Controller(), installed.parent, registry={"username": "fleet", "password": "robot"})
    assert told.keys() == asks(Controller(), installed.parent).keys()
    assert "robot" in told


def test_one_digest_tells_files_apart_that_read_the_same_together() -> None:
    assert program.digest({"ab": "c"}) != program.digest({"a": "bc"})
    assert program.digest({"a": "b", "c": "d"}) != program.digest({"a": "bcd"})


def test_a_programs_caches_are_no_part_of_it(installed: Path) -> None:
    before = program.digest(program.found(installed))
    assert before == program.digest(own_program.contents())
    asks(Controller(), installed.parent)
    assert list(installed.rglob("*.pyc"))
    assert program.digest(program.found(installed)) == before
