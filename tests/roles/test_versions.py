"""What is locked, requirements.yml and what is installed name the same versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
from pathlib import Path

import pytest
import tomllib
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.supported import ANSIBLE_CORE
from declarations import PROJECT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tools.lock import entries
from tools.unit_matrix import CONTROLLERS, SUPPORTED


def pinned() -> dict[str, str]:
    """Return what is pinned for this Python; tools/unit_matrix.py names a file with another Ansible."""
    files = [PROJECT / "requirements.txt", Path(os.environ.get("ROBOT_STACK_PINS") or os.devnull)]
    known = [Requirement(name) for file in files for name, _ in entries(file.read_text(encoding="utf-8"))]
    return {one.name: str(one.specifier) for one in known if one.marker is None or one.marker.evaluate()}


def interpreter(python: str) -> dict[str, str]:
    return {"python_version": python, "python_full_version": f"{python}.0"}


def collections() -> dict[str, str]:
    listed = yaml.safe_load((PROJECT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    return {entry["name"]: entry["version"] for entry in listed}


@pytest.mark.parametrize(("name", "versions"), sorted(collections().items()))
def test_a_collection_is_one_that_the_ansible_package_brings(name: str, versions: str) -> None:
    package = importlib.metadata.distribution("ansible")
    place = package.locate_file(f"ansible_collections/{name.replace('.', '/')}/MANIFEST.json")
    manifest = json.loads(Path(str(place)).read_text(encoding="utf-8"))
    assert SpecifierSet(versions).contains(manifest["collection_info"]["version"])


@pytest.mark.parametrize(("name", "version"), sorted(pinned().items()))
def test_every_python_package_is_pinned_and_installed(name: str, version: str) -> None:
    assert version.startswith("=="), f"{name} is not pinned"
    assert f"=={importlib.metadata.version(name)}" == version


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_supported_python_has_one_ansible_and_its_core(python: str) -> None:
    known = [Requirement(name) for name, _ in entries((PROJECT / "requirements.txt").read_text(encoding="utf-8"))]
    ansibles = [one for one in known if one.name in ("ansible", "ansible-core")]
    chosen = [one.name for one in ansibles if one.marker and one.marker.evaluate(interpreter(python))]
    assert sorted(chosen) == ["ansible", "ansible-core"]


def cores_of(file: str, python: str) -> list[tuple[int, ...]]:
    """Return the versions of ansible-core that a file in which people write what they want names for a Python."""
    lines = (PROJECT / file).read_text(encoding="utf-8").splitlines()
    known = [Requirement(name) for line in lines if (name := line.partition("#")[0].strip())]
    chosen = [one for one in known if one.name == "ansible-core"]
    chosen = [one for one in chosen if one.marker is None or one.marker.evaluate(interpreter(python))]
    return [Version(next(iter(one.specifier)).version).release[:2] for one in chosen]


def core_of(python: str) -> str:
    """Return which ansible-core a controller with this Python gets by default, such as "2.21"."""
    (core,) = cores_of("requirements.in", python)
    return ".".join(map(str, core))


def pythons_of_the_controller() -> list[str]:
    """Return the Pythons for which `make setup` takes an environment."""
    text = (PROJECT / "tools" / "python").read_text(encoding="utf-8")
    found = re.search(r"\(3, (\d+)\) <= sys.version_info\[:2\] <= \(3, (\d+)\)", text)
    assert found, "tools/python says which Pythons it takes"
    return [f"3.{minor}" for minor in range(int(found[1]), int(found[2]) + 1)]


def test_the_matrix_reaches_from_the_oldest_ansible_that_is_let_in_to_the_newest_that_is_installed() -> None:
    runtime = yaml.safe_load((PROJECT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={'.'.join(map(str, ANSIBLE_CORE))}.0"
    newest = max(Version(core_of(python)).release for python in pythons_of_the_controller())
    first, last = ANSIBLE_CORE[1], newest[1]
    assert newest[0] == ANSIBLE_CORE[0]
    assert list(SUPPORTED) == [f"{newest[0]}.{minor}" for minor in range(first, last + 1)]


def test_the_matrix_has_every_python_of_the_controller_and_the_default_is_the_newest_ansible_that_it_allows() -> None:
    newest = {python: core for core, python in CONTROLLERS}  # from the oldest to the newest
    assert {python: core_of(python) for python in pythons_of_the_controller()} == newest


def test_the_pythons_of_an_ansible_are_those_that_its_package_names() -> None:
    package = importlib.metadata.distribution("ansible-core")
    named = [line.rpartition(" ")[2] for line in package.metadata.get_all("Classifier", [])]
    core = ".".join(map(str, Version(package.version).release[:2]))
    assert list(SUPPORTED[core]) == [word for word in named if re.fullmatch(r"3\.\d+", word)]


@pytest.mark.parametrize(("core", "python"), CONTROLLERS)
def test_every_pair_of_the_matrix_has_its_pins(core: str, python: str) -> None:
    """Beside what requirements.in names for this Python, a file of the core's own, which tools/unit_matrix.py takes."""
    if (PROJECT / "tests" / f"ansible-{core}.in").exists():
        assert cores_of(f"tests/ansible-{core}.in", python) == [Version(core).release]
    else:
        assert core_of(python) == core


