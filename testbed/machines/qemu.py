"""The command that runs a machine, and which accelerator it can have on this computer."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

from testbed.machines.settings import Machine

PROGRAM = "qemu-system-x86_64"
EMULATED, KVM = "tcg,thread=multi,tb-size=512", "kvm"
# QEMU ends with whoever started it, however that ends.
BOUND = ("setpriv", "--pdeathsig", "KILL", "--")
DISK, BOOT_DISK, SWAP_DISK, MONITOR = "disk.qcow2", "boot.img", "swap.img", "qmp.sock"
PROBE_SECONDS = 30


def argv(machine: Machine, kernel_line: str, accelerator: str) -> list[str]:
    """Return the command, to be run in the machine's folder.

    A reboot ends QEMU (``-no-reboot``): the kernel line has to be read again. What the robot has not yet given to its
    disk is lost with a kill, as with a power cut; what this computer does with the disk's file is not waited for
    (``cache=unsafe``).
    """
    network = f"user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:{machine.ssh_port}-:22"
    return [
        *(*BOUND, PROGRAM, "-name", machine.name),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-accel", accelerator, "-cpu", "max", "-smp", str(machine.cpus), "-m", str(machine.memory_mib)),
        *("-kernel", f"{machine.base}/kernel", "-initrd", f"{machine.base}/initrd", "-append", kernel_line),
        *_disk(DISK, "qcow2"),
        *_disk(BOOT_DISK, "raw"),
        *(_disk(SWAP_DISK, "raw") if machine.swap_mib else []),
        *("-netdev", network if machine.route_out else f"{network},restrict=on"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-chardev", f"file,id=console,append=on,path={_escaped(machine.console)}", "-serial", "chardev:console"),
        *("-qmp", f"unix:{MONITOR},server=on,wait=off"),
        *("-rtc", f"base={machine.clock or 'utc'}"),
    ]


def _disk(file: str, kind: str) -> list[str]:
    return ["-drive", f"file={file},format={kind},if=virtio,cache=unsafe"]


def _escaped(path: str) -> str:
    """Return a path as a value among QEMU's options, where a comma ends it."""
    return path.replace(",", ",,")


def accelerator(base: Path, cache: Path) -> str:
    """Return KVM where it starts the kernel in ``base``, else emulation, which works everywhere.

    That KVM's device is there says little: there are computers on which it never gets through a kernel's start. What
    was found is kept in file ``cache`` until this computer starts anew.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATED
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    key = f"{base.name} {version()} {platform.release()} {boot}"
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
    if key not in known:
        known = {key: starts_a_kernel(base, KVM)}
        new = cache.with_name(f"{cache.name}.{os.getpid()}")
        new.write_text(json.dumps(known), encoding="utf-8")
        new.replace(cache)
    return KVM if known[key] else EMULATED


def version() -> str:
    """Return what QEMU says of itself."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0]


def starts_a_kernel(base: Path, by: str) -> bool:
    """Start the kernel in ``base`` without a root: one that gets as far as missing it has started, and ends itself."""
    line = "console=ttyS0 panic=-1 rdinit=/nowhere root=/dev/nowhere"
    probe = [
        *(*BOUND, PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-accel", by, "-cpu", "max", "-m", "256", "-serial", "stdio"),
        *("-kernel", f"{base}/kernel", "-initrd", f"{base}/initrd", "-append", line),
    ]
    try:
        done = subprocess.run(probe, capture_output=True, check=False, timeout=PROBE_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"Kernel panic - not syncing" in done.stdout
