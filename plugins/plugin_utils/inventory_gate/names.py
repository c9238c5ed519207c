"""Names of robots that a play would take for something else than one robot: it would leave them out, without a word."""

from __future__ import annotations

from ansible.constants import LOCALHOST
from ansible.inventory.manager import split_host_pattern

from .declaration import Fault, Robot, fault

HOST = "inventory_hostname"
OURS = "localhost"  # as which the controller keeps what it has decided
PATTERNS = "*?[]"
FIRST_OF_PATTERNS = ("!", "&", "~", "@")


def check(robot: Robot) -> list[Fault]:
    """Return why no play could name ``robot`` alone."""
    why = _why(robot.name)
    if not why:
        return []
    remedy = f"call it {OURS}" if robot.name in LOCALHOST else "give it a name of letters, digits, dots and hyphens"
    return [fault(robot, HOST, why, f"{remedy}; its address belongs into ansible_host", f'"{robot.name}"')]


def _why(name: str) -> str:
    if name in LOCALHOST and name != OURS:
        return "Ansible takes a host of this name for the controller itself, and its rollout could not be decided"
    if split_host_pattern([name]) != [name]:
        return "Ansible takes it for several names, and would leave this robot out"
    if name.startswith(FIRST_OF_PATTERNS) or any(letter in name for letter in PATTERNS):
        return "Ansible takes it for a pattern, which other robots may match as well"
    return ""
