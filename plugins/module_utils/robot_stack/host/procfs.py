"""Reads what /proc says of memory, processes and listening sockets.

Formats: https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"
MAPPED = bytes(10) + b"\xff\xff"  # what stands before an IPv4 address in IPv6


@dataclass(frozen=True)
class Share:
    """What processes hold, in bytes: proportional set size (text included) and anonymous memory."""

    pss: int
    anonymous: int


@dataclass(frozen=True)
class Program:
    """A running process, and the cgroups that it is in as the kernel lists them."""

    pid: int
    name: str
    cgroups: str


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


def pids_of(programs: Collection[str], proc_root: Path) -> list[int]:
    """Return the processes with one of these names, wherever they were started; names as the kernel cuts them."""
    found = []
    for comm in proc_root.glob("[0-9]*/comm"):
        try:
            name = comm.read_text(errors="replace").strip()  # cut at 15 bytes, also within a letter
        except OSError:
            continue
        if name in programs:
            found.append(int(comm.parent.name))
    return sorted(found)


def ended(pid: int, proc_root: Path) -> bool:
    """Whether a process is gone, or about to go: it has no memory any more, and is out of its cgroup."""
    own = proc_root / str(pid)
    try:
        status = (own / "status").read_text(errors="replace")
    except OSError:
        return not own.is_dir()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return fields.get("State", "").split()[:1] in (["Z"], ["X"]) or "VmSize" not in fields


def boot_line(proc_root: Path) -> str:
    """Return the line that the running kernel was started with."""
    path = proc_root / "cmdline"
    return path.read_text() if path.is_file() else ""


def booted_at(proc_root: Path) -> float:
    """Return when process 1 was started, in seconds since 1970; 0 where it cannot be told."""
    try:
        lines = (proc_root / "stat").read_text().splitlines()
        kernel = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        # the name, in brackets, may hold anything; the start is the 20th word after it
        ticks = int((proc_root / "1/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, StopIteration, IndexError, ValueError):
        return 0.0
    return kernel + ticks / os.sysconf("SC_CLK_TCK")


def listener(address: str, proc_root: Path) -> str:
    """Return the inode of a socket that listens where ``address`` ("127.0.0.1:8428") wants to; "": there is none."""
    host, _, port = address.rpartition(":")
    wanted = int(port)
    for line in _sockets(proc_root / "net/tcp") + _sockets(proc_root / "net/tcp6"):
        words = line.split()
        raw_host, raw_port = words[1].split(":")
        if words[3] == LISTEN and int(raw_port, 16) == wanted and _overlaps(host, raw_host):
            return words[9]
    return ""


def holder(inode: str, proc_root: Path) -> Program | None:
    """Return the process that has the socket ``inode`` open; None where that cannot be seen."""
    for descriptor in proc_root.glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                process = descriptor.parent.parent
                name = (process / "comm").read_text(errors="replace").strip()
                return Program(int(process.name), name, (process / "cgroup").read_text())
        except OSError:
            continue  # it ended, or closed the file, while we looked
    return None


def _sockets(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()[1:]
    except OSError:
        return []


def _overlaps(host: str, raw: str) -> bool:
    """Whether ``host`` and the kernel's hexadecimal address can collide: same address, or either is any."""
    wanted, taken = _packed(host.strip("[]")), _without_mapping(_from_kernel(raw))
    return wanted is not None and (wanted == taken or not any(wanted) or not any(taken))


def _packed(host: str) -> bytes | None:
    """Return an address as bytes, "" as any; None where it is none but a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return _without_mapping(socket.inet_pton(family, host or "::"))
        except OSError:
            continue
    return None


def _from_kernel(raw: str) -> bytes:
    """The kernel prints words of four bytes, each as a number of the machine's byte order."""
    words = (int(raw[start : start + 8], 16) for start in range(0, len(raw), 8))
    return b"".join(word.to_bytes(4, sys.byteorder) for word in words)


def _without_mapping(address: bytes) -> bytes:
    """Return the IPv4 address that an IPv6 socket has as ::ffff:a.b.c.d; others as they are."""
    return address[len(MAPPED) :] if address.startswith(MAPPED) else address
