"""Backups, reports and secrets lie beside the inventory, caches where XDG says, nothing in the installed folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.archive import BackupFileError, newest
from install.stranger import COLLECTION, PULLED, Stranger, content_of

# Its own Python, so that a module could run; none of these tests comes so far.
HERE = f"""
robots:
  hosts:
    scout: {{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}
"""
WITH_HUB = """
robots:
  hosts:
    scout: {ansible_host: 192.0.2.1}
telemetry_hub:
  hosts:
    hub: {ansible_host: 192.0.2.2}
"""


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """An ssh that reaches nobody."""
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    return ssh


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("/srv/caches", "/srv/caches"),
        ("caches", "/home/me/.cache"),
        ("", "/home/me/.cache"),
        (None, "/home/me/.cache"),
    ],
)
def test_caches_lie_where_xdg_says_and_a_relative_folder_is_none(
    monkeypatch: pytest.MonkeyPatch, said: str | None, place: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if said is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", said)
    assert collection.cache() == Path(place, collection.NAME)


def test_a_report_is_written_beside_the_inventory(stranger: Stranger, silent: Path) -> None:
    fleet = stranger.inventory(PULLED, name="reported")
    before = content_of(stranger.collections)
    done = stranger.run("ansible-playbook", f"{COLLECTION}.report", "-i", fleet, ANSIBLE_SSH_EXECUTABLE=str(silent))
    assert done.returncode == 2, done.stdout + done.stderr
    written = fleet.parent / "reports" / "reported"
    assert sorted(path.suffix for path in written.iterdir() if path.is_file()) == [".html", ".json", ".md"]
    assert "reported" in next(written.glob("*.md")).read_text(encoding="utf-8")
    assert content_of(stranger.collections) == before


def test_a_backup_goes_beside_the_inventory(stranger: Stranger) -> None:
    fleet = stranger.inventory(PULLED, HERE, name="kept")
    done = stranger.run("ansible-playbook", f"{COLLECTION}.backup", "-i", fleet, "--check")
    assert f"would be backed up to {fleet.parent}/backups/kept/scout" in done.stdout


@pytest.mark.parametrize(
    ("playbook", "variable"),
    [("backup", "backup_directory"), ("restore", "backup_directory"), ("report", "report_directory")],
)
def test_an_inventory_without_a_folder_is_told_what_to_name(stranger: Stranger, playbook: str, variable: str) -> None:
    fleet = stranger.inventory(PULLED, name="folderless")
    done = stranger.run("ansible-playbook", f"{COLLECTION}.{playbook}", "-i", "scout,", "-i", fleet)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"with -e {variable}=DIRECTORY" in done.stdout.replace("\n", " ")


def test_a_hub_without_an_inventorys_folder_is_told_what_to_name(stranger: Stranger) -> None:
    fleet = stranger.inventory(PULLED, WITH_HUB, name="hubless")
    done = stranger.run("ansible-playbook", f"{COLLECTION}.hub", "-i", "hub,", "-i", fleet)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "in telemetry_hub_secrets_directory" in done.stdout.replace("\n", " ")
    assert not (stranger.work / "None").exists()


def test_backups_in_the_place_of_before_are_found_and_named(tmp_path: Path) -> None:
    new, old = tmp_path / "fleets" / "backups" / "fleet" / "scout", tmp_path / "project" / "backups" / "fleet" / "scout"
    old.mkdir(parents=True)
    with pytest.raises(BackupFileError, match="holds no backup: name one"):
        newest(new, old)
    (old / "20261125T184851Z.tar.gz").touch()
    with pytest.raises(BackupFileError) as refusal:
        newest(new, old)
    assert f"-e backup_directory={old.parent}" in str(refusal.value)
    new.mkdir(parents=True)
    (new / "20261124T184851Z.tar.gz").touch()
    assert newest(new, old).parent == new
    with pytest.raises(BackupFileError, match="name one with"):
        newest(old.parent, None)


def test_a_restore_names_the_place_of_before(archive: Path, tmp_path: Path) -> None:
    """As in a clone: the playbooks' own project holds the backups of an earlier version."""
    somebody = Stranger(tmp_path / "stranger", tmp_path / "collections")
    somebody.install(archive)
    old = somebody.installed / "backups" / "fleet" / "scout"
    old.mkdir(parents=True)
    (old / "20261125T184851Z.tar.gz").touch()
    done = somebody.run("ansible-playbook", f"{COLLECTION}.restore", "-i", somebody.inventory(PULLED, HERE))
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"-e backup_directory={old.parent}; no robot was touched" in done.stdout
