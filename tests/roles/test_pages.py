"""What README and docs name is there, and what is there is named: links, playbooks, scenarios, make targets, alerts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import gate
from declarations import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("roles/*/README.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")


def named(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def anchors(page: Path) -> set[str]:
    """Return what may stand behind a # in a link to ``page``, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path) if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_playbook_and_make_target_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    playbooks = {path.name for path in PROJECT.glob("playbooks/*.yml")}
    assert set(re.findall(r"playbooks/([\w-]+\.yml)", text)) <= playbooks
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.M)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_can_be_pasted_names_its_inventory(page: Path) -> None:
    """Without one, ansible.cfg has them mean the demo's robots."""
    text, export = page.read_text(encoding="utf-8"), "export ANSIBLE_INVENTORY="
    if export in text.partition("\n## ")[0]:  # the page says so once, at its top
        return
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        bare = re.findall(r"^ansible-playbook (?!.*-i )playbooks/.*", block.partition(export)[0], re.M)
        assert bare == [], "write -i inventory/my-fleet, or export ANSIBLE_INVENTORY first"


def test_readme_lists_every_playbook_every_scenario_and_every_role() -> None:
    listed = re.search(r"^playbooks/ +(.+)$", README, re.M)
    assert listed
    assert sorted(listed[1].split()) == sorted(path.stem for path in PROJECT.glob("playbooks/*.yml"))
    table = README.partition("## Scenarios")[2].partition("\n## ")[0]
    rows = [name for row in re.findall(r"^\| (`.*?`) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(rows) == sorted(path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml"))
    roles = re.search(r"^roles/ +(.+)$", README, re.M)
    assert roles
    assert {name.rstrip(":") for name in roles[1].split()} == {path.name for path in PROJECT.glob("roles/*")}


def test_every_module_in_the_story_of_a_limit_exists() -> None:
    folders = ("", "module_utils/robot_stack", "plugin_utils/inventory_gate")
    named = set(re.findall(r"`([\w./]+\.py)`", (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")))
    assert len(named) > 20
    lost = {path for path in named if not any((PROJECT / "plugins" / folder / path).is_file() for folder in folders)}
    assert lost == set()


def test_the_page_of_rollouts_names_each_verdict_with_which_a_robot_passes() -> None:
    conditions = (PROJECT / "docs/rollout.md").read_text(encoding="utf-8").partition("\n## The gate\n")[2]
    told = set(re.findall(r"`(\w+)`", conditions.partition("\n- No service")[0]))
    assert told >= set(gate.PASSES_WITH_TIGHT)


def test_who_pulls_is_sent_where_changes_are_told() -> None:
    """CHANGELOG.md has those of releases; until the next one, what is new is in the fragments."""
    pull = re.search(r"^git pull +# (.*)$", (PROJECT / "docs/operations.md").read_text(encoding="utf-8"), re.M)
    assert pull
    assert {"CHANGELOG.md", "changelogs/fragments/"} <= set(re.findall(r"[\w./]+", pull[1]))


def test_every_alert_is_told_and_no_other() -> None:
    rules = (PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2").read_text(encoding="utf-8")
    page = (PROJECT / "docs/telemetry.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`(?:Robot|TelemetryHub).*?) \|", page, re.M)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(set(re.findall(r"alert: (\w+)", rules)))
