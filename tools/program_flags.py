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
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.program_flags import FILE, PROGRAMS

PROJECT = Path(__file__).resolve().parents[1]
IMAGES = "victoriametrics"
FLAG = re.compile(r"^  -(?P<name>\S+)(?: (?P<kind>\S+))?$", re.MULTILINE)


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
    return {match["name"]: match["kind"] or "bool" for match in FLAG.finditer(text)}


def _help(image: str) -> str:
    done = subprocess.run(["docker", "run", "--rm", image, "-help"], capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    if not FLAG.search(text):
        raise SystemExit(f"{image} tells of no flags: {text[:300]}")
    return text


if __name__ == "__main__":
    sys.exit(main())
