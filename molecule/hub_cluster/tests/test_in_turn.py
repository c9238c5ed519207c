"""Hosts of a cluster are changed one after the other, and one is taken out of service and put back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import telemetry
from through import Through, counted
from two_hubs import LONGEST_GAP_SECONDS, Reading

Playbook = Callable[..., subprocess.CompletedProcess[str]]
MIB = 1024 * 1024
DECLARED_MIB = 256
SMALLER = '{"telemetry_hub_vmstorage_memory_limit_mib": 240}'


def test_storages_are_changed_in_turn_and_nobody_who_reads_waits(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    entry_points = {name: host.started_at("telemetry_hub_vmauth") for name, host in hubs.items()}
    with reads(hubs["two"]) as seen:
        done = playbook("playbooks/hub.yml", "-e", SMALLER)
    assert done.returncode == 0, done.stdout
    started = [host.started_at("telemetry_hub_vmstorage") for host in hubs.values()]
    assert started == sorted(started), "in the order of the group"
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    assert {name: host.started_at("telemetry_hub_vmauth") for name, host in hubs.items()} == entry_points
    counted(list(through.values()), fleet, began)


def test_storages_are_rolled_back_in_turn_too(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    with reads(hubs["two"]) as seen:
        done = playbook("playbooks/rollback.yml", "--limit", "telemetry_hub")
    assert done.returncode == 0, done.stdout
    limits = [host.limits(host.cgroup(host.pid("telemetry_hub_vmstorage")))[0] for host in hubs.values()]
    assert limits == [DECLARED_MIB * MIB] * len(hubs)
    started = [host.started_at("telemetry_hub_vmstorage") for host in hubs.values()]
    assert started == sorted(started), "in the order of the group"
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    counted(list(through.values()), fleet, began)


def test_a_host_is_taken_out_of_service_and_put_back(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    with reads(hubs["one"]) as seen:
        gone = playbook("playbooks/hub.yml", "--limit", "three", "-e", "hub_state=absent")
        assert gone.returncode == 0, gone.stdout
        assert "telemetry_hub" not in hubs["three"].run("docker ps --format '{{.Names}}'")
        for one in through.values():
            one.away.add("three")
        telemetry.scraped(fleet.values(), 10)
        counted([through["one"], through["two"]], fleet, began)
        back = playbook("playbooks/hub.yml")
        assert back.returncode == 0, back.stdout
    for one in through.values():
        one.away.discard("three")
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    counted(list(through.values()), fleet, began)
