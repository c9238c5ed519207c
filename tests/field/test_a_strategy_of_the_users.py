"""A user's settings do not take from a rollout what it needs.

With `strategy = free` robots would not wait for each other; with `any_errors_fatal` one would end the run of all.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from declarations import PROJECT
from field.playing import Fleet
from field.test_output_for_programs import PULLED

# Nothing is changed on a host of a hub before all of them could be asked.
TOGETHER = {"Hub is ready", "Hub can be rolled back", "Backup is there", "Every host has its samples back"}
HOSTS = "robots: {hosts: {scout-01: {ansible_host: 192.0.2.1}, scout-02: {ansible_host: 192.0.2.2}}}\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": PULLED})


@pytest.mark.parametrize("playbook", sorted(PROJECT.glob("playbooks/*.yml")), ids=lambda path: path.stem)
def test_every_play_says_itself_that_robots_wait_for_each_other(playbook: Path) -> None:
    plays = [play for play in yaml.safe_load(playbook.read_text(encoding="utf-8")) if "hosts" in play]
    assert plays
    assert {play["name"]: play.get("strategy") for play in plays} == {
        play["name"]: "ansible.builtin.linear" for play in plays
    }


@pytest.mark.parametrize("playbook", sorted(PROJECT.glob("playbooks/*.yml")), ids=lambda path: path.stem)
def test_every_play_says_itself_that_the_errors_of_one_robot_are_its_own(playbook: Path) -> None:
    plays = [play for play in yaml.safe_load(playbook.read_text(encoding="utf-8")) if "hosts" in play]
    assert plays
    assert {play["name"]: play.get("any_errors_fatal") for play in plays} == {
        play["name"]: play["name"] in TOGETHER for play in plays
    }


def test_a_users_fatal_errors_do_not_take_the_gate_from_a_rollout(fleet: Fleet) -> None:
    """Seen: one silent robot failed those of its wave that had changed, and nobody decided about them."""
    done = fleet.play(playbook="site", ANSIBLE_ANY_ERRORS_FATAL="true")
    said = " ".join((done.stdout + done.stderr).split())
    assert "silent: scout-01, scout-02" in said, said
    assert "not reached" not in said, said


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.host_pinned"])
def test_a_users_strategy_is_not_that_of_a_rollout(fleet: Fleet, strategy: str) -> None:
    done = fleet.play(playbook="site", ANSIBLE_STRATEGY=strategy)
    said = " ".join((done.stdout + done.stderr).split())
    assert fleet.contacted, said
    assert "run_once" not in said, said  # Ansible's warning


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.free", "host_pinned"])
def test_a_wave_whose_robots_do_not_wait_is_refused(fleet: Fleet, tmp_path: Path, strategy: str) -> None:
    tasks = [{"robotfleet.stack.rollout_gate": None, "run_once": True}]
    play = {"hosts": "robots", "gather_facts": False, "strategy": strategy, "tasks": tasks}
    playbook = tmp_path / "wave.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    done = fleet.play(playbook=str(playbook.with_suffix("")))
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, said
    assert f"The strategy of this play is {strategy}" in said, said
