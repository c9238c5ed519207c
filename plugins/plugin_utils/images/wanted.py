"""Which images the robots of a play need, and what those are built from that we build: told by the inventory gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .recipe import Recipe

PINS = "robot_stack_pins"  # the fact: the digests by which this machine's engine pulls


def images_of(task_vars: Mapping[str, Any]) -> tuple[dict[str, dict[str, str]], dict[str, Recipe]]:
    """Return what this machine's engine has: image -> architecture -> digest; and the recipes."""
    facts = task_vars.get("ansible_facts") or {}
    recipes = {name: Recipe.of(told) for name, told in (facts.get("robot_stack_recipes") or {}).items()}
    known = (facts.get("robot_stack_images") or {}).get("") or {}
    return {reference: dict(prints) for reference, prints in known.items()}, recipes


def pins_of(task_vars: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests by which this machine's engine pulls: else a tag that was moved since would be followed."""
    return dict((task_vars.get("ansible_facts") or {}).get(PINS) or {})
