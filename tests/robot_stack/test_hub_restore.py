"""A hub's samples back from a backup: what is refused, what is swapped, and what is there again where it fails."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import data_check
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import hub as hub_restore
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import swap
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.database import MARGIN, BackupError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.folder import Folder
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import disk_space
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import contents, destination
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.container import JobError, Worker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import job_record
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.job_record import Contents, JobRecord
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import layout
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import Job, Probe, Service
from robot_stack.fake_engine import FakeEngine
from robot_stack.hub_backups import DATA, DATABASE, DAY, START, lay, part
from robot_stack.robots import IMAGE, USER, Robot, write

OLD, NEW = "20260101T000000Z", "20260201T000000Z"
JOB = "telemetry_hub_restore"
NAME = f"robot-stack-{DATABASE}"
OWNER = (os.geteuid(), os.getegid())


@pytest.fixture
def backups(robot: Robot, tmp_path: Path) -> Path:
    """Two chains: the newer one has samples of 3 days in its latest backup, of 2 in the one before."""
    folder = robot.root / "srv/backup/hub"
    for chain, name, days in ((OLD, "latest", 1), (NEW, "previous", 2), (NEW, "latest", 3)):
        data = tmp_path / f"{chain}-{name}"
        part(data, "P1", 100 * days, START, START + days * DAY)
        lay(folder / chain / name, data)
    return folder


@pytest.fixture
def hub(robot: Robot, fake: FakeEngine, backups: Path, monkeypatch: pytest.MonkeyPatch) -> hub_restore.Hub:
    """A hub whose database runs, with 5 samples of its own, and whose vmrestore copies what it is told."""
    fake.images["db:1"] = IMAGE
    engine = DockerEngine(fake.socket)
    part(robot.root / DATA, "P5", 5, START, START + 1)
    write(robot.root / f"var/lib/robot-stack/jobs/{JOB}.json", json.dumps({"request": {"Image": "it", "Cmd": []}}))
    engine.create(NAME, {"Image": "db:1", "HostConfig": {"CgroupParent": "/a", "Memory": 1, "MemorySwap": 1}})
    engine.start(NAME)

    def restores(_: Worker, *flags: str) -> str:
        source = backups.parent / flags[0].split("/backups/")[1]
        target = robot.root / DATA / layout.RESTORED
        for piece in source.rglob("*_*_*"):
            write(target / piece.parent.relative_to(source), piece.read_text())
        return ""

    monkeypatch.setattr(Worker, "run", restores)
    url = "http://127.0.0.1:1"
    service = Service(DATABASE, "", 1, 1.0, 1, USER, probe=Probe(f"{url}/health"), history_url=url)
    where = destination.Destination(Job("restore", DATABASE, "fs:///srv/backup", "hub"), OWNER, robot.roots)
    found = '{"data": {"result": [{"value": [1, "1"]}]}}'
    return hub_restore.Hub(
        service,
        "data",
        "/var/lib/robot-stack",
        "90d",
        JOB,
        where,
        robot.roots,
        engine,
        ask=lambda *_, **__: (200, found),
        clock=lambda: (START + 4 * DAY) / 1000,
        pause=lambda _: None,
    )


def holds(robot: Robot) -> Contents:
    with Folder.at(robot.root / DATA) as data:
        return contents.of_data(data)


def test_samples_that_are_there_are_not_replaced_unasked(robot: Robot, hub: hub_restore.Hub) -> None:
    with pytest.raises(BackupError, match="restore_replace=true"):
        hub.restore("", replace=False)
    assert holds(robot).rows == 5


def test_the_newest_whole_backup_takes_their_place(robot: Robot, fake: FakeEngine, hub: hub_restore.Hub) -> None:
    said = hub.restore("", replace=True)
    assert said == f"300 samples, from 2026-01-01 00:00:00 UTC to 2026-01-04 00:00:00 UTC, of hub/{NEW}/latest"
    assert holds(robot) == Contents(300, START, START + 3 * DAY)
    assert [path for path in (robot.root / DATA).iterdir() if path.name.startswith(".")] == []
    assert fake.containers[NAME]["State"]["Running"]
    assert hub.found("").endswith("2026-01-04 00:00:00 UTC")


def test_one_that_was_cut_off_is_passed_over(robot: Robot, hub: hub_restore.Hub, backups: Path) -> None:
    (backups / NEW / "latest" / contents.COMPLETE).unlink()
    hub.restore("", replace=True)
    assert holds(robot).rows == 200
    shutil.rmtree(backups / NEW)
    assert hub.check("", replace=True).path == f"hub/{OLD}/latest"


def odd(backups: Path, chain: str, name: str) -> None:
    for file in (backups / chain / name).rglob("metadata.json"):
        for piece in [file] if file.is_file() else file.iterdir():
            piece.write_text("{")


@pytest.mark.parametrize(
    ("damaged", "taken"),
    [
        ([(OLD, "latest")], f"{NEW}/latest"),
        ([(NEW, "latest")], f"{NEW}/previous"),
        ([(NEW, "latest"), (NEW, "previous")], f"{OLD}/latest"),
    ],
    ids=str,
)
def test_one_that_cannot_be_read_is_passed_over(
    hub: hub_restore.Hub, backups: Path, damaged: list[tuple[str, str]], taken: str
) -> None:
    for chain, name in damaged:
        odd(backups, chain, name)
    assert hub.check("", replace=True).path == f"hub/{taken}"


def test_where_none_can_be_read_each_is_named_with_why(hub: hub_restore.Hub, backups: Path) -> None:
    for chain, name in ((OLD, "latest"), (NEW, "latest"), (NEW, "previous")):
        odd(backups, chain, name)
    with pytest.raises(BackupError) as refusal:
        hub.check("", replace=True)
    words = str(refusal.value)
    assert "holds no backup that is whole; passed over: " in words
    assert all(f"{one} (" in words for one in (f"{OLD}/latest", f"{NEW}/latest", f"{NEW}/previous"))


def test_the_newest_one_is_that_with_the_newest_samples(hub: hub_restore.Hub, backups: Path, tmp_path: Path) -> None:
    shutil.rmtree(backups / OLD)
    part(tmp_path / "gone-on", "P1", 400, START, START + 4 * DAY)
    lay(backups / OLD / "latest", tmp_path / "gone-on")
    assert hub.check("", replace=True).path == f"hub/{OLD}/latest"


def test_another_one_can_be_named(robot: Robot, hub: hub_restore.Hub, backups: Path) -> None:
    hub.restore(f"{NEW}/previous", replace=True)
    assert holds(robot).rows == 200
    (backups.parent / "oldname").mkdir()
    (backups / OLD).rename(backups.parent / "oldname" / OLD)
    assert hub.check(f"oldname/{OLD}/latest", replace=True).contents.rows == 100


@pytest.mark.parametrize("name", ["latest", "../hub/x/latest", f"{OLD}/newest", f"a/b/{OLD}/latest", f"/{OLD}/latest"])
def test_what_names_no_backup_is_refused(robot: Robot, hub: hub_restore.Hub, name: str) -> None:
    with pytest.raises(BackupError, match="names no backup"):
        hub.restore(name, replace=True)
    assert holds(robot).rows == 5


def damaged(backups: Path, how: str) -> None:
    latest = backups / NEW / "latest"
    [piece] = (latest / "data/small/2026_01/P1/values.bin").iterdir()
    if how == "cut off":
        (latest / contents.COMPLETE).unlink()
    elif how == "short":
        piece.write_text("x")
    elif how == "gone":
        shutil.rmtree(latest)
    else:
        shutil.rmtree(latest / "data")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut off", "is not whole"),
        ("short", "has 1 bytes, not 100"),
        ("gone", "there is no backup"),
        ("empty", "holds no samples"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    robot: Robot, fake: FakeEngine, hub: hub_restore.Hub, backups: Path, how: str, words: str
) -> None:
    damaged(backups, how)
    fake.calls.clear()
    with pytest.raises(BackupError, match=f"{words}.*nothing was touched"):
        hub.restore(f"{NEW}/latest", replace=True)
    assert fake.changes == []
    assert holds(robot).rows == 5


def test_a_disk_without_room_is_refused(
    hub: hub_restore.Hub, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "of", lambda _: disk_space.Disk(1, 1000))
    fake.calls.clear()
    with pytest.raises(BackupError, match="0 MiB of disk are free"):
        hub.restore("", replace=True)
    assert fake.changes == []


def test_what_a_restore_that_was_cut_off_has_laid_there_is_room_for_the_next(
    robot: Robot, hub: hub_restore.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "of", lambda _: disk_space.Disk(1, MARGIN))
    with pytest.raises(BackupError, match="free some space"):
        hub.check("", replace=True)
    write(robot.root / DATA / layout.RESTORED / "data/small/half", "h" * 65536)
    assert hub.check("", replace=True)


def test_what_was_there_is_back_where_the_restore_fails(
    robot: Robot, fake: FakeEngine, hub: hub_restore.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise JobError("no space left on device")

    monkeypatch.setattr(Worker, "run", fails)
    with pytest.raises(BackupError, match="no space left on device"):
        hub.restore("", replace=True)
    assert holds(robot).rows == 5
    assert [path.name for path in (robot.root / DATA).iterdir()] == ["data"]
    assert fake.containers[NAME]["State"]["Running"]


def test_what_was_there_is_back_where_less_arrived(
    robot: Robot, hub: hub_restore.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def less(*_: object) -> str:
        part(robot.root / DATA / layout.RESTORED, "P1", 7, START, START)
        return ""

    monkeypatch.setattr(Worker, "run", less)
    with pytest.raises(BackupError, match="holds 300 samples, 7 of them arrived"):
        hub.restore("", replace=True)
    assert holds(robot).rows == 5


def test_what_was_there_is_back_where_the_database_finds_nothing(
    robot: Robot, fake: FakeEngine, hub: hub_restore.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_check, "PATIENCE_SECONDS", 0.0)
    hub.ask = lambda *_, **__: (200, '{"data": {"result": []}}')
    with pytest.raises(BackupError, match="what was there was put back"):
        hub.restore("", replace=True)
    assert holds(robot).rows == 5
    assert fake.containers[NAME]["State"]["Running"]


def test_what_was_cut_off_can_be_done_again(robot: Robot, hub: hub_restore.Hub) -> None:
    write(robot.root / DATA / layout.RESTORED / "data/small/2026_01/P1/half", "h")
    hub.restore("", replace=True)
    assert holds(robot).rows == 300


def test_what_was_cut_off_at_its_end_is_not_undone_by_a_later_one(
    robot: Robot, hub: hub_restore.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has gone on with what it brought."""
    before = robot.root / DATA / swap.BEFORE
    part(before, "P5", 5, START, START + 1)
    part(robot.root / DATA, "P7", 7, START, START + 1)
    rows = holds(robot).rows

    def fails(*_: object) -> str:
        raise JobError("no space left on device")

    monkeypatch.setattr(Worker, "run", fails)
    with pytest.raises(BackupError, match="no space left on device"):
        hub.restore("", replace=True)
    assert holds(robot).rows == rows
    assert not before.exists()


