"""Which room of the robot's package may import which: only those that stand before it.

Nobody knows an engine but its driver, and nobody a distribution but its family.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from declarations import PROJECT

PACKAGE = PROJECT / "plugins" / "module_utils" / "robot_stack"
ROOMS = [
    "base",
    "spec",
    "host",
    "engine",
    "records",
    "ask",
    "judge",
    "watchdog",
    "jobs",
    "plan",
    "apply",
    "backup",
    "run",
]
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(file: Path) -> list[str]:
    """The parts of the package that a file imports, such as engine.docker.api; imports of others are left out."""
    found = []
    for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = file.parts[: len(file.parts) - node.level]
            parts = [*above, *(node.module or "").split(".")]
            found += [".".join([*filter(None, parts), alias.name]) for alias in node.names]
    return found


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_arrow_runs_back_up(file: Path) -> None:
    place = ROOMS.index(file.parts[0]) if len(file.parts) > 1 else -1
    for name in imported(file):
        assert ROOMS.index(name.partition(".")[0]) <= place, f"{file} imports {name}"


def of_others(file: Path) -> set[str]:
    """The packages that a file imports by their full names."""
    nodes = list(ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_is_imported_by_its_full_name_comes_with_python(file: Path) -> None:
    """A room imported so would go unseen above, and be missing in the robot's own copy, which has another name."""
    assert of_others(file) <= sys.stdlib_module_names


def sentences(path: Path) -> list[str]:
    """The text constants of a file, but for its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str) and value not in docstrings]


NAMES_KINDS = "spec/model.py"  # what a declaration may say
REGISTRY = "docker.io"  # the name of a registry, for every engine


@pytest.mark.parametrize("driver", ["docker", "podman"])
@pytest.mark.parametrize("file", FILES, ids=str)
def test_nobody_knows_an_engine_but_its_driver(file: Path, driver: str) -> None:
    if file.parts[:2] in (("engine", driver), ("host", "platforms")):  # which knows what a distribution calls it
        return
    if file.as_posix() != "engine/drivers.py":
        assert not [name for name in imported(file) if name.startswith(f"engine.{driver}")]
    if file.as_posix() != NAMES_KINDS:
        assert not [text for text in sentences(PACKAGE / file) if driver in text.lower() and text != REGISTRY]


KEYS = {"Image", "Cmd", "Env", "User", "HostConfig", "Memory", "MemorySwap", "NanoCpus", "PidsLimit", "Mounts", "Binds"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nobody_looks_into_a_drivers_request(file: Path) -> None:
    if file.parts[0] != "engine":
        assert KEYS.isdisjoint(sentences(PACKAGE / file))


PLUGINS = PROJECT / "plugins"
DEBIANS = re.compile(
    r"debian|ubuntu|raspbian|\b(apt|dpkg|deb)\b|(?<!index\.)\bdocker\.io\b|docker-(ce|cli)|containerd\.io|cmdline\.txt",
    re.IGNORECASE,
)
FAMILIES = ("module_utils/robot_stack/host/platforms/", "plugin_utils/needs/debian/")
# What is in an image, whatever the robot has: lists of packages of several distributions.
CONTENTS = ("plugin_utils/images/contents/", "modules/image_contents.py")


def test_nobody_knows_debian_but_its_folders() -> None:
    """Roles say beside an empty list what it means there; no plugin may."""
    found = [
        f"{name}: {text[:60]!r}"
        for path in sorted(PLUGINS.rglob("*.py"))
        if not (name := path.relative_to(PLUGINS).as_posix()).startswith((*FAMILIES, *CONTENTS))
        for text in sentences(path)
        if DEBIANS.search(text) and text != REGISTRY
    ]
    assert found == []


def test_whoever_asks_a_family_asks_for_the_one_that_a_robot_has() -> None:
    lists = {"module_utils/robot_stack/host/platforms/__init__.py", "plugin_utils/needs/packages.py"}
    naming = {
        name
        for path in sorted(PLUGINS.rglob("*.py"))
        if not (name := path.relative_to(PLUGINS).as_posix()).startswith("plugin_utils/needs/debian/")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        if "debian" in f"{node.module} {' '.join(alias.name for alias in node.names)}".lower()
    }
    assert naming == lists
