"""The lives of a container, noted by systemd while they happen: when it started, ended, and was asked to end.

systemd forgets how a service ended as soon as it starts it again, and counts an attempt that failed as a restart like
any other: after conmon was killed, Podman needs two to get rid of what it left. So the unit notes it itself, without a
process of Podman's and without the journal, in /run/robot-stack-podman:

NAME        a line each: SECONDS start KILLS, SECONDS stop, SECONDS die CODE STATUS KILLS
NAME.lives  how often it started since somebody asked for a start

KILLS is how many processes the kernel has killed in the service's slice (cgroup v2), which outlives its containers;
CODE and STATUS are systemd's $EXIT_CODE and $EXIT_STATUS. Source: man 5 systemd.exec, systemd.service
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..protocol import Event

FOLDER = "robot-stack-podman"  # below /run
COUNT = ".lives"
LARGEST_BYTES, KEPT_LINES = 64 * 1024, 200
LINE = re.compile(
    r"(?P<time>[0-9]{1,12}(?:\.[0-9]{1,9})?) "
    r"(?:(?P<start>start)|(?P<stop>stop)|die (?P<code>[a-z]{1,10}) (?P<status>[A-Z0-9+-]{1,12}))"
    r"(?: (?P<kills>[0-9]{1,18}))?"
)
KILLED = 128  # and the number of the signal: what a shell says of an end by signal


@dataclass(frozen=True)
class Lives:
    """What is known of a container's lives. Times in seconds since 1970, 0: never, or not known.

    `restarts` counts ends that nobody asked for, which systemd starts it after; None: nobody has counted.
    """

    events: tuple[Event, ...] = ()
    restarts: int | None = None
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    oom_killed: bool = False


def directives(name: str, slice_path: str) -> list[str]:
    """Return the lines of a unit's [Service] by which it notes its lives; ``slice_path``: its slice's cgroup."""
    note, kills = f"/run/{FOLDER}/{name}", f'$(sed -n "s/^oom_kill //p" /sys/fs/cgroup{slice_path}/memory.events)'
    now = "$(date +%s.%N)"
    started = (
        f"echo $(( $(cat {note}{COUNT} 2>/dev/null || echo 0) + 1 )) >{note}{COUNT}; "
        f'echo "{now} start {kills}" >>{note}'
    )
    # without a main process it ended by itself, and is only taken apart
    asked = f'[ -z "$MAINPID" ] || {{ echo 0 >{note}{COUNT}; echo "{now} stop" >>{note}; }}'
    died = (
        f'echo "{now} die $EXIT_CODE $EXIT_STATUS {kills}" >>{note}; '
        f"[ $(wc -c <{note}) -lt {LARGEST_BYTES} ] || "
        f"{{ tail -n {KEPT_LINES} {note} >{note}.new && mv {note}.new {note}; }}"
    )
    return [
        f"RuntimeDirectory={FOLDER}",
        "RuntimeDirectoryMode=0700",
        "RuntimeDirectoryPreserve=yes",
        f"ExecStartPost=-/bin/sh -c {_script(started)}",
        f"ExecStop=-/bin/sh -c {_script(asked)}",
        f"ExecStopPost=-/bin/sh -c {_script(died)}",
    ]


def _script(words: str) -> str:
    """Return a script as one word of a unit's command line, none of it for systemd to expand."""
    for letter, escaped in (("\\", "\\\\"), ("'", "\\'"), ("%", "%%"), ("$", "$$")):
        words = words.replace(letter, escaped)
    return f"'{words}'"


def path(run: Path, name: str) -> Path:
    """Return where the lives of ``name`` are noted; ``run`` is the robot's /run."""
    return run / FOLDER / name


def load(run: Path, name: str) -> Lives:
    """Return what is known of the container ``name``; nothing where nothing was noted, or it cannot be read."""
    lines, counted = [], None
    with suppress(OSError, ValueError), path(run, name).open(encoding="ascii", errors="replace") as file:
        lines = file.read(2 * LARGEST_BYTES).splitlines()
    with suppress(OSError, ValueError), path(run, name + COUNT).open(encoding="ascii", errors="replace") as file:
        counted = int(file.read(20))
    return told(lines, counted)


def told(lines: Sequence[str], starts: int | None) -> Lives:
    """Return the lives that ``lines`` tell. An attempt that came to no start is no life, and ends none.

    ``starts`` since somebody asked for one: each but the first is a restart, and so is the one that an end will bring.
    """
    events: list[Event] = []
    lives, asked, before, kills = (
        True,
        False,
        None,
        0,
    )  # what stands first may be the end of a life whose start was cut off
    started_at, finished_at, code, killed = 0.0, 0.0, 0, False
    for line in lines:
        found = LINE.fullmatch(line)
        if found is None:
            continue
        at = float(found["time"])
        kills = int(found["kills"] or 0)
        if found["start"]:
            lives, asked, before, started_at = True, False, kills, at
            events.append(Event(at, "start"))
        elif found["stop"]:
            asked = True
            events.append(Event(at, "kill", signal="15"))
        else:
            code = exit_code(found["code"], found["status"])
            killed = lives and before is not None and kills > before
            if lives:
                finished_at = at
                events += [Event(at, "oom")] if killed else []
                events.append(Event(at, "die", exit_code=str(code)))
            lives = False
    to_come = bool(events) and not lives and not asked
    restarts = None if starts is None else max(0, starts - 1) + to_come
    return Lives(tuple(events), restarts, started_at, finished_at, code, killed)


def exit_code(code: str, status: str) -> int:
    """Return systemd's words for an end as a shell's exit code."""
    if status.isdigit():
        return int(status) if code == "exited" else KILLED + int(status)
    with suppress(ValueError, KeyError):
        return KILLED + signal.Signals[f"SIG{status}"].value
    return KILLED


def count_anew(run: Path, name: str) -> None:
    """Have starts counted from the next one on, which somebody asks for. Raises OSError."""
    folder = run / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / (name + COUNT)).write_text("0\n", encoding="ascii")


def rename(run: Path, name: str, new_name: str) -> None:
    """Give a container's lives its new name."""
    for ending in ("", COUNT):
        with suppress(FileNotFoundError):
            path(run, name + ending).replace(path(run, new_name + ending))


def forget(run: Path, name: str) -> None:
    """Forget the lives of a container that goes."""
    for one in (name, name + COUNT):
        with suppress(FileNotFoundError):
            path(run, one).unlink()
