"""Samples out of a robot and into one: pieces that are one archive, files that take another's place, refusals."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import data_check
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import database, swap, tar_stream
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.database import BackupError, Database
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import file_digest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.engine import PodmanEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import disk_space
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import ManagedFile, Probe, Service
from ansible_collections.robotfleet.stack.plugins.modules import robot_backup
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.archive import (
    BackupFileError,
    Writer,
    checked,
    newest,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import IMAGE, USER, Robot, write

NAME = "robot-stack-victoriametrics"
DATA = "var/lib/robot-stack/victoriametrics/data"
SERVICE = Service(
    name="victoriametrics",
    image="victoriametrics:1",
    memory_limit_mib=50,
    cpu_limit=1.0,
    pids_limit=10,
    user=USER,
    files=(ManagedFile("password", "hunter2", sensitive=True),),
    probe=Probe(url="http://127.0.0.1:8428/health", username="fleet", password_file="password"),
    history_url="http://127.0.0.1:8428",
)


def snapshot(root: Path, sizes: tuple[int, ...] = (0, 1, 511, 512, 513, 5000)) -> Path:
    """A directory as VictoriaMetrics makes it: links into its data."""
    for number, size in enumerate(sizes):
        write(root / f"data/small/snapshots/one/2026_01/{number}/values.bin", "").write_bytes(os.urandom(size))
    (root / "data/big/snapshots/one").mkdir(parents=True)
    directory = root / "snapshots/one"
    write(directory / "metadata/minTimestamp", "5")
    (directory / "data").mkdir()
    for kind in ("small", "big"):
        (directory / "data" / kind).symlink_to(Path("../../../data") / kind / "snapshots/one")
    return directory


def pieces(directory: Path, length: int) -> Iterator[bytes]:
    total, _ = tar_stream.size(str(directory), str(directory.parents[1]))
    done = 0
    while done < total:
        out = io.BytesIO()
        asked = {"directory": str(directory), "within": str(directory.parents[1]), "offset": done, "length": length}
        tar_stream.serve(asked, out)
        mark, _, packed = out.getvalue().partition(b"\n")
        assert mark.startswith(tar_stream.MARK)
        done += int(json.loads(mark[len(tar_stream.MARK) :])["bytes"])
        yield packed


def contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file
    return file.read()


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("length", [1, 7, 512, 1000, 1 << 20])
def test_pieces_of_any_size_are_one_archive(tmp_path: Path, length: int) -> None:
    directory = snapshot(tmp_path, (0, 1, 700))
    packed = b"".join(pieces(directory, length if length > 1 else 333))
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        names, members = archive.getnames(), archive.getmembers()
        unpacked = {member.name: contents(archive, member) for member in members if member.isfile()}
    assert names == sorted(names, key=lambda name: name.split("/")) or len(names) == len(set(names))
    expected = {
        str(Path(folder, name).relative_to(directory)): Path(folder, name).read_bytes()
        for folder, _, found in os.walk(directory, followlinks=True)
        for name in found
    }
    assert unpacked == expected
    assert "data/big" in [member.name for member in members if member.isdir()]
    assert tar_stream.size(str(directory), str(tmp_path))[1] == len(expected) == 4


def test_the_database_is_waited_for_as_long_as_it_is_told() -> None:
    told = {"name": "db", "url": "http://127.0.0.1:1/health", "user": USER, "username": "", "data": "data"}
    told |= {"timeout_seconds": "75", "stop_timeout_seconds": "30"}
    asked = {"database": told, "password": "", "socket": "/nowhere", "root": "/var/lib/robot-stack"}
    assert robot_backup.database(asked).service.probe.timeout_seconds == 75


@pytest.mark.parametrize(
    ("record", "declared", "asked"),
    [
        (None, "", "podman"),
        (None, "/declared.sock", "docker"),
        ({}, "", "docker"),
        ({"engine_kind": "docker"}, "", "docker"),
        ({"engine_kind": "podman"}, "/declared.sock", "podman"),
        ({"engine_kind": "docker"}, "/declared.sock", "docker"),
        ({"engine_kind": "podman"}, "", "podman"),
    ],
    ids=str,
)
def test_the_engine_that_the_robot_has_is_asked_before_the_one_that_is_declared(
    tmp_path: Path, record: Any, declared: str, asked: str
) -> None:
    """A backup before the engine is changed could not be made; a restore exchanged the data of a running database."""
    root = tmp_path / "var/lib/robot-stack"
    if record is not None:
        state.save(state.State(**record), root)
        write(root / "watchdog/stack.json", json.dumps({"format": 1, "socket": "/told.sock"}))
    found = robot_backup.engine_of({"root": "/var/lib/robot-stack", "socket": declared}, Roots(tmp_path))
    assert isinstance(found, DockerEngine if asked == "docker" else PodmanEngine)
    if isinstance(found, DockerEngine):
        assert found._socket_path == (declared or "/told.sock")


@given(offset=st.integers(0, 12000), length=st.integers(1, 4000))
@settings(max_examples=60, deadline=None)
def test_a_part_is_what_the_whole_has_there(tmp_path_factory: pytest.TempPathFactory, offset: int, length: int) -> None:
    made = _once(tmp_path_factory)
    where = str(made), str(made.parents[1])
    whole = tar_stream.read(*where, 0, 1 << 20)
    assert len(whole) == tar_stream.size(*where)[0]
    assert tar_stream.read(*where, offset, length) == whole[offset : offset + length]


def _once(factory: pytest.TempPathFactory, made: list[Path] = []) -> Path:  # noqa: B006 (one for all examples)
    if not made:
        made.append(snapshot(factory.mktemp("snapshot")))
    return made[0]


@pytest.mark.parametrize("target", ["secrets", "secrets/shadow"])
def test_a_link_that_leads_out_of_the_database_is_not_followed(tmp_path: Path, target: str) -> None:
    """Root reads what the database's user has laid there."""
    directory = snapshot(tmp_path / "data-of-the-database", (700,))
    write(tmp_path / "secrets/shadow", "hidden")
    (directory / "metadata/leak").symlink_to(tmp_path / target)
    with pytest.raises(OSError, match="leads out of the data"):
        b"".join(pieces(directory, 1 << 20))


