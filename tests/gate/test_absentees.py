"""Where nobody is there to do it for, a playbook fails and names the group, or the name in --limit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.absentees import absentees
from declarations import BIN, PROJECT

GROUPS = {
    "all": ["scout", "cart", "hub"],
    "ungrouped": [],
    "robots": ["scout", "cart"],
    "arm": ["cart"],
    "telemetry_hub": ["hub"],
}
PLAYBOOKS = sorted(path.name for path in (PROJECT / "playbooks").glob("*.yml") if path.name != "images.yml")


@pytest.mark.parametrize(
    "limit", ["", "scout", "scout,cart", "robots", "robots:!scout", "all:&arm", "sc*", "~s.*t", "arm:hub", "robots[0]"]
)
def test_a_limit_that_everybody_in_it_fits_is_no_reason(limit: str) -> None:
    assert absentees(GROUPS, "robots", limit) == []


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("nosuch,scout", ["nosuch"]),
        ("scout:!carr", ["carr"]),
        ("robots:&armm", ["armm"]),
        ("scoutt*,~x.*y,cart", ["scoutt*", "~x.*y"]),
    ],
)
def test_each_name_in_a_limit_that_nobody_has_is_told(limit: str, told: list[str]) -> None:
    found = absentees(GROUPS, "robots", limit)
    assert [sentence.partition("called ")[2].partition(". ")[0] for sentence in found] == told


def test_a_limit_that_leaves_none_of_the_group_is_told() -> None:
    (sentence,) = absentees(GROUPS, "robots", "hub")
    assert sentence == "--limit hub: it leaves none of group robots (cart, scout). No host was contacted."
    assert len(absentees(GROUPS, "robots", "robots:!scout:!cart")) == 1


def test_of_two_groups_one_is_enough() -> None:
    both = ["robots", "telemetry_hub"]
    for limit in ("", "hub", "scout", "telemetry_hub"):
        assert absentees(GROUPS, both, limit) == []
    assert absentees({"all": ["hub"], "telemetry_hub": ["hub"]}, both, "hub") == []
    (sentence,) = absentees({"all": ["b"], "others": ["b"]}, both, "b")
    assert sentence.startswith(
        "Groups robots and telemetry_hub of the inventory have no hosts; its other groups: others."
    )
    (sentence,) = absentees({**GROUPS, "all": [*GROUPS["all"], "b"], "others": ["b"]}, both, "b")
    assert "leaves none of group robots or telemetry_hub (cart, hub, scout)" in sentence


def test_a_file_of_names_is_read_as_ansible_reads_it(tmp_path: Path) -> None:
    (tmp_path / "retry").write_text("scout\n\nnosuch\n")
    (sentence,) = absentees(GROUPS, "robots", f"@{tmp_path}/retry")
    assert "called nosuch" in sentence


@pytest.mark.parametrize(
    "groups", [{"all": ["a"], "ungrouped": [], "robotss": ["a"], "arm": []}, {"all": [], "robots": [], "robotss": []}]
)
def test_a_group_without_hosts_is_told_with_those_that_there_are(groups: dict[str, list[str]]) -> None:
    (sentence,) = absentees(groups, "robots")
    assert sentence.startswith("Group robots of the inventory ")
    assert "robotss" in sentence


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_asks_first_whether_somebody_is_there(name: str) -> None:
    first = yaml.safe_load((PROJECT / "playbooks" / name).read_text())[0]
    group = "'telemetry_hub'" if name.startswith("hub") else "'robots'"
    if name == "rollback.yml":  # a hub is rolled back where the limit holds it, and not unasked
        group = "['robots', 'telemetry_hub'] if ansible_limit is defined else 'robots'"
    assert f"absentees({group}," in first["hosts"]
    assert first["tasks"][0]["tags"] == ["always"]


@pytest.mark.parametrize(
    ("name", "hosts", "limit", "told"),
    [
        ("verify.yml", "robotss: {hosts: {scout: }}", [], "Group robots of the inventory is not there"),
        ("preflight.yml", "raspberries: {hosts: {scout: }}", [], "its other groups: raspberries"),
        (
            "site.yml",
            "robots: {hosts: {scout: }}",
            ["--limit", "nosuch,scout"],
            "nobody in the inventory is called nosuch",
        ),
        (
            "verify.yml",
            "{robots: {hosts: {scout: }}, others: {hosts: {b: }}}",
            ["--limit", "b"],
            "none of group robots",
        ),
        ("hub.yml", "robots: {hosts: {scout: }}", [], "Group telemetry_hub of the inventory is not there"),
        ("backup.yml", "{}", [], "Group robots of the inventory is not there"),
    ],
)
def test_nobody_there_is_no_success(tmp_path: Path, name: str, hosts: str, limit: list[str], told: str) -> None:
    (tmp_path / "hosts.yml").write_text(hosts + "\n")
    done = subprocess.run(
        [BIN / "ansible-playbook", "-i", tmp_path / "hosts.yml", f"playbooks/{name}", *limit],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode != 0, done.stdout
    assert told in " ".join((done.stdout + done.stderr).split())
