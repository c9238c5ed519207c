"""The kernel's command line: where its memory controller is switched on.

Raspberry Pi OS ships with the controller off; `--memory` is then accepted and nothing is enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .platforms.protocol import BootFile

OPTIONS = ("cgroup_enable=memory", "cgroup_memory=1")  # newer kernels read the first, older ones want both
DISABLING = "cgroup_disable=memory"


def with_memory_controller(text: str, boot: BootFile) -> str:
    """Return boot file ``text`` with the controller switched on; the line's order and quoting, and all else, stay."""
    line = re.sub(rf"(^|\s){re.escape(DISABLING)}(?=\s|$)", "", boot.line(text)).strip()
    missing = [option for option in OPTIONS if option not in line.split()]
    return boot.with_line(text, " ".join([line, *missing]).strip())


def switches_on(line: str) -> bool:
    """Whether a kernel that is started with ``line`` has the controller on, as far as that decides."""
    words = line.split()
    return OPTIONS[0] in words and DISABLING not in words[words.index(OPTIONS[0]) :]


def boot_file(candidates: Iterable[str], root: Path) -> Path | None:
    """Return the first of ``candidates`` that exists below ``root``."""
    for candidate in candidates:
        path = root / candidate.lstrip("/")
        if path.is_file():
            return path
    return None