def test_a_file_that_is_exchanged_for_a_link_in_the_last_moment_is_not_read(tmp_path: Path) -> None:
    directory = snapshot(tmp_path / "data-of-the-database", (700,))
    hidden = write(tmp_path / "secret", "hidden!")
    (member,) = [one for one in tar_stream.members(str(directory), str(directory.parents[1])) if one.size == 700]
    Path(member.path).unlink()
    Path(member.path).symlink_to(hidden)
    with pytest.raises(OSError, match="leads out of the data"):
        tar_stream._part(member, str(directory.parents[1]), 0, 700)


def test_a_piece_costs_little_more_memory_than_its_size(tmp_path: Path) -> None:
    directory = snapshot(tmp_path, (20 << 20,))
    tracemalloc.start()
    try:
        asked = {"directory": str(directory), "within": str(tmp_path), "offset": 4 << 20, "length": 1 << 20}
        tar_stream.serve(asked, io.BytesIO())
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


class Answers:
    """The database's API; ``found`` is how many targets have samples, one answer after the other."""

    def __init__(self, data: Path) -> None:
        self.data, self.asked, self.snapshots, self.found = data, list[tuple[str, str, str]](), ["theirs"], [2]

    def __call__(self, url: str, username: str, password: str, timeout: float = 0) -> tuple[int, str]:
        self.asked.append((url, username, password))
        action = url.partition("/snapshot/")[2].partition("?")[0]
        if action == "create":
            snapshot(self.data)
            self.snapshots.append("one")
            return 200, '{"status":"ok","snapshot":"one"}'
        if action == "list":
            return 200, json.dumps({"status": "ok", "snapshots": self.snapshots})
        if action == "delete":
            self.snapshots.remove(url.partition("snapshot=")[2].partition("&")[0])
            return 200, '{"status":"ok"}'
        if "/api/v1/query" in url:
            count = self.found.pop(0) if len(self.found) > 1 else self.found[0]
            return 200, json.dumps({"data": {"result": [{"value": [1, str(count)]}] if count else []}})
        return 200, "OK"


