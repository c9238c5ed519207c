"""The robot's half of preflight: reasons not to touch it. Pure; each reason says what to do."""

from __future__ import annotations

from pathlib import Path

from . import bootline, container, procfs
from .observe import Observed
from .spec import Stack
from .units import bytes_of, mib_of

SMALLEST_DISK_MIB = 256  # both images, unpacked, with room for the first days of data


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return why nothing may be changed on this robot; empty: go ahead."""
    found = [*_machine(stack, seen), *_memory(stack, seen), *_engine(stack, seen)]
    if seen.robot.disk_available < bytes_of(SMALLEST_DISK_MIB):
        found.append(
            f"{mib_of(seen.robot.disk_available)} MiB of disk are free for {stack.budget.root}, "
            f"{SMALLEST_DISK_MIB} MiB are needed: free some space"
        )
    return found


def memory_controller(stack: Stack, seen: Observed) -> str:
    """Return why the memory controller, which is off, must not or cannot be switched on; empty: switch it on."""
    off = "the kernel's memory controller is off: limits would be accepted and not enforced"
    if not stack.controller.enable:
        return f"{off}; set memory_cgroup_enable: true, or switch it on by hand"
    if not seen.boot_file:
        looked = ", ".join(stack.controller.boot_files)
        return (
            f"{off}, and there is no boot line to change ({looked}); add {bootline.OPTIONS[0]} to the kernel's options"
        )
    if bootline.with_memory_controller(seen.boot_line).split() == seen.boot_line.split():
        return f"{off} although {seen.boot_file} switches it on: reboot, or see docs/raspberry-pi.md for this kernel"
    if not stack.controller.reboot_allowed:
        by_hand = f"edit {seen.boot_file} and reboot by hand"
        return f"{off}; it needs a reboot: set memory_cgroup_reboot_allowed: true, or {by_hand}"
    return ""


def busy_listeners(stack: Stack, seen: Observed, proc_root: Path) -> list[str]:
    """Return the addresses that a service wants and that a program which is not ours already listens on."""
    found = []
    for service in stack.scoped_services:
        own = seen.containers.get(container.name_of(service.name))
        if own is not None and (own.get("State") or {}).get("Running"):
            continue  # the listener is our own container
        found += [
            f"{address} is taken by another program: stop it, or change {service.name}_listen_address"
            for address in service.listens
            if procfs.listens(address, proc_root)
        ]
    return found


def _machine(stack: Stack, seen: Observed) -> list[str]:
    found = []
    if seen.robot.architecture != stack.architecture:
        found.append(
            f"this robot is {seen.robot.architecture}, robot_stack_architecture says {stack.architecture}: "
            "correct it in the inventory"
        )
    if not seen.robot.systemd:
        found.append("systemd does not run here: the ceiling over the whole stack is a systemd slice")
    return found


def _memory(stack: Stack, seen: Observed) -> list[str]:
    budget, reserve = stack.budget.memory_budget_mib, stack.budget.memory_reserve_mib
    if bytes_of(budget + reserve) <= seen.robot.memory_ceiling:
        return []
    there = mib_of(seen.robot.memory_ceiling)
    return [
        f"budget {budget} MiB plus reserve {reserve} MiB is more than this robot's {there} MiB: "
        "lower robot_stack_memory_budget_mib or robot_stack_memory_reserve_mib"
    ]


def _engine(stack: Stack, seen: Observed) -> list[str]:
    if seen.engine.installed or seen.engine.running:
        return []
    if not stack.engine.install:
        return ["there is no container engine: install one, or set container_engine_install: true"]
    if not seen.robot.debian:
        return ["there is no container engine, and this is no Debian: install Docker by this system's own means"]
    return []
