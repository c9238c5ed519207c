"""Who reads the module's answer on the controller reads what its definition has, and no other keys."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_type_hints

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import result
from ansible_collections.robotfleet.stack.plugins.plugin_utils.report import measurement
from declarations import PROJECT

ROWS = (result.RobotRow, result.ServiceRow, result.EngineRow, result.BudgetRow, result.DeclaredRow, result.Result)
DEFINED = {key for row in ROWS for key in get_type_hints(row)}
ROBOT_STACK = "plugins/module_utils/robot_stack"


def texts(file: str) -> set[str]:
    """The text constants of a file, its keys among them."""
    nodes = ast.walk(ast.parse((PROJECT / file).read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


# What Ansible itself adds to an answer, a diff's own keys, and what a report adds to what it was given.
ANSIBLES = {"unreachable", "skipped", "before", "after", "after_header"}
# Of these parts the definition has the names only; their keys are those of the one file that writes them.
HISTORY, DISK = texts(f"{ROBOT_STACK}/ask/history.py"), texts(f"{ROBOT_STACK}/run/disk_usage.py")
READERS = {
    "plugins/callback/summary.py": ANSIBLES | {"results"},  # the folder of a divided run
    "plugins/plugin_utils/changes.py": ANSIBLES,
    "plugins/plugin_utils/summary/tables.py": ANSIBLES,
    "plugins/plugin_utils/summary/words.py": ANSIBLES,
    "plugins/plugin_utils/rollout/gate.py": ANSIBLES | {"begun"},  # of the controller: needs/broken.py
    "plugins/plugin_utils/rollout/summary.py": ANSIBLES,
    "plugins/plugin_utils/report/measurement.py": ANSIBLES | {"format", "robots"},  # of an earlier report's data
    "plugins/plugin_utils/report/parse.py": HISTORY | DISK | {"robots", "state", "message"},  # of the measurement
    "plugins/plugin_utils/report/tables.py": HISTORY,
}


def keys_read(path: Path) -> set[str]:
    """The constant keys with which a file reads mappings."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
    return {key for key in found if isinstance(key, str)}


@pytest.mark.parametrize("file", sorted(READERS))
def test_every_key_that_is_read_is_one_that_is_written(file: str) -> None:
    read = keys_read(PROJECT / file)
    assert read, "this test would miss everything"
    assert read - DEFINED - READERS[file] == set()


def test_a_report_keeps_parts_that_an_answer_has() -> None:
    assert set(measurement.KEPT) <= set(get_type_hints(result.Result))
