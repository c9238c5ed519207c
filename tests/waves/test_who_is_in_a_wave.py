"""Waves are planned over the robots that are still in the run, and nobody passes who was not asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.action import rollout_gate, rollout_plan
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.division import KEEPER
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from declarations import PROJECT
from field.playing import Fleet
from field.test_output_for_programs import PULLED

NAMES = ("dead", "a", "b", "c")
ADDRESSES = {name: {"ansible_host": f"192.0.2.{number}"} for number, name in enumerate(NAMES, 1)}
CHANGED, PROVEN = {"changed": True, "proven": False}, {"changed": False, "proven": True}
WAVES: Mapping[str, Any] = {"waves": [1, "50%", "100%"], "soak_seconds": 0, "max_failures": 0}
PLAN = {"hosts": NAMES, "sizes": (1, 2), "soak_seconds": 0}


@pytest.fixture(autouse=True)
def _without_ansibles_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})


def action(plugin: Any, arguments: Mapping[str, Any], *, check_mode: bool = False) -> Any:
    made = plugin.ActionModule.__new__(plugin.ActionModule)
    play = SimpleNamespace(strategy="ansible.builtin.linear")
    made._task = SimpleNamespace(args=dict(arguments), check_mode=check_mode, get_play=lambda: play)
    return made


def planned(*there: str, check_mode: bool = False, **more: Any) -> dict[str, Any]:
    """Return the plan where only the robots ``there`` are left in the run; ``more`` are arguments."""
    groups = {"first": ["dead", "c"]}
    variables = {"ansible_play_hosts_all": list(NAMES), "ansible_play_hosts": list(there), "groups": groups}
    told: dict[str, Any] = action(rollout_plan, {**WAVES, **more}, check_mode=check_mode).run(task_vars=variables)
    return dict(told["rollout"])


def gated(
    results: Mapping[str, Any], plan: Mapping[str, Any] = PLAN, skip_tags: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """Return what the gate says of a batch of those who are in ``results``, with what each has answered."""
    progress = Progress(**plan)
    facts = {"rollout": {**progress.told(), "plays": progress.playbook()}}
    answers = {name: {} if result is None else {"robot_stack_result": result} for name, result in results.items()}
    variables = {
        "hostvars": {**answers, "localhost": {"ansible_facts": facts}},
        "ansible_play_batch": list(results),
        "ansible_skip_tags": list(skip_tags),
    }
    told: dict[str, Any] = action(rollout_gate, more).run(task_vars=variables)
    return told


def test_who_is_out_of_the_run_is_in_no_wave(capsys: pytest.CaptureFixture[str]) -> None:
    told = planned("a", "b", "c")
    assert (told["hosts"], told["sizes"]) == (["a", "b", "c"], [1, 1, 3])
    assert told["plays"]["candidates"] == ["a", "b", "c"]
    assert "dead: in no wave: failed or could not be reached earlier in this run" in capsys.readouterr().out


def test_a_whole_fleet_is_planned_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    told = planned(*NAMES)
    assert (told["hosts"], told["sizes"]) == (list(NAMES), [1, 2, 4])
    assert "in no wave" not in capsys.readouterr().out


def test_canaries_are_those_that_are_left() -> None:
    assert planned("a", "b", "c", canaries="first")["hosts"] == ["c", "a", "b"]


def test_check_mode_asks_who_is_left() -> None:
    assert planned("a", "b", check_mode=True)["sizes"] == [2]


@pytest.mark.parametrize("shard", ["canaries", "1/2"])
def test_a_divided_run_without_some_robots_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: str
) -> None:
    monkeypatch.setattr(constants, "CALLBACKS_ENABLED", [KEEPER])
    with pytest.raises(rollout_plan.PlanError, match=r"dead, b failed or .* the same robots: .* --limit '!dead,!b'"):
        planned("a", "c", shard=shard, run="monday", results_directory=str(tmp_path / "results"))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("batch", [("a",), ("dead", "a")])
def test_a_batch_that_was_not_planned_is_refused(batch: tuple[str, ...]) -> None:
    with pytest.raises(AnsibleActionFail, match=r"not wave 1 as it was planned: a should not be in it, but dead\."):
        gated(dict.fromkeys(batch, CHANGED))


def test_a_batch_after_the_last_wave_is_refused() -> None:
    ended = {**PLAN, "answers": dict.fromkeys(NAMES, "unchanged"), "wave": 3}
    with pytest.raises(AnsibleActionFail, match=r"a should not be in it, but nobody\."):
        gated({"a": CHANGED}, ended)


def test_a_batch_without_those_that_failed_is_the_wave() -> None:
    second = {**PLAN, "answers": {"dead": "unchanged"}, "wave": 2, "max_failures": 1}
    assert gated({"a": PROVEN}, second)["rollout"]["answers"] == {"dead": "unchanged", "a": "unchanged", "b": "failed"}


@pytest.mark.parametrize(
    ("result", "skip_tags", "word"),
    [
        (None, (), "silent"),
        (None, ("sensor_service",), "silent"),
        (None, ("robot_stack",), "unchanged"),
        ({"changed": False, "skipped": True}, (), "unchanged"),
        ({"changed": False, "asked": "present"}, (), "unchanged"),
        ({"unreachable": True}, (), "silent"),
    ],
)
def test_a_robot_that_was_not_asked_is_unchanged_only_where_tags_left_it_out(
    capsys: pytest.CaptureFixture[str], result: Mapping[str, Any] | None, skip_tags: tuple[str, ...], word: str
) -> None:
    told = gated({"dead": result}, skip_tags=skip_tags)
    assert told["rollout"]["answers"] == {"dead": word}
    assert ("Ansible has not asked dead" in capsys.readouterr().out) == (result is None and word == "silent")


def test_who_was_not_asked_stays_silent_while_others_are_judged() -> None:
    wave = {**PLAN, "sizes": (2, 2)}
    first = gated({"dead": None, "a": CHANGED}, wave)
    assert (first["judge"], first["silent"]) == (["a"], ["dead"])
    skipped = {"changed": False, "skipped": True}
    told = gated({"dead": skipped, "a": PROVEN}, wave, judged=first["judge"], silent=first["silent"])
    assert told["rollout"]["answers"] == {"dead": "silent", "a": "passed"}


def test_who_was_not_judged_does_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer of its change stands where that of the judgement would."""
    told = gated({"dead": CHANGED}, judged=["dead"], silent=[])
    assert told["rollout"]["answers"] == {"dead": "failed"}
    assert told["rollout"]["stopped"].startswith("dead failed in wave 1")
    assert "Ansible has not asked dead" in capsys.readouterr().out
    assert gated({"dead": PROVEN}, judged=["dead"], silent=[])["rollout"]["answers"] == {"dead": "passed"}


