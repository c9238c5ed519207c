"""A backup holds what its robot has announced, and an archive what its manifest says, whatever the robot sends."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.action import robot_backup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup import swap, tar_stream
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup import pieces
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.archive import BackupFileError, checked, newest
from hypothesis import given, settings
from hypothesis import strategies as st

HONEST = {"directory": "/d", "within": "/d", "snapshot": "s", "bytes": 0, "files": 1, "moment": 5.0, "series": 2}
ABOUT = {"format": 1, "robot": "scout", "moment": 5.0, "series": 2, "version": "v1"}


def told(raw: bytes, **changes: Any) -> bytes:
    """A piece as the program on the robot sends it."""
    packed = gzip.compress(raw)
    line = {"bytes": len(raw), "packed": len(packed), "digest": hashlib.sha256(packed).hexdigest(), **changes}
    return tar_stream.MARK + json.dumps(line).encode() + b"\n" + packed


class Backup(robot_backup.ActionModule):
    """The action plugin before a robot that announces ``made`` and sends what ``sends`` says, asked for a range."""

    def __init__(self, directory: Path, made: dict[str, Any], sends: Callable[[int, int], bytes]) -> None:
        self.made, self.sends, self.steps, self.asked = made, sends, list[str](), 0
        arguments = {"state": "saved", "directory": str(directory), "database": {"version": "v1"}}
        self._task = SimpleNamespace(args=arguments, check_mode=False)
        self._connection = self._play_context = self._loader = self._templar = self._shared_loader_obj = None

    def _execute_module(self, *, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.steps.append(module_args["state"])
        self.released = module_args.get("snapshot", "")
        return {"changed": False, **(self.made if module_args["state"] == "snapshot" else {})}

    def _low_level_execute_command(self, command: str, **_: Any) -> dict[str, Any]:
        if "python3 - " not in command:  # whether the robot's Python is too old
            return {"rc": 1, "stdout": "", "stderr": ""}
        self.asked += 1
        asked = json.loads(command.partition("python3 - ")[2].strip("'"))
        said = self.sends(asked["offset"], asked["length"])
        return {"rc": 0, "stdout": said.decode("utf-8", "surrogateescape"), "stderr": ""}

    def saves(self) -> dict[str, Any]:
        return self.run(task_vars={"inventory_hostname": "scout"})


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(robot_backup, "PIECE", 4096)


def tree(folder: Path) -> Path:
    path = folder / "data/small/2026_01"
    path.mkdir(parents=True)
    (path / "values.bin").write_bytes(os.urandom(10_000))
    return folder


def of(content: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: told(content[offset : offset + length])


def archived(folder: Path) -> bytes:
    size, _ = tar_stream.size(str(folder), str(folder))
    return tar_stream.read(str(folder), str(folder), 0, size)


def test_what_was_announced_and_sent_is_a_backup(tmp_path: Path) -> None:
    content = archived(tree(tmp_path / "robot"))
    backup = Backup(tmp_path / "kept", {**HONEST, "bytes": len(content)}, of(content))
    assert backup.saves()["changed"]
    assert checked(newest(tmp_path / "kept")).unpacked == 10_000
    assert backup.steps == ["snapshot", "released"]


def test_two_backups_of_one_robot_do_not_meet(tmp_path: Path) -> None:
    """The second one is refused before it asks the robot for anything, and the first one comes to its end."""
    content, kept = archived(tree(tmp_path / "robot")), tmp_path / "kept"
    second = Backup(kept, {**HONEST, "bytes": len(content)}, of(content))

    def meanwhile(offset: int, length: int) -> bytes:
        with pytest.raises(AnsibleActionFail, match=r"scout: another backup into .* is at work"):
            second.saves()
        return of(content)(offset, length)

    first = Backup(kept, {**HONEST, "bytes": len(content)}, meanwhile)
    assert first.saves()["changed"]
    assert checked(newest(kept)).unpacked == 10_000
    assert (first.steps, second.steps) == (["snapshot", "released"], [])
    assert first.released == HONEST["snapshot"]
    assert second.saves()["changed"], "it can be done afterwards"


PIECES: dict[str, Callable[[int, int], bytes]] = {
    "200 MiB where 10 bytes were announced": lambda _, n: told(bytes(200 << 20)),
    "the same, said to be 10": lambda _, n: told(bytes(200 << 20), bytes=n),
    "noise behind the piece": lambda _, n: told(bytes(n)) + os.urandom(1 << 20),
    "two members": lambda _, n: (
        tar_stream.MARK
        + json.dumps(
            {"bytes": n, "packed": 0, "digest": hashlib.sha256(gzip.compress(bytes(n)) * 2).hexdigest()}
        ).encode()
        + b"\n"
        + gzip.compress(bytes(n)) * 2
    ),
    "negative": lambda _, n: told(bytes(n), bytes=-n),
    "none": lambda _, n: told(b""),
    "less": lambda _, n: told(bytes(n - 1)),
    "a fraction": lambda _, n: told(bytes(n), bytes=n + 0.5),
    "no gzip": lambda _, n: (
        tar_stream.MARK
        + json.dumps({"bytes": n, "digest": hashlib.sha256(b"x" * n).hexdigest()}).encode()
        + b"\n"
        + b"x" * n
    ),
    "a line without end": lambda _, n: tar_stream.MARK + b"[" * 100_000,
    "no line": lambda _, n: b"",
    "a list": lambda _, n: tar_stream.MARK + b"[1]\n",
}


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_that_was_not_announced_ends_the_backup(tmp_path: Path, name: str) -> None:
    backup = Backup(tmp_path / "kept", {**HONEST, "bytes": 10}, PIECES[name])
    with pytest.raises(AnsibleActionFail, match="given up"):
        backup.saves()
    assert backup.asked == 1
    assert not (tmp_path / "kept").exists()
    assert backup.steps == ["snapshot", "released"]


def test_a_piece_is_unpacked_no_further_than_it_may_be() -> None:
    bomb = told(bytes(300 << 20), bytes=4096)
    tracemalloc.start()
    with pytest.raises(pieces.PieceError):
        pieces.piece(bomb, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "changes",
    [
        {"bytes": -1},
        {"bytes": 0},
        {"bytes": 10**15},
        {"bytes": "10"},
        {"bytes": 10.5},
        {"bytes": None},
        {"moment": -5.0},
        {"moment": 10.0**14},
        {"files": -1},
        {"series": "2"},
        {"directory": ["/d"]},
        {"snapshot": None},
    ],
    ids=str,
)
def test_an_odd_announcement_is_no_backup(tmp_path: Path, changes: dict[str, Any]) -> None:
    backup = Backup(tmp_path / "kept", {**HONEST, "bytes": 10, **changes}, of(bytes(10)))
    with pytest.raises(AnsibleActionFail):
        backup.saves()
    assert backup.asked == 0
    assert not (tmp_path / "kept").exists()


def test_robots_together_leave_the_controllers_disk_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([pieces.LEFT_FREE + 20_000, pieces.LEFT_FREE + 9000, pieces.LEFT_FREE + 100])  # others write as well
    for module in (pieces, robot_backup):
        monkeypatch.setattr(module, "free_bytes", lambda _: next(left))
    noise = os.urandom(12_000)
    with pytest.raises(AnsibleActionFail, match="is full but for"):
        Backup(tmp_path / "kept", {**HONEST, "bytes": len(noise)}, of(noise)).saves()
    assert not (tmp_path / "kept").exists()


@settings(derandomize=True, max_examples=300)
@given(st.binary(max_size=400) | st.binary(max_size=200).map(told), st.integers(1, 300))
def test_any_answer_is_the_piece_or_refused(answer: bytes, wanted: int) -> None:
    for said in (answer, tar_stream.MARK + answer):
        try:
            packed = pieces.piece(said, wanted)
        except pieces.PieceError:
            continue
        assert len(gzip.decompress(packed)) == wanted


def entry(name: str, content: bytes = b"", size: int | None = None, kind: bytes = tarfile.REGTYPE) -> bytes:
    """One member, with whatever size its header shall say."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, 0
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    said = len(content) if size is None else size
    block[124:136] = (
        b"%011o\0" % said if 0 <= said < 8**11 else (2**96 + said if said < 0 else 2**95 + said).to_bytes(12, "big")
    )
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def pax(text: str) -> bytes:
    line = f" {text}\n"
    size = len(line) + 2
    return entry("x", f"{size}{line}".encode(), kind=tarfile.XHDTYPE)