class Keeper:
    """A robot with a database, the operator's calls, and what lies in its data directory."""

    def __init__(self, robot: Robot, fake: FakeEngine) -> None:
        self.fake, self.data = fake, robot.root / DATA
        self.data.mkdir(parents=True)
        self.answers = Answers(self.data)
        self.database = Database(
            SERVICE,
            "/var/lib/robot-stack",
            "data",
            robot.roots,
            DockerEngine(fake.socket),
            self.answers,
            pause=lambda _: None,
        )
        fake.images["victoriametrics:1"] = IMAGE

    def runs(self) -> None:
        engine = DockerEngine(self.fake.socket)
        host = {"CgroupParent": "/x", "Memory": 1 << 20, "MemorySwap": 1 << 20}
        engine.create(NAME, {"Image": "victoriametrics:1", "HostConfig": host, "Cmd": ["run"]})
        engine.start(NAME)
        found = engine.inspect(NAME)
        assert found
        write(self.database.roots.proc / f"{found.pid}/root/proc" / database.KEY, "key-of-this-boot\n")

    def keeps(self, content: str) -> None:
        write(self.data / "data/small/samples", content)
        write(self.data / "metadata/m", content)

    def restore(self, content: str, replace: bool = False) -> None:
        path = archive(self.data.parents[1] / "staging", content)
        self.database.restore(path, file_digest(path), 5.0, 2, replace)


