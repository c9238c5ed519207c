"""A storage of a cluster and its backup: it answers for itself, and no other storage answers for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import hub as hub_restore
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.database import BackupError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.storage import Storage
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.folder import Folder
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import contents, destination, snapshot
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.container import Worker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.job_record import Contents
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import layout
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import Job, Probe, Service
from robot_stack.fake_engine import FakeEngine
from robot_stack.hub_backups import DAY, START, Database, answering, lay, part
from robot_stack.robots import IMAGE, USER, Robot, write

NAME = "telemetry_hub_vmstorage"
DATA = f"var/lib/robot-stack/{NAME}/data"
JOB = "telemetry_hub_restore"
CHAIN = "20260201T000000Z"
OWNER = (os.geteuid(), os.getegid())
HELD = Contents(100, START, START + DAY)


class Vmstorage(Database):
    """A storage: its snapshots have what lies in its folder where it has ``opened`` that; it answers no query."""

    opened = True

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        if path.startswith(("/snapshot/", "/health")):
            return super().answer(path, query)
        return 400, "unsupported path requested"

    def _made(self) -> None:
        if self.opened:
            super()._made()
        else:
            self.snapshots.append("20260101000000-0A")
            for kind in contents.KINDS:
                (self.data / "data" / kind / "snapshots/20260101000000-0A").mkdir(parents=True)


@pytest.fixture
def vmstorage(robot: Robot) -> Iterator[Vmstorage]:
    with answering(Vmstorage(robot.root / DATA)) as found:
        assert isinstance(found, Vmstorage)
        yield found


def asked(robot: Robot, vmstorage: Vmstorage, kept_since: float = 0.0) -> str:
    """Return what the storage lacks of what was HELD; its snapshot is gone afterwards."""
    storage = Storage(snapshot.Database(NAME, vmstorage.url, "hub", "secret", f"/{DATA}"), robot.roots)
    missing = storage.missing(HELD, kept_since)
    assert vmstorage.snapshots == []
    return missing


def test_a_storage_that_has_what_its_backup_held_misses_nothing(robot: Robot, vmstorage: Vmstorage) -> None:
    part(vmstorage.data, "P1", 100, START, START + DAY)
    assert asked(robot, vmstorage) == ""
    part(vmstorage.data, "P1", 120, START, START + 2 * DAY)  # merged with what came later
    assert asked(robot, vmstorage) == ""


def test_an_empty_storage_is_told_though_its_cluster_has_the_samples(robot: Robot, vmstorage: Vmstorage) -> None:
    (vmstorage.data / "data").mkdir(parents=True)
    assert asked(robot, vmstorage) == "the database holds no samples"
    part(vmstorage.data, "P9", 500, START + 2 * DAY, START + 3 * DAY)  # robots write on
    assert "after the end of its backup" in asked(robot, vmstorage)


def test_files_that_a_storage_has_not_opened_count_for_nothing(robot: Robot, vmstorage: Vmstorage) -> None:
    part(vmstorage.data, "P1", 100, START, START + DAY)
    vmstorage.opened = False
    assert asked(robot, vmstorage) == "the database holds no samples"


def test_less_than_there_was_is_told_unless_it_need_not_be_kept(robot: Robot, vmstorage: Vmstorage) -> None:
    part(vmstorage.data, "P1", 40, START, START + DAY)
    assert asked(robot, vmstorage) == "the database holds 40 samples, its backup 100"
    assert asked(robot, vmstorage, kept_since=START + DAY / 2) == ""


def test_where_the_newest_samples_are_missing_that_is_told(robot: Robot, vmstorage: Vmstorage) -> None:
    part(vmstorage.data, "P1", 90, START, START + DAY // 2)
    part(vmstorage.data, "P9", 90, START + 2 * DAY, START + 3 * DAY)
    assert asked(robot, vmstorage) == "it has opened nothing of 2026-01-02 00:00:00 UTC, when its backup ends"


def test_a_storage_that_makes_no_snapshot_is_told(robot: Robot, vmstorage: Vmstorage) -> None:
    vmstorage.refuses = True
    assert "/snapshot/create failed (HTTP 500: no)" in asked(robot, vmstorage)


@pytest.fixture
def hub(robot: Robot, fake: FakeEngine, vmstorage: Vmstorage, monkeypatch: pytest.MonkeyPatch) -> hub_restore.Hub:
    """A host whose storage runs, with 5 samples of its own; beside its backup is one of the hub that it was before."""
    fake.images["db:1"] = IMAGE
    backups = robot.root / "srv/backup"
    for place, rows, last in (("a.vmstorage", 100, START + DAY), ("a", 700, START + 2 * DAY)):
        part(robot.root / place, "P1", rows, START, last)
        lay(backups / place / CHAIN / "latest", robot.root / place)
    part(robot.root / DATA, "P5", 5, START, START + 1)
    write(robot.root / f"var/lib/robot-stack/jobs/{JOB}.json", json.dumps({"request": {"Image": "it", "Cmd": []}}))
    engine = DockerEngine(fake.socket)
    engine.create(
        f"robot-stack-{NAME}", {"Image": "db:1", "HostConfig": {"CgroupParent": "/a", "Memory": 1, "MemorySwap": 1}}
    )
    engine.start(f"robot-stack-{NAME}")

    def restores(_: Worker, *flags: str) -> str:
        source = backups / flags[0].split("/backups/")[1]
        for piece in source.rglob("*_*_*"):
            write(robot.root / DATA / layout.RESTORED / piece.parent.relative_to(source), piece.read_text())
        return ""

    monkeypatch.setattr(Worker, "run", restores)
    probe = Probe(f"{vmstorage.url}/health", 10, "hub", "")
    service = Service(NAME, "", 1, 1.0, 1, USER, probe=probe)
    where = destination.Destination(Job("restore", NAME, "fs:///srv/backup", "a.vmstorage"), OWNER, robot.roots)
    root = "/var/lib/robot-stack"
    clock = (START + 3 * DAY) / 1000
    return hub_restore.Hub(service, "data", root, "90d", JOB, where, robot.roots, engine, clock=lambda: clock)


def rows(data: Path) -> int:
    with Folder.at(data) as folder:
        return contents.of_data(folder).rows


def test_a_storage_has_its_samples_back_when_it_has_opened_them(
    robot: Robot, fake: FakeEngine, hub: hub_restore.Hub
) -> None:
    assert "100 samples" in hub.restore("", replace=True)
    assert rows(robot.root / DATA) == 100
    assert fake.containers[f"robot-stack-{NAME}"]["State"]["Running"]
    assert hub.found("") == "the database finds the newest sample of the backup, of 2026-01-02 00:00:00 UTC"


def test_what_was_there_is_back_where_the_storage_does_not_open_what_was_restored(
    robot: Robot, hub: hub_restore.Hub, vmstorage: Vmstorage
) -> None:
    vmstorage.opened = False
    with pytest.raises(BackupError, match="holds no samples; what was there was put back"):
        hub.restore("", replace=True)
    assert rows(robot.root / DATA) == 5
    with pytest.raises(BackupError, match="holds no samples"):
        hub.found("")


def test_one_hubs_backup_is_none_for_a_storage_and_the_other_way_round(robot: Robot, hub: hub_restore.Hub) -> None:
    assert hub.check("", replace=True).path == f"a.vmstorage/{CHAIN}/latest"
    why = "is a backup of the database of one hub or of a pair, which a cluster's storage does not open"
    with pytest.raises(BackupError, match=f"a/{CHAIN}/latest {why}.*nothing was touched"):
        hub.check(f"a/{CHAIN}/latest", replace=True)
    hub.where = destination.Destination(Job("restore", NAME, "fs:///srv/backup", "a"), OWNER, robot.roots)
    assert hub.check("", replace=True).contents.rows == 700
    with pytest.raises(BackupError, match="is a backup of a cluster's storage, which the database of one hub"):
        hub.check(f"a.vmstorage/{CHAIN}/latest", replace=True)


def test_a_host_that_has_its_samples_is_left_out_first(hub: hub_restore.Hub) -> None:
    with pytest.raises(BackupError, match="Leave this host out with --limit, or"):
        hub.check("", replace=False)
