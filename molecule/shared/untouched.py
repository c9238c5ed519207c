"""A photograph of a robot: what must be the same before and after a run that shall not touch it.

What a log-in itself leaves (Ansible's temporary folder, processes of the SSH service, /run) is not in it.
"""

from __future__ import annotations

import difflib
from typing import Any

FILES = "/etc /var/lib /usr/local /boot /opt /root /srv"
PARTS = {
    # path, type, mode, owner, size, time of the last change, target
    "files": f"find {FILES} -xdev -printf '%p %y %m %U:%G %s %T@ %l\\n' | sort",
    "contents": f"find {FILES} -xdev -type f -print0 | sort -z | xargs -0 sha256sum",
    "units": "systemctl list-unit-files --no-legend --plain; systemctl list-units --all --no-legend --plain",
    "cgroups": "find /sys/fs/cgroup -type d | sort",
    "limits": "grep -rs . /sys/fs/cgroup --include=memory.max --include=memory.limit_in_bytes | sort",
    # process, when it was started, name: what the SSH service has started is this look itself; the kernel's own, which
    # come and go, have no command line
    "processes": (
        "for p in /proc/[0-9]*; do grep -qs ssh.service $p/cgroup || ! grep -qs . $p/cmdline || "
        "sed -E 's/^([0-9]+) \\((.*)\\) (.*)/\\1 \\2 \\3/' $p/stat 2>/dev/null | cut -d' ' -f1,2,22; done | sort"
    ),
    "boot": "cat /proc/sys/kernel/random/boot_id",
    "containers": (
        "! command -v docker >/dev/null || docker ps -aq --no-trunc | sort | xargs -r docker inspect; "
        "! command -v docker >/dev/null || docker images -aq --no-trunc | sort"
    ),
}


def photograph(robot: Any) -> dict[str, str]:
    """Return everything of the robot that a refused run must leave as it is."""
    return {part: robot.run(command) for part, command in PARTS.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> str:
    """Return what differs, in words for an assertion; "" where nothing does."""
    lines = []
    for part, text in before.items():
        if text != after[part]:
            lines.append(f"{part}:")
            lines += list(difflib.unified_diff(text.splitlines(), after[part].splitlines(), lineterm="", n=0))[:20]
    return "\n".join(lines)
