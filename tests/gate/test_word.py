"""The gate's word: whatever a play does, a robot is asked for nothing that the gate has not passed in the same run."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import word
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.gate import check
from declarations import BIN, PROJECT, catalogue, robot

IMAGES = ("robot-stack/sensor-service:0.1.0", "victoriametrics/victoria-metrics:v1.148.8")
DIGESTS = {"robot_stack_image_digests": dict.fromkeys(IMAGES, f"sha256:{'0' * 64}")}
BELOW = {"victoriametrics_memory_limit_mib": 33}
ROLES = """
    - ansible.builtin.import_role: {name: robotfleet.stack.memory_cgroup, tasks_from: spec}
    - ansible.builtin.import_role: {name: robotfleet.stack.container_engine, tasks_from: spec}
    - ansible.builtin.import_role: {name: robotfleet.stack.victoriametrics, tasks_from: spec}
"""
CONVERGE = "    - ansible.builtin.import_role: {name: robotfleet.stack.robot_stack, tasks_from: converge}\n"
GATE = "    - robotfleet.stack.inventory_gate:\n"
PLAY = "- hosts: robots\n  gather_facts: false\n  tasks:" + ROLES
PLAYS = {
    "no_gate": PLAY + CONVERGE,
    "other_values_than_the_gate_saw": PLAY + GATE + CONVERGE + f"      vars: {json.dumps(BELOW)}\n",
    "a_spec_of_its_own": PLAY
    + GATE
    + "    - ansible.builtin.import_role: {name: robotfleet.stack.robot_stack, tasks_from: spec}\n"
    + "    - robotfleet.stack.robot_stack:\n"
    + "        services: [{name: mine, image: {reference: 'a:1'}, memory_limit_mib: 9, cpu_limit: 1,"
    + " pids_limit: 9, user: '1:1'}]\n",
    "a_role_alone": "- hosts: robots\n  gather_facts: false\n  roles: [robotfleet.stack.victoriametrics]\n"
    + f"  vars: {json.dumps(BELOW)}\n",
}


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Where a program that makes connections would leave its mark; the inventory is beside it."""
    (tmp_path / "hosts.yml").write_text(
        "robots: {hosts: {scout: {ansible_host: 192.0.2.1, robot_stack_image_delivery: pull}}}\n"
    )
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/trace'\nexit 255\n")
    ssh.chmod(0o755)
    return tmp_path / "trace"