def archive(folder: Path, content: str = "old", name: str = "data/small/samples") -> Path:
    """What a backup of a robot with one file of samples looks like."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as made:
        for path, text in ((swap.MANIFEST, "{}"), (name, content)):
            info = tarfile.TarInfo(path)
            info.size = len(text)
            if path == name:
                for parent in reversed(Path(name).parents[:-1]):
                    above = tarfile.TarInfo(str(parent))
                    above.type = tarfile.DIRTYPE
                    made.addfile(above)
            made.addfile(info, io.BytesIO(text.encode()))
    return folder / "a.tar.gz"


@pytest.fixture
def keeper(robot: Robot, fake: FakeEngine) -> Keeper:
    return Keeper(robot, fake)


def test_a_snapshot_is_made_told_and_dropped_and_those_of_others_stay(keeper: Keeper) -> None:
    keeper.keeps("now")
    keeper.runs()
    made = keeper.database.snapshot()
    assert (made["snapshot"], made["series"], made["files"]) == ("one", 2, 7)
    assert {(user, word) for _, user, word in keeper.answers.asked} == {("fleet", "hunter2")}
    keeper.database.release()
    assert keeper.answers.snapshots == ["theirs"]
    keeper.database.release()  # nothing is left to be dropped
    assert not any("hunter2" in url for url, _, _ in keeper.answers.asked)
    # the database wants it; no page in an operator's browser knows it
    snapshots = [url for url, _, _ in keeper.answers.asked if "/snapshot/" in url]
    assert len(snapshots) == 3
    assert all(url.endswith("authKey=key-of-this-boot") for url in snapshots)


def test_a_snapshot_of_a_backup_that_was_cut_off_goes_with_the_next_one(keeper: Keeper) -> None:
    keeper.keeps("now")
    write(keeper.data.parent / database.NOTE, "left")
    keeper.answers.snapshots.append("left")
    keeper.database.snapshot()
    assert keeper.answers.snapshots == ["theirs", "one"]


def test_a_backup_drops_no_snapshot_but_its_own(keeper: Keeper) -> None:
    """Another one has begun meanwhile: the first one's snapshot is gone, and its end must not cost the second one's."""
    keeper.keeps("now")
    keeper.database.snapshot()
    keeper.database.release("an earlier one")
    assert keeper.answers.snapshots == ["theirs", "one"]
    keeper.database.release("one")
    assert keeper.answers.snapshots == ["theirs"]


def test_a_database_that_does_not_answer_is_told(keeper: Keeper) -> None:
    keeper.keeps("now")
    keeper.database.ask = lambda *_, **__: (0, "connection refused")
    with pytest.raises(BackupError, match=r"connection refused.*verify\.yml"):
        keeper.database.snapshot()


def test_a_robot_without_samples_has_nothing_to_back_up(keeper: Keeper) -> None:
    with pytest.raises(BackupError, match="nothing to back up"):
        keeper.database.snapshot()


def test_a_bare_robot_gets_the_samples(keeper: Keeper) -> None:
    keeper.restore("old")
    assert files_of(keeper.data) == {"data/small/samples": b"old"}
    assert (keeper.data / "data").stat().st_mode & 0o777 == 0o750
    assert not (keeper.data.parents[1] / "staging").exists()


@pytest.mark.usefixtures("any_owner")
def test_a_new_disk_holds_no_samples(keeper: Keeper) -> None:
    """mkfs has made lost+found there; it is root's, stays where it is, and is in nobody's way."""
    (keeper.data / "lost+found").mkdir(parents=True)
    assert keeper.database.room("a", 1, 1, replace=False)
    with pytest.raises(BackupError, match="nothing to back up"):
        keeper.database.snapshot()
    keeper.restore("old")
    assert sorted(path.name for path in keeper.data.iterdir()) == ["data", "lost+found"]


def test_a_file_of_that_name_is_no_disks_own(keeper: Keeper) -> None:
    write(keeper.data / "lost+found", "of the database's user")
    with pytest.raises(BackupError, match="nothing was touched"):
        keeper.database.room("a", 1, 1, replace=False)


def test_samples_that_are_there_are_refused_or_replaced(keeper: Keeper) -> None:
    keeper.runs()
    keeper.keeps("new")
    with pytest.raises(BackupError, match="nothing was touched"):
        keeper.restore("old")
    with pytest.raises(BackupError, match="restore_replace=true"):
        keeper.database.room("a", 1, 1, replace=False)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}
    assert not any("/stop" in call for call in keeper.fake.changes)
    keeper.restore("old", replace=True)
    assert files_of(keeper.data) == {"data/small/samples": b"old"}
    assert keeper.fake.containers[NAME]["State"]["Running"]


@pytest.mark.parametrize("found", [[0], [1]])
def test_what_the_database_does_not_find_is_taken_out_again(
    keeper: Keeper, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_check, "PATIENCE_SECONDS", 0)
    keeper.runs()
    keeper.keeps("new")
    keeper.answers.found = found
    with pytest.raises(BackupError, match="what was there was put back"):
        keeper.restore("old", replace=True)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}
    assert keeper.fake.containers[NAME]["State"]["Running"]


def test_an_archive_that_did_not_arrive_whole_touches_nothing(keeper: Keeper) -> None:
    keeper.runs()
    keeper.keeps("new")
    path = archive(keeper.data.parents[1] / "staging")
    keeper.fake.calls.clear()
    with pytest.raises(BackupError, match="did not arrive as it was sent"):
        keeper.database.restore(path, "sha256:0", 5.0, 2, True)
    assert keeper.fake.changes == []
    assert not path.exists()


def test_what_does_not_fit_is_refused(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "of", lambda _: disk_space.Disk(1, 100 << 20))
    assert keeper.database.room("a", 30 << 20, 1 << 20, False) == {"staged": []}
    with pytest.raises(BackupError, match=r"100.0 MiB of disk are free .* 124.0 MiB are needed"):
        keeper.database.room("a", 30 << 20, 30 << 20, False)


def test_the_archive_must_fit_where_it_is_staged_and_its_files_where_the_data_are(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = {"staging": disk_space.Disk(1, 100 << 20), "data": disk_space.Disk(2, 300 << 20)}
    monkeypatch.setattr(disk_space, "of", lambda path: disks[path.name])
    keeper.database.room("a", 30 << 20, 200 << 20, False)
    with pytest.raises(BackupError, match=r"100.0 MiB .* free for \S*/staging, 114.0 MiB .* the archive: free"):
        keeper.database.room("a", 50 << 20, 1 << 20, False)
    with pytest.raises(BackupError, match=r"300.0 MiB .* free for \S*/data, 304.0 MiB .* its files: free"):
        keeper.database.room("a", 30 << 20, 240 << 20, False)


def test_of_what_is_staged_only_the_archives_own_beginning_counts(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "of", lambda _: disk_space.Disk(1, 100 << 20))
    staged = keeper.data.parents[1] / "staging"
    write(staged / "another", "").write_bytes(bytes(1 << 20))
    with pytest.raises(BackupError, match=r"124.0 MiB are needed"):
        keeper.database.room("a", 30 << 20, 30 << 20, False)
    (staged / "another").rename(staged / "a")
    with pytest.raises(BackupError, match=r"123.0 MiB are needed"):
        keeper.database.room("a", 30 << 20, 30 << 20, False)


@pytest.mark.parametrize("name", [swap.NEW, swap.DONE])
def test_what_a_restore_that_was_cut_off_has_laid_there_is_room_for_the_next(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(disk_space, "of", lambda _: disk_space.Disk(1, 100 << 20))
    write(keeper.data / name / "data/small/samples", "").write_bytes(bytes(2 << 20))
    assert keeper.database.room("a", 10 << 20, 28 << 20, replace=True)
    with pytest.raises(BackupError, match=r"103.0 MiB are needed"):  # more than is free, and will be
        keeper.database.room("a", 10 << 20, 29 << 20, replace=True)
    with pytest.raises(BackupError, match="the archive"):  # which is there before that is freed
        keeper.database.room("a", 101 << 20, 0, replace=True)


class PowerCut(BaseException):
    """It ends here."""


@pytest.mark.parametrize("steps", range(1, 20))
@pytest.mark.parametrize("undoing", [False, True])
def test_wherever_a_restore_is_cut_off_the_old_samples_can_be_put_back(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, steps: int, undoing: bool
) -> None:
    """Cut off after so many renames and removals, in a swap or in its undoing; guarded until it is put right."""
    keeper.keeps("new")
    swap.unpack(archive(keeper.data.parents[1] / "staging"), keeper.data, *SERVICE.uid_gid)
    if undoing:
        swap.swap(keeper.data)
    left = [steps]

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise PowerCut
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as cut:
        for name in ("rename", "rmdir", "unlink", "mkdir"):
            cut.setattr(os, name, counted(getattr(os, name)))
        try:
            swap.undo(keeper.data) if undoing else swap.swap(keeper.data)
            finished = True
        except PowerCut:
            finished = False
    if finished and not undoing:
        assert files_of(keeper.data / "data") == {"small/samples": b"old"}
        return
    if not finished:
        assert (keeper.data / swap.GUARD).exists(), "the database must not start on this"
        assert swap.kept(keeper.data), "it is known that something is there to be lost"
        swap.recover(keeper.data)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}
    swap.recover(keeper.data)
    assert sorted(path.name for path in keeper.data.iterdir()) == ["data", "metadata"]


def test_a_restore_that_is_cut_off_while_the_database_is_asked_loses_nothing(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays until the database was seen to find the restored samples, by whatever run."""
    keeper.runs()
    keeper.keeps("new")

    def cut(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as power:
        power.setattr(Database, "_started", cut)
        power.setattr(Database, "_back", lambda *_: None)  # nobody is left to do it
        with pytest.raises(PowerCut):
            keeper.restore("old", replace=True)
    assert files_of(keeper.data)["data/small/samples"] == b"old"
    with pytest.raises(BackupError, match="restore_replace=true"):
        keeper.restore("older")
    monkeypatch.setattr(data_check, "PATIENCE_SECONDS", 0)
    keeper.answers.found = [0]
    with pytest.raises(BackupError, match="what was there was put back"):
        keeper.restore("older", replace=True)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}


