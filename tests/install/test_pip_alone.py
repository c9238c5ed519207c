"""Pip and the built archive are all that somebody needs who uses a role in a playbook of their own."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from install.stranger import COLLECTION, PULLED, Stranger, environment_with
from install.test_installed import ROLE_ALONE

# As docs/installing.md has it; the package `ansible` would bring collections of others.
PACKAGES = [f"{name}=={version(name)}" for name in ("ansible-core", "docker")]
PYTHON = "python-{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module")
def newcomer(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """Return somebody who has done what the page says, and has no other collection."""
    programs = environment_with("-".join([PYTHON, *PACKAGES]).replace("==", "-"), sys.executable, *PACKAGES)
    folder = tmp_path_factory.mktemp("newcomer")
    somebody = Stranger(folder, folder / "collections", programs)
    somebody.install_alone(archive)
    return somebody


def test_a_role_in_a_playbook_of_ones_own_goes_on_to_the_robot(newcomer: Stranger) -> None:
    everywhere = {"ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "true", "ANSIBLE_SSH_EXECUTABLE": "/bin/false"}
    listed = newcomer.run("ansible-galaxy", "collection", "list", "--format", "json", **everywhere)
    assert [list(found) for found in json.loads(listed.stdout).values()] == [[COLLECTION]]
    play = newcomer.folder / "mine.yml"
    play.write_text(ROLE_ALONE.format(role="sensor_service"), encoding="utf-8")
    done = newcomer.run("ansible-playbook", play, "-i", newcomer.inventory(PULLED), **everywhere)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "scout: UNREACHABLE" in done.stdout.replace("fatal: [scout]", "scout")
    assert done.stderr == ""


def test_the_package_docker_is_all_that_the_controllers_engine_is_asked_by(newcomer: Stranger) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{newcomer.folder}/no-engine.sock"}
    fleet = newcomer.inventory("", name="sent")
    done = newcomer.run("ansible-playbook", f"{COLLECTION}.preflight", "-i", fleet, **nowhere)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no container engine answers on this machine" in done.stdout
