"""What the tasks of one playbook register is no declaration to the gate of the next in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.collection import REGISTERED
from declarations import PROJECT
from field.playing import Fleet
from field.test_output_for_programs import HOSTS, PULLED


def _registered(part: Any) -> Iterator[str]:
    """Yield the names that tasks register or set as facts."""
    if isinstance(part, list):
        for one in part:
            yield from _registered(one)
    elif isinstance(part, dict):
        yield from [part["register"]] if isinstance(part.get("register"), str) else []
        yield from part.get("ansible.builtin.set_fact") or {}
        for key in ("tasks", "pre_tasks", "post_tasks", "block", "always", "rescue"):
            yield from _registered(part.get(key))


def test_the_gate_knows_what_our_tasks_register() -> None:
    files = [*PROJECT.glob("roles/*/tasks/*.yml"), *PROJECT.glob("playbooks/**/*.yml")]
    found = [name for path in files for name in _registered(yaml.safe_load(path.read_text(encoding="utf-8")))]
    assert set(found) == REGISTERED


def test_a_playbook_after_another_one_is_let_through(tmp_path: Path) -> None:
    """Seen: site.yml and verify.yml in one run ended in "did you mean robot_stack_fresh?"."""
    tasks = [{"ansible.builtin.debug": {"msg": name}, "register": name} for name in sorted(REGISTERED)]
    before = tmp_path / "before.yml"
    before.write_text(yaml.safe_dump([{"hosts": "robots", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": PULLED})
    done = fleet.play("playbooks/verify.yml", playbook=str(before.with_suffix("")))
    assert fleet.contacted, done.stdout + done.stderr
