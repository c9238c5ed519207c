#!/usr/bin/env python3
"""Write the table of variables in each role's README.md, from the role's argument specification.

Usage: tools/role_docs.py           bring every table up to date
       tools/role_docs.py --check   change nothing; exit 1 and name the files that are out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[1] / "roles"
BEGIN = "<!-- variables: begin (made by tools/role_docs.py from meta/argument_specs.yml) -->"
END = "<!-- variables: end -->"


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write the tables of variables in the roles' README.md.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a table is out of date")
    check = parser.parse_args().check
    stale = []
    for readme in sorted(ROLES.glob("*/README.md")):
        text = readme.read_text(encoding="utf-8")
        current = renewed(text, table(options(readme.parent)))
        if current != text:
            stale.append(readme.relative_to(ROLES.parent))
            if not check:
                readme.write_text(current, encoding="utf-8")
    for path in stale:
        sys.stdout.write(f"{path}: {'out of date, run tools/role_docs.py' if check else 'written'}\n")
    return 1 if check and stale else 0


def options(role: Path) -> dict[str, dict[str, Any]]:
    """Return the variables of ``role``, in the order of its specification."""
    text = (role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return found


def table(described: dict[str, dict[str, Any]]) -> str:
    """Return the variables as a Markdown table."""
    head = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *(_row(name, option) for name, option in described.items())])


def renewed(text: str, rows: str) -> str:
    """Return a README with ``rows`` between its markers. Raises ValueError where a marker is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"a README needs the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def _row(name: str, option: dict[str, Any]) -> str:
    kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
    words = option["description"] if isinstance(option["description"], str) else " ".join(option["description"])
    if "choices" in option:
        words += f" One of: {', '.join(f'`{choice}`' for choice in option['choices'])}."
    cells = [f"`{name}`", kind, f"`{json.dumps(option.get('default'))}`", " ".join(words.split())]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main())
