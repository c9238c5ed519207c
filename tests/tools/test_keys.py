"""The keys of a fleet of throw-away robots: made once, made anew where one is lost, and known to each other."""

from __future__ import annotations

import subprocess
from pathlib import Path

from declarations import PROJECT


def made(folder: Path, *robots: str) -> bool:
    argv = [str(PROJECT / "testbed" / "keys"), str(folder), "fleet", *robots]
    return bool(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])


def test_keys_are_made_once_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    assert made(tmp_path, "one:2201", "two:2202")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not made(tmp_path, "one:2201", "two:2202")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path for path in before if path.stat().st_mode & 0o077] == []
    assert public(tmp_path / "id_ed25519") in (tmp_path / "two" / "authorized_keys").read_text(encoding="utf-8")


def test_a_key_that_was_lost_is_made_anew_and_known_at_once(tmp_path: Path) -> None:
    made(tmp_path, "one:2201", "two:2202")
    old = public(tmp_path / "one" / "ssh_host_ed25519_key")
    (tmp_path / "one" / "ssh_host_ed25519_key").unlink()
    assert made(tmp_path, "one:2201", "two:2202")
    one, two = (public(tmp_path / name / "ssh_host_ed25519_key") for name in ("one", "two"))
    assert one != old
    known = (tmp_path / "known_hosts").read_text(encoding="utf-8")
    assert known == f"[127.0.0.1]:2201 {one}\n[127.0.0.1]:2202 {two}\n"
