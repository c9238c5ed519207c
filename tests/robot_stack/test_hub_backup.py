"""One run of a hub's backup: what is kept whatever happens, what is refused, and what is told of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.folder import Folder
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import (
    backup,
    container,
    contents,
    destination,
    snapshot,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.container import JobError, Worker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.contents import OddError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import job_record
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.job_record import Contents, JobRecord
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import Job
from robot_stack.fake_engine import FakeEngine
from robot_stack.hub_backups import (
    DATA,
    DATABASE,
    DAY,
    JOB,
    SNAPSHOT,
    START,
    CopyingWorker,
    Database,
    answering,
    part,
)
from robot_stack.robots import IMAGE, MIB, Robot

OWNER = (os.geteuid(), os.getegid())
CHAIN = "20270115T080000Z"  # as the clock of `run` says
NOW = 1_800_000_000.0


class Hub:
    """A hub's database, where it is backed up to, and a run of its backup."""

    def __init__(self, robot: Robot, database: Database, fake: FakeEngine) -> None:
        self.robot, self.database = robot, database
        self.folder = robot.root / "srv/backup"
        self.folder.mkdir(parents=True, mode=0o700)
        self.worker = CopyingWorker(JOB, {}, DockerEngine(fake.socket), robot.roots)
        self.worker.destination, self.worker.source = self.folder, database.data
        self.url = "fs:///srv/backup"
        self.root = robot.root / "var/lib/robot-stack"

    def run(self, **job: object) -> backup.Run:
        about = replace(Job("backup", DATABASE, self.url, "hub"), **job)  # type: ignore[arg-type]
        asked = snapshot.Database(DATABASE, self.database.url, "hub", "hunter2", f"/{DATA}")
        where = destination.Destination(about, OWNER, self.robot.roots)
        return backup.Run(JOB, self.root, asked, where, self.worker, self.robot.roots, lambda: NOW)

    def record(self) -> JobRecord:
        return job_record.load(self.root, DATABASE)

    def held(self, name: str, chain: str = CHAIN) -> Contents | None:
        """What a backup holds; None: it is not whole."""
        with Folder.at(self.folder / "hub" / chain / name) as one:
            return contents.of_backup(one) if contents.is_complete(one) else None


@pytest.fixture
def hub(robot: Robot, fake: FakeEngine) -> Iterator[Hub]:
    with answering(Database(robot.root / DATA)) as database:
        part(database.data, "P1", 100, START, START + DAY)
        yield Hub(robot, database, fake)


def test_samples_are_in_the_destination_and_the_snapshot_is_gone(hub: Hub) -> None:
    said = hub.run().once()
    assert hub.held("latest") == Contents(100, START, START + DAY)
    assert f"backed up 100 samples to fs:///srv/backup/hub/{CHAIN}/latest" in said
    assert hub.database.snapshots == []
    record = hub.record()
    assert (record.running, record.failure, record.success_at, record.snapshot) == (False, "", NOW, "")


def test_a_second_one_sends_what_is_new_and_keeps_the_first(hub: Hub) -> None:
    hub.run().once()
    part(hub.database.data, "P2", 7, START + DAY, START + 2 * DAY, size=5)
    hub.run().once()
    assert hub.held("latest") == Contents(107, START, START + 2 * DAY)
    assert hub.held("previous") == Contents(100, START, START + DAY)
    assert 0 < hub.record().uploaded < 110, "P2's two files"


