"""One host that is the hub, two that join it, and two robots, which send all the time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import telemetry
import yaml
from asking_hubs import authority, fleet, folder, reads, secret  # noqa: F401 - fixtures
from before_growth import Before, stored
from through import Through

NEW = ("two", "three")
SCRAPES = 30  # one a second, of which the hub keeps what the cluster must show


@pytest.fixture(scope="session")
def hubs(robots: dict[str, Any]) -> dict[str, Any]:
    """The hosts that the hub grows to, by name."""
    return {name: robots[name] for name in ("one", *NEW)}


@pytest.fixture(scope="session")
def through(hubs: dict[str, Any]) -> dict[str, Through]:
    """The same, each asked for what the whole cluster has."""
    return {name: Through(host, list(hubs.values())) for name, host in hubs.items()}


@pytest.fixture(scope="session", autouse=True)
def before(
    tmp_path_factory: pytest.TempPathFactory, playbook: Any, hubs: dict[str, Any], robots: dict[str, Any]
) -> Before:
    """Deploy one hub and its robots, and return what it has of them after a while."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    earlier = tmp_path_factory.mktemp("before")
    _inventory_of_one_hub(scenario / "inventory", earlier / "inventory")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLECULE_SCENARIO_DIRECTORY", str(earlier))
        for name in ("playbooks/hub.yml", "playbooks/site.yml"):
            done = playbook(name)
            assert done.returncode == 0, done.stdout + done.stderr
    # To an operator it is one inventory, before and after an edit: its secrets are beside it.
    secrets = scenario / "inventory" / ".telemetry_hub"
    shutil.rmtree(secrets, ignore_errors=True)
    shutil.copytree(earlier / "inventory" / ".telemetry_hub", secrets)
    senders, hub = [robots[name] for name in ("scout", "rover")], hubs["one"]
    for robot in senders:
        telemetry.arrive(hub, robot.name)
    began = telemetry.settled(hub, "scout", "rover")
    telemetry.scraped(senders, SCRAPES)
    window = (began, telemetry.settled(hub, "scout", "rover"))
    return Before(window, {robot.name: stored(hub, robot.name, window) for robot in senders})


def _inventory_of_one_hub(grown: Path, earlier: Path) -> None:
    """Copy the inventory as it was before the hub grew: one host in the group, which knows nothing of a cluster."""
    shutil.copytree(grown, earlier, ignore=shutil.ignore_patterns(".telemetry_hub"))
    path = earlier / "hosts.yml"
    hosts = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in NEW:
        del hosts["telemetry_hub"]["hosts"][name]
    del hosts["telemetry_hub"]["hosts"]["one"]["telemetry_hub_former_storage"]
    path.write_text(yaml.safe_dump(hosts), encoding="utf-8")
