"""Playbooks that several processes divide, run as an operator or AWX does; their robots are silent or not asked."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from declarations import PROJECT
from field.playing import Fleet

NAMES = ("a", "b", "c", "d", "e")
HOSTS = (
    "robots: {hosts: {"
    + ", ".join(f"{name}: {{ansible_host: 192.0.2.{n}}}" for n, name in enumerate(NAMES, 1))
    + "}}\n"
)
PULLED = (
    "robot_stack_image_delivery: pull\nrobot_stack_image_digests:\n"
    f"  robot-stack/sensor-service:0.1.0: sha256:{'a' * 64}\n"
    f"  victoriametrics/victoria-metrics:v1.148.8: sha256:{'b' * 64}\n"
)
# Tags that are about nothing of ours: every robot has its turn, nobody is asked, nothing fails.
UNASKED = ("--tags", "somebody_elses")
# What the playbooks hand to the filter that refuses, beside the limit: the ways in which they can be divided.
PARTS = {
    **dict.fromkeys(("site", "report"), ", ['shard']"),
    **dict.fromkeys(("preflight", "verify"), ", ['shard', 'slice']"),
    **dict.fromkeys(("backup", "restore", "rollback"), ", ['slice']"),
}
HUB = "telemetry_hub: {hosts: {hub: {ansible_host: 192.0.2.9}}}\n"
RUN = ("-e", "rollout_run=monday")
SLICE = ("-e", "awx_workflow_job_id=7", "-e", "awx_workflow_job_name=Deploy", "-e", "awx_job_template_name=Deploy")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, {"hosts.yml": HOSTS, "group_vars/robots.yml": PULLED})


def shard(
    fleet: Fleet, name: str, *more: str, playbook: str = "site", **settings: str
) -> subprocess.CompletedProcess[str]:
    return fleet.play(*RUN, "-e", f"rollout_shard={name}", *more, playbook=playbook, **settings)


def results(fleet: Fleet) -> Path:
    return fleet.folder.parent / "rollouts" / "fleet" / "monday"


def read(fleet: Fleet, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results(fleet) / f"{name}.json").read_text(encoding="utf-8"))
    return found


def words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def passes(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return words(done)


def test_a_rollout_of_three_processes_is_one(fleet: Fleet) -> None:
    said = passes(shard(fleet, "canaries", *UNASKED))
    assert "the canaries have passed: the shards may begin" in said
    for name in ("1/2", "2/2"):
        passes(shard(fleet, name, *UNASKED))
    turns = {name: list(read(fleet, name)["rollout"]["answers"]) for name in ("canaries", "1-of-2", "2-of-2")}
    assert turns == {"canaries": ["a"], "1-of-2": ["b", "d"], "2-of-2": ["c", "e"]}
    said = passes(fleet.play(*RUN, playbook="join"))
    assert "Run monday of site.yml: results of canaries, 1/2, 2/2; 5 of 5 robots." in said
    assert not fleet.contacted


def test_a_process_that_is_missing_is_no_success(fleet: Fleet) -> None:
    passes(shard(fleet, "canaries", *UNASKED))
    passes(shard(fleet, "1/2", *UNASKED))
    done = fleet.play(*RUN, playbook="join")
    assert done.returncode != 0
    assert "2/2 is missing: nothing is known of it" in words(done)
    assert "2 robots are in none of them: c, e" in words(done)
    assert "there are none of run sunday" in words(fleet.play("-e", "rollout_run=sunday", playbook="join"))


def test_nobody_begins_before_the_canaries_have_passed(fleet: Fleet) -> None:
    said = " ".join(fleet.refusal(*RUN, "-e", "rollout_shard=1/2", playbook="site").split())
    assert f"rollout_shard: {results(fleet)}/canaries.json is missing" in said
    silent = shard(fleet, "canaries")
    assert silent.returncode != 0
    assert "not reached" not in words(silent), "each robot was tried as a canary, and none has answered"
    (fleet.folder.parent / "trace").unlink()
    said = " ".join(fleet.refusal(*RUN, "-e", "rollout_shard=1/2", playbook="site").split())
    assert "the canaries have not passed" in said
    passes(shard(fleet, "1/2", "--check", *UNASKED))


@pytest.mark.parametrize(
    ("more", "written", "why"),
    [
        (("--tags", "other"), "", "is of a run with the tags somebody_elses, and this one has other"),
        (("--limit", "!e"), "", "the same inventory, the same --limit"),
        ((), "rollout_waves: [2]\n", "the same rollout_waves"),
        ((), "victoriametrics_memory_limit_mib: 80\n", "is about another declaration"),
        ((), "victoriametrics_scrape_interval: 20s\n", "is about another declaration"),
    ],
)
def test_canaries_of_another_rollout_let_nobody_through(
    fleet: Fleet, more: tuple[str, ...], written: str, why: str
) -> None:
    passes(shard(fleet, "canaries", *UNASKED))
    (fleet.folder / "group_vars" / "robots.yml").write_text(PULLED + written, encoding="utf-8")
    said = fleet.refusal(*RUN, "-e", "rollout_shard=1/2", *(more or UNASKED), playbook="site")
    assert why in " ".join(said.split())


def test_the_verdict_can_be_handed_on_as_a_variable_as_awx_does(fleet: Fleet, tmp_path: Path) -> None:
    done = shard(fleet, "canaries", *UNASKED, ANSIBLE_SHOW_CUSTOM_STATS="1", ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    handed_on = re.search(r'RUN: (\{ ?"rollout_canaries_verdict".*)', passes(done))
    assert handed_on
    verdict, _ = json.JSONDecoder().raw_decode(handed_on[1])
    elsewhere = ("-e", f"rollout_results_directory={tmp_path}/elsewhere")
    assert shard(fleet, "1/2", *UNASKED, *elsewhere).returncode != 0
    passes(shard(fleet, "1/2", *UNASKED, *elsewhere, "-e", json.dumps(verdict)))
    assert (tmp_path / "elsewhere" / "monday" / "1-of-2.json").exists()


def test_each_process_asks_its_own_robots_and_all_are_told_as_one(fleet: Fleet) -> None:
    for name, own in (("1/2", "ace"), ("2/2", "bd")):
        done = shard(fleet, name, playbook="verify")
        assert done.returncode == 4
        assert re.findall(r"^(\w+) could not be reached: \S", done.stdout, re.M) == list(own)
    done = fleet.play(*RUN, playbook="join")
    assert done.returncode == 2
    assert re.findall(r"^(\w+) could not be reached: \S", done.stdout, re.M) == list("abcde")
    assert "1/2: a, c, e failed, or could not be reached" in words(done)


def test_parts_of_another_declaration_or_mode_are_not_joined(fleet: Fleet) -> None:
    passes(shard(fleet, "1/2", *UNASKED, playbook="verify"))
    (fleet.folder / "group_vars" / "robots.yml").write_text(
        PULLED + "victoriametrics_memory_limit_mib: 80\n", encoding="utf-8"
    )
    passes(shard(fleet, "2/2", *UNASKED, "--check", playbook="verify"))
    said = words(fleet.play(*RUN, playbook="join"))
    assert "2/2 ran in check mode, and 1/2 without check mode" in said
    assert "2/2 is about another declaration than 1/2" in said


@pytest.mark.parametrize("playbook", ["preflight", "report", "verify"])
def test_each_process_checks_the_whole_fleet_before_its_part(fleet: Fleet, playbook: str) -> None:
    """b is of 2/2, and so are its faults; a run that is not divided would refuse them."""
    wrong = fleet.folder / "host_vars" / "b.yml"
    wrong.parent.mkdir()
    wrong.write_text("victoriametrics_memory_limit_mib: 1\n", encoding="utf-8")
    said = fleet.refusal(*RUN, "-e", "rollout_shard=1/2", playbook=playbook)
    assert "victoriametrics_memory_limit_mib" in said
    assert not results(fleet).exists()


def test_a_process_without_robots_is_a_part_like_others(fleet: Fleet) -> None:
    passes(shard(fleet, "7/9", *UNASKED, playbook="verify"))
    assert (read(fleet, "7-of-9")["robots"], read(fleet, "7-of-9")["ended_at"] > 0) == ([], True)


def test_a_report_of_several_processes_is_one(fleet: Fleet) -> None:
    for name in ("1/2", "2/2"):
        assert shard(fleet, name, playbook="report").returncode != 0
    assert not (fleet.folder.parent / "reports").exists(), "no process has all robots"
    assert fleet.play(*RUN, playbook="join").returncode == 2
    data = fleet.folder.parent / "reports" / "fleet" / "performance-budget-report.json"
    robots = json.loads(data.read_text(encoding="utf-8"))["robots"]
    assert {name: robot["state"] for name, robot in robots.items()} == dict.fromkeys(NAMES, "unreachable")


@pytest.mark.parametrize("name", sorted(path.stem for path in (PROJECT / "playbooks").glob("*.yml")))
def test_each_playbook_says_how_it_can_be_divided(name: str) -> None:
    if name == "images":
        return  # each machine needs them
    first = yaml.safe_load((PROJECT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))[0]
    parts = PARTS.get(name, "")
    for text in (first["hosts"], first["tasks"][0]["ansible.builtin.fail"]["msg"]):
        assert f"ansible_limit | default(''){parts})" in text


@pytest.mark.parametrize("playbook", ["remove", "hub"])
def test_what_cannot_be_divided_is_refused(fleet: Fleet, playbook: str) -> None:
    (fleet.folder / "hub.yml").write_text(HUB, encoding="utf-8")
    said = fleet.refusal("-e", "rollout_shard=1/2", playbook=playbook)
    assert "rollout_shard: 1/2: this playbook is not divided by it" in " ".join(said.split())


@pytest.mark.parametrize("playbook", ["site", "hub"])
def test_what_awx_cannot_slice_is_refused_by_name(fleet: Fleet, playbook: str) -> None:
    (fleet.folder / "hub.yml").write_text(HUB, encoding="utf-8")
    said = " ".join(fleet.refusal(*SLICE, playbook=playbook).split())
    assert 'a slice of the sliced job "Deploy"' in said
    assert "one node with rollout_shard: canaries" in said


def test_a_slice_may_look_at_its_own_robots(fleet: Fleet) -> None:
    fleet.passes(*SLICE)
    passes(fleet.play(*SLICE[:2], "-e", "awx_job_template_name=Deploy", *UNASKED, playbook="site"))


@pytest.mark.parametrize(
    ("playbook", "more", "settings", "why"),
    [
        ("site", ("-e", "rollout_shard=3/2", *RUN), {}, 'rollout_shard: "3/2" is no part of a run'),
        ("verify", ("-e", "rollout_shard=1/2"), {}, "rollout_run is missing"),
        ("site", ("-e", "rollout_shard=1/2", "-e", "rollout_run=../x"), {}, "cannot be the name of a folder"),
        (
            "verify",
            ("-e", "rollout_shard=1/2", *RUN),
            {"ANSIBLE_CALLBACKS_ENABLED": "a.b.c"},
            "robotfleet.stack.summary",
        ),
        ("site", ("-e", "rollout_shrad=1/2"), {}, "did you mean rollout_shard?"),
    ],
)
def test_a_division_that_cannot_work_is_refused(
    fleet: Fleet, playbook: str, more: tuple[str, ...], settings: dict[str, str], why: str
) -> None:
    done = fleet.play(*more, playbook=playbook, **settings)
    assert done.returncode != 0
    assert why in words(done)
    assert not fleet.contacted


def test_only_a_rollout_has_canaries(fleet: Fleet) -> None:
    assert "only site.yml has canaries" in fleet.refusal(*RUN, "-e", "rollout_shard=canaries", playbook="verify")


def test_an_inventory_cannot_say_which_part_is_whose(fleet: Fleet) -> None:
    (fleet.folder / "group_vars" / "all.yml").write_text("rollout_shard: 1/2\nrollout_run: monday\n", encoding="utf-8")
    said = " ".join(fleet.refusal(playbook="verify").split())
    assert "delete the line, and give it to the process: -e rollout_shard=..." in said
    assert "-e rollout_run=..." in said