@pytest.mark.parametrize(("ended", "whole"), [("latest", "previous"), ("previous", "latest")])
def test_one_that_is_cut_off_leaves_the_last_whole_one(hub: Hub, ended: str, whole: str) -> None:
    hub.run().once()
    part(hub.database.data, "P2", 7, START + DAY, START + 2 * DAY)

    def run(*flags: str) -> str:
        told = dict(flag.lstrip("-").split("=", 1) for flag in flags)
        if told["dst"].endswith(ended):
            (hub.folder / told["dst"].split("/backups/")[1] / contents.COMPLETE).unlink(missing_ok=True)
            raise JobError("it was stopped")
        return CopyingWorker.run(hub.worker, *flags)

    hub.worker.run = run  # type: ignore[method-assign]
    with pytest.raises(JobError, match="it was stopped"):
        hub.run().once()
    assert hub.held(whole) == Contents(100, START, START + DAY)
    assert hub.database.snapshots == []
    del hub.worker.run
    hub.run().once()
    assert hub.held("latest") == Contents(107, START, START + 2 * DAY)
    assert hub.held("previous") == Contents(100, START, START + DAY)


def test_the_first_one_may_be_cut_off_too(hub: Hub) -> None:
    hub.worker.cut_off_at = "latest"
    with pytest.raises(JobError):
        hub.run().once()
    hub.worker.cut_off_at = ""
    hub.run().once()
    assert hub.held("latest") == Contents(100, START, START + DAY)
    assert [path.name for path in (hub.folder / "hub").iterdir()] == [CHAIN]


def another(data: Path, rows: int, first: int) -> None:
    shutil.rmtree(data)
    data.mkdir()
    if rows:
        part(data, "P9", rows, first, first + DAY)


@pytest.mark.parametrize(
    ("rows", "first", "words"),
    [
        (0, 0, "holds no samples"),
        (200, START + 5 * DAY, "begins 2026-01-06 00:00 UTC, after the end of its backup"),
        (49, START, "holds 49 samples, its backup 100"),
    ],
)
def test_another_database_does_not_take_its_place(hub: Hub, rows: int, first: int, words: str) -> None:
    hub.run().once()
    hub.run().once()
    another(hub.database.data, rows, first)
    with pytest.raises(JobError, match=words) as refused:
        hub.run().once()
    assert "playbooks/hub_restore.yml" in str(refused.value)
    assert "telemetry_hub_backup_start_over=true" in str(refused.value)
    for name in ("latest", "previous"):
        assert hub.held(name) == Contents(100, START, START + DAY)
    assert hub.database.snapshots == []


@pytest.mark.parametrize(("retention", "refused"), [("1d", False), ("1y", False), ("2y", True), ("", True)])
def test_what_a_short_retention_has_dropped_is_not_missed(hub: Hub, retention: str, refused: bool) -> None:
    hub.run(retention=retention).once()
    another(hub.database.data, 49, START)
    if refused:
        with pytest.raises(JobError, match="holds 49 samples, its backup 100"):
            hub.run(retention=retention).once()
    else:
        hub.run(retention=retention).once()
        assert hub.record().contents == Contents(49, START, START + DAY)


@pytest.mark.parametrize(("rows", "refused"), [(5, False), (4, True)])
def test_what_it_has_to_keep_is_still_missed(rows: int, refused: bool) -> None:
    before, now = Contents(100, START, START + 10 * DAY), Contents(rows, START + 9 * DAY, START + 11 * DAY)
    assert bool(destination.objection(now, before, START + 9 * DAY)) is refused


def test_a_fresh_host_asks_the_folder_and_not_its_memory(hub: Hub) -> None:
    hub.run().once()
    job_record.path(hub.root, DATABASE).unlink()
    another(hub.database.data, 10, START + 5 * DAY)
    with pytest.raises(JobError, match="after the end of its backup"):
        hub.run().once()


def test_whoever_says_so_starts_over_beside_it(hub: Hub) -> None:
    hub.run().once()
    (hub.folder / "hub" / CHAIN).rename(hub.folder / "hub/20260101T000000Z")
    another(hub.database.data, 10, START + 5 * DAY)
    hub.run(start_over=True).once()
    assert hub.held("latest", "20260101T000000Z") == Contents(100, START, START + DAY)
    assert hub.held("latest") == Contents(10, START + 5 * DAY, START + 6 * DAY)
    another(hub.database.data, 0, 0)
    with pytest.raises(JobError, match="holds no samples"):
        hub.run(start_over=True).once()


