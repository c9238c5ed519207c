"""Debian and its relatives. dpkg's files are read; no program of it is started: apt alone would take 80 MiB."""

from __future__ import annotations

from collections.abc import Iterable

from ...base.roots import Roots

STATUS = "/var/lib/dpkg/status"
JOURNAL = "/var/lib/dpkg/updates"


class Debian:
    """See `Platform`."""

    name = "debian"

    def here(self, roots: Roots) -> bool:
        """Whether dpkg has a list of what it installed."""
        return roots.path(STATUS).is_file()

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return those of ``names`` that dpkg has not installed; one that is on hold is installed."""
        wanted = set(names)
        status = roots.path(STATUS)
        if not status.is_file():
            return sorted(wanted)
        package = ""
        with status.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("Package: "):
                    package = line[9:].strip()
                elif line.startswith("Status: ") and line.split()[2:] == ["ok", "installed"]:
                    wanted.discard(package)
        return sorted(wanted)

    def interrupted(self, roots: Roots) -> bool:
        """Return whether dpkg's journal is there: it works right now, or it was cut off. Source: apt's own check."""
        try:
            return any(entry.name.isdigit() for entry in roots.path(JOURNAL).iterdir())
        except OSError:
            return False


DEBIAN = Debian()
