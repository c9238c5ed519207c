"""What looks after a robot is run by a Python that can: the usual one, or the one that somebody has named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import python
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup
from ansible_collections.robotfleet.stack.plugins.plugin_utils.supported import ROBOT_PYTHON
from robot_stack.test_paths_in_units import commands, stack, words

USUAL, NAMED = "/usr/bin/python3", "/opt/python3.12/bin/python3"


@pytest.mark.parametrize(
    ("usual", "running", "found"),
    [
        ("python3.11", "/usr/bin/python3.11", USUAL),
        ("python3.9", NAMED, USUAL),
        ("python3.8", NAMED, NAMED),
        ("python3.6", "/usr/bin/python3.9", "/usr/bin/python3.9"),
        ("python3.8", "", USUAL),
        ("python3-of-acme", NAMED, USUAL),
        ("", NAMED, NAMED),
    ],
)
def test_the_usual_python_runs_it_unless_it_is_missing_or_too_old(
    tmp_path: Path, usual: str, running: str, found: str
) -> None:
    folder = tmp_path / "usr/bin"
    folder.mkdir(parents=True)
    if usual:
        (folder / usual).touch()
        (folder / "python3").symlink_to(usual)
    assert python.find(Roots(tmp_path), running) == found


def test_too_old_is_what_is_told_of_a_robot_and_usual_what_a_unit_has_unless_it_is_said() -> None:
    assert python.OLDEST == ROBOT_PYTHON
    assert python.USUAL == stack("/var/lib/robot-stack").python == USUAL


def test_the_watchdog_is_run_by_the_python_that_was_found() -> None:
    named = replace(stack("/var/lib/robot-stack"), python="/opt/py thon/python3")
    unit = setup.settings(named, "docker.service", own_engine=True)[2].content
    (line,) = commands(unit)
    assert words(line)[:3] == ["/opt/py thon/python3", "-I", "-S"]
