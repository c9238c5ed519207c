"""A robot that gives no answer is told with why, in one sentence (row A20)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import connection, no_answer
from declarations import PROJECT
from field.playing import Fleet

PULLED = (
    "robots:\n  hosts:\n    scout:\n  vars:\n    ansible_connection: local\n    ansible_become: true\n"
    "    robot_stack_image_delivery: pull\n    robot_stack_image_digests:\n"
    f"      robot-stack/sensor-service:0.1.0: sha256:{'a' * 64}\n"
    f"      victoriametrics/victoria-metrics:v1.148.8: sha256:{'b' * 64}\n"
)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"module_stderr": "sudo: sorry, you must have a tty to run sudo\n"}, "Defaults:USER !requiretty"),
        ({"module_stdout": "sudo: Sie müssen ein TTY haben\n"}, "Defaults:USER !requiretty"),
        ({"module_stderr": "sudo: Ein Passwort ist notwendig\n"}, "ansible_become_password"),
        ({"module_stdout": "sudo: il est nécessaire de saisir un mot de passe\n"}, "ansible_become_password"),
        ({"module_stderr": "jane is not in the sudoers file.\n"}, "may not become root"),
        ({"module_stderr": "OSError: [Errno 28] No space left on device: '/tmp/x'"}, "ansible_remote_tmp"),
        ({"msg": "mkdir: cannot create directory: Read-only file system"}, "ansible_remote_tmp"),
        ({"module_stderr": "MemoryError"}, "no memory left"),
        ({"module_stderr": "Killed\n", "rc": 137}, "killed on the robot"),
    ],
    ids=str,
)
def test_what_came_instead_of_an_answer_is_told_by_its_cause_and_remedy(raw: dict[str, Any], words: str) -> None:
    found = no_answer.sentence({"failed": True, **raw})
    assert words in found
    begun = "sudo" not in str(raw)
    assert found.endswith("the next run takes up." if begun else "Nothing was changed by this call.")
    assert no_answer.is_none({"failed": True, **raw}) is ("msg" not in raw)


class Answering:
    """An action whose module answers ``raw``, on a robot with a Python that is new enough."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def _execute_module(self, **_: Any) -> dict[str, Any]:
        return self.raw

    def _low_level_execute_command(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"rc": 0, "stdout": "3.11\n", "stderr": ""}


@pytest.mark.parametrize(
    "raw",
    [
        {"msg": "lidar: its container ended; the last good one was put back\nits log says: MemoryError"},
        {"msg": "[Errno 30] Read-only file system: '/var/lib/robot-stack/state.json'"},
        {"msg": "'/usr/bin/apt-get install docker.io' failed", "stderr": "No space left on device", "rc": 100},
        {"msg": "kestrel is not allowed to run here"},
    ],
    ids=str,
)
def test_what_a_module_says_of_its_failure_is_told_as_it_is(raw: dict[str, Any]) -> None:
    """Seen: a service that ran out of memory, and was rolled back, was told as "no memory for Ansible's Python"."""
    action: Any = Answering({"failed": True, **raw})
    found = connection.ask(action, {}, "robotfleet.stack.robot_backup", {})
    assert (found["failed"], found["msg"]) == (True, raw["msg"])


def test_what_came_instead_of_an_answer_ends_the_call() -> None:
    action: Any = Answering(
        {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "MemoryError", "module_stdout": ""}
    )
    with pytest.raises(connection.NoAnswerError, match="no memory left for Ansible's Python"):
        connection.ask(action, {}, "robotfleet.stack.robot_backup", {})


@pytest.mark.parametrize(
    "raw",
    [
        {"msg": "tty is a word", "rc": 1},
        {"module_stderr": 7},
        {"module_stderr": "x" * 40_000 + "MemoryError"},
        {},
        None,
        ["MemoryError"],
    ],
    ids=lambda raw: str(raw)[:20],
)
def test_what_nobody_knows_is_left_to_ansible(raw: Any) -> None:
    assert no_answer.sentence(raw) == ""


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_an_answer_that_came_through_a_terminal_is_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Seen: with su, or without pipelining, every run ended in "No end of json char found"."""
    done = {"rc": 0, "stdout": "", "stderr": "", name: '\r\n{"changed": false}\r\n\rover it'}
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", lambda *_, **__: dict(done))
    monkeypatch.setattr(RobotAction, "__abstractmethods__", frozenset())
    found = RobotAction.__new__(RobotAction)._low_level_execute_command("true")
    assert found[f"{name}_lines"] == ["", '{"changed": false}', "\\rover it"]


@pytest.mark.parametrize("connection", ["ssh", "local"])
@pytest.mark.parametrize("playbook", ["preflight", "verify"])
def test_sudo_that_wants_a_terminal_is_told_in_one_sentence(tmp_path: Path, playbook: str, connection: str) -> None:
    ssh = tmp_path / "runs-it-here"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec /bin/sh -c "$last"\n', encoding="utf-8")
    ssh.chmod(0o755)
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\necho "sudo: sorry, you must have a tty to run sudo" >&2\nexit 1\n', encoding="utf-8")
    sudo.chmod(0o755)
    fleet = Fleet(tmp_path, {"hosts.yml": f"{PULLED}    ansible_become_exe: {sudo}\n    ansible_become_user: daemon\n"})
    done = fleet.play("-e", f"ansible_connection={connection}", playbook=playbook, ANSIBLE_SSH_EXECUTABLE=str(ssh))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Defaults requiretty in its sudoers" in said, said
    assert "No start of json char found" not in said, said


def test_the_page_says_where_playbooks_are_run_from_and_what_sudo_must_not_want() -> None:
    page = (PROJECT / "docs" / "adding-a-robot.md").read_text(encoding="utf-8")
    for words in ("requiretty", "couldn't resolve module/action", "ANSIBLE_CONFIG"):
        assert words in page
