"""Why a container ended, by its own log: the line that says so, and what of its data is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..engine.protocol import Engine, EngineError, FoundContainer, name_of
from ..spec import layout
from ..spec.model import Service, Stack

LINES = 20  # shown where no line says why
LAST_WORDS_SECONDS = 60.0  # what a program says of its end, it says shortly before it
NOTED_LATE_SECONDS = 3.0  # an engine notes a start after the program has begun to speak, on a busy robot long after
LOOKED_AT = 1000  # a program that refuses a flag prints all that it has after that
LONGEST = 400
# How programs say that they end, the plainest first; the last such line counts.
FATAL = (
    re.compile(r"\t(?:panic|fatal)\t[^\t]*\t(?:FATAL: |BUG: )?(?P<why>.+)$", re.MULTILINE | re.IGNORECASE),
    re.compile(r'"level":"(?:panic|fatal)".*?"msg":"(?:FATAL: )?(?P<why>[^"]+)', re.MULTILINE),
    re.compile(r"^(?P<why>flag provided but not defined: .+|invalid (?:boolean )?value .+ for .+)$", re.MULTILINE),
    re.compile(r"^(?:panic|fatal error): (?:FATAL: )?(?P<why>.+?)(?: \[recovered.*)?$", re.MULTILINE),
    re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)+(?P<why>\S.*)$", re.MULTILINE),
    re.compile(r"^[0-9/]{10} [0-9:]{8} (?P<why>(?:cannot|unsupported|missing|failed) .+)$", re.MULTILINE),
)
PATH = re.compile(r'"?(/[^"\s:;,]+)')


def told(engine: Engine, stack: Stack, names: Iterable[str]) -> list[str]:
    """Return why those of ``names`` that are services ended, or what they said last; a text each."""
    found = []
    for name in dict.fromkeys(names):
        service = stack.service(name)
        if service:
            said = of(engine, service, stack.budget.root)
            found += [f"{name}: {said}"] if said else []
    return found


def of(engine: Engine, service: Service, root: str) -> str:
    """Return why the service's container ended, or its last lines; a log that cannot be read keeps nothing back."""
    try:
        container = engine.inspect(name_of(service.name))
        before, now = _said(engine, container) if container else ("", "")
    except EngineError as error:
        return f"its log cannot be read: {error}"
    why = fatal(now) or fatal(before)
    if why:
        return "\n".join([f"its log says: {why}", *damage(service, root, why)])
    told = [("its last log lines before it was started again", before), ("its last log lines", now)]
    return "\n".join("\n".join([f"{whose}:", *text.splitlines()[-LINES:]]) for whose, text in told if text)


def short(engine: Engine, service: Service, root: str) -> str:
    """Return in one line why a container ended, and what of its data is damaged; "": its log does not say why."""
    try:
        container = engine.inspect(name_of(service.name))
        before, now = _said(engine, container) if container else ("", "")
    except EngineError:
        return ""
    why = fatal(now) or fatal(before)
    return "; ".join([why, *damage(service, root, why)]) if why else ""


def in_short(engine: Engine, services: Iterable[Service], root: str) -> list[str]:
    """Return a line for each of ``services`` whose log says why it ended."""
    said = {service.name: short(engine, service, root) for service in services}
    return [f"{name}: its log says: {why}" for name, why in said.items() if why]


def _said(engine: Engine, container: FoundContainer) -> tuple[str, str]:
    """Return what it said at the end of its former life, where it lives again, and in its last one.

    An engine starts again what ended: the words of that end are the former life's by the time that anybody looks. Of
    a container that has ended, what it said before its last start has another cause.
    """
    started, ended = container.started_at, container.finished_at
    again = container.running and not container.restarting and 0 < ended <= started
    begun = max(started - NOTED_LATE_SECONDS, (started + ended) / 2 if again else 0.0)
    before = engine.logs(container.name, LOOKED_AT, ended - LAST_WORDS_SECONDS, begun) if again else ""
    return before, engine.logs(container.name, LOOKED_AT, begun)


def fatal(text: str) -> str:
    """Return the line of a log that says why its program ended; "": none does."""
    for pattern in FATAL:
        found = [match["why"].strip() for match in pattern.finditer(text)]
        if found:
            return found[-1] if len(found[-1]) <= LONGEST else found[-1][: LONGEST - 3] + "..."
    return ""


def damage(service: Service, root: str, why: str) -> list[str]:
    """Return what is damaged on the robot and what to do, if ``why`` names a path of the service's data."""
    for path in map(PurePosixPath, PATH.findall(why)):
        for data in service.data:
            target = PurePosixPath(data.target)
            if target in path.parents:
                here = PurePosixPath(layout.data_folder(root, service.name, data.name)) / path.relative_to(target)
                return [_remedy(service, here)]
    return []


def _remedy(service: Service, path: PurePosixPath) -> str:
    """A part of a database is a folder in its month's; parts.json lists them, without it they are looked for."""
    folder = path.parent if path.suffix else path
    lists = path if path.name == "parts.json" else folder.parent / "parts.json"
    what = f"{lists}" if path.name == "parts.json" else f"{folder} (its samples are lost) and {lists}"
    return (
        f"its data is damaged: {path}. playbooks/restore.yml -e restore_replace=true puts a backup's samples in its "
        f"place. Without a backup, stop the container {name_of(service.name)}, move {what} away to another folder, "
        "and run site.yml: what is left is found anew"
    )
