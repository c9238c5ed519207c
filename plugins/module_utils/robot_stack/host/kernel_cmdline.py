"""The kernel's boot line on a Raspberry Pi: where the memory controller is switched on.

Raspberry Pi OS ships with the controller off; `--memory` is then accepted and nothing is enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

OPTIONS = ("cgroup_enable=memory", "cgroup_memory=1")  # newer kernels read the first, older ones want both
DISABLING = "cgroup_disable=memory"


def with_memory_controller(text: str) -> str:
    """Return boot file ``text`` with the controller switched on.

    The firmware reads the first line alone. The rest of it, its order and its quoting, and all further lines stay.
    """
    line, newline, rest = text.partition("\n")
    line = re.sub(rf"(^|\s){re.escape(DISABLING)}(?=\s|$)", "", line).strip()
    missing = [option for option in OPTIONS if option not in line.split()]
    return " ".join([line, *missing]).strip() + (newline or "\n") + rest


def switches_on(text: str) -> bool:
    """Whether a kernel that is started with boot line ``text`` has the controller on, as far as the line decides."""
    words = text.partition("\n")[0].split()
    return OPTIONS[0] in words and DISABLING not in words[words.index(OPTIONS[0]) :]


def boot_file(candidates: Iterable[str], root: Path) -> Path | None:
    """Return the first of ``candidates`` that exists below ``root``: the new path stands before the old one."""
    for candidate in candidates:
        path = root / candidate.lstrip("/")
        if path.is_file():
            return path
    return None
