"""Debian and its relatives. dpkg's files are read; no program of it is started: apt alone would take 80 MiB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...base.roots import Roots
from ...spec.model import ENGINES
from .. import release
from . import dpkg
from .cmdline_txt import CMDLINE_TXT
from .protocol import EngineNames

DOCKER, PODMAN = ENGINES
STATUS = "/var/lib/dpkg/status"
JOURNAL = "/var/lib/dpkg/updates"
NAMES: Mapping[str, EngineNames] = {
    # others: what it is divided into, and Docker's own packages for Debian
    DOCKER: EngineNames(
        ("docker.io",),
        (
            *("docker-cli", "containerd", "runc", "docker-compose", "docker-compose-v2", "docker-buildx"),
            *("docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin", "docker-buildx-plugin"),
        ),
    ),
    PODMAN: EngineNames(("podman", "crun"), ("conmon", "netavark", "aardvark-dns")),
}
# The first releases that have what the engine's driver needs, by ID of /etc/os-release. Docker's is new enough in all.
NEW_ENOUGH: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    PODMAN: {"debian": (13,), "raspbian": (13,), "ubuntu": (24, 4)},
}


class Debian:
    """See `protocol.Platform`. Of its computers only a Raspberry Pi starts with the memory controller off."""

    name = "debian"
    words = "Debian and its relatives"
    boot = CMDLINE_TXT
    folders = ("/var/lib/apt", "/var/lib/dpkg")

    def here(self, roots: Roots) -> bool:
        """Whether dpkg has a list of what it installed."""
        return roots.path(STATUS).is_file()

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return those of ``names`` that dpkg has not installed; one that is on hold is installed."""
        wanted = {dpkg.bare(word): word for word in names}
        status = roots.path(STATUS)
        if not status.is_file():
            return sorted(wanted.values())
        package = ""
        with status.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("Package: "):
                    package = line[9:].strip()
                elif line.startswith("Status: ") and line.split()[2:] == ["ok", "installed"]:
                    wanted.pop(package, None)
        return sorted(wanted.values())

    def bare(self, names: Iterable[str]) -> list[str]:
        """Return ``names`` without the versions that apt takes behind them."""
        return list(dict.fromkeys(map(dpkg.bare, names)))

    def needing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return the packages that apt would remove with ``names``, but for those that came with them."""
        status = roots.path(STATUS)
        return dpkg.needing(self.bare(names), dpkg.installed(status)) if status.is_file() else []

    def interrupted(self, roots: Roots) -> bool:
        """Return whether dpkg's journal is there: it works right now, or it was cut off. Source: apt's own check."""
        try:
            return any(entry.name.isdigit() for entry in roots.path(JOURNAL).iterdir())
        except OSError:
            return False

    def engine(self, kind: str) -> EngineNames:
        """Return its packages; Debian calls units as their makers do."""
        return NAMES[kind]

    def too_old_for(self, kind: str, roots: Roots) -> str:
        """Return what this release is called where its engine is too old; testing has no number, and is new."""
        here = release.find(roots)
        oldest = NEW_ENOUGH.get(kind, {}).get(here.family)
        if oldest is None or not here.number or here.number >= oldest:
            return ""
        return here.words or here.family


DEBIAN = Debian()
