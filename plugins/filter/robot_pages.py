"""VMUI's pages cannot be asked for one robot among many: so each robot gets a page of its own, of one pattern."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

DOCUMENTATION = """
name: robot_pages
short_description: A page of VMUI for each robot
description:
  - Returns files of a service, as robot_stack takes them, made of the page telemetry_hub/dashboards/robot.json.
options:
  _input:
    description: Names of robots.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
files: "{{ ['scout-01', 'scout-02'] | robotfleet.stack.robot_pages }}"
"""

RETURN = """
_value:
  description: Files, each with C(path), C(src) and C(replace).
  type: list
  elements: dict
"""

PATTERN = "telemetry_hub/dashboards/robot.json"
WORD = "ROBOT"  # stands for the robot's name in the pattern


def robot_pages(robots: Iterable[str]) -> list[dict[str, Any]]:
    """Return one file for each of ``robots``."""
    return [
        {"path": f"dashboards/robot-{robot}.json", "src": PATTERN, "replace": {WORD: str(robot)}} for robot in robots
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"robot_pages": robot_pages}
