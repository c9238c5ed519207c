"""What the module answers to its parameters, wherever it runs: sent by Ansible, or from the program on the robot."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..apply.apply import ServiceFailedError
from ..ask import history
from ..base import user
from ..base.roots import Roots
from ..engine.drivers import connect, other_than
from ..engine.protocol import Engine, EngineError
from ..engine.staging import Archive
from ..host import platforms, python
from ..host.journal import Journal
from ..host.systemd import CommandError
from ..records import state
from ..spec.model import SpecError, Stack
from ..spec.parse import parse
from ..watchdog import setup as watchdog_setup
from . import run

HIDDEN = "********"
ROOT = user.ROOT  # who may be asked; unit tests run as somebody else


def answer(parameters: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Return the result; `failed` and `msg` where it is not as declared. ``parameters`` are those of the module."""
    os.umask(0o022)  # whatever the login or sudo says: modes are declared
    stranger = user.objection(ROOT)
    if stranger:
        return {"failed": True, "msg": stranger}
    try:
        stack = platforms.completed(parse(parameters), Roots())
        stack = replace(stack, python=python.find(Roots(), sys.executable))
        staged = parameters["staged_images"]
        archives = {a["reference"]: Archive(a["path"], a["digest"], a["left_out"]) for a in staged}
        engine = connect(stack.engine.kind, stack.engine.socket, parent=stack.budget.slice)
        window = history.parse(parameters["history"])
        journal = Journal.of(Roots(), parameters["operator"], stack.state)
        for words in parameters["operator"]["done"]:
            journal.tell(words)
        call = run.Call(stack, Roots(), engine, archives, check, window=window, audit=journal.tell)
        call.other = former_engine(stack, call.roots)
        return run.execute(call)
    except SpecError as error:
        return {"failed": True, "msg": f"the spec cannot work: {error}"}
    except ServiceFailedError as error:
        return {"failed": True, "msg": str(error), "causes": error.causes}
    except (EngineError, CommandError, run.BusyError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def former_engine(stack: Stack, roots: Roots) -> Engine:
    """Return the engine of the other kind, where it listened when the robot had it."""
    root = roots.path(stack.budget.root)
    socket_path = watchdog_setup.socket_told(root) or state.load(root).former_socket
    return other_than(stack.engine.kind, stack.budget.slice, socket_path)


def main() -> None:
    """Answer what standard input asks for, as JSON in one line: `parameters`, complete, and `check`."""
    asked = json.load(sys.stdin)
    told = answer(asked["parameters"], asked["check"])
    password = str(asked["parameters"]["registry"]["password"])
    sys.stdout.write(json.dumps(_without(password, told) if password else told) + "\n")


def _without(secret: str, told: Any) -> Any:
    """Return an answer with ``secret`` hidden in its texts, as Ansible does; keys are ours, whatever it is."""
    if isinstance(told, dict):
        return {key: _without(secret, value) for key, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [_without(secret, value) for value in told]
    return told.replace(secret, HIDDEN) if isinstance(told, str) else told
