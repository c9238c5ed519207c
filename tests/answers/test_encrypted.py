"""Encrypted backups: nothing of them is on this machine's disk in the clear, and what is damaged is not restored."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.action import robot_backup
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.age import AgeError, Recipients
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.archive import (
    BackupFileError,
    Writer,
    checked,
    newest,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import transfer
from answers.test_backups import ABOUT, HONEST, Backup, archived, of, tree
from declarations import PROJECT

PROGRAMS = PROJECT / ".testbed/cache/age"
MARK = b"where-this-robot-was"


@dataclass(frozen=True)
class Key:
    public: str
    file: Path


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (PROGRAMS / "age").exists(), "run testbed/age, as `make unit` does"
    monkeypatch.setenv("PATH", f"{PROGRAMS}:{os.environ['PATH']}")
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(robot_backup, "PIECE", 4096)


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return made(tmp_path / "key.txt")


def made(path: Path) -> Key:
    subprocess.run([PROGRAMS / "age-keygen", "-o", path], check=True, capture_output=True)
    told = subprocess.run([PROGRAMS / "age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return Key(told.stdout.strip(), path)


def marked(folder: Path) -> bytes:
    """A snapshot that holds something to look for; gzip keeps so short a text in one piece."""
    tree(folder)
    (folder / "data/small/2026_01/mark").write_bytes(MARK)
    return archived(folder)


def saving(tmp_path: Path, recipients: Any, sends: Callable[[bytes], Any] = of) -> Backup:
    content = marked(tmp_path / "robot")
    backup = Backup(tmp_path / "kept", {**HONEST, "bytes": len(content)}, sends(content))
    backup._task.args["recipients"] = recipients
    return backup


def test_a_backup_is_never_on_the_disk_in_the_clear(tmp_path: Path, key: Key) -> None:
    kept, seen = tmp_path / "kept", list[bytes]()

    def watched(content: bytes) -> Callable[[int, int], bytes]:
        def sends(offset: int, length: int) -> bytes:
            seen.extend(path.read_bytes() for path in kept.rglob("*") if path.is_file())
            return of(content)(offset, length)

        return sends

    backup = saving(tmp_path, [key.public], watched)
    path = Path(backup.saves()["archive"])
    assert path.name.endswith(".tar.gz.age")
    assert path.stat().st_mode & 0o077 == 0
    seen += [file.read_bytes() for file in kept.rglob("*") if file.is_file()]
    assert seen
    assert not any(b"\x1f\x8b\x08" in content[:64] or MARK in content for content in seen)
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    subprocess.run(["sha256sum", "--check", "--quiet", f"{path.name}.sha256"], cwd=kept, check=True)


def test_without_recipients_it_is(tmp_path: Path) -> None:
    path = Path(saving(tmp_path, []).saves()["archive"])
    assert path.read_bytes().startswith(b"\x1f\x8b\x08")


def test_what_was_encrypted_is_what_comes_back(tmp_path: Path, key: Key) -> None:
    other = made(tmp_path / "other.txt")
    path = Path(saving(tmp_path, [key.public, other.public]).saves()["archive"])
    for one in (key, other):
        found = checked(newest(tmp_path / "kept"), str(one.file))
        assert (found.path, found.content.name) == (path, path.name.removesuffix(".age"))
        with found.content.open() as stream:
            plain = stream.read()
        assert found.digest == f"sha256:{hashlib.sha256(plain).hexdigest()}"
        assert found.content.size == len(plain)


def test_a_robot_gets_the_archive_itself_and_goes_on_where_it_was_cut(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PIECE", 1000)
    backup = checked(Path(saving(tmp_path, [key.public]).saves()["archive"]), str(key.file))
    arrived, left = tmp_path / "arrived", tmp_path / "rest"
    sent: list[bytes] = []

    def run(_command: str, piece: bytes) -> tuple[int, str]:
        if len(sent) == 5 and not left.exists():
            left.touch()
            return 1, "cut"
        sent.append(piece)
        return 0, ""

    sender = transfer.Sender(run, "/root", lambda _: None)
    with pytest.raises(transfer.SendingError):
        sender.send(backup.content, "it", [])
    digest = f"sha256:{hashlib.sha256(b''.join(sent)).hexdigest()}"
    staged = [{"name": backup.content.name, "bytes": 5000, "digest": digest}]
    assert sender.send(backup.content, "it", staged) == f"/root/staging/{backup.content.name}"
    arrived.write_bytes(b"".join(sent))
    assert f"sha256:{hashlib.sha256(arrived.read_bytes()).hexdigest()}" == backup.digest


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        ("", "is encrypted: name the file with its key, -e restore_identity=FILE"),
        ("/nowhere/key.txt", "restore_identity is /nowhere/key.txt, which is no file"),
        ("other", "cannot be decrypted: age: error: no identity matched"),
        ("rubbish", "cannot be decrypted: age: error: reading"),
    ],
)
def test_without_its_key_a_backup_is_refused(tmp_path: Path, key: Key, identity: str, why: str) -> None:
    path = Path(saving(tmp_path, [key.public]).saves()["archive"])
    made(tmp_path / "other")
    (tmp_path / "rubbish").write_text("rubbish")
    named = str(tmp_path / identity) if identity in ("other", "rubbish") else identity
    with pytest.raises(BackupFileError, match=why):
        checked(path, named)


def test_a_backup_that_somebody_made_up_is_refused(tmp_path: Path, key: Key) -> None:
    """Whoever can write the file can write its digest; what is cut off has lost its end, which age looks for."""
    path = Path(saving(tmp_path, [key.public]).saves()["archive"])
    whole = path.read_bytes()
    for content in (whole[:-20], whole[:5000], whole[:-1] + bytes([whole[-1] ^ 1]), b"age-encryption.org/v1\n"):
        path.write_bytes(content)
        path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  x\n")
        with pytest.raises(BackupFileError, match="cannot be decrypted"):
            checked(path, str(key.file))


@pytest.mark.parametrize(
    ("recipients", "why"),
    [
        ("age1abc", "make it a list"),
        (["age1notakey"], "cannot be used: age: error"),
        (["--output=/tmp/x"], "name public keys"),
        (["AGE-SECRET-KEY-1QQQ"], "a secret key, which belongs in no inventory"),
        ([7], "name public keys"),
    ],
)
def test_recipients_that_cannot_be_are_refused_before_the_robot_is_asked(
    tmp_path: Path, recipients: Any, why: str
) -> None:
    backup = saving(tmp_path, recipients)
    with pytest.raises(AnsibleActionFail, match=f"scout: .*{why}.*no robot was touched"):
        backup.saves()
    assert backup.steps == []
    assert not (tmp_path / "kept").exists()


def test_without_the_program_nothing_is_touched(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    backup = saving(tmp_path, [key.public])
    with pytest.raises(AnsibleActionFail, match=r"the program age.*is not on this machine's PATH: install it"):
        backup.saves()
    assert backup.steps == []


def test_a_program_that_ends_in_the_middle_leaves_nothing(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipients = Recipients.of([key.public])
    assert recipients
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin/age"
    broken.write_text("#!/bin/sh\nhead -c 1000 >/dev/null\necho 'the disk is full' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")

    def write() -> None:
        with Writer(tmp_path / "kept", ABOUT, 1.0, recipients) as writer:
            for _ in range(100):
                writer.add(os.urandom(10_000))

    with pytest.raises(AgeError, match="the disk is full"):
        write()
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_restore_names_what_it_lacks_before_the_robot_is_touched(tmp_path: Path, key: Key) -> None:
    path = saving(tmp_path, [key.public]).saves()["archive"]
    backup = Backup(tmp_path / "kept", {}, of(b""))
    backup._task = SimpleNamespace(args={"state": "restored", "archive": path, "database": {}}, check_mode=False)
    with pytest.raises(AnsibleActionFail, match=r"restore_identity=FILE.*no robot was touched"):
        backup.saves()
    assert backup.steps == []
