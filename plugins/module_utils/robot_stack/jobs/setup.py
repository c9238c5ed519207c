"""Jobs on a computer: how they are started, their settings, their units.

<root>/jobs/run.py                       starts a run; its program is the watchdog's, which is all of this package
<root>/jobs/NAME.json                    one job: what its container is made from, and what it reads and makes
<root>/jobs/record-DATABASE.json         what became of it (records/job_record.py)
robot-stack-NAME.service, .timer         started by its calendar, at most once at a time
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..base.files import DesiredFile, DesiredFolder, write
from ..base.roots import Roots
from ..engine.protocol import Driver
from ..host import journal, systemd
from ..host.systemd import UNITS, Run
from ..records import record_file
from ..records.job_record import FOLDER
from ..records.record_file import FORMAT
from ..spec import layout
from ..spec.model import EngineSpec, Service, Stack
from ..watchdog import own_program
from . import backup

MEMORY_MIB = 32
LONGEST_RUN_SECONDS = 12 * 3600
RUN = """\
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "{watchdog}"))

from robot_stack.jobs.backup import {main}

main()
"""


def directory(stack: Stack) -> str:
    """Return where the jobs' program and settings are."""
    return f"{stack.budget.root}/{FOLDER}"


def found(stack: Stack, roots_: Roots) -> list[str]:
    """Return the names of the jobs that have settings here, or units, sorted."""
    names = {path.stem for path in roots_.path(directory(stack)).glob("*.json")}
    units_ = roots_.path(UNITS).glob("robot-stack-*.timer")
    names |= {path.stem[len("robot-stack-") :] for path in units_} - {"watchdog"}
    return sorted(name for name in names if not name.startswith("record-"))


def images(stack: Stack, roots_: Roots, driver: Driver) -> list[str]:
    """Return the references of the images that jobs with settings here are made from: none of them runs meanwhile."""
    paths = (roots_.path(settings_path(stack.budget.root, name)) for name in found(stack, roots_))
    read = (record_file.opened(record_file.read(path, backup.LARGEST_SETTINGS), []) for path in paths)
    references = (driver.image_of(fields.mapping("request")) for fields in read if fields)
    return sorted(filter(None, references))


def timed(stack: Stack) -> tuple[Service, ...]:
    """Return the jobs that a timer starts."""
    return tuple(one for one in stack.jobs if one.job.calendar and not stack.keeps_stopped(one.name))


def program(stack: Stack) -> DesiredFile:
    """Return what starts a run, with the program that a deployment has left on the computer."""
    # the run itself is imported here, so that Ansible brings it along with the module
    text = RUN.format(watchdog=own_program.NAME, main=backup.main.__name__)
    return DesiredFile(f"{directory(stack)}/run.py", text)


def folders(stack: Stack) -> list[DesiredFolder]:
    """Return the folder of the settings; root runs what is in it."""
    return [DesiredFolder(directory(stack))] if stack.jobs else []


def settings_path(root: str, name: str) -> str:
    """Return where the settings of job ``name`` are."""
    return f"{root}/{FOLDER}/{name}.json"


def settings(stack: Stack, job: Service, request: Mapping[str, Any]) -> DesiredFile:
    """Return what a run must know. No secret: the password stays in the database's own file."""
    database = stack.service(job.job.database)
    if database is None:
        raise ValueError(f"job {job.name} is about {job.job.database}, which is not declared")
    uid, gid = job.uid_gid
    about = {
        "format": FORMAT,
        "root": stack.budget.root,
        "socket": stack.engine.socket,
        **({"kind": stack.engine.kind} if stack.engine.kind != EngineSpec.kind else {}),
        "uid": uid,
        "gid": gid,
        "job": {key: value for key, value in asdict(job.job).items() if key not in ("calendar", "delay_seconds")},
        "database": _database(stack, database),
        "request": request,
    }
    return _settings(stack, job.name, about)


def _settings(stack: Stack, name: str, about: Mapping[str, Any]) -> DesiredFile:
    content = json.dumps(about, indent=1, sort_keys=True) + "\n"
    return DesiredFile(settings_path(stack.budget.root, name), content, mode=0o600)