def test_a_new_host_has_no_database_yet(robot: Robot, fake: FakeEngine, hub: hub_restore.Hub) -> None:
    shutil.rmtree(robot.root / DATA)
    fake.containers.clear()
    hub.restore("", replace=False)
    assert holds(robot).rows == 300


def test_a_bucket_has_to_be_named_by_whoever_knows_nothing_of_it(robot: Robot, hub: hub_restore.Hub) -> None:
    hub.where = destination.Destination(Job("restore", DATABASE, "s3://b/p", "hub"), OWNER, robot.roots)
    with pytest.raises(BackupError, match="-e restore_backup=CHAIN/latest"):
        hub.check("", replace=True)
    assert hub.check(f"{NEW}/latest", replace=True).path == f"hub/{NEW}/latest"
    record = JobRecord(base="s3://b/p/hub", chain=OLD, complete="previous")
    job_record.save(record, robot.root / "var/lib/robot-stack", DATABASE)
    assert hub.check("", replace=True).path == f"hub/{OLD}/previous"


def test_the_chain_that_was_restored_from_goes_on(robot: Robot, hub: hub_restore.Hub) -> None:
    hub.restore(f"{NEW}/latest", replace=True)
    record = job_record.load(robot.root / "var/lib/robot-stack", DATABASE)
    assert (record.base, record.chain, record.complete) == ("fs:///srv/backup/hub", NEW, "latest")
    assert record.contents.rows == 300
    assert record.success_at == 0


