"""docs/field-cases.md: every row names tests, and they are there."""

from __future__ import annotations

import ast
import re

import pytest
from declarations import PROJECT

PAGE = PROJECT / "docs" / "field-cases.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| [A-Z][0-9]+ \|", line)]


def number(row: str) -> str:
    return row.split("|")[1].strip()


@pytest.mark.parametrize("row", ROWS, ids=number)
def test_a_row_names_tests_that_are_there(row: str) -> None:
    named = re.findall(r"`([a-z_/]*test_\w+\.py)(?:::(\w+))?`", row.split("|")[-2])
    assert named
    for path, test in named:
        tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
        tests = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        assert [name for name in tests if name.startswith("test_")]
        assert not test or test in tests, f"{path} has no {test}"


def test_no_row_stands_twice() -> None:
    numbers = [number(row) for row in ROWS]
    assert numbers
    assert len(numbers) == len(set(numbers))
