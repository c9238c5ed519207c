"""`make release` in a repository of the project: the archive, and the changelog of this version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.collection import VERSION
from declarations import BIN
from install.test_from_git import repository


def release(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    argv: list[str | Path] = [sys.executable, folder / "tools" / "release.py"]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of the project in which a release was made."""
    folder = repository(tmp_path_factory.mktemp("repository"))
    (folder / "changelogs" / "fragments" / "one.yaml").write_text("bugfixes:\n  - A mended thing.\n", encoding="utf-8")
    text = (folder / "galaxy.yml").read_text(encoding="utf-8")
    (folder / "galaxy.yml").write_text(text.replace(f"version: {VERSION}", "version: 99.0.0"), encoding="utf-8")
    done = release(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dist/robotfleet-stack-99.0.0.tar.gz is built, installs and works." in done.stdout
    return folder


def test_the_fragments_have_become_the_changelog(project: Path) -> None:
    text = (project / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", "")
    assert text.index("## v99.0.0") < text.index("A mended thing.") < text.index("## v0.1.0")
    assert list((project / "changelogs" / "fragments").iterdir()) == []


@pytest.mark.parametrize("name", ["two.yaml", "two.yml"])
def test_a_version_is_released_once(project: Path, name: str) -> None:
    fragment = project / "changelogs" / "fragments" / name
    fragment.write_text("bugfixes:\n  - Another.\n", encoding="utf-8")
    done = release(project)
    assert done.returncode == 1
    assert f"{name} is not: raise the version in galaxy.yml" in done.stderr
    fragment.unlink()


def test_what_git_does_not_know_is_not_shipped(project: Path) -> None:
    (project / "docs" / "notes-of-mine.md").write_text("private\n", encoding="utf-8")
    done = release(project)
    assert done.returncode == 1
    assert "not in git, but in robotfleet-stack-99.0.0.tar.gz: docs/notes-of-mine.md" in done.stderr
