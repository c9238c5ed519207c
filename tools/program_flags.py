#!/usr/bin/env python3
"""Write which flags the programs of our roles know, and of which kind: with these the inventory gate refuses others.

Each program is asked with -help, in the image and the version of its role's defaults.

Usage: tools/program_flags.py    write plugins/plugin_utils/inventory_gate/program_flags.json
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import load
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.program_flags import FILE
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.programs import PROGRAMS

PROJECT = Path(__file__).resolve().parents[1]
IMAGES = "victoriametrics"
FLAG = re.compile(r"^  -(?P<name>\S+)(?: (?P<kind>\S+))?$", re.MULTILINE)
DEFAULT = re.compile(r"\(default (?P<is>[^)\s]+)\)\s+Supports array of values")


def main() -> int:
    """Run as a program."""
    known = load(PROJECT / "roles").options
    found = {}
    for service, program in PROGRAMS.items():
        version = known[program.version].default
        found[service] = {"version": version, "flags": flags(_help(f"{IMAGES}/{program.image}:{version}"))}
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def flags(text: str) -> dict[str, str]:
    """Return flag -> kind of the ``text`` that -help prints; what has no kind is true or false."""
    heads = list(FLAG.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return {head["name"]: _kind(head["kind"] or "bool", text[head.end() : end]) for head, end in zip(heads, ends)}


def _kind(printed: str, description: str) -> str:
    """Return a flag's kind: of a list also that of its elements, which its ``description`` gives away (flagutil)."""
    if printed == "value" and "The following optional suffixes are supported: s (second)" in description:
        return "period"
    if printed != "array" or "Each array item can contain comma" in description or "key:value" in description:
        return printed
    if "Empty values are set to false" in description:
        return "array of bool"
    if "optional suffixes for size values" in description:
        return "array of size"
    default = DEFAULT.search(description)
    if default is None:
        return printed
    return "array of int" if default["is"].lstrip("-").isdecimal() else "array of duration"


def _help(image: str) -> str:
    done = subprocess.run(["docker", "run", "--rm", image, "-help"], capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    if not FLAG.search(text):
        raise SystemExit(f"{image} tells of no flags: {text[:300]}")
    return text


if __name__ == "__main__":
    sys.exit(main())
