"""ansible-runner, as AWX runs playbooks: a private data folder, whose events and artifacts are read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from install.runner import Job
from install.stranger import COLLECTION, PULLED, TOO_SMALL, Stranger


@pytest.fixture(scope="module")
def silent(stranger: Stranger, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A rollout to a robot that does not answer."""
    ssh = tmp_path_factory.mktemp("programs") / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    fleet = stranger.inventory(PULLED, name="runner-silent")
    return Job(stranger, "site", fleet, ANSIBLE_SSH_EXECUTABLE=str(ssh))


@pytest.fixture(scope="module")
def refused(stranger: Stranger) -> Job:
    """A plan for an inventory that cannot work."""
    return Job(stranger, "preflight", stranger.inventory(TOO_SMALL, name="runner-refused"))


def test_its_exit_code_is_the_playbooks(silent: Job, refused: Job) -> None:
    for job in (silent, refused):
        assert (job.status, job.artifact("rc"), job.artifact("status")) == (2, "2", "failed")


def test_people_read_the_summary(silent: Job) -> None:
    for text in (silent.shown, silent.artifact("stdout")):
        assert "\nscout could not be reached: " in text
        assert "ROLLOUT *" in text


def test_the_summary_is_in_events_of_its_own(silent: Job) -> None:
    told = [event for event in silent.events if "\nROLLOUT *" in f"\n{event['stdout']}"]
    assert [event["event"] for event in told] == ["verbose"], "the results' own events hold no word of it"


def test_programs_read_what_became_of_a_robot(silent: Job) -> None:
    (answer,) = [event for event in silent.events if event["event"] == "runner_on_unreachable"]
    assert answer["event_data"]["host"] == "scout"
    assert answer["event_data"]["task_action"] == f"{COLLECTION}.robot_stack"
    (stats,) = [event for event in silent.events if event["event"] == "playbook_on_stats"]
    assert stats["event_data"]["failures"] == {"scout": 1}


def test_a_refusal_is_one_event_with_the_whole_message(refused: Job) -> None:
    (answer,) = [event for event in refused.events if event["event"] == "runner_on_failed"]
    assert "robot_stack_memory_budget_mib: 150" in answer["event_data"]["res"]["msg"]
    assert "No robot was contacted." in answer["event_data"]["res"]["msg"]


def test_several_jobs_that_share_nothing_but_a_folder_are_one_run(stranger: Stranger) -> None:
    hosts = "robots: {hosts: {scout: {ansible_host: 192.0.2.1}, cart: {ansible_host: 192.0.2.2}}}\n"
    fleet = stranger.inventory(PULLED, hosts, name="runner-divided")
    common = ("rollout_run=monday", f"rollout_results_directory={stranger.folder}/rollouts")
    silent = {"ANSIBLE_SSH_EXECUTABLE": "/bin/false"}
    parts = [Job(stranger, "verify", fleet, f"rollout_shard={part}", *common, **silent) for part in ("1/2", "2/2")]
    assert [part.status for part in parts] == [4, 4]
    assert ["scout could not be reached: " in part.shown for part in parts] == [False, True]
    whole = Job(stranger, "join", fleet, *common)
    assert whole.status == 2
    for name in ("scout", "cart"):
        assert f"\n{name} could not be reached: " in whole.shown
    assert "Run monday of verify.yml: results of 1/2, 2/2; 2 of 2 robots." in " ".join(whole.shown.split())


def test_nothing_is_written_into_the_installed_folder(silent: Job, stranger: Stranger) -> None:
    assert silent.status
    assert not [path for path in stranger.installed.rglob("artifacts") if path.is_dir()]
    assert not list(Path(stranger.work).glob("artifacts"))
