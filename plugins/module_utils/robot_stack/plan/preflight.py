"""The robot's half of preflight: reasons not to touch it. Pure; each reason says what to do.

The rules, all checked before anything is changed, all reasons told at once:

name          this machine is not deployed under another one
architecture  the robot's is supported, and is the one declared
kernel        4.14 or later: what limits and kills are read from is there
clock         at most an hour from the controller's
memory        budget and reserve are at most the RAM, or the cgroup ceiling above the whole robot where that is smaller
processors    there are as many as a service may use: the engine refuses more
controller    the kernel's memory controller is on, or may be switched on
swap          there is none, or the kernel can limit it for each cgroup
owners        no account of the robot has the number that a service's files belong to
mounts        nothing is mounted read-only where a run writes, or forgets at the next start what was written
shown         what a service shows to its container is there
disk          each file system holds what will be put there: packages, images, data, logs
engine        there is one that answers and is new enough, or it may be installed; nobody else's file is in its way
data          it is where it is declared, and nowhere else; nothing that shall stay is in an engine's own store
jobs          backups have a folder of their own, and a calendar that systemd understands
budget        engine and limits are within it, together with the services that a run with a scope leaves as they are
"""

from __future__ import annotations

import re
import time

from ..base.units import MIB, bytes_of, mib_of
from ..engine.protocol import unit_of
from ..host import cgroup, disk_space, kernel_cmdline, platforms
from ..records import state
from ..spec import layout
from ..spec.model import ENGINES, Service, Stack
from . import elsewhere, jobs, kept, limits, shown, stranded
from .observe import Observed

OLDEST_KERNEL = (4, 14)  # the first with /proc/PID/smaps_rollup, and with a count of kills in each cgroup
LARGEST_CLOCK_DIFFERENCE_SECONDS = 3600
SUPPORTED = ("amd64", "arm64", "arm")
# What is put on a disk, in MiB, rounded up from Debian's packages and this project's images (`du -sm`).
ENGINE_MIB, IMAGE_MIB, ARCHIVE_MIB, OWN_FILES_MIB = 300, 64, 16, 8


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return why nothing may be changed on this robot; empty: go ahead."""
    return [
        *other_name(stack, seen),
        *_machine(stack, seen),
        *_clock(stack, seen),
        *_memory(stack, seen),
        *_processors(stack, seen),
        *_controller(stack, seen),
        *_owners(stack, seen),
        *mounts(seen),
        *shown.reasons(stack, seen),
        # what a silent engine holds already is not known, and so not what would come
        *([] if seen.engine.unobserved else _disk(stack, seen)),
        *_engine(stack, seen),
        *_in_the_way(seen),
        *elsewhere.reasons(stack, seen),
        *kept.reasons(stack, seen),
        *jobs.reasons(stack, seen),
        *limits.objection(stack, seen),
    ]


def other_name(stack: Stack, seen: Observed) -> list[str]:
    """One machine with two names would have samples under the wrong one, and each run would undo the other's."""
    known, named = seen.state, stack.robot
    if not (named and known.robot and known.machine) or known.machine != seen.robot.machine:
        return []
    if known.robot in (named, stack.former_name):
        return []
    return [
        f"this machine is deployed as {known.robot}, and the inventory calls it {named}: correct ansible_host and "
        f"ansible_port of one of the two, or, where it was renamed, write robot_stack_former_name: {known.robot}"
    ]


def _machine(stack: Stack, seen: Observed) -> list[str]:
    found, facts = [], seen.robot
    if facts.architecture not in SUPPORTED:
        found.append(f"this robot is {facts.architecture}: there are images for {', '.join(SUPPORTED)} (ARMv7) only")
    elif facts.architecture != stack.architecture:
        found.append(
            f"this robot is {facts.architecture}, robot_stack_architecture says {stack.architecture}: "
            "correct it in the inventory"
        )
    if _numbers(facts.kernel) < OLDEST_KERNEL:
        found.append(f"its kernel is {facts.kernel}, {_dotted(OLDEST_KERNEL)} or later is needed: update the system")
    if not facts.systemd:
        found.append("systemd does not run here: the ceiling over the whole stack is a systemd slice")
    return found


