"""A distribution of no family that is known: nothing can be installed on it, and its engine is used as it is."""

from __future__ import annotations

from collections.abc import Iterable

from ...base.roots import Roots
from .cmdline_txt import CMDLINE_TXT
from .protocol import EngineNames


class Unknown:
    """See `protocol.Platform`. Whatever runs on it, a Raspberry Pi has the boot file of one."""

    name = words = ""
    boot = CMDLINE_TXT
    folders: tuple[str, ...] = ()

    def here(self, roots: Roots) -> bool:  # noqa: ARG002 - the protocol
        """Return that it is what is left."""
        return True

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:  # noqa: ARG002 - the protocol
        """Return all of them: it cannot be told."""
        return sorted(set(names))

    def bare(self, names: Iterable[str]) -> list[str]:
        """Return ``names``: nothing is known of how they are written."""
        return list(names)

    def interrupted(self, roots: Roots) -> bool:  # noqa: ARG002 - the protocol
        """Return that nothing is known of any installation."""
        return False

    def engine(self, kind: str) -> EngineNames:  # noqa: ARG002 - the protocol
        """Return no packages, and the makers' own units."""
        return EngineNames()

    def needing(self, names: Iterable[str], roots: Roots) -> list[str]:  # noqa: ARG002 - the protocol
        """Return nothing: this project installs none here, and removes none."""
        return []

    def too_old_for(self, kind: str, roots: Roots) -> str:  # noqa: ARG002 - the protocol
        """Return "": there is no release to speak of."""
        return ""


UNKNOWN = Unknown()
