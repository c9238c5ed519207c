"""Every row of docs/field-cases.md names tests that exist, and each case has one row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| ([A-Z][0-9]+) \|.*\| ([^|]+) \|$")
ROWS = [found for line in (PROJECT / "docs/field-cases.md").read_text().splitlines() if (found := ROW.match(line))]


def names_in(file: Path) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def test_no_case_has_two_rows() -> None:
    numbers = [row.group(1) for row in ROWS]
    assert numbers
    assert sorted(numbers) == sorted(set(numbers))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.group(1)))
def test_each_case_names_tests_that_exist(row: re.Match[str]) -> None:
    named = re.findall(r"`([^`]+)`", row.group(2))
    assert named, "a case without a test"
    for place in named:
        file, _, name = place.partition("::")
        assert (PROJECT / file).is_file(), place
        assert not name or name in names_in(PROJECT / file), place