def play(trace: Path, playbook: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = trace.parent
    return subprocess.run(
        [BIN / "ansible-playbook", "-i", folder / "hosts.yml", playbook, "-e", json.dumps(DIGESTS), *arguments],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_SSH_EXECUTABLE": str(folder / "ssh"), "ANSIBLE_NOCOLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.parametrize(
    "ways",
    [
        ("--start-at-task", "Robot has its stack, inside its budget", "-e", json.dumps(BELOW)),
        ("--start-at-task", "Waves"),
        ("--start-at-task", "Kernel, as data", "--tags", "victoriametrics"),
        ("--skip-tags", "always"),
    ],
    ids=["start at the robot's task", "start after the gate", "with a tag", "without what always runs"],
)
def test_no_task_in_the_middle_of_a_playbook_reaches_a_robot(trace: Path, ways: tuple[str, ...]) -> None:
    play(trace, "playbooks/site.yml", *ways)
    assert not trace.exists(), f"a robot was contacted: {trace.read_text()}"


def test_the_way_through_the_gate_reaches_the_robot(trace: Path) -> None:
    done = play(trace, "playbooks/verify.yml")
    assert trace.exists(), done.stdout


def test_a_service_that_is_switched_off_needs_no_word(trace: Path) -> None:
    off = {"sensor_service_enabled": False, "victoriametrics_scrape_targets": {}}
    done = play(trace, "playbooks/verify.yml", "-e", json.dumps(off))
    assert "which the gate has not seen" not in " ".join(done.stdout.split())
    assert trace.exists(), done.stdout


def test_a_task_that_is_started_in_the_middle_is_told_why(trace: Path) -> None:
    done = play(trace, "playbooks/site.yml", "--start-at-task", "Robot has its stack, inside its budget")
    told = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "scout: the inventory gate has not checked what it declares" in told
    assert "run the playbook from its beginning" in told


@pytest.mark.parametrize("name", PLAYS)
def test_somebody_elses_play_does_not_walk_around_the_gate(trace: Path, name: str) -> None:
    playbook = trace.parent / "theirs.yml"
    playbook.write_text(PLAYS[name])
    done = play(trace, playbook)
    assert done.returncode != 0, done.stdout
    told = " ".join(done.stdout.split())
    assert "inventory gate" in told or "below the 54 MiB" in told
    assert not trace.exists(), f"a robot was contacted: {trace.read_text()}"


@pytest.mark.parametrize("given", [{"robot_stack_budget": {"memory_budget_mib": 9}}, {"victoriametrics_flags": {}}])
def test_what_a_role_works_out_itself_is_no_way_in(trace: Path, given: dict[str, Any]) -> None:
    done = play(trace, "playbooks/site.yml", "-e", json.dumps(given))
    assert done.returncode != 0
    assert "the role works it out itself" in " ".join(done.stdout.split())
    assert not trace.exists()


def test_an_overridden_result_is_a_fault_with_its_name() -> None:
    assert check(robot(), catalogue()) == []
    (fault,) = check(_with(robot(), overridden=("victoriametrics_fit",)), catalogue())
    assert fault.variable == "victoriametrics_fit"


def _with(one: Any, **change: Any) -> Any:
    return type(one)(**{**one.__dict__, **change})


# The word itself

WORKERS, ROUNDS = "abcdefgh", 12
ARGUMENTS = {name: {"of": name} for name in word.ARGUMENTS}
SPEC = {"name": "s", "memory_limit_mib": 32, "files": [{"path": "a"}], "notes": ["b"]}
WORD = {
    "arguments": {name: word.digest(value) for name, value in ARGUMENTS.items()},
    "services": {"s": word.digest(word.gated(SPEC))},
}


def test_what_was_passed_is_let_through_and_files_made_since_count_no_more(tmp_path: Path) -> None:
    word.give({"a": WORD}, tmp_path)
    word.demand("a", "present", ARGUMENTS, [SPEC], tmp_path)
    word.demand("a", "present", ARGUMENTS, [{**SPEC, "files": []}], tmp_path)
    word.demand("a", "present", ARGUMENTS, [], tmp_path)
    assert (tmp_path / word.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("state", ["present", "planned", "verified", "proven"])
@pytest.mark.parametrize(
    ("arguments", "spec", "told"),
    [
        ({"budget": 1}, {}, "robot_stack_budget"),
        ({"engine": None}, {}, "container_engine_spec"),
        ({}, {"memory_limit_mib": 31}, "s_spec"),
        ({}, {"memory_limit_mib": "32"}, "s_spec"),
        ({}, {"command": ["-httpListenAddr=0.0.0.0:1"]}, "s_spec"),
        ({}, {"name": "t"}, "service t, which the gate has not seen"),
    ],
)
def test_anything_else_is_refused_by_name(
    tmp_path: Path, state: str, arguments: dict[str, Any], spec: dict[str, Any], told: str
) -> None:
    word.give({"a": WORD}, tmp_path)
    with pytest.raises(word.NoWordError, match=f"not what the inventory gate has passed: {told}"):
        word.demand("a", state, {**ARGUMENTS, **arguments}, [{**SPEC, **spec}], tmp_path)


@pytest.mark.parametrize("state", ["present", "absent", "restored"])
def test_nobodys_word_counts_for_another_robot(tmp_path: Path, state: str) -> None:
    with pytest.raises(word.NoWordError, match="a: the inventory gate has not checked"):
        word.demand("a", state, ARGUMENTS, [SPEC], tmp_path)
    word.give({"b": WORD}, tmp_path)
    with pytest.raises(word.NoWordError, match="a: the inventory gate has not checked"):
        word.demand("a", state, ARGUMENTS, [SPEC], tmp_path)


def test_what_leaves_needs_no_sums_but_the_gate(tmp_path: Path) -> None:
    word.give({"a": {}}, tmp_path)
    word.demand("a", "absent", {}, [SPEC], tmp_path)
    word.demand("a", "restored", {}, [SPEC], tmp_path)
    with pytest.raises(word.NoWordError):
        word.demand("a", "present", ARGUMENTS, [], tmp_path)


def test_a_later_play_leaves_the_words_of_an_earlier_one(tmp_path: Path) -> None:
    word.give({"a": WORD}, tmp_path)
    word.give({"b": WORD}, tmp_path)
    word.demand("a", "present", ARGUMENTS, [SPEC], tmp_path)


def give_many(folder: Path, who: str, begin: Any) -> None:
    begin.wait(60)
    for number in range(ROUNDS):
        word.give({f"{who}{number}": WORD}, folder)
        word.demand(f"{who}{number}", "present", ARGUMENTS, [SPEC], folder)


def test_processes_that_give_their_words_at_once_lose_none(tmp_path: Path) -> None:
    """As where a role runs on its own: each robot's task calls the gate in a process of Ansible's."""
    forks = multiprocessing.get_context("fork")
    begin = forks.Barrier(len(WORKERS))
    workers = [forks.Process(target=give_many, args=(tmp_path, who, begin)) for who in WORKERS]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * len(WORKERS)
    names = [f"{who}{number}" for who in WORKERS for number in range(ROUNDS)]
    assert word.passed(names, tmp_path) == dict.fromkeys(names, WORD)
    assert not list(tmp_path.glob(".*.partial"))


def test_numbers_and_texts_are_told_apart_and_the_order_of_keys_is_not() -> None:
    assert word.digest({"a": 1, "b": (2, None)}) == word.digest({"b": [2, None], "a": 1})
    values: list[Any] = [1, "1", True, "true", None, "", [], {}, 1.5]
    assert len({word.digest(value) for value in values}) == len(values)