def test_a_restore_does_not_forget_when_the_last_backup_was_made(robot: Robot, hub: hub_restore.Hub) -> None:
    root = robot.root / "var/lib/robot-stack"
    before = JobRecord(base="fs:///srv/backup/hub", chain=NEW, complete="latest", run_at=9.0, success_at=9.0)
    job_record.save(before, root, DATABASE)
    hub.restore(f"{OLD}/latest", replace=True)
    record = job_record.load(root, DATABASE)
    assert (record.success_at, record.run_at, record.chain, record.contents.rows) == (9.0, 9.0, OLD, 100)
    job_record.save(JobRecord(base="s3://b/hub", success_at=9.0), root, DATABASE)
    hub.restore("", replace=True)
    assert job_record.load(root, DATABASE).success_at == 0, "which is of another place"


def test_what_is_looked_for_afterwards_is_what_was_restored(robot: Robot, hub: hub_restore.Hub, backups: Path) -> None:
    (backups.parent / "oldname").mkdir()
    (backups / OLD).rename(backups.parent / "oldname" / OLD)
    held = Contents(300, START, START + 3 * DAY)
    its_own = JobRecord(base="fs:///srv/backup/hub", chain=NEW, complete="latest", contents=held)
    job_record.save(its_own, robot.root / "var/lib/robot-stack", DATABASE)
    assert hub.found(f"oldname/{OLD}/latest").endswith("2026-01-02 00:00:00 UTC")
    assert hub.found(f"{NEW}/previous").endswith("2026-01-03 00:00:00 UTC")
    assert hub.found(f"{NEW}/latest").endswith("2026-01-04 00:00:00 UTC")
    assert hub.found("").endswith("2026-01-04 00:00:00 UTC")


def test_both_know_the_same_folder() -> None:
    assert layout.RESTORED == swap.NEW