def _clock(stack: Stack, seen: Observed) -> list[str]:
    """A wrong clock gives samples a wrong time, makes certificates invalid, and turns rates into nonsense."""
    difference = seen.robot.clock - stack.controller_clock
    if not stack.controller_clock or abs(difference) <= LARGEST_CLOCK_DIFFERENCE_SECONDS:
        return []
    here, there = (
        time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (seen.robot.clock, stack.controller_clock)
    )
    return [
        f"its clock says {here} UTC, the controller's {there}: set the wrong one right "
        "(timedatectl set-ntp true, or timedatectl set-time), or samples would bear a wrong time"
    ]


def _memory(stack: Stack, seen: Observed) -> list[str]:
    budget, reserve, facts = stack.budget.memory_budget_mib, stack.budget.memory_reserve_mib, seen.robot
    found = []
    if bytes_of(budget + reserve) > facts.memory_ceiling:
        there = f"{mib_of(facts.memory_ceiling)} MiB"
        if facts.memory_ceiling < facts.memory_total:
            there += f" (a cgroup above everything on it; its kernel has {mib_of(facts.memory_total)})"
        found.append(
            f"robot_stack_memory_budget_mib {budget} plus robot_stack_memory_reserve_mib {reserve} is "
            f"{budget + reserve} MiB, more than this robot's {there}: lower one of them"
        )
    if facts.hierarchy.version and facts.swap_total and not facts.swap_accounted:
        found.append(
            f"it has {mib_of(facts.swap_total)} MiB of swap, and its kernel cannot limit a service's swap, which then "
            "adds to its memory: switch swap off (swapoff -a, and /etc/fstab), or start the kernel with swapaccount=1"
        )
    return found


def _processors(stack: Stack, seen: Observed) -> list[str]:
    """The engine refuses a container that may use more than there is."""
    cpus = seen.robot.cpus
    return [
        f"{service.name}_cpu_limit {service.cpu_limit:g} is more than this robot's {cpus} processors: lower it"
        for service in stack.scoped_services
        if cpus and service.cpu_limit > cpus
    ]


def _controller(stack: Stack, seen: Observed) -> list[str]:
    """Why the memory controller, where it is off, must not or cannot be switched on."""
    if seen.robot.hierarchy.version:
        return []
    off = f"the kernel's memory controller is {seen.robot.controller}: limits would be accepted and not enforced"
    if seen.robot.controller == cgroup.NOT_MOUNTED:
        return [f"{off}; mount it at /sys/fs/cgroup/memory, as systemd does at start: see docs/raspberry-pi.md"]
    if seen.robot.controller == cgroup.NOT_BUILT:
        return [f"{off}; use a kernel that is built with CONFIG_MEMCG"]
    if kernel_cmdline.switches_on(seen.running_boot_line):
        return [
            f"{off}, although the kernel was started with {kernel_cmdline.OPTIONS[0]}: this kernel needs "
            "something else, see docs/raspberry-pi.md"
        ]
    if not seen.boot_file:
        looked = ", ".join(stack.controller.boot_files)
        return [
            f"{off}, and there is no boot line to change ({looked}); add {kernel_cmdline.OPTIONS[0]} to the "
            "kernel's options and reboot"
        ]
    return _boot_line(off, stack, seen)


def _boot_line(off: str, stack: Stack, seen: Observed) -> list[str]:
    file, boot = seen.boot_file, platforms.named(seen.robot.platform).boot
    written = kernel_cmdline.with_memory_controller(seen.boot_line, boot) == seen.boot_line
    if written and seen.booted_at > seen.boot_file_changed_at:
        return [
            f"{off}; {file} switches it on, and the kernel was started since without reading that: "
            "find the boot line that this robot uses, and name it in memory_cgroup_boot_files"
        ]
    if not (stack.controller.enable or written):
        by_hand = f"add {' '.join(kernel_cmdline.OPTIONS)} to {file} by hand and reboot"
        return [f"{off}; set memory_cgroup_enable: true, or {by_hand}"]
    if not stack.controller.reboot_allowed:
        by_hand = f"reboot by hand ({file} is written)" if written else f"edit {file} and reboot by hand"
        return [f"{off}; it needs a reboot: set memory_cgroup_reboot_allowed: true, or {by_hand}"]
    return []


