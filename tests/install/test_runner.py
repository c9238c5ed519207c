"""ansible-runner, as AWX runs playbooks: a private data folder, whose events and artifacts are read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from install.stranger import COLLECTION, PULLED, TOO_SMALL, Stranger

SUMMARY = ("robotfleet.stack.summary", "robotfleet.stack.rollout")


class Job:
    """One run's artifacts."""

    def __init__(self, stranger: Stranger, name: str, playbook: str, variables: str, **more: str) -> None:
        folder = stranger.folder / "runner" / name
        fleet = stranger.inventory(variables, name=f"runner-{name}")
        (folder / "project").mkdir(parents=True)
        (folder / "project" / "play.yml").write_text(f"- import_playbook: {COLLECTION}.{playbook}\n", encoding="utf-8")
        (folder / "inventory").symlink_to(fleet)
        done = stranger.run(
            *("ansible-runner", "run", folder, "--playbook", "play.yml", "--ident", "job"),
            ANSIBLE_CALLBACKS_ENABLED=",".join(SUMMARY),
            **more,
        )
        self.shown, self.status = done.stdout, done.returncode
        self.artifacts = folder / "artifacts" / "job"

    def artifact(self, name: str) -> str:
        return (self.artifacts / name).read_text(encoding="utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.artifacts.glob("job_events/*.json")]
        return sorted(found, key=lambda event: int(event["counter"]))


@pytest.fixture(scope="module")
def silent(stranger: Stranger, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A rollout to a robot that does not answer."""
    ssh = tmp_path_factory.mktemp("programs") / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    return Job(stranger, "silent", "site", PULLED, ANSIBLE_SSH_EXECUTABLE=str(ssh))


@pytest.fixture(scope="module")
def refused(stranger: Stranger) -> Job:
    """A plan for an inventory that cannot work."""
    return Job(stranger, "refused", "preflight", TOO_SMALL)


def test_its_exit_code_is_the_playbooks(silent: Job, refused: Job) -> None:
    for job in (silent, refused):
        assert (job.status, job.artifact("rc"), job.artifact("status")) == (2, "2", "failed")


def test_people_read_the_summary(silent: Job) -> None:
    for text in (silent.shown, silent.artifact("stdout")):
        assert "\nscout could not be reached." in text
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


def test_nothing_is_written_into_the_installed_folder(silent: Job, stranger: Stranger) -> None:
    assert silent.status
    assert not [path for path in stranger.installed.rglob("artifacts") if path.is_dir()]
    assert not list(Path(stranger.work).glob("artifacts"))
