"""What the robot is: memory, kernel, architecture, clock, packages. Reading only."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ..base.roots import Roots
from . import cgroup, disk_space, platforms, procfs

# what kernels call an architecture -> what image registries call it; ARMv8 processors also run in 32-bit mode
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv8l": "arm"}
# What a 64-bit kernel calls itself -> what its programs are where all have 32 bits, as in the 32-bit Raspberry Pi OS:
# their engine runs images of 32 bits, and lets no others live.
NARROW = {"aarch64": "armv8l", "x86_64": "i686"}
MACHINE_ID = 32  # digits; while a system is being made other words stand there
BOOT_ID = "sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Robot:
    """Facts that decide whether a budget can hold here. Sizes in bytes; `clock` in seconds since 1970.

    `controller`: what the kernel says of its memory controller where it enforces nothing, see `cgroup.controller`.
    """

    architecture: str
    kernel: str
    hierarchy: cgroup.Hierarchy
    memory_total: int
    memory_ceiling: int
    swap_total: int
    disk_available: int
    systemd: bool
    platform: str  # the family of its distribution, see host/platforms; empty: none that is known
    swap_accounted: bool = True
    controller: str = cgroup.ENFORCING
    clock: float = 0.0
    cpus: int = 0  # 0: not known
    machine: str = ""  # which one it is, see `identity`; "": it cannot be told


def observe(roots: Roots, machine: str, kernel: str, data_root: str, clock: float = 0.0, cpus: int = 0) -> Robot:
    """Read the robot's facts; ``machine`` and ``kernel`` come from `platform`, the last two from `time` and `os`."""
    hierarchy = cgroup.detect(roots.sys)
    memory = procfs.memory(roots.proc)
    total = memory["MemTotal"]
    return Robot(
        architecture=ARCHITECTURES.get(machine, machine),
        kernel=kernel,
        hierarchy=hierarchy,
        memory_total=total,
        memory_ceiling=min(total, _ceiling(hierarchy, roots) or total),
        swap_total=memory.get("SwapTotal", 0),
        disk_available=disk_space.of(roots.path(data_root)).available,
        systemd=roots.path("/run/systemd/system").is_dir(),
        platform=platforms.find(roots).name,
        swap_accounted=cgroup.swap_accounted(hierarchy),
        controller=cgroup.controller(hierarchy, roots.sys, roots.proc),
        clock=clock,
        cpus=cpus,
        machine=identity(roots),
    )


def here(data_root: str, roots: Roots) -> Robot:
    """Observe the machine that runs this."""
    machine = of_programs(platform.machine(), sys.maxsize)
    return observe(roots, machine, platform.release(), data_root, time.time(), os.cpu_count() or 0)


def of_programs(kernels: str, largest: int) -> str:
    """Return what its programs run on, where a kernel calls its machine so; ``largest``: a program's `sys.maxsize`."""
    return NARROW.get(kernels, kernels) if largest < 1 << 32 else kernels


def identity(roots: Roots) -> str:
    """Return a digest that tells this machine from others, copies of its disk included; "": it has no machine-id.

    A copied disk has the same machine-id in another machine: the hardware's number, or this start's, tells them apart.
    """
    machine = _line(roots.path("/etc/machine-id"))
    if len(machine) != MACHINE_ID:
        return ""
    places = (roots.sys / "class/dmi/id/product_uuid", roots.proc / "device-tree/serial-number")
    hardware = next((found for found in map(_line, places) if found), "")
    return hashlib.sha256(f"{machine} {hardware or _line(roots.proc / BOOT_ID)}".encode()).hexdigest()[:32]


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _ceiling(hierarchy: cgroup.Hierarchy, roots: Roots) -> int | None:
    """The limit above everything on this robot: a robot may itself be a container or a capped machine."""
    path = cgroup.path_of(1, roots.proc, hierarchy) if hierarchy.version else None
    return None if path is None else cgroup.smallest_limit(hierarchy, path)[0]