def mounts(seen: Observed) -> list[str]:
    """Return why what is written would fail, and leave the rest half done, or would not be there after a start."""
    return [*_read_only(seen), *_forgetful(seen)]


def _forgetful(seen: Observed) -> list[str]:
    return [
        f"{mount} keeps what is written in RAM, and {', '.join(paths)} would be gone after the next start: switch the "
        "overlay off (raspi-config: Overlay File System; else: overlayroot in the kernel line), or mount disks there"
        for mount, paths in sorted(seen.forgetful.items())
    ]


def _read_only(seen: Observed) -> list[str]:
    return [
        f"{mount} is mounted read-only, and {', '.join(paths)} {'is' if len(paths) == 1 else 'are'} written to: "
        f"mount -o remount,rw {mount} (after an error of the disk the kernel makes it read-only: see dmesg), or, on a "
        "system that is read-only by design, mount a writable disk there"
        for mount, paths in sorted(seen.read_only.items())
    ]


def _owners(stack: Stack, seen: Observed) -> list[str]:
    """A service's data would be that person's, too."""
    found: dict[tuple[str, int, str], list[str]] = {}
    for service in stack.scoped_services:
        for kind, number, known in zip(("user", "group"), service.uid_gid, (seen.holders.users, seen.holders.groups)):
            if number in known:
                found.setdefault((kind, number, known[number]), []).append(service.name)
            elif number in seen.holders.delegated:
                words = "a range of /etc/subuid or /etc/subgid for the user"
                found.setdefault((words, number, seen.holders.delegated[number]), []).append(service.name)
    return [
        f"{number} is {kind if 'range' in kind else f'the {kind}'} {name} on this robot, and the files of "
        f"{', '.join(dict.fromkeys(services))} would be theirs, too: give that account another number "
        f"({_renumber(kind, name)})"
        for (kind, number, name), services in sorted(found.items())
    ]


def _renumber(kind: str, name: str) -> str:
    commands = {"user": f"usermod -u NUMBER {name}", "group": f"groupmod -g NUMBER {name}"}
    return commands.get(kind, "in those two files")


def _disk(stack: Stack, seen: Observed) -> list[str]:
    found = []
    disks = dict(seen.disks)
    for claims in disk_space.by_device((c for c in _claims(stack, seen) if c.path in disks), disks).values():
        free, wanted = disks[claims[0].path].available, sum(claim.size for claim in claims)
        if wanted > free:
            parts = ", ".join(f"{claim.what} {claim.size / MIB:.0f}" for claim in claims if claim.size)
            paths = ", ".join(sorted({claim.path for claim in claims}))
            found.append(
                f"{mib_of(free)} MiB of disk are free for {paths}, {wanted / MIB:.0f} MiB are needed ({parts}): "
                "free some space, or let services keep less"
            )
    return found


def _claims(stack: Stack, seen: Observed) -> list[disk_space.Claim]:
    """What will be put on the robot's disks, data still to come included."""
    root, store = stack.budget.root, seen.store
    claims = [disk_space.Claim("own files", root, bytes_of(OWN_FILES_MIB))]
    if seen.engine.missing_packages:
        claims.append(disk_space.Claim("the engine's packages", "/", bytes_of(ENGINE_MIB)))
    coming = set()
    for service in stack.scoped_services:
        found = seen.images.get(service.image)
        wanted = service.fingerprints.get(seen.robot.architecture)
        if service.image not in coming and not (found and (service.pinned or found.fingerprint == wanted)):
            coming.add(service.image)  # once, however many are made of it
            claims.append(disk_space.Claim(f"{service.name}'s image", store, bytes_of(IMAGE_MIB)))
            if not service.pinned:  # what is pulled goes straight into the engine's store
                claims.append(disk_space.Claim("its archive", root, bytes_of(ARCHIVE_MIB)))
        claims += _growth(stack, service, seen)
    return claims + _backups(stack, seen)


