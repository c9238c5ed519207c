"""Families of distributions: what each calls things, and what its package manager has installed.

A further family is a module or a folder here, in `KNOWN`, and one that installs, in plugin_utils/needs. Nobody else
names one: what differs is asked of `find` or `named`.
"""

from __future__ import annotations

from dataclasses import replace

from ...base.roots import Roots
from ...spec.model import Stack
from .debian import DEBIAN
from .protocol import Platform
from .unknown import UNKNOWN

KNOWN: tuple[Platform, ...] = (DEBIAN,)


def find(roots: Roots) -> Platform:
    """Return the family of this robot."""
    return next((platform for platform in KNOWN if platform.here(roots)), UNKNOWN)


def named(name: str) -> Platform:
    """Return the family called ``name``."""
    return next((platform for platform in KNOWN if platform.name == name), UNKNOWN)


def completed(stack: Stack, roots: Roots) -> Stack:
    """Return ``stack`` with what it leaves to the robot's distribution: the engine's packages, and boot files."""
    platform, engine, controller = find(roots), stack.engine, stack.controller
    packages = engine.packages or platform.engine(engine.kind).packages
    boot_files = controller.boot_files or platform.boot.places
    return replace(
        stack,
        engine=replace(engine, packages=packages),
        controller=replace(controller, boot_files=boot_files),
    )
