"""The collection, built, installed into an empty folder, and used from another one with an empty ansible.cfg."""

from __future__ import annotations

import ast
import json
import posixpath
import re
import tarfile
from pathlib import Path

import pytest
import yaml
from declarations import PROJECT
from install.stranger import COLLECTION, PULLED, TOO_SMALL, Stranger, content_of

PLAYBOOKS = sorted(path.stem for path in (PROJECT / "playbooks").glob("*.yml"))
ROLE_ALONE = """
- hosts: robots
  gather_facts: false
  roles:
    - role: robotfleet.stack.{role}
"""
ROLES = ("sensor_service", "victoriametrics", "vmagent", "memory_cgroup", "container_engine")
HUB = {"vmagent_hub_url": "https://hub.example.org:8427", "vmagent_hub_password": "not a real one"}
ARCHIVED = {"meta", "playbooks", "plugins", "roles"}
# Folders of a clone that tests and tools import by their names.
OF_A_CLONE = {"benchmarks", "files", "molecule", "testbed", "tests", "tools"}
# Programs of a robot, and of an image's build: no Ansible runs there.
HAVE_PATHS_OF_THEIR_OWN = {
    "files/sensor_service/image/assemble.py",
    "plugins/module_utils/robot_stack/jobs/setup.py",
    "plugins/module_utils/robot_stack/watchdog/own_program.py",
}
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def programs(archive: Path) -> dict[str, str]:
    """The archive's Python, by its names."""
    with tarfile.open(archive) as members:
        found = {name: members.extractfile(name) for name in members.getnames() if name.endswith(".py")}
        return {name: file.read().decode("utf-8") for name, file in found.items() if file is not None}


