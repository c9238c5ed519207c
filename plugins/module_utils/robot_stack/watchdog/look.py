"""Looks after the stack between two runs of the project: one look every half minute, started by a systemd timer.

A look reads every service back (the same code as a deployment and `verify`), keeps what happened to it, writes the
facts as metrics for the sensor service, restarts a service that hangs and starts one that was left stopped: an engine
restarts what ended, never what runs and does not answer, and not all that it finds stopped.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Callable

from ..base import lock
from ..base.files import DesiredFile, write
from ..base.roots import Roots
from ..engine.drivers import connect
from ..engine.protocol import Engine, EngineError, name_of
from ..host import cgroup, procfs, systemd
from ..judge import readback
from ..judge.readback import Reading
from ..records import failure_history, record_file, samples, state
from ..records.record_file import Fields
from ..spec.model import ENGINES, Budget, ControllerSpec, EngineSpec, ManagedFile, Probe, Service, Stack
from . import backups, entry_point, filesystems, restart, shares, start
from . import metrics as metrics_page

LOOKS_UNTIL_HUNG = 3
# a start that replays much data answers late: it gets this long before silence means that it hangs
STARTING_SECONDS = 600.0
# a peak is written to flash only when it grew by this share
PEAK_GROWTH = 1.02
LARGEST_BYTES = 64 * 1024  # of a settings file


def tell(words: str) -> None:
    """Write a line into the journal now, and not when the look has ended."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def look(
    settings: Path,
    roots: Roots,
    engine: Engine,
    now: float,
    say: Callable[[str], None] = tell,
    kill: restart.Kill = os.kill,
) -> None:
    """Take one look at the robot. ``settings``: the directory that `watchdog_setup` describes."""
    # what a deployment stops does not hang; a job stops nothing
    with suppress(lock.BusyError), lock.held(roots, patience_seconds=0, beside_jobs=True):
        _look(settings, roots, engine, now, say, kill)


def _look(
    settings: Path, roots: Roots, engine: Engine, now: float, say: Callable[[str], None], kill: restart.Kill
) -> None:
    stack = load(settings, roots, say)
    if stack is None:
        return
    hierarchy = cgroup.detect(roots.sys)
    if not hierarchy.version or not engine.reachable():
        say("the kernel's memory controller is off, or the container engine does not answer")
        start.engine_started(engine_unit(settings, say), say)
        return
    remembered, problems = state.read(roots.path(stack.budget.root))
    recent = samples.load(roots.path(samples.DIRECTORY))
    readings, seen = [], {}
    for service in stack.services:
        known = readback.Known(
            remembered.services.get(service.name, state.ServiceRecord()), recent.of(service.name), now
        )
        try:
            reading = readback.service(stack, service, engine, roots, hierarchy, known)
        except (EngineError, OSError) as error:  # no reason to look away from the others
            say(f"{service.name} cannot be looked at: {error}")
            seen[service.name] = known.recent
            continue
        seen[service.name] = _recent(service, reading, known)
        if hangs(reading, seen[service.name], now):
            say(f"{service.name} runs and does not answer ({reading.healthy}): restarting it")
            try:
                reading = _revived(service, reading, engine, roots, kill)
                seen[service.name] = replace(seen[service.name], unanswered=0)
            except EngineError as error:
                say(f"{service.name} could not be restarted: {error}")
        readings.append(start.started(service, reading, engine, say))
        start.promptly_again(reading, now, engine, say)
    pages = entry_point.pages(entry_point.Robot(stack, engine, roots, kill), readings, now, say)
    swap = procfs.memory(roots.proc).get("SwapTotal", 0)
    driver = engine.driver
    of_engine = readback.engine(stack, driver.programs, roots, hierarchy, swap, apart=not driver.units)
    page = metrics_page.text(readings, of_engine, stack.budget, now)
    paths = dict.fromkeys(path for service in stack.services for path in service.filesystems)
    if not _kept(stack, remembered, problems, readings, roots, say):  # the next look counts anew what was not
        seen = {name: replace(one, kernel_kills=recent.of(name).kernel_kills) for name, one in seen.items()}
    written = {samples.FILE: samples.text(samples.Samples(seen)), metrics_page.FILE: page, **pages}
    written[filesystems.FILE] = filesystems.text(paths, roots)
    written[backups.FILE] = backups.text(roots.path(stack.budget.root), roots.path(systemd.UNITS))
    _write(written, roots, say)


def _write(written: Mapping[str, str], roots: Roots, say: Callable[[str], None]) -> None:
    """Write what is for the next look, and for others; what cannot be written must not be taken for this look's."""
    folder = roots.path(samples.DIRECTORY)
    stale = {shares.FILE} if shares.FILE not in written else set()
    for path, content in written.items():
        try:
            write(DesiredFile(f"{samples.DIRECTORY}/{path}", content), roots.filesystem)
        except OSError as error:  # a full /run
            say(f"{folder / path} cannot be written, and goes: {error}")
            stale.add(path)
    for path in stale:
        with suppress(OSError):
            (folder / path).unlink()


def _kept(
    stack: Stack,
    remembered: state.State,
    problems: Sequence[record_file.Problem],
    readings: list[Reading],
    roots: Roots,
    say: Callable[[str], None],
) -> bool:
    """Keep what happened; return whether it was, and say where it was not."""
    lost = "is gone" if not state.there(roots.path(stack.budget.root)) else ""
    if problems or lost:  # a run tells of it, and writes it anew: what is written now would hide it
        say(f"what happened is not kept: {state.FILE} {lost or problems[0].words}")
        return False
    try:
        _keep(stack, remembered, readings, roots)
    except OSError as error:  # a full disk, which is no reason to look away
        say(f"what happened cannot be kept: {error}")
        return False
    return True


