"""docs/security.md names what attacks each arrow: the files exist, and none of the attacks is left out."""

from __future__ import annotations

import re

import pytest
from declarations import PROJECT

PAGE = (PROJECT / "docs/security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| From")]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`([\w./]+\.py)`", row.rsplit("|", 2)[1])})


def test_each_arrow_names_what_attacks_it() -> None:
    assert ROWS
    assert not [row for row in ROWS if not re.search(r"`[\w./]+\.py`", row.rsplit("|", 2)[1])]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there_and_tests_something(name: str) -> None:
    place = PROJECT / "tests" / ("attacks" if name.startswith("attack_") else "") / name
    assert re.search(r"^def test_", place.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("attack", sorted((PROJECT / "tests/attacks").glob("attack_*.py")), ids=lambda path: path.name)
def test_each_attack_is_in_the_table(attack: object) -> None:
    name = str(attack).rpartition("/")[2]
    assert {name, f"attacks/{name}"} & set(NAMED)


def test_what_make_attacks_runs_beside_them_is_in_the_table() -> None:
    (listed,) = re.findall(r"^ATTACKS := ((?:.*\\\n)*.*)", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M)
    files = [word.removeprefix("tests/") for word in listed.replace("\\\n", " ").split() if word.endswith(".py")]
    assert files
    assert set(files) <= set(NAMED)
