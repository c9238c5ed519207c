"""A file of the controller keeps what it had until all of the new one is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.whole_file import whole


def test_it_takes_its_place_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "known.json"
    target.write_text("before")
    with whole(target) as file:
        file.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_its_bytes_are_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, flushed = tmp_path / "known.json", list[tuple[str, bool]]()

    def fsync(handle: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{handle}").readlink().suffix, target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with whole(target) as file:
        file.write_text("after")
    assert flushed == [(".partial", False), (tmp_path.suffix, True)], "and its name, after that"


@pytest.mark.parametrize("failure", [OSError("no space left"), KeyboardInterrupt()], ids=["full", "stopped"])
def test_where_it_fails_what_was_there_stays(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "known.json"
    target.write_text("before")

    def write() -> None:
        with whole(target) as file:
            file.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_secret_is_its_owners_alone_from_the_first_byte(tmp_path: Path) -> None:
    with whole(tmp_path / "password", 0o600) as file:
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text("secret")
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_two_at_once_each_write_a_file_of_their_own(tmp_path: Path) -> None:
    target = tmp_path / "known.json"
    with whole(target) as first, whole(target) as second:
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first", "the one that ended last"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_run_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    target, other = tmp_path / "known[1].json", tmp_path / ".known.json.0.partial"
    left = [tmp_path / f".{target.name}{middle}.partial" for middle in ("", ".0123456789abcdef")]
    for path in (*left, other):
        path.write_text("half")
    with whole(target) as file:
        assert sorted(tmp_path.iterdir()) == sorted([file, other])
        with whole(target):
            assert file.exists()


@pytest.mark.parametrize(("mode", "wanted"), [(None, 0o644), (0o640, 0o640)])
def test_the_mode_is_the_usual_one_unless_it_is_given(tmp_path: Path, mode: int | None, wanted: int) -> None:
    before = os.umask(0o022)
    try:
        with whole(tmp_path / "known.json", mode) as file:
            assert file.stat().st_mode & 0o777 == wanted
    finally:
        os.umask(before)


def test_what_a_killed_run_left_is_no_way_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / ".password.partial").symlink_to(tmp_path / "other")
    with whole(tmp_path / "password", 0o600) as file:
        file.write_text("secret")
    assert (tmp_path / "other").read_text() == "theirs"
    assert (tmp_path / "password").read_text() == "secret"
    assert not (tmp_path / "password").is_symlink()