def load(settings: Path, roots: Roots, say: Callable[[str], None] = tell) -> Stack | None:
    """Return what is looked after, as far as looking needs it; what cannot be read is said, and left out.

    None: there is nothing to go by.
    """
    found = _read(settings / "stack.json", say)
    budget = found.inside("budget") if found else None
    engine = _engine(found)
    if budget is None or engine is None or not budget.count("memory_budget_mib"):
        say(f"{settings}/stack.json does not say what to look after: run site.yml")
        return None
    services, stopped = [], []
    for path in sorted((settings / "services").glob("*.json")):
        service, kept_stopped = _service(path, roots, say)
        services += [service] if service else []
        stopped += [service.name] if service and kept_stopped else []
    return Stack(
        state="verified",
        scope=(),
        budget=Budget(
            budget.count("memory_budget_mib"),
            budget.count("memory_reserve_mib"),
            budget.count("engine_memory_allowance_mib"),
            budget.text("root", Budget.root),
            budget.text("slice", Budget.slice),
        ),
        engine=engine,
        controller=ControllerSpec(False, False, ()),
        architecture="",
        services=tuple(services),
        stopped=tuple(stopped),
    )


def _engine(found: Fields | None) -> EngineSpec | None:
    """Return which engine is asked, and where; None where that is not said."""
    kind, socket_path = (found.text("kind", EngineSpec.kind), found.text("socket")) if found else ("", "")
    known = bool(socket_path) if kind == EngineSpec.kind else kind in ENGINES
    return EngineSpec(False, (), {}, {}, socket_path, kind) if known else None


def engine_unit(settings: Path, say: Callable[[str], None] = tell) -> str:
    """Return the unit of an engine of ours; "" for somebody else's."""
    found = _read(settings / "stack.json", say)
    return found.text("engine_unit") if found else ""


def _read(path: Path, say: Callable[[str], None]) -> Fields | None:
    wrong: list[str] = []
    found = record_file.opened(record_file.read(path, LARGEST_BYTES), wrong)
    for words in wrong:
        say(f"{path} {words}")
    return found


def _service(path: Path, roots: Roots, say: Callable[[str], None]) -> tuple[Service | None, bool]:
    """Return a service, and whether it is kept stopped."""
    raw = _read(path, say)
    if raw is None or not (raw.text("name") and raw.count("memory_limit_mib")):
        say(f"{path} does not say what to look after: run site.yml")
        return None, False
    secret = raw.text("password_path")
    try:
        password = roots.path(secret).read_text(encoding="utf-8") if secret else ""
    except (OSError, ValueError) as error:
        say(f"{path}: the password of {raw.text('name')} cannot be read: {error}")
        return None, False
    service = Service(
        name=raw.text("name"),
        image=raw.text("image"),
        memory_limit_mib=raw.count("memory_limit_mib"),
        cpu_limit=1.0,
        pids_limit=1,
        user="1:1",
        files=(ManagedFile("password", password, sensitive=True),) if password else (),
        probe=Probe(url=raw.text("url"), username=raw.text("username"), password_file="password" if password else ""),
        stop_timeout_seconds=raw.count("stop_timeout_seconds", Service.stop_timeout_seconds),
        filesystems=tuple(raw.texts("filesystems")),
        shares=entry_point.settings(raw),
    )
    return service, raw.flag("stopped")


def _recent(service: Service, reading: Reading, known: readback.Known) -> samples.Recent:
    """Return what to know of a service at the next look."""
    recent = replace(known.recent, kernel_kills=reading.kernel_kills)
    if reading.usage:
        recent = samples.with_sample(recent, samples.Sample(known.now, reading.started_at, reading.usage.major_faults))
    if reading.status != "running" or not service.probe.url:
        return replace(recent, unanswered=0)
    if reading.healthy is None:
        return replace(recent, answered_at=known.now, unanswered=0)
    return replace(recent, unanswered=recent.unanswered + 1)


def _revived(service: Service, reading: Reading, engine: Engine, roots: Roots, kill: restart.Kill) -> Reading:
    """Restart a service; return its reading with the hang in its account. Raises `EngineError`."""
    name = name_of(service.name)
    restarts = restart.restart(engine, name, service.stop_timeout_seconds, roots.proc, kill)
    record = failure_history.hung(reading.record, reading.healthy or "", time.time(), restarts)
    return replace(reading, record=record)


def hangs(reading: Reading, recent: samples.Recent, now: float) -> bool:
    """Whether a service that does not answer hangs: some looks in a row, and it is not just starting."""
    answered = reading.started_at < recent.answered_at <= now
    return recent.unanswered >= LOOKS_UNTIL_HUNG and (answered or reading.ran(now) > STARTING_SECONDS)


def _keep(stack: Stack, remembered: state.State, readings: list[Reading], roots: Roots) -> None:
    """Keep what happened; the file is on flash, so a slightly higher peak alone does not rewrite it."""
    after = remembered
    for reading in readings:
        before = remembered.services.get(reading.name)
        peak = max(reading.record.peak_bytes, reading.usage.working_set if reading.usage else 0)
        grown = peak > reading.record.peak_bytes * PEAK_GROWTH
        record = replace(reading.record, peak_bytes=peak if grown else reading.record.peak_bytes)
        if reading.container and record != before:
            after = after.with_service(reading.name, record)
    if after != remembered:
        state.save(after, roots.path(stack.budget.root))


def main() -> None:
    """Take one look at this robot; the only argument is the directory of the settings."""
    settings = Path(sys.argv[1])
    found = _read(settings / "stack.json", tell)
    told = _engine(found)
    kind, socket_path = (told.kind, told.socket) if told else (EngineSpec.kind, "")
    look(settings, Roots(), connect(kind, socket_path, timeout=30.0, looks_only=True), time.time())
