#!/usr/bin/env python3
"""Write inventory/memory_budget.schema.json, with which editors check and complete memory_budget.yml files.

It is made from the roles' argument specifications and from the inventory gate's own rules, so that an editor and the
gate never disagree about a value. Sums over several files are the gate's alone.

Usage: tools/budget_schema.py           write the file
       tools/budget_schema.py --check   change nothing; exit 1 if it is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import bounds, forms
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import load
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Option

PROJECT = Path(__file__).resolve().parents[1]


SCHEMA = PROJECT / "inventory" / "memory_budget.schema.json"
TYPES = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "str": "string",
    "path": "string",
    "list": "array",
    "dict": "object",
}
# The playbooks set these; in an inventory they would change what every playbook does.
NOT_DECLARED = (
    "robot_stack_state",
    "robot_stack_remove_data",
    "robot_stack_remove_engine",
    "telemetry_hub_certificate_renew",
    "telemetry_hub_secrets_optional",
)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write the schema of memory_budget.yml files.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if the file is out of date")
    text = json.dumps(schema(PROJECT / "roles"), indent=2, ensure_ascii=False) + "\n"
    if not parser.parse_args().check:
        SCHEMA.write_text(text, encoding="utf-8")
        return 0
    if SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text:
        return 0
    sys.stdout.write(f"{SCHEMA.relative_to(PROJECT)}: out of date, run tools/budget_schema.py\n")
    return 1


def schema(roles: Path) -> dict[str, Any]:
    """Return the schema for the variables of the roles in the folder ``roles``; secrets belong into the vault."""
    declared = [
        option for option in load(roles).options.values() if not option.secret and option.name not in NOT_DECLARED
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "What a robot may spend on telemetry",
        "description": "Memory in MiB, as whole numbers without units. Made by tools/budget_schema.py.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {option.name: property_of(option) for option in declared},
    }


def property_of(option: Option) -> dict[str, Any]:
    """Return the rules for one variable."""
    rules: dict[str, Any] = {"type": TYPES[option.type], "description": option.description}
    if option.type in ("str", "path") or not isinstance(option.default, str):
        rules["default"] = option.default  # else it follows another variable, and an editor would write an expression
    if option.choices and option.type != "list":
        rules["enum"] = list(option.choices)
    rule = forms.of(option)
    if option.type in ("int", "float"):
        rules["minimum"], rules["maximum"] = bounds.of_number(option.name)
    elif option.type in ("str", "path") and rule:
        rules["pattern"] = rule[0]
    elif option.type == "list" and option.elements:
        rules["items"] = {"type": TYPES[option.elements], **({"pattern": rule[0]} if rule else {})}
        rules["items"] |= {"enum": list(option.choices)} if option.choices else {}
    return rules


if __name__ == "__main__":
    sys.exit(main())