def imported(text: str) -> set[str]:
    """The packages that a program imports."""
    nodes = list(ast.walk(ast.parse(text)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in found}


def names(archive: Path) -> set[str]:
    with tarfile.open(archive) as members:
        return {member.name for member in members if member.isfile()}


def test_the_archive_holds_what_is_used_and_nothing_that_is_somebodys_own(archive: Path) -> None:
    found = names(archive)
    assert {name.split("/")[0] for name in found} >= ARCHIVED
    assert {name.split("/")[1] for name in found if name.startswith("inventory/")} == {
        "example",
        "memory_budget.schema.json",
    }
    assert not [name for name in found if name.startswith((".", "tests/", "molecule/", "testbed/", "tools/"))]
    assert not [name for name in found if "my-fleet" in name or "/." in name.replace(".dockerignore", "")]


def test_its_programs_import_nothing_that_only_a_clone_has(archive: Path) -> None:
    found = programs(archive)
    assert len(found) > 100
    assert {name: imported(text) & OF_A_CLONE for name, text in found.items() if imported(text) & OF_A_CLONE} == {}


def test_its_programs_look_for_packages_nowhere_else_than_ansible_does(archive: Path) -> None:
    changed = {name for name, text in programs(archive).items() if "sys.path" in text or "__path__ =" in text}
    assert changed == HAVE_PATHS_OF_THEIR_OWN


def test_links_of_its_pages_lead_to_what_it_holds(archive: Path) -> None:
    with tarfile.open(archive) as members:
        held = {member.name for member in members}
        pages = {name: members.extractfile(name) for name in held if name.endswith(".md")}
        links = [
            (name, posixpath.normpath(posixpath.join(posixpath.dirname(name), link)))
            for name, page in pages.items()
            if page is not None
            for link in LINK.findall(page.read().decode("utf-8"))
        ]
    assert len(links) > 50
    assert [(name, target) for name, target in links if target.rstrip("/") not in held] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_is_understood(stranger: Stranger, playbook: str) -> None:
    fleet = stranger.inventory(PULLED, name="understood")
    done = stranger.run("ansible-playbook", f"{COLLECTION}.{playbook}", "-i", fleet, "--syntax-check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("playbook", ["preflight", "site"])
def test_what_cannot_work_is_refused_before_any_connection(stranger: Stranger, playbook: str) -> None:
    fleet = stranger.inventory(TOO_SMALL, name="too-small")
    before = content_of(stranger.collections)
    done = stranger.run("ansible-playbook", f"{COLLECTION}.{playbook}", "-i", fleet)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "robot_stack_memory_budget_mib: 150" in done.stdout
    assert "No robot was contacted." in done.stdout
    assert done.stderr == ""
    assert content_of(stranger.collections) == before, "nothing is written into the installed folder"


def test_what_can_work_goes_on_to_the_robots(stranger: Stranger) -> None:
    fleet = stranger.inventory(PULLED, name="silent")
    before = content_of(stranger.collections)
    done = stranger.run("ansible-playbook", f"{COLLECTION}.preflight", "-i", fleet, ANSIBLE_SSH_EXECUTABLE="/bin/false")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "scout: UNREACHABLE" in done.stdout.replace("fatal: [scout]", "scout")
    assert content_of(stranger.collections) == before


def from_a_folder(folder: Path) -> str:
    """What robots declare whose images lie in a folder on the controller, of which the index alone is read."""
    digest = f"sha256:{64 * 'a'}"
    image = {"architecture": "amd64", "fingerprint": digest, "config": digest, "layers": []}
    references = yaml.safe_load(PULLED)["robot_stack_image_digests"]
    index = {"format": 1, "images": [{**image, "reference": reference} for reference in references]}
    (folder / "images.json").write_text(json.dumps(index), encoding="utf-8")
    return f"robot_stack_image_delivery: archive\nrobot_stack_images_directory: {folder}\n"


@pytest.mark.parametrize("delivery", ["pull", "archive", "push"])
def test_the_sdk_is_imported_where_the_controllers_engine_has_the_images_and_nowhere_else(
    stranger: Stranger, tmp_path: Path, delivery: str
) -> None:
    (tmp_path / "docker.py").write_text("raise RuntimeError('somebody imports the SDK')\n", encoding="utf-8")
    declared = {"pull": PULLED, "archive": from_a_folder(tmp_path), "push": ""}[delivery]
    fleet = stranger.inventory(declared, name=f"{delivery}-without-sdk")
    without = {"PYTHONPATH": str(tmp_path), "ANSIBLE_SSH_EXECUTABLE": "/bin/false"}
    done = stranger.run("ansible-playbook", f"{COLLECTION}.preflight", "-i", fleet, **without)
    imported_by_push = delivery == "push"
    assert done.returncode == (2 if imported_by_push else 4), done.stdout + done.stderr
    assert ("somebody imports the SDK" in done.stdout + done.stderr) == imported_by_push


@pytest.mark.parametrize("role", ROLES)
def test_a_role_alone_is_understood(stranger: Stranger, role: str) -> None:
    play = stranger.folder / f"{role}.yml"
    play.write_text(ROLE_ALONE.format(role=role), encoding="utf-8")
    fleet = stranger.inventory(PULLED, name="alone")
    extra = ["-e", json.dumps(HUB)] if role == "vmagent" else []
    done = stranger.run("ansible-playbook", play, "-i", fleet, *extra, ANSIBLE_SSH_EXECUTABLE="/bin/false")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Part of the stack" in done.stdout


def test_a_role_alone_that_cannot_work_is_refused(stranger: Stranger) -> None:
    play = stranger.folder / "vmagent_without_hub.yml"
    play.write_text(ROLE_ALONE.format(role="vmagent"), encoding="utf-8")
    fleet = stranger.inventory(PULLED, name="without_hub")
    done = stranger.run("ansible-playbook", play, "-i", fleet)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "vmagent_hub_url" in done.stdout
    assert "robot_stack_telemetry_mode" not in done.stdout, "the play itself says which service there is"


def test_its_manifest_says_who_it_is(stranger: Stranger) -> None:
    manifest = json.loads((stranger.installed / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]
    galaxy = yaml.safe_load((PROJECT / "galaxy.yml").read_text(encoding="utf-8"))
    assert (manifest["version"], manifest["dependencies"]) == (galaxy["version"], galaxy["dependencies"])
