"""Which images the robots of a play need, and what those are built from that we build: told by the inventory gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .recipe import Recipe


def images_of(task_vars: Mapping[str, Any]) -> tuple[dict[str, list[str]], dict[str, Recipe]]:
    """Return the architectures of each image that this machine's engine has, and the recipes."""
    facts = task_vars.get("ansible_facts") or {}
    recipes = {name: Recipe.of(told) for name, told in (facts.get("robot_stack_recipes") or {}).items()}
    known = (facts.get("robot_stack_images") or {}).get("") or {}
    return {reference: sorted(prints) for reference, prints in known.items()}, recipes