def test_another_destination_begins_anew_and_leaves_the_old_one(hub: Hub) -> None:
    hub.run().once()
    hub.url, hub.worker.destination = "fs:///srv/other", hub.robot.root / "srv/other"
    hub.worker.destination.mkdir(mode=0o700)
    hub.run().once()
    assert hub.held("latest") == Contents(100, START, START + DAY)
    hub.folder = hub.worker.destination
    assert hub.held("latest") == Contents(100, START, START + DAY)


def test_of_a_bucket_this_hub_remembers_what_is_there(hub: Hub) -> None:
    hub.url = "s3://bucket/fleet"
    asked: list[tuple[str, ...]] = []
    hub.worker.run = lambda *flags: asked.append(flags) or "uploaded 5 bytes"  # type: ignore[method-assign,func-returns-value]
    hub.run().once()
    top = f"s3://bucket/fleet/hub/{CHAIN}"
    write = (f"-snapshotName={SNAPSHOT}", f"-dst={top}/latest")
    copy = (f"-origin={top}/latest", f"-dst={top}/previous")
    assert asked == [write]
    hub.run().once()
    assert asked[1:] == [copy, write]

    def fails(*flags: str) -> str:
        asked.append(flags)
        if "snapshotName" in flags[0]:
            raise JobError("the network is down")
        return ""

    hub.worker.run = fails  # type: ignore[method-assign]
    with pytest.raises(JobError):
        hub.run().once()
    assert hub.record().complete == "previous"
    del asked[:]
    with pytest.raises(JobError):
        hub.run().once()
    assert asked == [write], "what is half written is not copied over what is whole"
    another(hub.database.data, 0, 0)
    with pytest.raises(JobError, match="holds no samples"):
        hub.run().once()


def test_a_folder_that_is_gone_is_told_before_a_snapshot_is_made(hub: Hub) -> None:
    hub.folder.rmdir()
    with pytest.raises(JobError, match="is not there: mount its disk"):
        hub.run().once()
    assert "/snapshot/create" not in hub.database.asked


def test_a_disk_without_room_is_told_and_left_alone(hub: Hub) -> None:
    free = shutil.disk_usage(hub.folder).free // MIB
    with pytest.raises(JobError, match=r"MiB are free in /srv/backup: the backup needs 0\.0 MiB more"):
        hub.run(free_mib=free + 1000).once()
    assert list(hub.folder.iterdir()) == []


def test_a_database_that_does_not_answer_is_told(hub: Hub) -> None:
    hub.database.refuses = True
    with pytest.raises(JobError, match=r"snapshot/create failed \(HTTP 500: no\)"):
        hub.run().once()


def test_a_database_that_is_starting_is_waited_for(hub: Hub) -> None:
    answers = [(0, "Connection refused"), (503, ""), (200, "OK")]
    asked = snapshot.Database("db", "http://x", "", "", "/", ask=lambda *_, **__: answers.pop(0))
    asked.wait(60.0, pause=lambda _: None)
    assert answers == []
    gone = snapshot.Database("db", "http://x", "", "", "/", ask=lambda *_, **__: (0, "Connection refused"))
    with pytest.raises(JobError, match=r"db does not answer \(Connection refused\)"):
        gone.wait(0.0)


