"""The hosts of a pair are upgraded and rolled back in turn; one loses its disk, is taken away, and joins again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import telemetry
from hub_backups import another_disk, backed_up
from interruption import Run
from two_hubs import DATABASE, LONGEST_GAP_SECONDS, Ask, Reading
from waiting import patience, until

PROJECT = Path(__file__).resolve().parents[3]
SCENARIO = PROJECT / "molecule/hub_pair_hosts"
Playbook = Callable[..., subprocess.CompletedProcess[str]]
SERVICE = DATABASE.removeprefix("robot-stack-")
MIB = 1024 * 1024
DECLARED_MIB, RAISED_MIB = 256, 288
RAISED = ("-e", json.dumps({f"{SERVICE}_memory_limit_mib": RAISED_MIB}))
FOLDER = "/srv/hub-backup"
QUEUES = {"north": "1:secret-url", "south": "2:secret-url"}  # as vmagent names its addresses, in the group's order


def limit(hub: Any) -> int:
    """Return the limit of a host's database in the kernel, in MiB."""
    return int(hub.limits(hub.cgroup(hub.pid(SERVICE)))[0]) // MIB


def there(hubs: list[Any], fleet: dict[str, Any]) -> float:
    """Return a moment before which all that was scraped is at these hosts."""
    return max(telemetry.settled(hub, *fleet) for hub in hubs)


def everything_sent(hub: Any, fleet: dict[str, Any]) -> None:
    """Wait until the robots have sent to a host what they kept for it."""
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
        telemetry.drained(robot, url=QUEUES[hub.name])


def nothing_is_missing(hubs: list[Any], fleet: dict[str, Any], began: float) -> None:
    """Wait until the robots have sent what they kept, and count it. Raises AssertionError."""
    for hub in hubs:
        everything_sent(hub, fleet)
    ended = min(telemetry.settled(hub, *fleet) for hub in hubs)
    for name in fleet:
        for hub in hubs:
            found = telemetry.ledger(hub, name, (began, ended))
            assert found.lost_answers() == [], hub.name
            assert found.incomplete("sensor_service") == {}, hub.name


