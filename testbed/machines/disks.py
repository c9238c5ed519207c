"""The disks of a machine: an overlay over its operating system, the firmware's disk, swap."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from testbed.machines import kernel_line, qemu
from testbed.machines.settings import Machine

BOOT_MIB = 32
KEYS = ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub", "authorized_keys")
# The tools of file systems are where an ordinary login's PATH does not lead.
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}


def make(folder: Path, machine: Machine, keys: Path) -> None:
    """Make all disks in ``folder``; ``keys`` is the folder with the robot's keys (testbed/keys)."""
    overlay = ("-f", "qcow2", "-b", f"{machine.base}/disk.raw", "-F", "raw", qemu.DISK, f"{machine.disk_mib}M")
    _run("qemu-img", "create", "-q", *overlay, at=folder)
    _empty(folder / qemu.BOOT_DISK, BOOT_MIB)
    _run("mformat", "-i", qemu.BOOT_DISK, "-v", "BOOTFS", "::", at=folder)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        files = Path(name)
        (files / kernel_line.FILE).write_text(f"{kernel_line.of(machine.kernel_line)}\n", encoding="utf-8")
        given = _given(files / "testbed", machine, keys)
        _run("mcopy", "-s", "-i", qemu.BOOT_DISK, str(files / kernel_line.FILE), str(given), "::", at=folder)
    if machine.swap_mib:
        _empty(folder / qemu.SWAP_DISK, machine.swap_mib)
        _run("mkswap", "-L", "SWAP", qemu.SWAP_DISK, at=folder)


def _given(folder: Path, machine: Machine, keys: Path) -> Path:
    """Make the folder of the firmware's disk that testbed/machine_image/first_start takes over."""
    folder.mkdir()
    for key in KEYS:
        (folder / key).write_bytes((keys / key).read_bytes())
    (folder / "hostname").write_text(f"{machine.name}\n", encoding="utf-8")
    if machine.swap_mib:
        (folder / "swap").touch()
    return folder


def _empty(path: Path, mib: int) -> None:
    with path.open("wb") as file:
        file.truncate(mib << 20)
    path.chmod(0o600)


def _run(*argv: str, at: Path) -> None:
    done = subprocess.run(argv, cwd=at, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{argv[0]} failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