def _database(stack: Stack, database: Service) -> dict[str, str]:
    probe, data = database.probe, database.data[0].name if database.data else "data"
    secret = f"{layout.config_directory(stack, database)}/{probe.password_file}" if probe.password_file else ""
    return {
        "name": database.name,
        "path": layout.data_folder(stack.budget.root, database.name, data),
        "url": "/".join(probe.url.split("/")[:3]),
        "username": probe.username,
        "password_path": secret,
    }


def follow(stack: Stack, database: Service, roots_: Roots) -> None:
    """Have the settings of jobs here say what ``database`` is now, before its old files go.

    A job may be out of scope, and what comes after its database may fail: its next run finds the password all the same.
    """
    for name in found(stack, roots_):
        path = roots_.path(settings_path(stack.budget.root, name))
        fields = record_file.opened(record_file.read(path, backup.LARGEST_SETTINGS), [])
        if fields is None or fields.inside("database").text("name") != database.name:
            continue
        about = {**fields.raw, "database": _database(stack, database)}
        if about != fields.raw:
            write(_settings(stack, name, about), roots_.filesystem)


def unit_name(name: str, kind: str) -> str:
    """Return the unit of job ``name``; ``kind`` is service or timer."""
    return systemd.job_unit(name, kind)


def unit_files(stack: Stack, job: Service, engine_unit: str) -> list[DesiredFile]:
    """Return the units of a job; one that no timer starts has none."""
    if job not in timed(stack):
        return []
    texts = {"service": _service_unit(stack, job, engine_unit), "timer": _timer_unit(job)}
    return [DesiredFile(f"{UNITS}/{unit_name(job.name, kind)}", text) for kind, text in texts.items()]


def unit_paths(name: str) -> list[str]:
    """Return where the units of job ``name`` are."""
    return [f"{UNITS}/{unit_name(name, kind)}" for kind in ("service", "timer")]


def install(stack: Stack, name: str, run: Run) -> None:
    """Start the job's timer anew, if it has one; its settings, its units and what starts it lie there already."""
    if name in [one.name for one in timed(stack)]:
        timer = unit_name(name, "timer")
        run(["systemctl", "daemon-reload"])
        run(["systemctl", "enable", "--quiet", timer])
        run(["systemctl", "restart", timer])


def drop(stack: Stack, name: str, roots_: Roots, run: Run, settings_too: bool = True) -> None:
    """Start job ``name`` no more, and forget it. What it has made stays."""
    there = [path for path in unit_paths(name) if roots_.path(path).exists()]
    if there:
        run(["systemctl", "disable", "--quiet", "--now", unit_name(name, "timer")])
        run(["systemctl", "stop", unit_name(name, "service")])
    for path in there:
        roots_.path(path).unlink(missing_ok=True)
    if there:
        run(["systemctl", "daemon-reload"])
    if not settings_too:
        return
    roots_.path(settings_path(stack.budget.root, name)).unlink(missing_ok=True)
    if not found(stack, roots_):  # the last one: the record stays
        roots_.path(f"{directory(stack)}/run.py").unlink(missing_ok=True)


def _service_unit(stack: Stack, job: Service, engine_unit: str) -> str:
    top = directory(stack)
    words = f"{systemd.word(stack.python)} -I -S {systemd.word(f'{top}/run.py')} {systemd.word(top)} {job.name}"
    return f"""\
{systemd.WRITTEN_BY_US} changes are overwritten.
[Unit]
Description=Backs up {job.job.database}
After={engine_unit}

[Service]
Type=oneshot
ExecStart={words}
# also where it was killed: its container and its snapshot go
ExecStopPost={words} clean
Slice={stack.budget.slice}
MemoryMax={MEMORY_MIB}M
TasksMax=8
Nice=10
SyslogIdentifier={journal.NAME}
TimeoutStartSec={LONGEST_RUN_SECONDS}
TimeoutStopSec=180
NoNewPrivileges=yes
ProtectSystem=full
"""


def _timer_unit(job: Service) -> str:
    return f"""\
{systemd.WRITTEN_BY_US} changes are overwritten.
[Unit]
Description=Backs up {job.job.database}: {job.job.calendar.replace("%", "%%")}

[Timer]
OnCalendar={job.job.calendar.replace("%", "%%")}
RandomizedDelaySec={job.job.delay_seconds}
Persistent=true
AccuracySec=1

[Install]
WantedBy=timers.target
"""
