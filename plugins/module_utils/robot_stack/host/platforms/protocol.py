"""What this project must know of a family of distributions: its packages, its engines' names, its boot file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ...base.roots import Roots


@dataclass(frozen=True)
class EngineNames:
    """What a family calls one kind of engine. Units: none where it calls them as their makers do.

    `packages`: what is installed where a declaration lists none; `others`: what a list may have had installed for it.
    """

    packages: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    units: tuple[str, ...] = ()  # in the order in which they are started; the last one is the engine
    needs: tuple[str, ...] = ()  # units without which those cannot start


class BootFile(Protocol):
    """The file that holds the kernel's command line: where it is, and how that is read and written."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where it may be; the first that exists is the one."""

    def line(self, text: str) -> str:
        """Return the command line that a file with ``text`` gives to the kernel."""

    def with_line(self, text: str, line: str) -> str:
        """Return ``text`` with another command line; all else in it stays."""


class Platform(Protocol):
    """One family. Nothing but its own folder knows more of it than this."""

    @property
    def name(self) -> str:
        """As the module's answer tells it to the controller; "": none that is known."""

    @property
    def words(self) -> str:
        """As people call it."""

    @property
    def boot(self) -> BootFile:
        """How the kernel is told its command line."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Where its package manager keeps what it knows: nothing of anybody else's belongs in there."""

    def here(self, roots: Roots) -> bool:
        """Whether this robot is one of the family."""

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return those of ``names`` that are not installed in any version, as they are written, sorted."""

    def bare(self, names: Iterable[str]) -> list[str]:
        """Return the packages that ``names`` mean, which may say of each in which version it is wanted."""

    def interrupted(self, roots: Roots) -> bool:
        """Whether an installation is under way, or was cut off."""

    def engine(self, kind: str) -> EngineNames:
        """Return what the engine of ``kind`` is called here."""

    def needing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return those installed packages, sorted, that could not stay without ``names`` and did not come with them."""

    def too_old_for(self, kind: str, roots: Roots) -> str:
        """Return what this release is called where its engine of ``kind`` is older than its driver needs, or ""."""
