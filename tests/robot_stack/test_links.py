"""Attacks on root in folders that belong to a container: links, trees without a bottom, folders in others' names.

Each is laid as the container's user can lay it, before root comes or while it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import rename_data, teardown
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import swap, tar_stream
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import folder as folders
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.folder import Folder, remove_tree
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import disk_space
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from disks import small_disk
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service, write
from robot_stack.test_backup import Keeper, archive, files_of, snapshot
from robot_stack.test_rename_data import BUFFER, with_queue

as_root = pytest.mark.skipif(os.getuid() != 0, reason="acts as another user, which is root's to do")
OTHER = 70199
BOMB = 1500  # deeper than descriptors, and than Python's stack


@pytest.fixture
def keeper(robot: Robot, fake: FakeEngine) -> Keeper:
    return Keeper(robot, fake)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """What is root's, and shall stay as it is."""
    write(tmp_path / "victim/etc/shadow", "root's")
    write(tmp_path / "victim/etc/ssh/key", "root's")
    return tmp_path / "victim/etc"


def untouched(etc: Path) -> bool:
    owned = all(path.lstat().st_uid == os.geteuid() for path in (etc, *etc.rglob("*")))
    return owned and files_of(etc) == {"shadow": b"root's", "ssh/key": b"root's"}


def bomb(top: Path) -> Path:
    """A chain of folders, one in the other, such as a loop of mkdir and chdir makes."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(BOMB):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    return top


@pytest.mark.parametrize("name", [*swap.OURS])
@pytest.mark.parametrize("target", ["", "shadow", "nothing-there"])
def test_a_restore_moves_nothing_that_a_link_leads_to(keeper: Keeper, etc: Path, name: str, target: str) -> None:
    keeper.runs()
    keeper.keeps("new")
    (keeper.data / name).symlink_to(etc / target)
    keeper.restore("old", replace=True)
    assert untouched(etc)
    assert not (etc / "nothing-there").exists()
    assert files_of(keeper.data) == {"data/small/samples": b"old"}


@pytest.mark.parametrize("name", [*swap.OURS])
def test_undoing_a_restore_moves_nothing_that_a_link_leads_to(keeper: Keeper, etc: Path, name: str) -> None:
    keeper.keeps("new")
    (keeper.data / name).symlink_to(etc)
    swap.undo(keeper.data)
    swap.recover(keeper.data)
    assert untouched(etc)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}


def test_a_link_that_appears_between_two_steps_of_a_restore_is_not_followed(keeper: Keeper, etc: Path) -> None:
    """The database's user exchanges what root has made, as far as it can: by renaming it in its own folder."""
    keeper.keeps("new")
    swap.unpack(archive(keeper.data.parents[1] / "staging"), keeper.data, os.getuid(), os.getgid())
    (keeper.data / swap.NEW).rename(keeper.data / "elsewhere")
    (keeper.data / swap.NEW).symlink_to(etc)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        swap.swap(keeper.data)
    swap.recover(keeper.data)
    assert untouched(etc)


@as_root
@pytest.mark.parametrize("name", [swap.LEAVING, swap.BEFORE])
def test_a_folder_that_the_databases_user_made_is_not_taken_for_what_was_set_aside(keeper: Keeper, name: str) -> None:
    keeper.keeps("new")
    write(keeper.data / name / "data/small/forged", "x")
    os.chown(keeper.data / name, OTHER, OTHER)
    swap.recover(keeper.data)
    assert files_of(keeper.data) == {"data/small/samples": b"new", "metadata/m": b"new"}


@as_root
def test_nobody_but_root_enters_what_is_being_unpacked(keeper: Keeper) -> None:
    swap.unpack(archive(keeper.data.parents[1] / "staging"), keeper.data, OTHER, OTHER)
    status = (keeper.data / swap.NEW).stat()
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o700)
    assert (keeper.data / swap.NEW / "data/small/samples").stat().st_uid == OTHER


def test_an_archive_writes_through_no_link_of_its_own_folders(tmp_path: Path, etc: Path) -> None:
    (tmp_path / "data").mkdir()
    with Folder.at(tmp_path / "data") as data, data.make("new") as new:
        (tmp_path / "data/new/link").symlink_to(etc)
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            new.down("link")
        with pytest.raises(OSError, match="no plain name"):
            new.create("../x")
    assert untouched(etc)


def take(robot: Robot) -> list[rename_data.Move]:
    stack = parse.parse(parameters(with_queue("new")))
    moves: list[rename_data.Move] = rename_data.take(stack, stack.services[0], robot.roots)
    return moves


def test_the_agents_queue_is_not_looked_for_behind_a_link(robot: Robot, etc: Path) -> None:
    (etc / "1_old").mkdir()
    queues = robot.root / ROOT / "sensor_service/buffer/queues"
    queues.parent.mkdir(parents=True)
    queues.symlink_to(etc)
    assert take(robot) == []
    assert (etc / "1_old").is_dir()
    (etc / "1_old").rmdir()
    assert untouched(etc)


def test_a_queue_that_is_a_link_stays_where_it_is(robot: Robot, etc: Path) -> None:
    queues = robot.root / ROOT / BUFFER
    queues.mkdir(parents=True)
    (queues / "1_old").symlink_to(etc)
    assert take(robot) == []
    moved = rename_data.Move(queues.parent, PurePosixPath("queues/1_old"), PurePosixPath("queues/1_new"))
    (queues / "1_new").symlink_to(etc)
    (queues / "1_old").unlink()
    rename_data.give_back([moved])
    assert untouched(etc)


