"""The watchdog on the robot: its program (this package), its settings, its units.

<root>/watchdog/look.py, robot_stack/   the program
<root>/watchdog/answer.py               the way in for a deployment, which then sends no program (run/answer.py)
<root>/watchdog/stack.json              the budget, and where the engine listens
<root>/watchdog/services/<name>.json    one service: its limit, and how to ask whether it works; root's where that is by
                                        a password
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..base import files, lock, program
from ..base.files import DesiredFile, DesiredFolder, FoundFile, write
from ..base.roots import Roots
from ..host import journal, systemd
from ..host.systemd import UNITS, Run
from ..records import record_file, samples
from ..records.record_file import FORMAT
from ..spec import layout
from ..spec.model import EngineSpec, Service, Stack
from . import look, own_program  # Ansible sends what is imported, and the program starts with look
from . import metrics as metrics_page

TIMER = "robot-stack-watchdog.timer"
SERVICE = "robot-stack-watchdog.service"
TMPFILES = "/etc/tmpfiles.d/robot-stack.conf"
UNIT_FILES = (f"{UNITS}/{SERVICE}", f"{UNITS}/{TIMER}")
MEMORY_MIB = 32


def directory(stack: Stack) -> str:
    """Return where the watchdog lives on the robot."""
    return f"{stack.budget.root}/{own_program.NAME}"


def program_files(stack: Stack) -> list[DesiredFile]:
    """Return the program: the very files of this package that a deployment runs."""
    return [DesiredFile(f"{directory(stack)}/{path}", text) for path, text in own_program.contents().items()]


def settings(stack: Stack, engine_unit: str, own_engine: bool, writes: Sequence[str] = ()) -> list[DesiredFile]:
    """Return the stack's settings and the units, which start after ``engine_unit``, whether or not that is ours.

    ``writes`` are the folders that the engine has written to where a container is started.
    """
    seconds = stack.watchdog_interval_seconds
    about = {"format": FORMAT, "budget": asdict(stack.budget), "socket": stack.engine.socket}
    about.update({"kind": stack.engine.kind} if stack.engine.kind != EngineSpec.kind else {})
    about.update({"engine_unit": engine_unit} if own_engine and engine_unit else {})
    return [
        DesiredFile(f"{directory(stack)}/stack.json", json.dumps(about, indent=1, sort_keys=True) + "\n"),
        DesiredFile(TMPFILES, _folders()),
        DesiredFile(f"{UNITS}/{SERVICE}", _service_unit(stack, engine_unit, writes)),
        DesiredFile(f"{UNITS}/{TIMER}", _timer_unit(seconds)),
    ]


def service_settings(stack: Stack, service: Service) -> DesiredFile:
    """Return what the watchdog must know of one service. No secret: the password stays in the service's own file."""
    probe = service.probe
    secret = f"{layout.config_directory(stack, service)}/{probe.password_file}" if probe.password_file else ""
    about = {
        "format": FORMAT,
        "name": service.name,
        "image": service.image,
        "memory_limit_mib": service.memory_limit_mib,
        "url": probe.url,
        "username": probe.username,
        "password_path": secret,
        "stop_timeout_seconds": service.stop_timeout_seconds,
        **({"stopped": True} if stack.keeps_stopped(service.name) else {}),
        **({"filesystems": list(service.filesystems)} if service.filesystems else {}),
        **({"shares": _shares(stack, service)} if service.shares.file else {}),
    }
    content = json.dumps(about, indent=1, sort_keys=True) + "\n"
    # the folder of a password is named by a digest of it, with which guesses could be tried: for root alone
    mode = 0o600 if secret or service.shares.file else 0o644
    return DesiredFile(service_settings_path(stack.budget.root, service.name), content, mode)


def _shares(stack: Stack, service: Service) -> dict[str, Any]:
    declared, directory = service.shares, layout.config_directory(stack, service)
    paths = {"file": f"{directory}/{declared.file}", "password_file": f"{directory}/{declared.password_file}"}
    told = {**asdict(declared), **paths}
    if (declared.copies, declared.turns) != (1, 1):
        return told
    # as in settings that an older version wrote, and of one hub still are
    return {key: value for key, value in told.items() if key not in ("copies", "turn", "turns")}


def socket_told(root: Path) -> str:
    """Return where the engine listens that the watchdog asks, by its settings below ``root``; "": they do not say."""
    path = root / own_program.NAME / "stack.json"
    found = record_file.opened(record_file.read(path, look.LARGEST_BYTES), [])
    return found.text("socket") if found else ""


def says(file: DesiredFile, found: FoundFile | None) -> bool:
    """Whether the settings in ``found`` need no change: yesterday's, without a format number, say the same."""
    return files.equal(file, found) or files.equal(replace(file, content=_unnumbered(file.content)), found)


def _unnumbered(content: str) -> str:
    return content.replace(f' "format": {FORMAT},\n', "", 1)


def service_settings_path(root: str, name: str) -> str:
    """Return where the settings of service ``name`` are kept."""
    return f"{root}/{own_program.NAME}/services/{name}.json"


