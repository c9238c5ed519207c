"""Whoever brings more series than his share is shut out of the entry points of this computer (`shares.py`)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable

from ..base.roots import Roots
from ..engine.protocol import Engine, EngineError, name_of
from ..judge.readback import Reading
from ..records import failure_history
from ..records.record_file import Fields
from ..spec.model import Service, Shares, Stack
from . import restart, shares


@dataclass(frozen=True)
class Robot:
    """What is looked after, and by which means."""

    stack: Stack
    engine: Engine
    roots: Roots
    kill: restart.Kill


def settings(raw: Fields) -> Shares:
    """Return the shares of a service's settings; its files have their paths on the robot."""
    fields = raw.inside("shares")
    texts = ("file", "backend", "count_url", "usage_url", "restarts", "username", "password_file")
    file, backend, count_url, usage_url, restarts, username, password_file = map(fields.text, texts)
    series = fields.inside("series")
    each, by_user = fields.count("each"), {name: series.count(name) for name in series.raw}
    if not (each and file and backend):
        return Shares()
    counts = [max(least, fields.count(key)) for key, least in (("copies", 1), ("turn", 0), ("turns", 1))]
    return Shares(file, backend, count_url, usage_url, restarts, username, password_file, each, by_user, *counts)


def pages(robot: Robot, readings: list[Reading], now: float, say: Callable[[str], None]) -> dict[str, str]:
    """Look at who brings how much; return the pages of metrics. A restarted database's reading becomes another one."""
    found = {}
    for service in robot.stack.services:
        if service.shares.file:
            try:
                found[shares.FILE] = _page(robot, service, readings, now, say)
            except (OSError, ValueError, EngineError) as error:
                say(f"{service.name}: who brings too many series is not looked after: {error}")
    return found


def _page(robot: Robot, service: Service, readings: list[Reading], now: float, say: Callable[[str], None]) -> str:
    declared = service.shares
    place = next((i for i, reading in enumerate(readings) if reading.name == declared.restarts), None)
    root = robot.roots.path(robot.stack.budget.root)

    def emptied() -> None:
        if place is not None:
            readings[place] = _restarted(robot, readings[place])

    def reload() -> None:
        restart.hang_up(robot.engine, name_of(service.name), robot.roots.proc, robot.kill)

    password = robot.roots.path(declared.password_file).read_text(encoding="utf-8").rstrip()
    entry = shares.Entry(declared, robot.roots.path(declared.file), password, reload)
    return shares.look(entry, root, now if place is None else readings[place].started_at, emptied, now, say)


def _restarted(robot: Robot, reading: Reading) -> Reading:
    timeout = next(one.stop_timeout_seconds for one in robot.stack.services if one.name == reading.name)
    counted = restart.restart(robot.engine, name_of(reading.name), timeout, robot.roots.proc, robot.kill)
    return replace(reading, record=failure_history.restarted(reading.record, time.time(), counted))