def test_the_oldest_core_is_the_same_under_each_python() -> None:
    files = ("tests/ansible-2.19.in", "requirements.in")
    own, every = ((PROJECT / file).read_text(encoding="utf-8") for file in files)
    marked = [line.partition(";")[0] for line in every.splitlines() if 'python_version < "3.12"' in line]
    assert marked == [line for line in own.splitlines() if not line.startswith("#")]


def test_the_forge_runs_the_whole_matrix() -> None:
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    rows = workflow["jobs"]["units"]["strategy"]["matrix"]["include"]
    assert [(row["core"], row["python"]) for row in rows] == list(CONTROLLERS)


@pytest.mark.parametrize("core", sorted({core for core, _ in CONTROLLERS}))
def test_ansibles_sanity_tests_are_told_the_licence_of_every_module_and_callback(core: str) -> None:
    """They want the GPL's header in each of them, and fail for one that is not listed."""
    lines = (PROJECT / "tests" / "sanity" / f"ignore-{core}.txt").read_text(encoding="utf-8").splitlines()
    told = [words[0] for words in map(str.split, lines) if "validate-modules:missing-gplv3-license" in words]
    files = [path for kind in ("callback", "modules") for path in (PROJECT / "plugins" / kind).glob("*.py")]
    assert sorted(told) == sorted(path.relative_to(PROJECT).as_posix() for path in files)


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


# Of base images: the version of their package python3.
PYTHON_OF = {"quay.io/centos/centos:stream10": "3.12"}


def test_the_execution_environment_holds_what_is_pinned() -> None:
    environment = yaml.safe_load((PROJECT / "execution-environment.yml").read_text(encoding="utf-8"))
    needed = environment["dependencies"]
    python = PYTHON_OF[environment["images"]["base_image"]["name"]]
    assert needed["python_interpreter"] == {"package_system": "python3", "python_path": "/usr/bin/python3"}
    assert all("platform:rpm" in one for one in needed["system"]), "ansible-builder knows no other packages"
    text = (PROJECT / "requirements.in").read_text(encoding="utf-8")
    controller = [line.partition("#")[0].strip() for line in text.partition("# tests and linters")[0].splitlines()]
    pins = [Requirement(line) for line in controller if line]
    here = [one for one in pins if one.marker is None or one.marker.evaluate({"python_version": python})]
    # `ansible` is ansible-core with collections: here they come from requirements.yml.
    assert sorted([*needed["python"], needed["ansible_core"]["package_pip"]]) == sorted(
        f"{one.name}{one.specifier}" for one in here if one.name != "ansible"
    )
    assert needed["ansible_runner"]["package_pip"] in text.splitlines()
    assert needed["galaxy"] == "requirements.yml"


def test_the_execution_environment_holds_this_version() -> None:
    assert archives("execution-environment.yml") == {collection.VERSION}


def test_who_installs_the_archive_is_told_the_name_that_it_has() -> None:
    assert archives("docs/installing.md") == {collection.VERSION}


def archives(file: str) -> set[str]:
    """Return the versions of the collection's archives that a file names."""
    text = (PROJECT / file).read_text(encoding="utf-8")
    return set(re.findall(r"robotfleet-stack-([\d.]+)\.tar", text))


def test_the_workflows_actions_are_pinned_by_commit() -> None:
    workflows = [path.read_text(encoding="utf-8") for path in (PROJECT / ".github/workflows").glob("*.yml")]
    used = [action for text in workflows for action in re.findall(r"uses: (\S+)", text)]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
