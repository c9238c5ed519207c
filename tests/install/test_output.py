"""What is told to people at the end of a run never gets into output that programs read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from declarations import BIN, PROJECT
from install.stranger import PULLED, Stranger

Run = Callable[..., subprocess.CompletedProcess[str]]
TOLD = ("scout could not be reached: ", "ROLLOUT ")


@pytest.fixture
def run(stranger: Stranger) -> Run:
    """Run site.yml of the clone, with its ansible.cfg, on a robot that is silent."""
    fleet = stranger.inventory(PULLED, name="output")
    ssh = stranger.folder / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)

    def run_(callback: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "ANSIBLE_SSH_EXECUTABLE": str(ssh),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        if callback:
            settings["ANSIBLE_STDOUT_CALLBACK"] = callback
        argv: list[str | Path] = [BIN / "ansible-playbook", "-i", fleet, "playbooks/site.yml", *words]
        environment = {**os.environ, **settings, **variables}
        return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    return run_


def told(text: str) -> list[str]:
    """Return the lines that are for people only."""
    return [line for line in text.splitlines() if line.startswith(TOLD)]


@pytest.mark.parametrize("callback", ["json", "ansible.posix.json"])
def test_json_is_one_document(run: Run, callback: str) -> None:
    done = run(callback)
    assert json.loads(done.stdout)["stats"]["scout"]["failures"] == 1
    assert len(told(done.stderr)) == len(TOLD)


def test_json_is_one_document_in_check_mode_too(run: Run) -> None:
    done = run("ansible.posix.json", "--check", "--diff")
    assert json.loads(done.stdout)["stats"]["scout"]["failures"] == 1
    assert [line.partition(": ")[0] for line in told(done.stderr)] == ["scout could not be reached"]


def test_lines_of_json_are_each_a_document(run: Run) -> None:
    done = run("ansible.posix.jsonl")
    events = [json.loads(line)["_event"] for line in done.stdout.splitlines()]
    assert events[-1] == "v2_playbook_on_stats"
    assert len(told(done.stderr)) == len(TOLD)


@pytest.mark.parametrize("callback", ["minimal", "yaml"])
def test_what_programs_read_is_the_same_with_and_without_it(run: Run, callback: str) -> None:
    """Neither is one document: Ansible prints errors and headings of its own between the results."""
    done = run(callback)
    if "was removed from collection 'community.general'" in done.stderr:
        assert version("ansible") >= "13", "Ansible 13 and later have no such callback"
        return
    assert done.stdout == run(callback, ANSIBLE_CALLBACKS_ENABLED="robotfleet.stack.none").stdout
    assert "UNREACHABLE!" in done.stdout
    assert len(told(done.stderr)) == len(TOLD)


@pytest.mark.parametrize("callback", ["", "default"])
def test_people_have_it_on_standard_output(run: Run, callback: str) -> None:
    done = run(callback)
    assert len(told(done.stdout)) == len(TOLD)
    assert done.stderr == ""
