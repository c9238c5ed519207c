"""The kernel's boot line on a Raspberry Pi: where the memory controller is switched on.

Raspberry Pi OS ships with the controller off; `--memory` is then accepted and nothing is enforced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

OPTIONS = ("cgroup_enable=memory", "cgroup_memory=1")  # newer kernels read the first, older ones want both
DISABLING = "cgroup_disable=memory"


def with_memory_controller(line: str) -> str:
    """Return boot line ``line`` with the controller switched on; the rest and its order stay as they are."""
    words = [word for word in line.split() if word != DISABLING]
    words += [option for option in OPTIONS if option not in words]
    return " ".join(words) + "\n"


def boot_file(candidates: Iterable[str], root: Path) -> Path | None:
    """Return the first of ``candidates`` that exists below ``root``: the new path stands before the old one."""
    for candidate in candidates:
        path = root / candidate.lstrip("/")
        if path.is_file():
            return path
    return None
