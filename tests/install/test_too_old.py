"""An Ansible, or a robot's Python, that is too old is told in one sentence."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.supported import check_controller
from declarations import PROJECT
from install.stranger import COLLECTION, PULLED, Stranger, environment_with

from tools.unit_matrix import CONTROLLERS, interpreter

LOCAL = """
robots:
  hosts:
    scout: {{ansible_connection: local, ansible_python_interpreter: {python}}}
"""
OLD_CORE = "2.16.19"


@pytest.mark.parametrize("version", ["2.19.0", "2.21.5", "2.22.0.dev0", "3.0"])
def test_a_supported_ansible_is_let_in(version: str) -> None:
    check_controller(version, "3.13.0")


@pytest.mark.parametrize("version", ["2.9.27", "2.16.19", "2.18.1"])
def test_an_older_one_is_refused_by_name(version: str) -> None:
    with pytest.raises(
        AnsibleError, match=rf"needs ansible-core {CONTROLLERS[0][0]} or later .* is ansible-core {version}"
    ):
        check_controller(version, "3.10.13")


@pytest.fixture(scope="session")
def old_controller() -> Path:
    """Return the programs of an environment with an Ansible that is too old."""
    python = interpreter("3.11") or interpreter("3.10")
    if not python:
        pytest.skip(f"no Python 3.10 or 3.11 here, which ansible-core {OLD_CORE} runs under")
    return environment_with(f"ansible-core-{OLD_CORE}", python, f"ansible-core=={OLD_CORE}")


# docs/installing.md; a callback is loaded before any playbook
RECOMMENDED = {
    "ANSIBLE_STDOUT_CALLBACK": "robotfleet.stack.display",
    "ANSIBLE_CALLBACKS_ENABLED": "robotfleet.stack.summary, robotfleet.stack.rollout",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
}
CLONE = {
    "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".collections"),
}


@pytest.mark.parametrize(
    ("playbook", "variables"),
    [
        pytest.param(f"{COLLECTION}.preflight", {}, id="installed"),
        pytest.param(f"{COLLECTION}.preflight", RECOMMENDED, id="with the settings that are recommended"),
        pytest.param(str(PROJECT / "playbooks" / "preflight.yml"), CLONE, id="in a clone"),
    ],
)
def test_the_collection_says_so_under_an_old_ansible(
    stranger: Stranger, old_controller: Path, playbook: str, variables: dict[str, str]
) -> None:
    old = Stranger(stranger.folder, stranger.collections, old_controller)
    fleet = stranger.inventory(PULLED, name="old")
    done = old.run("ansible-playbook", playbook, "-i", fleet, **variables)
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("ERROR!")]
    assert len(told) == 1, done.stderr
    assert f"needs ansible-core 2.19 or later on the controller; this is ansible-core {OLD_CORE}" in told[0]


def old_pythons() -> dict[str, str]:
    """Return the Pythons of this machine that a robot must not have."""
    return {version: place for version in ("3.6", "3.7", "3.8") if (place := interpreter(version))}


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8"])
@pytest.mark.parametrize("playbook", ["preflight", "backup"])
def test_a_robot_whose_python_is_too_old_is_told_in_one_sentence(
    stranger: Stranger, version: str, playbook: str
) -> None:
    python = old_pythons().get(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    fleet = stranger.inventory(PULLED, LOCAL.format(python=python), name=f"old-{version}")
    done = stranger.run("ansible-playbook", f"{COLLECTION}.{playbook}", "-i", fleet)
    assert done.returncode == 2, done.stdout + done.stderr
    sentence = rf"needs Python 3\.9 or later on the robot; {re.escape(python)} there is Python {re.escape(version)}\."
    assert len(re.findall(sentence, done.stdout)) == 1
    assert done.stderr == ""
    assert not re.search("json|subscriptable|Syntax", done.stdout)


def test_this_machines_pythons_are_found(tmp_path: Path) -> None:
    assert os.access(interpreter("{}.{}".format(*sys.version_info)), os.X_OK)
