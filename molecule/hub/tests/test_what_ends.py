"""What ends, last of all: the hub's authority, with no sample lost, a password, and a robot's login."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import entry_point
import pytest
import telemetry
from waiting import until

NAMES = ("scout", "rover")
Run = Callable[..., Any]


@pytest.fixture
def run(playbook: Any) -> Run:
    """Run a playbook, which must succeed; variables are told as JSON."""

    def ran(name: str, *more: str, **variables: Any) -> Any:
        done = playbook(f"playbooks/{name}.yml", *more, "-e", json.dumps(variables))
        assert done.returncode == 0, done.stdout
        return done

    return ran


def trusted(robot: Any) -> int:
    """Return how many authorities a robot trusts."""
    found = robot.run("cat /var/lib/robot-stack/vmagent/config/*/hub_ca.pem")
    return int(found.count("BEGIN CERTIFICATE"))


def status(scout: Any, folder: Path, user: str, password: str) -> int:
    """What the hub says to somebody who writes, asked by who trusts what the folder has now."""
    authority = (folder / "ca.pem").read_text(encoding="utf-8")
    return entry_point.ask(scout, entry_point.Question("/api/v1/write", authority, user, password, "")).status


def test_a_controller_without_the_folder_makes_no_other_authority(playbook: Any, folder: Path) -> None:
    aside = folder.with_name(".telemetry_hub.aside")
    folder.rename(aside)
    try:
        done = playbook("playbooks/hub.yml")
        made = folder.exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    assert done.returncode != 0
    assert "lacks ca.pem, ca.key" in " ".join(done.stdout.split())
    assert not made


def test_the_authority_is_exchanged_and_no_sample_is_lost(
    robots: dict[str, Any], hub: Any, folder: Path, run: Run
) -> None:
    for name in NAMES:
        telemetry.arrive(hub, name)
    began = telemetry.settled(hub, *NAMES)
    old = (folder / "ca.pem").read_text(encoding="utf-8")
    run("hub", telemetry_hub_authority_change="begin")
    run("site")
    assert [trusted(robots[name]) for name in NAMES] == [2, 2]
    run("hub", telemetry_hub_authority_change="switch")
    for name in NAMES:
        telemetry.arrive(hub, name)
    run("hub", telemetry_hub_authority_change="finish")
    run("site")
    assert [trusted(robots[name]) for name in NAMES] == [1, 1]
    assert (folder / "ca.pem").read_text(encoding="utf-8") != old
    for name in NAMES:
        telemetry.arrive(hub, name)
        telemetry.drained(robots[name])
    ended = telemetry.settled(hub, *NAMES)
    for name in NAMES:
        there = telemetry.ledger(hub, name, (began, ended))
        assert there.answers()
        assert there.lost_answers() == []


def test_a_password_that_was_changed_does_not_come_back(
    scout: Any, hub: Any, folder: Path, passwords: dict[str, str], run: Run
) -> None:
    run("hub", telemetry_hub_secrets_renew=["robots/scout.password"])
    run("site")
    new = (folder / "robots/scout.password").read_text(encoding="utf-8").strip()
    assert new != passwords["scout"]
    assert status(scout, folder, "scout", passwords["scout"]) == 401
    telemetry.arrive(hub, "scout")
    found = scout.run(f"grep -rlF -e {passwords['scout']} /var/lib/robot-stack || true")
    assert found == ""


def test_a_robot_that_was_removed_is_let_in_no_more(
    scout: Any, folder: Path, passwords: dict[str, str], run: Run
) -> None:
    assert status(scout, folder, "rover", passwords["rover"]) != 401
    run("remove", "--limit", "rover,telemetry_hub")
    assert status(scout, folder, "rover", passwords["rover"]) == 401
    assert not (folder / "robots/rover.password").exists()
    until(lambda: status(scout, folder, "reader", passwords["reader"]) != 0, "the hub answers others")
