"""Write the measured sections of docs/benchmark.md, docs/scale.md and README.md, and the plots.

They are made of benchmarks/results. Nothing is typed by hand.

.venv/bin/python -m benchmarks.report
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from . import claims, plots, results, scale_tables, tables
from .growth import tables as growth
from .provision import tables as provisioning
from .whole_robot import tables as whole_robot
from .whole_robot import variants

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "benchmark.md"
SCALE = PROJECT / "docs" / "scale.md"
README = PROJECT / "README.md"
ROBOT = "robot"  # the section, and the results, of benchmarks/whole_robot


def between(text: str, name: str, made: str) -> str:
    """Return ``text`` with ``made`` between the markers of section ``name``. Raises ValueError without markers."""
    begin, end = f"<!-- {name}: begin (made by benchmarks/report.py) -->", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page needs the lines '{begin}' and '{end}'")
    return f"{before}{begin}\n{made.strip()}\n{end}{after}"


def sections(
    floors: dict[str, Any], compare: dict[str, Any], provision: dict[str, Any], months: dict[str, Any]
) -> dict[str, str]:
    """Return the text of each section that there are results for."""
    made = {"tasks": provisioning.published()}
    if provision:
        made["provision"] = provisioning.measured(provision)
    if floors:
        made["floors"] = tables.floors(floors)
        made["behind"] = tables.behind(floors)
    if months:
        made["months"] = tables.months(months)
    if floors and compare:
        made["comparison"] = tables.comparison(compare, floors)
        made["claims"] = claims.table_of_claims(compare, floors)
    return made


def of_a_robot(found: dict[str, Any]) -> tuple[str, str]:
    """Return the sections about a whole robot: docs/benchmark.md's, and README's."""
    known = variants.all_of_them()
    return whole_robot.measured(found, known), whole_robot.readme(found, known)


def write(page: Path, made: dict[str, str]) -> None:
    """Put the text of each section into ``page``."""
    text = page.read_text(encoding="utf-8")
    for name, section in made.items():
        text = between(text, name, section)
    page.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{page.relative_to(PROJECT)} is written\n")


def main() -> int:
    """Run as a program."""
    floors, compare, provision, months = (results.load(name) for name in ("floors", "compare", "provision", "months"))
    full, short = of_a_robot(results.load(ROBOT))
    write(PAGE, {**sections(floors, compare, provision, months), ROBOT: full})
    write(README, {ROBOT: short})
    plots.draw(floors, compare, PROJECT / "docs" / "images")
    write(SCALE, {**scale_tables.sections(results.load("hub")), "growth": growth.grown(results.load("growth"))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