def install(stack: Stack, roots: Roots, run: Run) -> None:
    """Put the program there and start its timer anew; its settings lie there already."""
    _put(stack, roots)
    run(["systemd-tmpfiles", "--create", TMPFILES])
    run(["systemctl", "daemon-reload"])
    run(["systemctl", "enable", "--quiet", TIMER])
    run(["systemctl", "restart", TIMER])


def _put(stack: Stack, roots: Roots) -> None:
    """Write the package beside the one that is there, which runs until it is whole, whatever cuts this off."""
    package, new, former = (roots.path(f"{directory(stack)}/{program.PACKAGE}{end}") for end in ("", ".new", ".former"))
    _clear(new)
    _clear(former)
    start = f"{directory(stack)}/{program.PACKAGE}"
    files_of_it = program_files(stack)
    for file in files_of_it:
        if file.path.startswith(f"{start}/"):
            write(replace(file, path=f"{start}.new{file.path[len(start) :]}"), roots.filesystem)
    if os.path.lexists(package):
        package.rename(former)
    new.rename(package)
    for file in files_of_it:
        if not file.path.startswith(f"{start}/"):
            write(file, roots.filesystem)
    _clear(former)  # with what an older version left


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def drop(roots: Roots, run: Run) -> None:
    """Stop the watchdog and take its units away; the program goes with its directory."""
    run(["systemctl", "disable", "--quiet", "--now", TIMER])
    for path in (*UNIT_FILES, TMPFILES):
        roots.path(path).unlink(missing_ok=True)
    shutil.rmtree(roots.path(samples.DIRECTORY), ignore_errors=True)
    run(["systemctl", "daemon-reload"])


def forget(stack: Stack, roots: Roots, name: str) -> None:
    """Look no more after service ``name``."""
    roots.path(service_settings_path(stack.budget.root, name)).unlink(missing_ok=True)


def watched(stack: Stack, roots: Roots) -> list[str]:
    """Return the names of the services that are looked after, declared or not."""
    return sorted(path.stem for path in roots.path(f"{directory(stack)}/services").glob("*.json"))


def silent_seconds(roots: Roots) -> float | None:
    """Return for how long the watchdog has not looked; None where it is not there, or the robot cannot say.

    Where it has not looked yet, that is since it was installed or the robot started, whichever is later.
    """
    try:
        up = float((roots.proc / "uptime").read_text(encoding="utf-8").split()[0])
        installed = time.time() - roots.path(f"{UNITS}/{TIMER}").stat().st_mtime
    except (OSError, ValueError, IndexError):
        return None
    try:
        return max(0.0, min(up, time.time() - _sampled(roots).stat().st_mtime))
    except OSError:
        return max(0.0, min(up, installed))


def _sampled(roots: Roots) -> Path:
    return roots.path(f"{samples.DIRECTORY}/{samples.FILE}")


def folders(stack: Stack) -> list[DesiredFolder]:
    """Return the folders of the program, its settings, and what it writes; root runs what is in the first of them."""
    top = directory(stack)
    own = {top}
    for file in program_files(stack):
        above = file.path.rpartition("/")[0]
        while above not in own:  # as text: a robot makes these paths at each run
            own.add(above)
            above = above.rpartition("/")[0]
    return [DesiredFolder(path) for path in [*sorted(own), f"{top}/services", *_KEPT]] + [_LOCKS]


def _folders() -> str:
    kept = [*(DesiredFolder(path) for path in _KEPT), _LOCKS]
    return "".join(f"d {folder.path} {folder.mode:04o} root root -\n" for folder in kept)


_KEPT = (samples.DIRECTORY, f"{samples.DIRECTORY}/{metrics_page.FILE.rpartition('/')[0]}")
_LOCKS = DesiredFolder(lock.FOLDER, 0o700)


def _service_unit(stack: Stack, engine_unit: str, writes: Sequence[str]) -> str:
    top = directory(stack)
    after = f"After={engine_unit}\n" if engine_unit else ""
    writable = "".join(f"ReadWritePaths=-{path}\n" for path in writes)
    return f"""\
# Written by robot_stack; changes are overwritten.
[Unit]
Description=Looks after the telemetry stack of this robot
{after}
[Service]
Type=oneshot
# while a deployment is at work there is nothing to look at, and its memory is not free for another Python
ExecCondition=/usr/bin/flock --nonblock {lock.FILE} true
ExecStart={systemd.word(stack.python)} -I -S {systemd.word(f"{top}/look.py")} {systemd.word(top)}
Slice={stack.budget.slice}
MemoryMax={MEMORY_MIB}M
TasksMax=8
Nice=10
# what it says is worth a line; that it ran is not
LogLevelMax=warning
SyslogLevel=warning
SyslogIdentifier={journal.NAME}
TimeoutStartSec=120
NoNewPrivileges=yes
ProtectHome=yes
ProtectSystem=full
PrivateTmp=yes
{writable}"""


def _timer_unit(seconds: int) -> str:
    return f"""\
# Written by robot_stack; changes are overwritten.
[Unit]
Description=Looks after the telemetry stack of this robot every {seconds} seconds

[Timer]
OnActiveSec=5
OnUnitActiveSec={seconds}
AccuracySec=1

[Install]
WantedBy=timers.target
"""