@pytest.mark.parametrize("serves", [True, False])
def test_a_restore_that_was_cut_off_at_its_end_is_not_undone_by_a_later_one(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, serves: bool
) -> None:
    """The database has gone on with what it brought, and kept samples since; one that does not serve has not."""
    keeper.runs()
    keeper.keeps("first")

    def cut(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as power:
        power.setattr(swap, "keep", cut)
        power.setattr(Database, "_back", lambda *_: None)  # nobody is left to do it
        with pytest.raises(PowerCut):
            keeper.restore("old", replace=True)
    assert swap.unended(keeper.data)
    write(keeper.data / "data/small/since", "a month")
    if not serves:
        keeper.database.ask = lambda *_, **__: (0, "connection refused")
    monkeypatch.setattr(swap, "unpack", cut)
    with pytest.raises(PowerCut):
        keeper.restore("older", replace=True)
    now = {"data/small/samples": b"old", "data/small/since": b"a month"}
    assert files_of(keeper.data) == (now if serves else {"data/small/samples": b"first", "metadata/m": b"first"})
    assert not swap.unended(keeper.data)


def test_a_restore_touches_nothing_below_a_database_that_outlives_its_engine(keeper: Keeper, robot: Robot) -> None:
    keeper.runs()
    keeper.keeps("new")
    write(robot.root / "usr/bin/dockerd", "")
    keeper.database.engine = DockerEngine("/nowhere")
    with pytest.raises(BackupError, match="systemctl start docker"):
        keeper.restore("old", replace=True)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}


