"""What is told to people at the end of a run never gets into output that programs read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from declarations import BIN, PROJECT
from install.stranger import PULLED, Stranger

Run = Callable[[str, str], subprocess.CompletedProcess[str]]
TOLD = ("scout could not be reached.", "ROLLOUT")


@pytest.fixture
def run(stranger: Stranger) -> Run:
    """Run a playbook of the clone, with its ansible.cfg, on a robot that is silent."""
    fleet = stranger.inventory(PULLED, name="output")

    def run_(callback: str, playbook: str = "site") -> subprocess.CompletedProcess[str]:
        settings = {"ANSIBLE_SSH_EXECUTABLE": "/bin/false", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "0"}
        if callback:
            settings["ANSIBLE_STDOUT_CALLBACK"] = callback
        argv = [BIN / "ansible-playbook", "-i", fleet, f"playbooks/{playbook}.yml", "--check", "--diff"]
        environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", **settings}
        return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    return run_


@pytest.mark.parametrize("callback", ["json", "ansible.posix.json"])
def test_json_is_one_document(run: Run, callback: str) -> None:
    done = run(callback, "site")
    found = json.loads(done.stdout)
    assert found["stats"]["scout"]["unreachable"] == 1
    assert all(words in done.stderr for words in TOLD)


def test_lines_of_json_are_each_a_document(run: Run) -> None:
    done = run("ansible.posix.jsonl", "site")
    events = [json.loads(line)["_event"] for line in done.stdout.splitlines()]
    assert events[-1] == "v2_playbook_on_stats"
    assert all(words in done.stderr for words in TOLD)


def test_minimal_is_results_and_nothing_else(run: Run) -> None:
    done = run("minimal", "site")
    decoder, text, hosts = json.JSONDecoder(), done.stdout.lstrip(), []
    while text:
        head, _, rest = text.partition("=> ")
        hosts.append(head.split(" | ")[0])
        _, end = decoder.raw_decode(rest)
        text = rest[end:].lstrip()
    assert set(hosts) == {"scout"}
    assert all(words in done.stderr for words in TOLD)


@pytest.mark.parametrize("playbook", ["site", "preflight"])
def test_yaml_holds_no_word_of_it(run: Run, playbook: str) -> None:
    done = run("yaml", playbook)
    if "community.general.yaml has been removed" in done.stderr:
        assert done.stdout == "", "Ansible 13 and later have no such callback"
        return
    assert "could not be reached" not in done.stdout
    assert TOLD[0] in done.stderr


def test_people_have_it_on_standard_output(run: Run) -> None:
    for callback in ("", "default"):
        done = run(callback, "site")
        assert all(words in done.stdout for words in TOLD), callback
        assert done.stderr == ""


def test_the_working_folder_is_as_it_was(stranger: Stranger) -> None:
    kept: list[Path] = sorted(path for path in stranger.work.iterdir() if path.name != "ansible.cfg")
    assert kept == []
