"""The table of scenarios is complete; what runs beyond the core follows from the last commits and their number."""

from __future__ import annotations

import os
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from declarations import PROJECT
from hypothesis import given
from hypothesis import strategies as st

from tools.runner import choice
from tools.runner.__main__ import command, wanted

TABLE, SCENARIOS = choice.load(), choice.existing()
SMALL = choice.Table(("core",), (), {}, ((("roles/a/*", "plugins/*a*"), ("one", "two")), (("docs/*",), ("three",))))
NAMES = ["core", "five", "four", "one", "three", "two"]


def test_the_table_names_no_scenario_that_does_not_exist() -> None:
    named = {name for _, names in TABLE.touched for name in names}
    assert named | set(TABLE.core) | set(TABLE.alone) | set(TABLE.seconds) <= set(SCENARIOS)


def test_what_a_scenario_needs_is_made_sure_of_by_a_program_that_exists() -> None:
    assert set(TABLE.needs) <= set(SCENARIOS)
    assert [program for program in TABLE.needs.values() if not os.access(PROJECT / program, os.X_OK)] == []


def test_the_program_runs_before_the_scenario_and_its_end_is_the_jobs(tmp_path: Path) -> None:
    need = tmp_path / "need"
    need.write_text("#!/bin/sh\nexit 77\n", encoding="utf-8")
    need.chmod(0o755)
    assert subprocess.run(command("one", str(need)), check=False).returncode == 77
    assert command("one") == ("molecule", "test", "-s", "one")


def test_what_runs_alone_is_waited_for_by_nobody() -> None:
    jobs = wanted("all", [], TABLE, SCENARIOS)
    assert {job.name for job in jobs if job.scenario} == set(SCENARIOS)
    assert [job.alone for job in jobs] == sorted(job.alone for job in jobs)
    assert [job.name for job in jobs[4:7]] == list(TABLE.core)
    assert jobs[-1].name == "attacks"


def test_scenarios_that_are_asked_for_are_all_that_is_run() -> None:
    assert [job.name for job in wanted("scenarios", ["thrash", "default"], TABLE, SCENARIOS)] == ["thrash", "default"]


def test_every_scenario_is_reached_by_a_row_or_part_of_the_core() -> None:
    assert {name for _, names in TABLE.touched for name in names} | set(TABLE.core) == set(SCENARIOS)


def test_every_scenario_has_a_duration() -> None:
    assert set(TABLE.seconds) == set(SCENARIOS)


def files(*folders: str) -> list[str]:
    """Return the project's files, below these folders or all of them."""
    argv = ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_every_file_of_the_product_concerns_a_scenario() -> None:
    product = files("playbooks", "roles", "plugins", "files", "inventory", "testbed", "molecule/shared/*.py")
    assert len(product) > 100
    unknown = [path for path in product if not choice.concerned(TABLE, [path], SCENARIOS)]
    assert unknown == ["molecule/shared/promises.py"], "of which the core is made"


def test_every_pattern_fits_a_file() -> None:
    known = files()
    patterns = {pattern for row, _ in TABLE.touched for pattern in row}
    assert [one for one in sorted(patterns) if not any(fnmatchcase(path, one) for path in known)] == []


def test_a_scenarios_own_files_concern_it() -> None:
    assert choice.concerned(TABLE, ["molecule/report/tests/test_report.py"], SCENARIOS) == ["report"]
    assert choice.concerned(TABLE, ["README.md", "docs/budget.md"], SCENARIOS) == []


@pytest.mark.parametrize(
    ("paths", "begins_with"),
    [
        ([], ["five"]),
        (["roles/a/tasks/main.yml"], ["one", "two", "five"]),
        (["plugins/x/bad.py", "docs/a.md"], ["one", "three", "five", "two"]),
        (["molecule/four/molecule.yml"], ["four", "five"]),
    ],
)
def test_what_was_touched_comes_first_and_one_in_three_is_anothers_turn(
    paths: list[str], begins_with: list[str]
) -> None:
    assert choice.order(SMALL, NAMES, paths, 0)[: len(begins_with)] == begins_with


@given(turn=st.integers(min_value=0), paths=st.lists(st.sampled_from(["roles/a/x", "docs/x", "molecule/five/x"])))
def test_every_scenario_beyond_the_core_is_in_the_order_once(turn: int, paths: list[str]) -> None:
    assert sorted(choice.order(SMALL, NAMES, paths, turn)) == ["five", "four", "one", "three", "two"]


@pytest.mark.parametrize("paths", [[], ["roles/a/x"], ["roles/a/x", "docs/x", "molecule/five/x"]])
def test_in_as_many_commits_as_there_are_scenarios_each_is_among_the_first_three(paths: list[str]) -> None:
    first = {name for turn in range(100, 100 + len(NAMES)) for name in choice.order(SMALL, NAMES, paths, turn)[:3]}
    assert first == {"five", "four", "one", "three", "two"}


def test_the_history_is_read_from_git_and_may_be_absent(tmp_path: Path) -> None:
    assert (choice.changed_paths(tmp_path), choice.turn_of(tmp_path)) == ([], 0)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for number in range(choice.COMMITS + 2):
        (tmp_path / f"file{number}").touch()
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    assert choice.turn_of(tmp_path) == choice.COMMITS + 2
    assert choice.changed_paths(tmp_path) == sorted(f"file{number}" for number in range(2, choice.COMMITS + 2))
