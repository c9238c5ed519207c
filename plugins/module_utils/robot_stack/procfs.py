"""Reads what /proc says of memory, processes and listening sockets.

Formats: https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ENGINE_PROGRAMS = ("dockerd", "containerd", "containerd-shim", "docker-proxy", "podman", "conmon")
LISTEN = "0A"


@dataclass(frozen=True)
class Share:
    """What processes hold, in bytes: proportional set size (text included) and anonymous memory."""

    pss: int
    anonymous: int


def memory(proc_root: Path) -> dict[str, int]:
    """Return /proc/meminfo in bytes."""
    values: dict[str, int] = {}
    for line in (proc_root / "meminfo").read_text().splitlines():
        key, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            values[key] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return values


def share(pids: Iterable[int], proc_root: Path) -> Share | None:
    """Return the sum over ``pids``; None where no process could be read (gone, or not ours to read)."""
    pss, anonymous, seen = 0, 0, False
    for pid in pids:
        try:
            lines = (proc_root / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # a process that ended, or a kernel thread, holds nothing
        values = {line.split(":")[0]: line.split()[1] for line in lines[1:] if ":" in line}
        pss += int(values.get("Pss", 0)) * 1024
        anonymous += int(values.get("Anonymous", 0)) * 1024
        seen = True
    return Share(pss, anonymous) if seen else None


def engine_pids(proc_root: Path) -> list[int]:
    """Return the processes of the container engine, shims and proxies included, wherever they were started."""
    found = []
    for comm in proc_root.glob("[0-9]*/comm"):
        try:
            name = comm.read_text().strip()
        except OSError:
            continue
        # the kernel keeps 15 characters of a name: containerd-shim-runc-v2 reads containerd-shim
        if name in ENGINE_PROGRAMS or name.startswith("containerd-shim"):
            found.append(int(comm.parent.name))
    return sorted(found)


def listens(address: str, proc_root: Path) -> bool:
    """Whether a process of the robot already listens where ``address`` ("127.0.0.1:8428") wants to."""
    host, _, port = address.rpartition(":")
    wanted = int(port)
    for line in _sockets(proc_root / "net/tcp") + _sockets(proc_root / "net/tcp6"):
        local, state = line.split()[1], line.split()[3]
        raw_host, raw_port = local.split(":")
        if state == LISTEN and int(raw_port, 16) == wanted and _overlaps(host, raw_host):
            return True
    return False


def _sockets(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()[1:]
    except OSError:
        return []


def _overlaps(host: str, raw: str) -> bool:
    """Whether ``host`` and the kernel's hexadecimal address can collide: same address, or either is any."""
    if set(raw) == {"0"} or host in ("", "0.0.0.0", "::", "[::]"):  # noqa: S104 - compared, not bound
        return True
    if len(raw) == 8 and host.count(".") == 3:
        octets = [str(int(raw[position : position + 2], 16)) for position in (6, 4, 2, 0)]
        return ".".join(octets) == host
    return False
