"""The kernel line, read from /boot/firmware/cmdline.txt before each start, as a Raspberry Pi's firmware does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FILE = "cmdline.txt"
LONGEST = 2048  # what the kernel of amd64 takes, its end included


def of(text: str) -> str:
    """Return the kernel line in the text of a cmdline.txt: its first line. Raises ValueError."""
    line = " ".join(text.partition("\n")[0].split())
    if not line:
        raise ValueError(f"the first line of {FILE} is empty: the kernel would not find its root")
    if len(line.encode()) >= LONGEST:
        raise ValueError(f"the first line of {FILE} is longer than {LONGEST} bytes")
    return line


def read(boot_disk: Path) -> str:
    """Return the kernel line of a firmware's disk. Nothing may write to it meanwhile. Raises ValueError."""
    argv = ["mtype", "-i", str(boot_disk), f"::{FILE}"]
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}  # the robot's kernel wrote to it
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the firmware's disk has no {FILE} that can be read: {done.stderr.strip()}")
    return of(done.stdout)
