"""The robot's journal says who changed what: a line for each step that was done, and nothing else."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible import context
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import journal
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.journal import Journal
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import run
from ansible_collections.robotfleet.stack.plugins.plugin_utils import operator
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import Operator
from robot_stack.robots import Robot, service

HEAD = f"<85>robot-stack[{os.getpid()}]: "
BY = {"user": "ann@desk", "run": "site.yml, process 7"}


@dataclass
class Log:
    """A robot's syslog."""

    roots: Roots
    listening: socket.socket

    def lines(self) -> list[str]:
        found = []
        self.listening.setblocking(False)
        while True:
            try:
                found.append(self.listening.recv(1 << 16).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def log() -> Iterator[Log]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        (Path(folder) / "dev").mkdir()
        listening.bind(f"{folder}/dev/log")
        yield Log(Roots(filesystem=Path(folder)), listening)


def test_a_line_says_who_what_and_is_one_line(log: Log) -> None:
    Journal.of(log.roots, BY, "present").tell("write /etc/x")
    Journal.of(log.roots, {"user": "x\n<85>robot-stack: bob@desk", "run": "\x1b[2J"}, "present").tell(
        "a\nb" + "c" * 5000
    )
    honest, odd = log.lines()
    assert honest == f"{HEAD}ann@desk (site.yml, process 7), present: write /etc/x"
    assert odd.startswith(f"{HEAD}x\\n<85>robot-stack: bob@desk (\\x1b[2J), present: a\\nbccc")
    assert odd.isprintable()
    assert len(odd) < 3 * journal.LONGEST


def test_nobody_listens_and_the_run_goes_on(tmp_path: Path) -> None:
    Journal(Roots(filesystem=tmp_path)).tell("write /etc/x")


def test_a_log_that_is_stuck_is_waited_for_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.05)
    sender = Journal(log.roots)

    def fill() -> None:
        for number in range(2000):  # more than any queue of datagrams holds
            sender.tell(f"line {number}")
            tries.append("told")

    filling = threading.Thread(target=fill, daemon=True)
    filling.start()
    filling.join(60)
    assert len(tries) == 2000
    assert 0 < len(log.lines()) < 2000
    sender.tell("it is read again")
    assert log.lines() == []


class Told(Operator):
    """An operator whose calls are heard."""

    def __init__(self, robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(robot, fake)
        self.told: list[str] = []
        real = run.execute

        def execute(call: run.Call) -> dict[str, object]:
            call.audit = self.told.append
            return real(call)

        monkeypatch.setattr(run, "execute", execute)


@pytest.fixture
def heard(robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(robot, fake, monkeypatch)


def test_each_step_that_was_done_is_told_and_only_those(heard: Told) -> None:
    planned = heard.call(service(), check=True)
    assert planned["plan"]
    assert heard.told == []
    done = heard.call(service())
    assert sorted(set(heard.told)) == sorted(set(done["plan"]))
    heard.told.clear()
    assert heard.call(service())["plan"] == []
    assert heard.told == []


@pytest.mark.usefixtures("any_owner")
def test_no_secret_is_told(heard: Told) -> None:
    secret = {"path": "password", "content": "hush-hush", "sensitive": True}
    heard.call(service(files=[secret]))
    heard.call(service(files=[{**secret, "content": "hush-again"}]))
    assert heard.told
    assert "hush" not in "".join(heard.told)


def test_a_step_that_fails_and_the_way_back_are_told(heard: Told, fake: FakeEngine) -> None:
    heard.call(service())
    heard.told.clear()
    fake.failing = "nonsense"
    with pytest.raises(apply.ServiceFailedError):
        heard.call(service(command=["nonsense"]))
    assert any(line.endswith(": failed") for line in heard.told), heard.told
    assert "going back to what was good here" in heard.told


def test_the_operator_is_the_user_of_the_system_and_the_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setattr(context, "CLIARGS", {"args": ("/home/ann/stack/playbooks/site.yml",)})
    told = operator.told()
    assert told["user"].endswith(f"@{socket.gethostname()}")
    assert "somebody-else" not in told["user"]
    assert told["run"] == f"site.yml, process {os.getppid()}"
