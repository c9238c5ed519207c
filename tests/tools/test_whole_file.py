"""A file of the controller keeps what it had until all of the new one is there."""

from __future__ import annotations

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


def test_what_a_killed_run_left_is_no_way_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / ".password.partial").symlink_to(tmp_path / "other")
    with whole(tmp_path / "password", 0o600) as file:
        file.write_text("secret")
    assert (tmp_path / "other").read_text() == "theirs"
    assert (tmp_path / "password").read_text() == "secret"
    assert not (tmp_path / "password").is_symlink()