def _backups(stack: Stack, seen: Observed) -> list[disk_space.Claim]:
    """A first backup is as large as the data that it is of; how much a later one needs, it finds out itself."""
    found = []
    for job in (one for one in stack.jobs if one.job.kind == "backup" and one.job.folder):
        size = seen.data_used.get(job.job.database, 0) - seen.jobs.backed_up.get(job.name, 0)
        found.append(disk_space.Claim(f"the backup of {job.job.database}", job.job.folder, max(0, size)))
    return found


def _growth(stack: Stack, service: Service, seen: Observed) -> list[disk_space.Claim]:
    logs = service.log_max_size_kib * service.log_max_files * 1024
    data = max(0, bytes_of(service.disk_mib) - seen.data_used.get(service.name, 0))
    return [
        disk_space.Claim(f"{service.name}'s log", seen.store, logs),
        disk_space.Claim(f"{service.name}'s data", layout.growing_path(stack, service) or stack.budget.root, data),
    ]


def _in_the_way(seen: Observed) -> list[str]:
    """Return which files of others bear the name of something of ours, and what of the kernel the engine cannot use."""
    found = [one.objection for one in seen.containers.values() if one.objection]
    version, least = seen.robot.hierarchy.version, seen.driver.least_cgroup_version
    if 0 < version < least:
        found.append(
            f"{seen.driver.name} needs cgroup v{least}, and this robot's kernel has v{version}: start it with "
            f"systemd.unified_cgroup_hierarchy=1, or set container_engine: {ENGINES[0]}"
        )
    return found


def _engine(stack: Stack, seen: Observed) -> list[str]:
    if seen.engine.unusable:
        return [seen.engine.unusable]
    if seen.engine.unobserved:
        damaged = any(problem.name == state.FILE for problem in seen.record_problems)
        mends = bool(seen.driver.units or seen.engine.missing_packages)
        return [] if seen.ours and mends and not damaged else [silent(seen)]
    return _usable(seen) if seen.engine.running else _installable(stack, seen)


def _installable(stack: Stack, seen: Observed) -> list[str]:
    """Return why no engine can be installed where there is none."""
    if not stack.engine.install:
        return ["there is no container engine: install one, or set container_engine_install: true"]
    if seen.driver.objection:
        return [f"there is no container engine yet, and {seen.driver.objection}"]
    words = "there is no container engine, and this project does not know the packages of this distribution"
    if seen.robot.platform and not stack.engine.packages:
        return [f"{words} for {seen.driver.name}"]
    if not seen.robot.platform:
        known = ", ".join(platform.words for platform in platforms.KNOWN)
        return [f"{words} (it knows {known}): install {seen.driver.name} by this system's own means"]
    return []


def _usable(seen: Observed) -> list[str]:
    """Return why an engine that runs cannot be used."""
    if seen.engine.masked and not seen.ours:
        names = " ".join(seen.engine.masked)
        return [f"{names} is masked: the container engine would not start at the next boot; systemctl unmask {names}"]
    info = seen.engine.info
    if info and info.rootless:
        words = "its container engine is rootless: it cannot put containers below the stack's ceiling, which is root's"
        return [f"{words}; {seen.driver.instead_of_rootless}"]
    if info and info.sandbox:
        words = f"its container engine's default runtime is {info.sandbox}, in which no limit can be read back"
        return [f"{words}: {seen.driver.instead_of_sandbox}"]
    too_old = seen.driver.too_old(info) if info else ""
    return [f"its container engine is {too_old}"] if too_old else stranded.reasons(seen)


def silent(seen: Observed) -> str:
    """Return that the engine is there and does not answer, why, and what to do."""
    unit, masked = unit_of(seen.driver), " ".join(seen.engine.masked)
    if not unit:
        return (
            f"its container engine does not work, so what is on it cannot be observed: {seen.engine.silence}. "
            f"Mend it ({seen.driver.command} info says more), and run again"
        )
    unmask = f"systemctl unmask {masked}, then " if masked else ""
    return (
        f"its container engine does not run, so what is on it cannot be observed: {seen.engine.silence}. "
        f"Start it ({unmask}systemctl start {unit}; journalctl -u {unit} says more), and run again"
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of "6.1.0-13-amd64" as (6, 1, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[^0-9.]", version, maxsplit=1)[0]))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
