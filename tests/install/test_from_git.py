"""`ansible-galaxy collection install git+file://...` gives what the built archive gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

from install.stranger import COLLECTION, TOO_SMALL, Stranger, content_of, copy_of_the_project

MADE_BY_GALAXY = {"FILES.json", "MANIFEST.json", "GALAXY.yml"}


def repository(folder: Path) -> Path:
    """Return a repository of the project as it is now, with a branch `stable`."""
    copy_of_the_project(folder)
    for words in (
        ("init", "--quiet", "--initial-branch", "stable"),
        ("add", "--all"),
        ("-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "--quiet", "--message", "As it is"),
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


def test_a_branch_of_a_repository_is_installed(stranger: Stranger, tmp_path: Path) -> None:
    somebody = Stranger(tmp_path / "stranger", tmp_path / "collections")
    somebody.install(f"git+{repository(tmp_path / 'repository').as_uri()},stable")
    found, expected = content_of(somebody.installed), content_of(stranger.installed)
    assert {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)} <= MADE_BY_GALAXY
    done = somebody.run("ansible-playbook", f"{COLLECTION}.preflight", "-i", somebody.inventory(TOO_SMALL))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No robot was contacted." in done.stdout
