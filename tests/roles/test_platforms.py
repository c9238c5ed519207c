"""The table of platforms in docs/compatibility.md: each with its Python, and refused where that is too old."""

from __future__ import annotations

import re

from ansible_collections.robotfleet.stack.plugins.plugin_utils.supported import ROBOT_PYTHON
from declarations import PROJECT

PAGE = (PROJECT / "docs" / "compatibility.md").read_text(encoding="utf-8")
COLUMNS = ["Operating system", "Architecture", "Kernel and cgroup", "Engine", "Python", "State"]


def test_every_platform_says_its_python_and_is_refused_where_that_is_too_old() -> None:
    table = PAGE.partition("\n| Operating system |")
    head, _, *lines = (table[1].strip() + table[2].partition("\n\n")[0]).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [cell.strip() for cell in head.strip("|").split("|")] == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert any(row[0].startswith("Jetson") for row in rows)
    for system, _, _, _, python, state in rows:
        versions = [tuple(map(int, version.split("."))) for version in re.findall(r"\d+\.\d+", python)]
        assert versions, f"{system}: which Python?"
        too_old = min(versions) < ROBOT_PYTHON
        assert state.startswith("refused, for its Python") is too_old, system
        assert too_old or re.match(r"tested by|expected|deployed to by hand|not tested", state), system