def test_both_are_changed_in_turn_and_whoever_reads_is_answered(
    hubs: list[Any], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    for hub in hubs:
        for name in fleet:
            telemetry.arrive(hub, name)
    began, before = there(hubs, fleet), [hub.started_at(SERVICE) for hub in hubs]
    with reads(hubs[0]) as seen:
        done = playbook("playbooks/hub.yml", *RAISED)
    assert done.returncode == 0, done.stdout
    assert [limit(hub) for hub in hubs] == [RAISED_MIB, RAISED_MIB]
    after = [hub.started_at(SERVICE) for hub in hubs]
    assert all(later != earlier for earlier, later in zip(before, after))
    assert after[0] < after[1], "the second host follows the first"
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    nothing_is_missing(hubs, fleet, began)


def test_one_is_rolled_back_while_the_other_serves(
    hubs: list[Any], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    south = hubs[1]
    began, other = there(hubs, fleet), south.started_at(SERVICE)
    with reads(south) as seen:
        done = playbook("playbooks/rollback.yml", "--limit", "north")
    assert done.returncode == 0, done.stdout
    assert [limit(hub) for hub in hubs] == [DECLARED_MIB, RAISED_MIB]
    assert south.started_at(SERVICE) == other
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    nothing_is_missing(hubs, fleet, began)


def test_one_that_ends_in_its_soak_is_put_back_and_the_other_is_left_as_it_is(
    hubs: list[Any], fleet: dict[str, Any], reads: Reading
) -> None:
    north, south = hubs
    began, others, limits = there(hubs, fleet), south.started_at(SERVICE), [limit(hub) for hub in hubs]
    with reads(south) as seen:
        changed = json.dumps({f"{SERVICE}_memory_limit_mib": 304, "rollout_soak_seconds": 30})
        run = Run("playbooks/hub.yml", "-e", changed)
        until(lambda: "Hub soaks" in run.told(), "north has changed, and soaks", patience(north))
        assert limit(north) == 304
        north.run(f"docker kill {DATABASE}")
        assert run.ended() != 0, run.told()
    assert "the robot was put back to what was good there" in run.told()
    assert [limit(hub) for hub in hubs] == limits
    assert south.started_at(SERVICE) == others
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    nothing_is_missing([south], fleet, began)  # north has lost what it had in memory only, as docs/telemetry.md says
    everything_sent(north, fleet)


def carried(source: Any, target: Any, folder: str) -> None:
    """Copy one folder of backups to the other host, as an operator's rsync would."""
    machines = [f"testbed-{host.variables['testbed_fleet']}-{host.name}" for host in (source, target)]
    pack = ["docker", "exec", machines[0], "tar", "-C", FOLDER, "-c", folder]
    unpack = ["docker", "exec", "-i", machines[1], "tar", "-C", FOLDER, "-x", "--numeric-owner"]
    packed = subprocess.run(pack, check=True, capture_output=True, timeout=300).stdout
    subprocess.run(unpack, input=packed, check=True, timeout=300)


def test_a_host_that_lost_its_disk_has_its_samples_from_the_others_backup(
    hubs: list[Any], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    """As docs/telemetry.md says: nothing is missing, since robots keep for it what comes after that backup."""
    north, south = hubs
    began = there(hubs, fleet)
    telemetry.scraped(fleet.values(), 10)
    with reads(north) as seen:
        another_disk(south)
        rows = backed_up(north)["contents"]["rows"]
        carried(north, south, "north")
        (chain,) = north.run(f"ls {FOLDER}/north").split()
        which = f"restore_backup=north/{chain}/latest"
        done = playbook("playbooks/hub_restore.yml", "--limit", "south", "-e", which)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"restored {rows} samples" in done.stdout
    assert "the database finds the newest sample of the backup" in done.stdout
    assert limit(south) == DECLARED_MIB
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    nothing_is_missing(hubs, fleet, began)


@pytest.fixture
def without_south(tmp_path: Path) -> Playbook:
    """Run a playbook with an inventory that has lost south, and with the secrets as they are."""
    inventory = tmp_path / "inventory"
    shutil.copytree(SCENARIO / "inventory", inventory)
    hosts = (inventory / "hosts.yml").read_text(encoding="utf-8")
    kept = hosts.replace("    south:\n      testbed_ssh_port: 22332\n", "")
    assert kept != hosts
    (inventory / "hosts.yml").write_text(kept, encoding="utf-8")

    def run(playbook: str) -> subprocess.CompletedProcess[str]:
        given = ["-i", str(PROJECT / "molecule/shared/inventory"), "-i", str(inventory)]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(
            ["ansible-playbook", *given, playbook],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    return run


def test_the_other_serves_alone(
    north: Any, south: Any, fleet: dict[str, Any], playbook: Playbook, without_south: Playbook, ask: Ask
) -> None:
    database = north.started_at(SERVICE)
    began = telemetry.settled(north, *fleet)
    gone = playbook("playbooks/hub.yml", "--limit", "south", "-e", "hub_state=absent")
    assert gone.returncode == 0, gone.stdout
    assert DATABASE not in south.run("docker ps --format '{{.Names}}'")
    for name in ("playbooks/hub.yml", "playbooks/site.yml"):
        done = without_south(name)
        assert done.returncode == 0, done.stdout
    assert north.started_at(SERVICE) == database, "nothing of it has changed"
    for robot in fleet.values():
        arguments = robot.inspect("vmagent")["Config"]["Cmd"]
        assert [one for one in arguments if one.startswith("-remoteWrite.url=")] == [
            "-remoteWrite.url=https://north:8427/api/v1/write"
        ]
        telemetry.arrive(north, robot.name)
        telemetry.drained(robot)
    ended = telemetry.settled(north, *fleet)
    for name in fleet:
        assert telemetry.ledger(north, name, (began, ended)).lost_answers() == []
    assert ask(north, "/api/v1/query?query=up").status == 200


def test_a_second_host_joins_and_the_first_ones_database_is_left_as_it_is(
    hubs: list[Any], fleet: dict[str, Any], playbook: Playbook
) -> None:
    north, south = hubs
    database, began = north.started_at(SERVICE), telemetry.settled(north, *fleet)
    for name in ("playbooks/hub.yml", "playbooks/site.yml"):
        done = playbook(name)
        assert done.returncode == 0, done.stdout
    assert north.started_at(SERVICE) == database
    joined = there(hubs, fleet)
    nothing_is_missing([north], fleet, began)
    nothing_is_missing([south], fleet, joined)
    for robot in fleet.values():
        arguments = robot.inspect("vmagent")["Config"]["Cmd"]
        assert [one.partition("=")[2] for one in arguments if one.startswith("-remoteWrite.url=")] == [
            f"https://{hub.name}:8427/api/v1/write" for hub in hubs
        ]
