"""A key that stands twice in one mapping is refused, with both its lines (row A17)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import twice
from field.playing import Fleet

HOSTS = "robots:\n  hosts:\n    scout: {ansible_host: 192.0.2.1}\n"
BUDGET = "group_vars/robots/memory_budget.yml"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3\n", [("a", 1, 3)]),
        ("a: 1\na: 1\n", [("a", 1, 2)]),
        ("flags: {x: 1, y: 2, x: 3}\n", [("x", 1, 1)]),
        ("list:\n  - a: 1\n    a: 2\n", [("a", 2, 3)]),
        ('{"a": 1,\n "a": 2}', [("a", 1, 2)]),
        ("'a': 1\n\"a\": 2\n", [("a", 1, 2)]),
        ("a: &x {k: 1, k: 2}\nb: *x\n", [("k", 1, 1)]),
        ("a: 1\n---\nb: 1\nb: 2\n", [("b", 3, 4)]),
        ("a: !vault |\n  $ANSIBLE_VAULT;1.1\na: 2\n", [("a", 1, 3)]),
        ("a: 1\n'1': 2\n1: 3\n", []),
        ("a: 1\n---\na: 2\n", []),
        ("a: {k: 1}\nb: {k: 1}\n", []),
        ("a: &a {k: 1}\nb: &b {l: 1}\nc:\n  <<: *a\n  <<: *b\n", []),  # each is merged
        ("a: &a {k: 1}\nc:\n  <<: *a\n  m: 1\n  m: 2\n", [("m", 4, 5)]),
        ("'<<': 1\n'<<': 2\n", [("<<", 1, 2)]),
        ("$ANSIBLE_VAULT;1.1;AES256\n3334\n", []),
        ("a: [\n", []),
        ("", []),
    ],
)
def test_every_mapping_of_a_text_is_looked_at(text: str, found: list[tuple[str, int, int]]) -> None:
    assert list(twice.of_text(text)) == found


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (BUDGET, "victoriametrics_memory_limit_mib: 64\nvictoriametrics_memory_limit_mib: 72\n", f"{BUDGET}:2"),
        (
            "host_vars/scout.yml",
            "victoriametrics_flags_extra:\n  loggerLevel: INFO\n  loggerLevel: WARN\n",
            "scout.yml:3",
        ),
        ("hosts.yml", f"{HOSTS}    scout: {{ansible_host: 192.0.2.2}}\n", "hosts.yml:4"),
    ],
)
def test_the_gate_refuses_it_wherever_it_stands(tmp_path: Path, name: str, text: str, told: str) -> None:
    said = Fleet(tmp_path, {"hosts.yml": HOSTS, name: text}).refusal()
    assert "it stands twice in one mapping" in said
    assert f"{told})" in said


def test_on_the_command_line_it_is_refused_and_given_one_after_the_other_it_is_not(tmp_path: Path) -> None:
    extra = tmp_path / "extra.yml"
    extra.write_text("sensor_service_simulated: true\nsensor_service_simulated: false\n", encoding="utf-8")
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS})
    said = fleet.refusal(
        "-e", '{"robot_stack_accept_tight": true, "robot_stack_accept_tight": false}', "-e", f"@{extra}"
    )
    assert "2 faults" in said
    last = ("-e", '{"sensor_service_cpu_limit": 0}', "-e", '{"sensor_service_cpu_limit": -1}')
    assert "1 fault on" in fleet.refusal(*last)