@pytest.mark.parametrize("lost", ["ansible.builtin.fail", "ansible.builtin.ping"])
def test_a_robot_that_an_earlier_play_has_lost_shifts_nobody(tmp_path: Path, lost: str) -> None:
    """It failed, or cannot be reached. Otherwise each has the turn of the one before it, and is never judged."""
    task = {"name": "Lost", lost: None, "when": "inventory_hostname == 'dead'"}
    before = tmp_path / "before.yml"
    play = {"name": "Before", "hosts": "robots", "gather_facts": False, "tasks": [task]}
    site = {"import_playbook": str(PROJECT / "playbooks" / "site.yml")}
    before.write_text(yaml.safe_dump([play, site]), encoding="utf-8")
    hosts = yaml.safe_dump({"robots": {"hosts": ADDRESSES}}, sort_keys=False)
    fleet = Fleet(tmp_path, {"hosts.yml": hosts, "group_vars/robots.yml": PULLED})
    done = fleet.play(playbook=str(before.with_suffix("")))
    said = " ".join((done.stdout + done.stderr).split())
    assert "dead: in no wave" in said, said
    assert "silent: a, b, c" in said, "each had its turn as a canary, and none has answered"
    assert "the rollout stops" not in said, said
    assert "not reached" not in said, said
    assert done.returncode != 0
