"""Packages by the means of the robot's distribution: a folder for each family that host/platforms knows."""

from __future__ import annotations

from typing import Protocol

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.debian import DEBIAN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed, PurgeNeed

from .connection import Connection
from .debian import apt


class Family(Protocol):
    """How a family's packages are installed and removed; each function returns, in lines, what was done."""

    def install(self, connection: Connection, need: PackagesNeed) -> list[str]:
        """Install packages from the robot's own sources."""

    def install_from(self, connection: Connection, need: PackagesNeed, directory: str, root: str) -> list[str]:
        """Install packages from a folder on the controller."""

    def purge(self, connection: Connection, need: PurgeNeed) -> list[str]:
        """Remove packages, and what came along with them."""


FAMILIES: dict[str, Family] = {DEBIAN.name: apt}


def install(connection: Connection, need: PackagesNeed, directory: str, root: str) -> list[str]:
    """Install packages from the robot's own sources, or from ``directory`` on the controller; return what was done."""
    family = _family(need)
    return family.install_from(connection, need, directory, root) if directory else family.install(connection, need)


def purge(connection: Connection, need: PurgeNeed) -> list[str]:
    """Remove packages and what came along with them; return what was done."""
    return _family(need).purge(connection, need)


def _family(need: PackagesNeed | PurgeNeed) -> Family:
    if need.platform not in FAMILIES:
        raise AnsibleActionFail(f"packages of {need.platform or 'this distribution'} cannot be installed from here")
    return FAMILIES[need.platform]
