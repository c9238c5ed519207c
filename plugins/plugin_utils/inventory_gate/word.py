"""The gate's word: digests of what it has passed for each robot, without which no robot is asked for anything.

The gate leaves it in the folder that Ansible makes for one run and removes with it, which is the same in every process
of that run. So it is no variable or fact: no extra variable, fact cache or robot can bring one along, and none is left
from another run. A task that is started in the middle of a playbook, or that somebody else's play calls, finds none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible import constants

from .. import collection
from ..whole_file import alone, whole

FILE = "robotfleet.stack.gate.json"
# The module's arguments that the gate vouches for, and the variable that each is made of.
ARGUMENTS: Mapping[str, str] = {
    "architecture": "robot_stack_architecture",
    "budget": "robot_stack_budget",
    "engine": "container_engine_spec",
    "memory_controller": "memory_cgroup_spec",
    "watchdog_interval_seconds": "robot_stack_watchdog_interval_seconds",
}
# Parts of a service that are made after the gate, or that are only told: content of files, lines for people.
LEFT_OUT = ("files", "notes")
# What is not asked to run needs no sums; what it is asked to leave, or to go back to, it knows itself.
UNCOUNTED = ("absent", "restored")
HOW = (
    "No robot is touched without the word of the inventory gate: run the playbook from its beginning, without "
    "--start-at-task and --skip-tags always; in a play of your own, call robotfleet.stack.inventory_gate first"
)


class NoWordError(RuntimeError):
    """The gate has not passed what a robot is about to be asked for; the message says what, and what to do."""


def gated(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a service that the gate vouches for."""
    return {str(key): value for key, value in spec.items() if key not in LEFT_OUT}


def digest(value: Any) -> str:
    """Return one digest of plain data."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def give(words: Mapping[str, Mapping[str, Any]], folder: Path | None = None) -> None:
    """Keep the words for robots, by name, for the rest of this run; those of its other plays and processes stay."""
    path = _path(folder)
    with alone(path), whole(path, 0o600) as partial:
        partial.write_text(json.dumps({**_read(path), **words}), encoding="utf-8")


def demand(
    robot: str,
    state: str,
    arguments: Mapping[str, Any],
    services: Iterable[Mapping[str, Any]],
    folder: Path | None = None,
) -> None:
    """Raise `NoWordError` unless the gate has passed ``arguments`` and ``services`` for ``robot`` in this run."""
    word = _read(_path(folder)).get(robot)
    if word is None:
        raise NoWordError(f"{robot}: the inventory gate has not checked what it declares. {HOW}.")
    if state in UNCOUNTED:
        return
    given, passed = word.get("arguments") or {}, word.get("services") or {}
    wrong = [variable for name, variable in ARGUMENTS.items() if given.get(name) != digest(arguments.get(name))]
    for spec in services:
        name = str(spec.get("name"))
        if passed.get(name) != digest(gated(spec)):
            wrong.append(f"{name}_spec" if name in passed else f"service {name}, which the gate has not seen on it")
    if wrong:
        raise NoWordError(f"{robot}: this is not what the inventory gate has passed: {', '.join(wrong)}. {HOW}.")


def beside(values: Mapping[str, Any], roles: Iterable[Path]) -> str:
    """Return a digest of what robots get beside their specs: ``values`` for templates, and files of others' ``roles``.

    It compares processes of one run, on different machines: how it is divided, and where folders are, is left out.
    """
    told = {
        name: values[name] for name in values if not name.startswith("rollout_") and not name.endswith("_directory")
    }
    return digest([told, [_files_of(role) for role in roles]])


@lru_cache(maxsize=256)
def _files_of(role: Path) -> str:
    return collection.digest(role)


def passed(robots: Iterable[str], folder: Path | None = None) -> dict[str, Any]:
    """Return the words that the gate has given for ``robots`` in this run; None for those that it has not seen."""
    words = _read(_path(folder))
    return {robot: words.get(robot) for robot in robots}


def _path(folder: Path | None) -> Path:
    return (folder or Path(constants.DEFAULT_LOCAL_TMP)) / FILE


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
