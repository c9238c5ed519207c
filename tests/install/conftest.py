"""The collection, built once and installed once for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from install.stranger import Stranger, build, copy_of_the_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project, with what a user keeps in a clone."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("project"))
    fleets = ("my-fleet", "exhibition", "exam", "example2", "metro", "memory")  # some are called almost as ours are
    kept = [f"inventory/{fleet}/group_vars/all.yml" for fleet in fleets]
    for private in (*kept, "inventory/backups/my-fleet/scout/x.tar.gz", ".cache/x"):
        (copy / private).parent.mkdir(parents=True, exist_ok=True)
        (copy / private).write_text("private: true\n", encoding="utf-8")
    return copy


@pytest.fixture(scope="session")
def archive(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built collection."""
    return build(project, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def stranger(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """Return somebody who has installed it, into a folder that was empty and is read-only now."""
    folder = tmp_path_factory.mktemp("stranger")
    somebody = Stranger(folder, folder / "collections")
    somebody.install(archive)
    for path in somebody.installed.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return somebody
