"""Data that is somewhere else than declared: an empty database would take its place, and pass the gate. Pure.

Where the stack was is told by its containers, and by the watchdog's unit and settings where there are none any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..engine.protocol import name_of
from ..host import systemd
from ..spec import layout
from ..spec.model import DataDirectory, Stack
from ..watchdog import own_program
from ..watchdog import setup as watchdog_setup
from .observe import Observed

PROGRAM = re.compile(r"^ExecStart=.* (\S+)$", re.MULTILINE)


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return where this robot's data is, if it is not where it is declared, and how to get it there."""
    others = dict.fromkeys([*_roots_of_containers(stack, seen), *_root_of_watchdog(stack, seen)])
    return [_moved(stack, root) for root in others] + _gone(stack, seen) + _other_engine(stack, seen)


def _moved(stack: Stack, root: str) -> str:
    here = stack.budget.root
    return (
        f"robot_stack_root is {here}, and this robot's stack with its data is below {root}: an empty database would "
        f"take its place. Write robot_stack_root: {root}, or move it: playbooks/remove.yml with the old root (data "
        f"stays), then mv {root} {here} on the robot, where {here} must not be there yet, then playbooks/site.yml"
    )


def _roots_of_containers(stack: Stack, seen: Observed) -> Iterator[str]:
    for service, data, path in _data(stack):
        container = seen.containers.get(name_of(service))
        for source, target in container.binds if container and container.spec else ():
            ending = f"/{service}/{data.name}"
            if target == data.target and source != path and source.endswith(ending):
                yield source[: -len(ending)]


def _root_of_watchdog(stack: Stack, seen: Observed) -> Iterator[str]:
    unit = seen.found_files.get(watchdog_setup.UNIT_FILES[0])
    named = PROGRAM.search(unit.content or "") if unit else None
    folder, _, name = systemd.said(named.group(1)).rpartition("/") if named else ("", "", "")
    if name == own_program.NAME and folder not in ("", stack.budget.root):
        yield folder


def _gone(stack: Stack, seen: Observed) -> list[str]:
    """Data that a container of ours has had here: its disk may not be mounted."""
    found = []
    for service, data, path in _data(stack):
        container = seen.containers.get(name_of(service))
        had = container is not None and container.spec and (path, data.target) in container.binds
        if had and path in seen.data_owners and seen.data_owners[path] is None:
            found.append(
                f"the data of {service} was in {path}, and is not there: an empty database would take its place. "
                f"Mount its disk; if it is gone for good, {seen.driver.to_forget(name_of(service))} there"
            )
    return found


def _other_engine(stack: Stack, seen: Observed) -> list[str]:
    settings = seen.found_files.get(f"{watchdog_setup.directory(stack)}/stack.json")
    try:
        told: Any = json.loads(settings.content or "{}") if settings else {}
    except (ValueError, RecursionError):
        return []
    before = told.get("socket") if isinstance(told, dict) else None
    if not isinstance(before, str) or before == stack.engine.socket or not seen.own_watchdog:
        return []
    if not (before and stack.engine.socket):  # one of them is of another kind: its containers are taken over
        return []
    return [
        f"container_engine_socket is {stack.engine.socket}, and this robot's containers are on the engine at {before}: "
        f"two databases would share one folder. Write container_engine_socket: {before}, or remove the stack with it"
    ]


def _data(stack: Stack) -> Iterator[tuple[str, DataDirectory, str]]:
    for service in stack.scoped_services:
        for directory in service.data:
            yield service.name, directory, layout.data_path(stack, service, directory.name)
