"""What the distribution's package manager has installed. Its files are read; no program of it is started."""

from __future__ import annotations

from collections.abc import Iterable

from ..base.roots import Roots


def missing_packages(names: Iterable[str], roots: Roots) -> list[str]:
    """Return those of ``names`` that dpkg has not installed; its status file is read, apt is not started."""
    wanted = set(names)
    status = roots.path("/var/lib/dpkg/status")
    if not status.is_file():
        return sorted(wanted)
    package = ""
    with status.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("Package: "):
                package = line[9:].strip()
            elif line.startswith("Status: ") and line.split()[2:] == ["ok", "installed"]:  # also one that is on hold
                wanted.discard(package)
    return sorted(wanted)


def packages_interrupted(roots: Roots) -> bool:
    """Return whether dpkg's journal is there: it works right now, or it was cut off. Source: apt's own check."""
    try:
        return any(entry.name.isdigit() for entry in roots.path("/var/lib/dpkg/updates").iterdir())
    except OSError:
        return False
