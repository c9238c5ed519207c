"""Each host backs up its own storage, and has that back: one host while the others serve, and two in one run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import telemetry
from hub_backups import ROOT, another_disk, backed_up, record, refused
from through import STORAGE, Through, counted, storage_away
from two_hubs import LONGEST_GAP_SECONDS, LOOK_IS_OVER, WATCHDOG, Reading, without
from waiting import until

Playbook = Callable[..., subprocess.CompletedProcess[str]]
DATABASE = "telemetry_hub_vmstorage"
CONTAINER, DATA = f"robot-stack-{DATABASE}", f"{ROOT}/{DATABASE}/data"
FOLDER = "/srv/hub-backup"
SCRAPES = 10  # one a second
FOUND = "the database finds the newest sample of the backup"
LOST = ("one", "two")


def handed_on(host: Any) -> bool:
    """Whether nothing that the host's vminsert has taken waits for a storage."""
    page = host.get("http://127.0.0.1:8480/metrics").splitlines()
    waiting = [float(line.rsplit(" ", 1)[1]) for line in page if line.startswith("vm_rpc_rows_pending{")]
    return bool(waiting) and not any(waiting)


def everything_stored(hubs: dict[str, Any]) -> None:
    """Wait until both copies of what was taken before are with their storages. Raises AssertionError."""
    for host in hubs.values():
        until(partial(handed_on, host), f"the vminsert of {host.name} has nothing to write", pause=0.2)


def complete(through: Through, fleet: dict[str, Any], window: tuple[float, float]) -> None:
    """Raise AssertionError where a sample that a robot took within ``window`` is not there."""
    for name in fleet:
        there = telemetry.ledger(through, name, window)
        assert len(there.answers()) >= SCRAPES
        assert there.lost_answers() == []
        assert there.incomplete("sensor_service") == {}


def emptied(host: Any) -> None:
    """Have the host's storage begin anew, as on a disk that takes the place of one that is dead."""
    host.run(
        f"systemctl stop {WATCHDOG} && {LOOK_IS_OVER} && docker stop {CONTAINER} && rm -rf {DATA}"
        f" && install -d -o 70111 -g 70111 -m 0750 {DATA} && docker start {CONTAINER} && systemctl start {WATCHDOG}"
    )


def test_each_host_backs_up_its_own_storage_under_its_own_name(
    hubs: dict[str, Any], through: dict[str, Through]
) -> None:
    for name, host in hubs.items():
        made = backed_up(host, DATABASE)
        assert made["contents"]["rows"] > 0
        assert (made["base"], made["complete"]) == (f"fs://{FOLDER}/{name}.vmstorage", "latest")
        assert host.run(f"ls {FOLDER}").split() == [f"{name}.vmstorage"]
        assert json.loads(host.get(f"{STORAGE}/snapshot/list"))["snapshots"] == []
    query = quote(f'robot_stack_backup_last_result{{database="{DATABASE}"}} == 1')

    def told() -> bool:
        page = through["three"].get(f"{telemetry.STORAGE}/api/v1/query?nocache=1&query={query}")
        return {one["metric"]["hub"] for one in json.loads(page)["data"]["result"]} == set(hubs)

    until(told, "the cluster has the metric of each host")


def test_an_empty_storage_takes_no_backups_place_and_has_its_own_samples_back(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    telemetry.scraped(fleet.values(), SCRAPES)
    ended = telemetry.settled(through["one"], *fleet)
    everything_stored(hubs)
    three = hubs["three"]
    rows = backed_up(three, DATABASE)["contents"]["rows"]
    with reads(hubs["one"]) as seen:
        emptied(three)
        refused(three, "the database (holds|begins).*was left as it is.*playbooks/hub_restore.yml", DATABASE)
        assert record(three, DATABASE)["contents"]["rows"] == rows
        done = playbook("playbooks/hub_restore.yml", "--limit", "three", "-e", "restore_replace=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"three: restored {rows} samples" in done.stdout
    assert f"three: {FOUND}" in done.stdout
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    # Of what two and three had, three has the only copy now.
    with storage_away("two", through), without(CONTAINER, hubs["two"]):
        complete(through["one"], fleet, (began, ended))


def test_two_hosts_that_lost_their_disks_have_their_samples_back_in_one_run(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], playbook: Playbook
) -> None:
    """More than a cluster survives without backups. Nothing is missing: robots keep what they cannot send meanwhile."""
    began = max(telemetry.settled(one, *fleet) for one in through.values())
    telemetry.scraped(fleet.values(), SCRAPES)
    for robot in fleet.values():
        for name in hubs:
            telemetry.cut(robot, name)
    try:
        everything_stored(hubs)
        for name in LOST:
            backed_up(hubs[name], DATABASE)
        for name in LOST:
            another_disk(hubs[name])
        done = playbook("playbooks/hub_restore.yml", "--limit", ",".join(LOST))
    finally:
        for robot in fleet.values():
            telemetry.mend_all(robot)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in LOST:
        assert f"{name}: restored" in done.stdout
        assert f"{name}: {FOUND}" in done.stdout
    counted(list(through.values()), fleet, began)
    ended = telemetry.settled(through["two"], *fleet)
    everything_stored(hubs)
    # Of what one or two shared with three, they have the only copy; of what both had, the backups brought it.
    with storage_away("three", through), without(CONTAINER, hubs["three"]):
        complete(through["two"], fleet, (began, ended))