def test_what_was_cut_off_is_cleaned_up_and_told(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = hub.run()
    hub.database._made()
    run.remember(running=True, run_at=NOW, snapshot=SNAPSHOT)
    monkeypatch.setattr(backup, "of", lambda *_: run)
    said: list[str] = []
    assert backup.clean(tmp_path, JOB, hub.robot.roots, said.append) == 0
    assert said == ["it was cut off"]
    assert (hub.record().failure, hub.record().running, hub.record().snapshot) == ("it was cut off", False, "")
    assert hub.database.snapshots == []
    assert backup.clean(tmp_path, JOB, hub.robot.roots, said.append) == 0
    assert len(said) == 1


def test_a_failure_is_remembered_in_its_own_words(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = hub.run()
    monkeypatch.setattr(backup, "of", lambda *_: run)
    said: list[str] = []
    assert backup.run(tmp_path, JOB, hub.robot.roots, said.append) == 0
    hub.folder.rename(hub.folder.with_name("away"))
    assert backup.run(tmp_path, JOB, hub.robot.roots, said.append) == 1
    assert "is not there" in hub.record().failure
    assert hub.record().success_at == NOW
    assert said[-1] == f"no backup was made: {hub.record().failure}"


def test_the_chain_that_was_restored_from_goes_on_in_a_folder_too(hub: Hub) -> None:
    hub.run().once()
    older = "20260101T000000Z"
    shutil.copytree(hub.folder / "hub" / CHAIN, hub.folder / "hub" / older)
    job_record.save(replace(hub.record(), chain=older), hub.root, DATABASE)
    part(hub.database.data, "P2", 7, START + DAY, START + 2 * DAY)
    hub.run().once()
    assert hub.held("latest", older) == Contents(107, START, START + 2 * DAY)
    assert hub.held("latest") == Contents(100, START, START + DAY)
    job_record.save(replace(hub.record(), base="fs:///srv/other/hub"), hub.root, DATABASE)
    hub.run().once()
    assert hub.held("latest") == Contents(107, START, START + 2 * DAY), "a record of another place names none here"


def aside(hub: Hub) -> list[str]:
    return [path.read_text() for path in (hub.root / "jobs").glob(f"record-{DATABASE}.json.unreadable-*")]


def test_a_record_that_cannot_be_read_is_kept_aside_and_told(hub: Hub) -> None:
    hub.run().once()
    job_record.path(hub.root, DATABASE).write_text("{")
    said = hub.run().once()
    assert f"record-{DATABASE}.json is not JSON, and was kept aside as record-" in said
    assert (aside(hub), hub.record().success_at) == (["{"], NOW)
    assert hub.held("previous") == Contents(100, START, START + DAY), "the folder tells which chain goes on"


def test_of_a_bucket_nothing_else_tells_so_that_is_a_failure(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.url = "s3://bucket/fleet"
    hub.worker.run = lambda *_: "uploaded 5 bytes"  # type: ignore[method-assign]
    hub.run().once()
    job_record.path(hub.root, DATABASE).write_text("{")
    monkeypatch.setattr(backup, "of", lambda *_: hub.run())
    said: list[str] = []
    assert backup.run(tmp_path, JOB, hub.robot.roots, said.append) == 1
    assert "nothing else tells which chain in s3://bucket/fleet/hub goes on" in hub.record().failure
    assert aside(hub) == ["{"]
    assert backup.run(tmp_path, JOB, hub.robot.roots, said.append) == 0


def test_links_in_the_folder_are_not_followed(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / "hub").symlink_to(tmp_path)
    (tmp_path / CHAIN / "latest").mkdir(parents=True)
    with pytest.raises(OSError, match="hub"):
        hub.run().where.current(JobRecord())


@pytest.mark.parametrize("text", ["", "[]", '{"RowsCount": -1}', '{"RowsCount": 1, "MinTimestamp": true}', "{" * 9999])
def test_a_database_that_says_something_odd_is_not_believed(hub: Hub, text: str) -> None:
    (hub.database.data / "data/small/2026_01/P1/metadata.json").write_text(text)
    with pytest.raises(OddError, match="does not say which samples"):
        hub.run().once()


def test_a_backup_that_lacks_a_piece_is_not_whole(hub: Hub) -> None:
    hub.run().once()
    latest = hub.folder / "hub" / CHAIN / "latest"
    with Folder.at(latest) as one:
        assert contents.size(one) > 100
    [piece] = (latest / "data/small/2026_01/P1/values.bin").iterdir()
    piece.write_text("short")
    with Folder.at(latest) as one, pytest.raises(OddError, match="has 5 bytes, not 100"):
        contents.size(one)
    piece.rename(piece.with_name(f"{100:016X}_{50:016X}_{5:016X}"))
    with Folder.at(latest) as one, pytest.raises(OddError, match="lacks what is from byte 0 on"):
        contents.size(one)


def test_folders_that_vmbackup_left_without_a_piece_are_no_part_of_a_backup(hub: Hub) -> None:
    """It was cut off between a folder and its piece; later ones have nothing to remove there."""
    hub.run().once()
    latest = hub.folder / "hub" / CHAIN / "latest"
    with Folder.at(latest) as one:
        before, size = contents.of_backup(one), contents.size(one)
    left = latest / "data/small/2026_01/P9"
    for name in ("metadata.json", "values.bin", "index.bin"):
        (left / name).mkdir(parents=True)
        with Folder.at(latest) as one:
            assert (contents.of_backup(one), contents.size(one)) == (before, size), name
    hub.run().once()
    assert hub.record().failure == ""
    (left / "values.bin" / f"{1:016X}_{0:016X}_{1:016X}").write_text("v")
    with Folder.at(latest) as one, pytest.raises(OddError, match=r"small/2026_01/P9/metadata.json is in 0 pieces"):
        contents.of_backup(one)


REQUEST = {"Image": f"{JOB}:1", "Cmd": ["-a"], "HostConfig": {"Memory": 48 << 20, "MemorySwap": 48 << 20}}


def worker(robot: Robot, fake: FakeEngine) -> Worker:
    fake.images[f"{JOB}:1"] = IMAGE
    request = {**REQUEST, "HostConfig": {**REQUEST["HostConfig"], "CgroupParent": f"/robotstack.slice/{JOB}"}}  # type: ignore[dict-item]
    return Worker(JOB, request, DockerEngine(fake.socket), robot.roots, pause=lambda _: None)


def test_a_container_that_ends_well_is_removed(robot: Robot, fake: FakeEngine) -> None:
    fake.finishing = JOB
    assert worker(robot, fake).run("-dst=x") == "one\ntwo"
    assert fake.containers == {}


def test_one_that_fails_is_removed_and_quoted(robot: Robot, fake: FakeEngine) -> None:
    fake.failing = "-dst=x"
    fake.printed = [(1.0, "2026\tinfo\tmain.go:1\tuploading\n"), (1.0, "2026\tfatal\tmain.go:2\tno space left\x07\n")]
    with pytest.raises(JobError, match=r"exit code 2: no space left $|exit code 2: no space left$"):
        worker(robot, fake).run("-dst=x")
    assert fake.containers == {}


def test_what_an_earlier_run_has_left_is_removed_first(robot: Robot, fake: FakeEngine) -> None:
    one = worker(robot, fake)
    one.engine.create(f"robot-stack-{JOB}", dict(one.request))
    fake.finishing = JOB
    one.run("-dst=x")
    assert fake.containers == {}


def test_a_limit_that_the_kernel_does_not_have_fails_the_job(robot: Robot, fake: FakeEngine) -> None:
    one = worker(robot, fake)
    create = one.engine.create

    def unlimited(name: str, body: object) -> None:
        create(name, {**json.loads(json.dumps(body))})
        fake.containers[name]["HostConfig"] = {**fake.containers[name]["HostConfig"], "Memory": 1, "MemorySwap": 1}

    one.engine.create = unlimited  # type: ignore[method-assign]
    with pytest.raises(JobError, match=r"limit for its container is 0\.0 MiB, declared are 48\.0 MiB"):
        one.run("-dst=x")
    assert fake.containers == {}


def test_what_was_sent_is_read_from_its_last_words() -> None:
    assert container.uploaded("x; uploaded 12 bytes\ny; uploaded 345 bytes") == 345
    assert container.uploaded("nothing") == 0
