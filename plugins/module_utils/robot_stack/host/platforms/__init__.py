"""Families of distributions: what their package managers have installed, read from their files.

A further family is a module here and one of the same name in plugin_utils/needs, each with a line in its list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ...base.roots import Roots
from .debian import DEBIAN


class Platform(Protocol):
    """What the project must know of a family to install an engine on it."""

    name: str  # as the module's answer tells it to the controller

    def here(self, roots: Roots) -> bool:
        """Whether this robot is one of the family."""

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:
        """Return those of ``names`` that are not installed, sorted."""

    def interrupted(self, roots: Roots) -> bool:
        """Whether an installation is under way, or was cut off."""


KNOWN: tuple[Platform, ...] = (DEBIAN,)


def find(roots: Roots) -> Platform | None:
    """Return the family of this robot, None where this project knows none that fits."""
    return next((platform for platform in KNOWN if platform.here(roots)), None)


def named(name: str) -> Platform | None:
    """Return the family called ``name``."""
    return next((platform for platform in KNOWN if platform.name == name), None)