@as_root
@pytest.mark.usefixtures("any_owner")
def test_an_owner_is_given_to_nothing_behind_a_link(operator: Operator, robot: Robot, etc: Path) -> None:
    data = robot.root / ROOT / "sensor_service/data"
    data.mkdir(parents=True)
    os.chown(data, OTHER, OTHER)
    (data / "folder").symlink_to(etc)
    (data / "file").symlink_to(etc / "shadow")
    write(data / "own/file", "x")
    bomb(data)
    operator.call(service(data=[{"name": "data", "target": "/data"}], user=f"{OTHER}:{OTHER}"))
    assert untouched(etc)
    operator.call(service(data=[{"name": "data", "target": "/data"}], user=f"{OTHER + 1}:{OTHER + 1}"))
    assert untouched(etc)
    assert (data / "own/file").stat().st_uid == OTHER + 1
    remove_tree(data)


def test_what_is_used_is_counted_without_links_and_without_end(tmp_path: Path, etc: Path) -> None:
    data = tmp_path / "data"
    write(data / "one", "x" * 5000)
    (data / "a").symlink_to(etc)
    (data / "b").symlink_to(data)
    own = sum(path.lstat().st_blocks * disk_space.BLOCK for path in data.iterdir())
    assert disk_space.used(data) == own
    bomb(data)
    assert disk_space.used(data) == own
    remove_tree(data)


def test_a_walk_ends_after_so_many_entries(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / "data" / str(number)).mkdir(parents=True)
    with Folder.at(tmp_path / "data") as data:
        assert len(list(data.walk(most=20))) == 20


@pytest.mark.parametrize("mounted", [False, True])
def test_a_removal_takes_no_more_than_what_is_there(
    robot: Robot, etc: Path, mounted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = robot.root / ROOT / "victoriametrics"
    write(data / "data/file", "x")
    (data / "data/link").symlink_to(etc)
    (data / "data/other").symlink_to(etc / "shadow")
    bomb(data / "data")
    monkeypatch.setattr(Path, "is_mount", lambda _: mounted)
    teardown.drop_directory(robot.roots, f"/{ROOT}/victoriametrics")
    assert untouched(etc)
    assert data.exists() is mounted
    assert not (data / "data").exists()


@as_root
@pytest.mark.parametrize("disk", ["data", "data/deeper"])
def test_data_on_a_disk_of_its_own_are_removed_and_the_disk_stays(robot: Robot, disk: str) -> None:
    """Nothing can be moved from it, and nobody can remove where it is mounted."""
    service = robot.root / ROOT / "victoriametrics"
    write(service / "config/one/scrape.yml", "x")
    write(service / "data/small/here", "x")
    with small_disk(service / disk, 1) as data:
        write(data / "small/2026_01/part/values.bin", "x")
        write(data / "flock.lock", "x")
        for _ in range(2):  # whoever removes once more is not refused
            teardown.drop_directory(robot.roots, f"/{ROOT}/victoriametrics")
            assert data.is_mount()
            assert sorted(path.name for path in service.rglob("*")) == sorted(Path(disk).parts)


def test_nothing_is_left_open_by_walks_and_removals(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for most in (0, 3, 1000):
        top = tmp_path / f"t{most}"
        write(top / "a/b/c/d", "x")
        with Folder.at(top) as folder:
            list(folder.walk(most=most))
            next(folder.walk())
        remove_tree(top)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_link_of_roots_own_to_a_disk_is_used(tmp_path: Path) -> None:
    """Where the folder above is root's alone, nobody else can have made it."""
    write(tmp_path / "disk/data/file", "x" * 5000)
    (tmp_path / "root").mkdir(mode=0o755)
    (tmp_path / "root/data").symlink_to(tmp_path / "disk/data")
    assert disk_space.used(tmp_path / "root/data") > 0
    (tmp_path / "root").chmod(0o777)
    assert disk_space.used(tmp_path / "root/data") == 0


def around(directory: Path) -> None:
    for name in ("a", "b", "c"):
        (directory / "metadata" / name).symlink_to("..")


def far(directory: Path) -> None:
    bomb(directory / "metadata")


def twice(directory: Path) -> None:
    (directory / "metadata/one").symlink_to(directory / "data")


@pytest.mark.parametrize("lay", [around, far, twice])
def test_a_snapshot_that_leads_around_in_circles_holds_no_backup(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    directory = snapshot(tmp_path / "data-of-the-database", (700,))
    lay(directory)
    with pytest.raises(OSError, match=r"no database lays it there"):
        tar_stream.size(str(directory), str(directory.parents[1]))


def test_a_snapshot_of_too_many_files_holds_no_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = snapshot(tmp_path / "data-of-the-database", (700,))
    monkeypatch.setattr(tar_stream, "MOST_MEMBERS", 5)
    for number in range(9):
        write(directory / f"metadata/{number}", "x")
    with pytest.raises(OSError, match="not a database's"):
        tar_stream.size(str(directory), str(directory.parents[1]))


def test_a_pipe_in_the_place_of_a_file_makes_no_backup_wait(tmp_path: Path) -> None:
    directory = snapshot(tmp_path / "data-of-the-database", (700,))
    (member,) = [one for one in tar_stream.members(str(directory), str(directory.parents[1])) if one.size == 700]
    Path(member.path).unlink()
    os.mkfifo(member.path)
    with pytest.raises(OSError, match="no file any more"):
        tar_stream._part(member, str(directory.parents[1]), 0, 700)


def test_the_bounds_of_a_walk_are_far_above_a_databases(tmp_path: Path) -> None:
    assert folders.DEEPEST >= 16
    assert folders.MOST_ENTRIES >= 100_000
