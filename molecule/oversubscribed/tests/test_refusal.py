"""A robot that cannot hold the stack is refused for the right reason, and not one file of it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from untouched import changed, photograph

REASONS = {
    "small": "robot_stack_memory_budget_mib 300 plus robot_stack_memory_reserve_mib 150 is 450 MiB, more than this "
    "robot's 400.0 MiB",
    "busy": "127.0.0.1:8428 is taken by python3 (process ",
}
REMEDIES = {"small": "lower one of them", "busy": "stop it, or change victoriametrics_listen_address"}


@pytest.mark.parametrize("run", [["preflight"], ["site"], ["site", "--check", "--diff"]], ids=" ".join)
def test_it_is_refused_for_its_own_reason_and_nothing_changes(robot: Any, playbook: Any, run: list[str]) -> None:
    before = photograph(robot)
    name, *words = run
    done = playbook(f"playbooks/{name}.yml", "--limit", robot.name, *words)
    assert done.returncode != 0, done.stdout
    assert "refused, for 1 reason(s)" in done.stdout
    assert REASONS[robot.name] in done.stdout
    assert REMEDIES[robot.name] in done.stdout
    assert changed(before, photograph(robot)) == ""


def test_the_plan_names_every_robot_its_memory_and_its_reason(playbook: Any) -> None:
    done = playbook("playbooks/preflight.yml")
    assert done.returncode != 0, done.stdout
    table = done.stdout.partition("PLAN (MiB)")[2]
    columns, *lines = (line.split() for line in table.strip("* \n").partition("\n\n")[0].splitlines())
    rows = {line[0]: line for line in lines}
    assert {robot: dict(zip(columns, row))["RAM"] for robot, row in rows.items()} == {"small": "400", "busy": "500"}
    for robot, reason in REASONS.items():
        part = table.partition(f"{robot}: refused, and left as it is:\n")[2]
        assert part.startswith(f"  - {reason}")
    assert "Nothing was changed." in table


def test_the_same_robot_with_a_smaller_budget_is_accepted(robot: Any, playbook: Any) -> None:
    """The gate refuses what cannot work, and nothing else."""
    before = photograph(robot)
    fitting = {"robot_stack_memory_budget_mib": 250, "victoriametrics_listen_address": "127.0.0.1:8429"}
    done = playbook("playbooks/preflight.yml", "--limit", robot.name, "-e", json.dumps(fitting))
    assert done.returncode == 0, done.stdout
    assert f"{robot.name}: what would be done:" in done.stdout
    assert "cap the whole stack at 250 MiB in robotstack.slice" in done.stdout
    assert changed(before, photograph(robot)) == ""
