"""requirements.txt, requirements.yml and what is installed name the same versions."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
import tomllib
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from declarations import PROJECT


def pinned() -> dict[str, str]:
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    words = [line.partition("#")[0].strip() for line in lines]
    return {name: version for name, _, version in (word.partition("==") for word in words if word)}


def collections() -> dict[str, str]:
    listed = yaml.safe_load((PROJECT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    return {entry["name"]: entry["version"] for entry in listed}


@pytest.mark.parametrize(("name", "version"), sorted(collections().items()))
def test_a_collection_is_the_one_that_the_ansible_package_brings(name: str, version: str) -> None:
    package = importlib.metadata.distribution("ansible")
    place = package.locate_file(f"ansible_collections/{name.replace('.', '/')}/MANIFEST.json")
    manifest = json.loads(Path(str(place)).read_text(encoding="utf-8"))
    assert manifest["collection_info"]["version"] == version


@pytest.mark.parametrize(("name", "version"), sorted(pinned().items()))
def test_every_python_package_is_pinned_and_installed(name: str, version: str) -> None:
    assert version, f"{name} is not pinned"
    assert importlib.metadata.version(name) == version


def test_the_collection_has_one_version() -> None:
    galaxy = yaml.safe_load((PROJECT / "galaxy.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert galaxy["version"] == project["version"] == collection.VERSION
    assert f"{galaxy['namespace']}.{galaxy['name']}" == collection.NAME


def test_collections_that_are_used_are_listed() -> None:
    folders = [PROJECT / name for name in ("playbooks", "roles", "testbed", "molecule")]
    files = [path for folder in folders for path in folder.rglob("*.yml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    used = set(
        re.findall(r"^\s+(?:- )?((?!ansible\.builtin|robotfleet\.stack)[a-z_]+\.[a-z_]+)\.[a-z_]+:", text, re.MULTILINE)
    )
    assert "community.docker" in used
    assert used <= set(collections())
