"""What systemd and the kernel tell of a container, without a process of Podman's: how it is, as which process, limits.

Below the unit's cgroup Podman makes one for the container (libpod-payload-ID) and keeps its monitor beside it. Limits
are the kernel's there; what runs in it is found by the number that it has inside, which is 1.
Source of the words: man 1 systemctl; https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...base.roots import Roots
from ...host import kernel_file
from ..protocol import PAUSED

PROPERTIES = (
    "LoadState,ActiveState,SubState,Job,NRestarts,ExecMainStatus,ActiveEnterTimestamp,ControlGroup,FreezerState,"
    "NeedDaemonReload"
)
PAYLOAD = re.compile(r"libpod-(?:payload-)?[0-9a-f]{64}(?:\.scope)?")
RUNNING, RESTARTING, ENDING, EXITED, CREATED = "running", "restarting", "ending", "exited", "created"
AT_REST = ("", "inactive", "failed")  # of a unit, in systemd's words
TIME = re.compile(r"@([0-9]{1,12})")


@dataclass(frozen=True)
class Told:
    """What systemd says of a unit."""

    load: str = ""
    active: str = ""
    sub: str = ""
    job: bool = False  # something is to be done with it: started at boot, as a rule
    restarts: int = 0
    main_status: int = 0
    entered_at: float = 0.0
    cgroup: str = ""
    frozen: bool = False
    stale: bool = False  # its file is another one than systemd has read

    @property
    def masked(self) -> bool:
        """Whether nobody can start it."""
        return self.load == "masked"


@dataclass(frozen=True)
class Payload:
    """The cgroup of a container that has processes, and the first of these; limits in bytes, 1/10^9 of a processor."""

    path: str
    pid: int
    memory: int = 0
    memory_and_swap: int = 0
    nano_cpus: int | None = None
    pids: int | None = None
    frozen: bool = False


def parse(shown: str) -> Told:
    """Return what `systemctl show` printed of one unit."""
    values = dict(line.partition("=")[::2] for line in shown.splitlines())

    def number(key: str) -> int:
        return kernel_file.number(values.get(key, "")) or 0

    entered = TIME.fullmatch(values.get("ActiveEnterTimestamp", ""))
    return Told(
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        job=number("Job") > 0,
        restarts=number("NRestarts"),
        main_status=number("ExecMainStatus"),
        entered_at=float(entered[1]) if entered else 0.0,
        cgroup=values.get("ControlGroup", ""),
        frozen=values.get("FreezerState") in ("frozen", "freezing"),
        stale=values.get("NeedDaemonReload") == "yes",
    )


def word(told: Told, payload: Payload | None, ran: bool) -> str:
    """Return what becomes of a container whose unit systemd looks after; ``ran``: it has run before.

    What is about to be started, after its end or at boot, is not stopped: systemd does that.
    """
    if told.active == "active" and payload is not None:
        return PAUSED if told.frozen or payload.frozen else RUNNING
    if told.active in ("active", "deactivating", "reloading", "refreshing"):
        return ENDING
    if told.active == "activating" or told.job:
        return RESTARTING
    return EXITED if ran else CREATED


def payload_of(cgroup: str, roots: Roots) -> Payload | None:
    """Return what runs below a unit's ``cgroup``; None: no container does."""
    if not cgroup.startswith("/") or ".." in cgroup.split("/"):
        return None
    top = roots.sys / "fs/cgroup"
    with suppress(OSError):
        for child in sorted((top / cgroup.lstrip("/")).iterdir()):
            if PAYLOAD.fullmatch(child.name):
                pid = _first(child, roots.proc)
                if pid:
                    return _limited(child, f"{cgroup.rstrip('/')}/{child.name}", pid)
    return None


def _first(group: Path, proc: Path) -> int:
    """Return the process that is number 1 inside; its runtime may have put it one cgroup further down."""
    pids: list[int] = []
    for procs in (group / "cgroup.procs", *sorted(group.glob("*/cgroup.procs"))):
        with suppress(OSError):
            pids += filter(None, map(kernel_file.number, kernel_file.text(procs).split()))
    return next((pid for pid in sorted(pids) if _inside(pid, proc) == "1"), min(pids, default=0))


def _inside(pid: int, proc: Path) -> str:
    """Return the number that a process has in its own namespace, "" where that cannot be told."""
    with suppress(OSError):
        for line in kernel_file.lines(proc / str(pid) / "status"):
            if line.startswith("NSpid:"):
                return (line.split() or [""])[-1]
    return ""


def _limited(group: Path, path: str, pid: int) -> Payload:
    memory = _limit(group / "memory.max")
    swap = _limit(group / "memory.swap.max")
    return Payload(
        path,
        pid,
        memory=max(0, memory or 0),
        memory_and_swap=-1 if swap in (None, -1) or memory in (None, -1) else (memory or 0) + (swap or 0),
        nano_cpus=_cpus(group / "cpu.max"),
        pids=_limit(group / "pids.max"),
        frozen=_pairs(group / "cgroup.events").get("frozen") == "1",
    )


def _limit(path: Path) -> int | None:
    """Return the number in a file of limits, -1: none is set; None: there is no such file."""
    try:
        words = kernel_file.text(path).strip()
    except OSError:
        return None
    return -1 if words == "max" else kernel_file.number(words)


def _cpus(path: Path) -> int | None:
    try:
        quota, _, period = kernel_file.text(path).strip().partition(" ")
    except OSError:
        return None
    if quota == "max":
        return 0
    share, whole = kernel_file.number(quota), kernel_file.number(period)
    return round(share / whole * 1e9) if share is not None and whole else None


def _pairs(path: Path) -> Mapping[str, str]:
    with suppress(OSError):
        return dict(line.partition(" ")[::2] for line in kernel_file.lines(path))
    return {}
