"""Reads what /proc says of memory, processes and listening sockets.

Formats: https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import kernel_file

LISTEN = "0A"
# number, address:port, the other's, state, five words, and the inode; an address has one word of 8 digits, or four
SOCKET = re.compile(
    r"\s*\d+: ((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]+ ([0-9A-F]{2})(?: +\S+){5} +([0-9]+)\b"
)
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
    """Return /proc/meminfo in bytes, and `MemTotal` always. Raises OSError."""
    path = proc_root / "meminfo"
    values: dict[str, int] = {}
    for line in kernel_file.lines(path):
        key, _, rest = line.partition(":")
        words = rest.split()
        number = kernel_file.number(words[0]) if words else None
        if number is not None:
            values[key] = number * (1024 if words[1:] == ["kB"] else 1)
    if not values.get("MemTotal"):
        raise kernel_file.UnreadableError(f"{path} does not say MemTotal, the RAM that this machine has")
    return values


def share(pids: Iterable[int], proc_root: Path) -> Share | None:
    """Return the sum over ``pids``; None where no process could be read (gone, or not ours to read)."""
    pss, anonymous, seen = 0, 0, False
    for pid in pids:
        try:
            lines = kernel_file.lines(proc_root / str(pid) / "smaps_rollup")
        except OSError:
            continue  # a process that ended, or a kernel thread, holds nothing
        values = {words[0]: kernel_file.number(words[1]) or 0 for words in map(str.split, lines[1:]) if len(words) > 1}
        pss += values.get("Pss:", 0) * 1024
        anonymous += values.get("Anonymous:", 0) * 1024
        seen = True
    return Share(pss, anonymous) if seen else None


def pids_of(programs: Collection[str], proc_root: Path) -> list[int]:
    """Return the processes with one of these names, wherever they were started; names as the kernel cuts them."""
    found = []
    for comm in proc_root.glob("[0-9]*/comm"):
        try:
            name = kernel_file.text(comm).strip()  # cut at 15 bytes, also within a letter
        except OSError:
            continue
        if name in programs:
            found.append(kernel_file.number(comm.parent.name) or 0)
    return sorted(filter(None, found))


def ended(pid: int, proc_root: Path) -> bool:
    """Whether a process is gone, or about to go: it has no memory any more, and is out of its cgroup."""
    own = proc_root / str(pid)
    try:
        status = (own / "status").read_text(errors="replace")
    except OSError:
        return not own.is_dir()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return fields.get("State", "").split()[:1] in (["Z"], ["X"]) or "VmSize" not in fields


def age(pid: int, proc_root: Path) -> float | None:
    """Return for how many seconds a process has run, whatever the clock says; None where it cannot be told."""
    try:
        up = float(kernel_file.text(proc_root / "uptime").split()[0])
        return max(0.0, up - _start(pid, proc_root) / os.sysconf("SC_CLK_TCK"))
    except (OSError, IndexError, ValueError, OverflowError):
        return None


def _start(pid: int, proc_root: Path) -> int:
    """Return when a process was started, in ticks since the kernel was. Raises OSError, IndexError, ValueError."""
    # the name, in brackets, may hold anything; the start is the 20th word after it
    return int(kernel_file.text(proc_root / str(pid) / "stat").rpartition(")")[2].split()[19])


def boot_line(proc_root: Path) -> str:
    """Return the line that the running kernel was started with."""
    path = proc_root / "cmdline"
    return kernel_file.text(path) if path.is_file() else ""


def booted_at(proc_root: Path) -> float:
    """Return when process 1 was started, in seconds since 1970; 0 where it cannot be told."""
    try:
        lines = kernel_file.lines(proc_root / "stat")
        kernel = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        ticks = _start(1, proc_root)
    except (OSError, StopIteration, IndexError, ValueError):
        return 0.0
    return max(0.0, kernel + ticks / os.sysconf("SC_CLK_TCK")) if max(kernel, ticks) < 1 << 63 else 0.0


def lowest_port(proc_root: Path) -> int:
    """Return the lowest port on which programs without privileges may listen; 0: each, or the kernel does not say."""
    try:
        return int((proc_root / "sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def listener(address: str, proc_root: Path) -> str:
    """Return the inode of a socket that listens where ``address`` ("127.0.0.1:8428") wants to; "": there is none."""
    host, _, port = address.rpartition(":")
    wanted = int(port)
    for line in _sockets(proc_root / "net/tcp") + _sockets(proc_root / "net/tcp6"):
        found = SOCKET.match(line)
        if found and found[3] == LISTEN and int(found[2], 16) == wanted and _overlaps(host, found[1]):
            return found[4]
    return ""


def holder(inode: str, proc_root: Path) -> Program | None:
    """Return the process that has the socket ``inode`` open; None where that cannot be seen."""
    for descriptor in proc_root.glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                process = descriptor.parent.parent
                name = kernel_file.text(process / "comm").strip()
                return Program(int(process.name), name, kernel_file.text(process / "cgroup"))
        except OSError:
            continue  # it ended, or closed the file, while we looked
    return None


def _sockets(path: Path) -> list[str]:
    try:
        return kernel_file.lines(path)[1:]
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
