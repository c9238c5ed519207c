"""docs/security.md names what attacks each arrow: the files exist, and none of the attacks is left out."""

from __future__ import annotations

import re

import pytest
from declarations import PROJECT

PAGE = (PROJECT / "docs/security.md").read_text(encoding="utf-8")
# of the tables whose last column names a test
TABLES = re.findall(r"^\|[^\n]*\| (?:Attack|Test)[^|\n]*\|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", PAGE, re.M)
ROWS = [row for table in TABLES for row in table.splitlines()]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`([\w./]+\.py)`", row.rsplit("|", 2)[1])})


def test_each_arrow_names_what_attacks_it() -> None:
    assert len(TABLES) >= 6
    assert not [row for row in ROWS if not re.search(r"`[\w./]+\.py`", row.rsplit("|", 2)[1])]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there_and_tests_something(name: str) -> None:
    places = (PROJECT / name, PROJECT / "tests" / name, PROJECT / "tests/attacks" / name)
    (place,) = [place for place in places if place.is_file()]
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