def test_a_database_is_stopped_before_anything_is_laid_into_its_folder(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.runs()
    keeper.keeps("new")

    def unpack(*_: Any) -> None:
        assert not keeper.fake.containers[NAME]["State"]["Running"]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(swap, "unpack", unpack)
    with pytest.raises(OSError, match="No space"):
        keeper.restore("old", replace=True)
    assert keeper.fake.containers[NAME]["State"]["Running"], "it serves again what it had"
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}


@pytest.mark.parametrize("name", ["../data/small/x", "/data/small/x", "data/../../x"])
def test_an_archive_must_not_write_elsewhere(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        made.addfile(tarfile.TarInfo(name))
    with pytest.raises(ValueError, match="does not belong in a backup"):
        swap.unpack(tmp_path / "a.tar.gz", tmp_path / "data", *SERVICE.uid_gid)
    assert files_of(tmp_path / "data") == {}


def test_a_link_does_not_belong_into_a_backup() -> None:
    info = tarfile.TarInfo("data/small")
    info.type = tarfile.SYMTYPE
    with pytest.raises(ValueError, match="does not belong"):
        swap.safe(info)


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2592000.0), ("1.5h", 5400.0), ("?", float("inf"))])
def test_a_retention_is_read(text: str, seconds: float) -> None:
    assert database.retention_seconds(text) == seconds


ABOUT = {"robot": "scout", "moment": 5.0, "series": 2, "version": "v1"}


def saved(folder: Path, directory: Path, now: float = 1000.0, **changes: Any) -> Path:
    with Writer(folder, {**ABOUT, **changes}, now) as writer:
        for packed in pieces(directory, 600):
            writer.add(packed)
    return writer.path


def test_what_is_written_can_be_checked_and_restored(tmp_path: Path, keeper: Keeper) -> None:
    path = saved(tmp_path / "scout", snapshot(tmp_path / "robot"))
    assert path.name == "19700101T001640Z.tar.gz"
    found = checked(path)
    assert (found.about, found.files) == (ABOUT, 7)
    assert found.unpacked == 0 + 1 + 511 + 512 + 513 + 5000 + 1
    assert newest(path.parent) == path
    swap.unpack(path, keeper.data, *SERVICE.uid_gid)
    swap.swap(keeper.data)
    assert (keeper.data / "data/small/2026_01/5/values.bin").stat().st_size == 5000
    assert not (keeper.data / swap.MANIFEST).exists()


