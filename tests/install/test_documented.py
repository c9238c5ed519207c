"""`ansible-doc` knows every plugin, also those that run on the controller only."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from declarations import PROJECT
from install.stranger import COLLECTION, Stranger

KINDS = {"module": "modules", "filter": "filter", "callback": "callback"}
ACTIONS = sorted(path.stem for path in (PROJECT / "plugins" / "action").glob("*.py"))
FILES = sorted((PROJECT / "plugins" / "modules").glob("*.py"))
FILTERS = sorted((PROJECT / "plugins" / "filter").glob("*.py"))
# those that run on a robot or a hub, too
MODULES = {path.stem for path in FILES if "import AnsibleModule" in path.read_text(encoding="utf-8")}


def documentation(stranger: Stranger, kind: str, *names: str) -> dict[str, Any]:
    done = stranger.run("ansible-doc", "-t", kind, "--json", *names)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_plugin_is_listed_and_shown(stranger: Stranger, kind: str) -> None:
    files = sorted(f"{COLLECTION}.{path.stem}" for path in (PROJECT / "plugins" / KINDS[kind]).glob("*.py"))
    assert sorted(documentation(stranger, kind, "-l", COLLECTION)) == files
    shown = documentation(stranger, kind, *files)
    assert sorted(shown) == files
    assert all(one["doc"]["short_description"] for one in shown.values())


def test_every_role_is_listed(stranger: Stranger) -> None:
    listed = documentation(stranger, "role", "-l", COLLECTION)
    assert sorted(listed) == sorted(f"{COLLECTION}.{path.name}" for path in (PROJECT / "roles").iterdir())


def test_every_action_plugin_has_a_module_that_documents_it() -> None:
    documented = {path.stem for path in Path(PROJECT / "plugins" / "modules").glob("*.py")}
    assert set(ACTIONS) == documented


@pytest.mark.parametrize("path", [*FILES, *FILTERS], ids=lambda path: path.stem)
def test_examples_can_be_copied_into_a_playbook_of_ones_own(path: Path) -> None:
    """Only the collection's own playbooks and roles find a plugin without its prefix."""
    (examples,) = re.findall(r'^EXAMPLES = r?"""\n(.*?)"""', path.read_text(encoding="utf-8"), re.M | re.S)
    filters, modules = re.findall(r"\| *([\w.]+)", examples), re.findall(r"^ *(?:- )?([\w.]+):", examples, re.M)
    assert f"{COLLECTION}.{path.stem}" in [*filters, *modules]
    assert {one.stem for one in FILTERS}.isdisjoint(filters)
    assert {one.stem for one in FILES}.isdisjoint(modules)


@pytest.mark.parametrize("name", sorted(set(ACTIONS) - MODULES))
def test_options_are_documented_that_the_action_plugin_takes(stranger: Stranger, name: str) -> None:
    plugin = importlib.import_module(f"ansible_collections.robotfleet.stack.plugins.action.{name}").ActionModule
    shown = documentation(stranger, "module", f"{COLLECTION}.{name}")[f"{COLLECTION}.{name}"]["doc"]
    assert set(shown["options"]) == plugin._VALID_ARGS
    assert shown["has_action"]


def test_what_runs_on_robots_and_hubs_is_one_group_of_actions() -> None:
    runtime = yaml.safe_load((PROJECT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert len(MODULES) > 1, "this test would miss everything"
    assert runtime["action_groups"] == {"stack": sorted(MODULES)}


GROUPED = f"""
- hosts: localhost
  connection: local
  gather_facts: false
  module_defaults:
    group/{COLLECTION}.stack: {{place: /srv/hub}}
  tasks:
    - {COLLECTION}.hub_restore: {{state: found}}
"""


def test_what_is_said_for_the_group_reaches_its_modules(stranger: Stranger) -> None:
    stranger.work.mkdir(parents=True, exist_ok=True)
    (stranger.work / "grouped.yml").write_text(GROUPED.lstrip("\n"), encoding="utf-8")
    done = stranger.run("ansible-playbook", "-i", "localhost,", "grouped.yml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "missing required arguments: database, destination\n" in done.stdout, "the place is not lacking"
