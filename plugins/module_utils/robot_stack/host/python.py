"""Which Python runs what a robot is left with between two runs: the watchdog and its jobs."""

from __future__ import annotations

import re

from ..base.roots import Roots

USUAL = "/usr/bin/python3"
OLDEST = (3, 9)


def find(roots: Roots, running: str) -> str:
    """Return the robot's usual one, or ``running``, which runs this, where that is missing or too old.

    Distributions link the usual one to a program that bears its version.
    """
    if not running.startswith("/"):
        return USUAL
    if not roots.path(USUAL).exists():
        return running
    version = re.fullmatch(r"python(\d+)\.(\d+)", roots.real(USUAL).rpartition("/")[2])
    too_old = version is not None and (int(version[1]), int(version[2])) < OLDEST
    return running if too_old else USUAL