def test_a_power_cut_leaves_no_name_without_what_it_stands_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is on the disk before it has its name, the digest's before the archive's, and the names at the end."""
    done: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append(("on disk", Path(f"/proc/self/fd/{handle}").readlink().name))
        fsync(handle)

    def renamed(path: Path, target: Path) -> Path:
        assert ("on disk", path.name) in done
        done.append(("named", target.name))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    with Writer(tmp_path / "kept", {"moment": 5.0}, 1.0) as writer:
        writer.add(gzip.compress(b"x"))
    named = [name for how, name in done if how == "named"]
    assert named == ["19700101T000001Z.tar.gz.sha256", "19700101T000001Z.tar.gz"]
    assert done[-1] == ("on disk", "kept")


def test_an_empty_digest_is_told_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "one.tar.gz", "x")
    write(tmp_path / "one.tar.gz.sha256", "")
    with pytest.raises(BackupFileError, match=r"is empty, .*sha256sum one.tar.gz >one.tar.gz.sha256"):
        checked(tmp_path / "one.tar.gz")


def test_on_a_disk_that_is_full_nothing_of_a_backup_stays(tmp_path: Path) -> None:
    """What is left to be written when it is closed does not fit either."""
    writer = Writer(tmp_path, ABOUT, 1.0)

    class Full:
        def write(self, _: bytes = b"") -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        close = write

    def written() -> None:
        with writer:
            writer._file.close()
            full: Any = Full()
            writer._file = full
            writer.add(b"more")

    with pytest.raises(OSError, match="No space left"):
        written()
    assert list(tmp_path.iterdir()) == []


def test_only_a_whole_archive_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Writer(tmp_path, ABOUT, 1.0):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".x.tar.gz.partial").touch()  # of a run that was killed
    path = saved(tmp_path / "", snapshot(tmp_path / "robot"))
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [path.name, f"{path.name}.sha256"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "is damaged"),
        (lambda p: p.with_name(f"{p.name}.sha256").unlink(), "the digest of the backup, cannot be read"),
        (lambda p: p.with_name(f"{p.name}.sha256").write_text(""), "the digest of the backup, is empty"),
    ],
)
def test_a_damaged_backup_is_refused(tmp_path: Path, damage: Any, words: str) -> None:
    path = saved(tmp_path / "scout", snapshot(tmp_path / "robot"))
    damage(path)
    with pytest.raises(BackupFileError, match=words):
        checked(path)


def _signed(path: Path) -> Path:
    digest = file_digest(path).partition(":")[2]
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    return path


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"no tar"), b""])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BackupFileError, match="no backup of this project"):
        checked(_signed(path))
    with pytest.raises(BackupFileError, match="no backup of this project"):
        checked(_signed(archive(tmp_path / "b", name="home/user/letter")))


@pytest.mark.parametrize("changes", [{}, {"format": 7, "new": {"a": 1}}])
def test_the_manifest_of_another_version_is_read_as_far_as_it_goes(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert checked(saved(tmp_path / "scout", snapshot(tmp_path / "robot"), **changes)).about == ABOUT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "1"}, "has no format number"),
        ({"format": 7, "least_format": 7}, "can be read from format 7 on"),
        ({"format": 7, "series": None}, r"\(format 7, this version writes 1\) does not say series"),
        ({"series": "9"}, "does not say series"),
        ({"robot": 5, "version": []}, "does not say robot, version"),
        ({"moment": -1}, "does not say moment"),
    ],
)
def test_a_manifest_that_says_too_little_is_told(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = saved(tmp_path / "scout", snapshot(tmp_path / "robot"), **changes)
    with pytest.raises(BackupFileError, match=words):
        checked(path)


def test_a_folder_without_backups_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupFileError, match="restore_archive=FILE"):
        newest(tmp_path)