def manifest(**more: Any) -> bytes:
    return entry(swap.MANIFEST, json.dumps({**ABOUT, **more}).encode())


SAMPLES = entry("data/small/a", b"samples")
LIES: dict[str, bytes] = {
    "a second manifest": manifest() + SAMPLES + manifest(robot="other"),
    "a manifest at the end": SAMPLES + manifest(),
    "a manifest of 65 KiB": manifest(more="x" * 65 * 1024) + SAMPLES,
    "more than it says": manifest(bytes=5) + SAMPLES,
    "a negative size": manifest() + SAMPLES + entry("data/small/b", size=-1_000_000),
    "a negative size in words": manifest() + SAMPLES + pax("size=-100000") + entry("data/small/b", b"x"),
    "exabytes": manifest(bytes=100) + SAMPLES + entry("data/small/b", size=2**60),
    "exabytes of holes": manifest() + SAMPLES + entry("data/small/b", size=2**40, kind=tarfile.GNUTYPE_SPARSE),
    "a hole in words": manifest(bytes=100)
    + SAMPLES
    + pax("GNU.sparse.realsize=1099511627776")
    + entry("data/small/b", b"x"),
    "a header without end": manifest() + SAMPLES + entry("x", bytes(1 << 20), kind=tarfile.XHDTYPE),
    "a name without end": manifest() + SAMPLES + entry("x", b"a" * (1 << 20), kind=tarfile.GNUTYPE_LONGNAME),
    "a link": manifest() + SAMPLES + entry("data/small/b", kind=tarfile.SYMTYPE),
    "a link in words": manifest() + SAMPLES + pax("path=../../b") + entry("data/small/b", b"x"),
    "a device": manifest() + SAMPLES + entry("data/small/b", kind=tarfile.CHRTYPE),
    "headers for all": manifest() + entry("g", b"15 size=100000\n", kind=tarfile.XGLTYPE) + SAMPLES,
    "a number that is none": manifest(bytes=True) + SAMPLES,
    "fewer than none": manifest(bytes=-1) + SAMPLES,
    "a folder with content": manifest() + SAMPLES + entry("data/small", b"x", kind=tarfile.DIRTYPE),
}


def laid(folder: Path, content: bytes) -> Path:
    path = folder / "20260101T000000Z.tar.gz"
    path.write_bytes(gzip.compress(content + bytes(1024)))
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return path


def test_an_honest_archive_is_read(tmp_path: Path) -> None:
    assert checked(laid(tmp_path, manifest(bytes=7) + SAMPLES)).unpacked == 7


@pytest.mark.parametrize("name", LIES)
def test_an_archive_that_lies_is_refused(tmp_path: Path, name: str) -> None:
    path = laid(tmp_path, LIES[name])
    tracemalloc.start()
    with pytest.raises(BackupFileError, match="no backup of this project"):
        checked(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 << 20, "and costs no memory"


@settings(derandomize=True, max_examples=300)
@given(data=st.data())
def test_any_tar_stream_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(manifest(bytes=1000) + SAMPLES + pax("path=data/small/c") + entry("b", b"x"))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)):
        whole[place] = value
    if data.draw(st.booleans()):  # a header whose sum is right reaches further
        start = data.draw(st.sampled_from(range(0, len(whole), 512)))
        whole[start + 148 : start + 156] = b" " * 8
        whole[start + 148 : start + 156] = b"%06o\0 " % sum(whole[start : start + 512])
    try:
        found = checked(laid(tmp_path_factory.getbasetemp(), bytes(whole)))
    except BackupFileError:
        return
    assert 0 <= found.unpacked <= 1000
