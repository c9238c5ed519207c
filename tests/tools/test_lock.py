"""What the controller installs is what was locked: a package of the same name and version from elsewhere is refused."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from declarations import PROJECT
from packaging.requirements import Requirement

from tools.lock import LOCKS, Lock, entries, without

HEX_DIGITS = 64


def locked(lock: Lock) -> dict[str, list[str]]:
    return dict(entries((PROJECT / lock.locked).read_text(encoding="utf-8")))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.locked)
def test_every_package_is_pinned_and_every_file_has_a_hash(lock: Lock) -> None:
    found = locked(lock)
    assert found
    for name, hashes in found.items():
        assert [one.operator for one in Requirement(name).specifier] == ["=="], name
        assert hashes, name
        assert all(one.startswith("sha256:") and len(one.partition(":")[2]) == HEX_DIGITS for one in hashes), name


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.locked)
def test_what_is_wanted_is_what_is_locked(lock: Lock, python: str) -> None:
    if tuple(map(int, python.split("."))) < tuple(map(int, lock.python.split("."))):
        return  # the file is not for this Python
    here = {"python_version": python, "python_full_version": f"{python}.0"}

    def versions(names: list[str]) -> dict[str, str]:
        known = [Requirement(name) for name in names]
        return {one.name.lower(): str(one.specifier) for one in known if not one.marker or one.marker.evaluate(here)}

    lines = (PROJECT / lock.wanted).read_text(encoding="utf-8").splitlines()
    wanted = versions([name for line in lines if (name := line.partition("#")[0].strip())])
    found = versions(list(locked(lock)))
    assert wanted
    assert wanted.items() <= found.items(), f"run `make lock`: {lock.wanted} has changed"


def test_a_matrix_takes_packages_out_and_leaves_the_others_as_they_are() -> None:
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    left = dict(entries(without(text, {"ansible", "ansible-core"})))
    gone = {name for name, _ in entries(text)} - set(left)
    assert {name.partition("==")[0] for name in gone} == {"ansible", "ansible-core"}
    assert left == {name: hashes for name, hashes in entries(text) if name not in gone}


def forged(folder: Path, name: str, version: str) -> None:
    """Put a wheel into ``folder`` that has a name and version of ours, and other content."""
    inside = {
        f"{name}.py": b"print('not what was locked')\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in inside.items()]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in {**inside, record: "\n".join([*lines, f"{record},,"]).encode()}.items():
            wheel.writestr(path, content)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def installed(folder: Path, requirements: str) -> subprocess.CompletedProcess[str]:
    """Install from ``folder`` alone, as `make setup` does."""
    wanted, target = folder / "wanted.txt", folder / "target"
    wanted.write_text(requirements, encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(folder), "--no-deps", "--target"]
    return subprocess.run(
        [*argv, str(target), "--disable-pip-version-check", "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_package_from_elsewhere_is_refused(tmp_path: Path) -> None:
    name, hashes = next(entry for entry in entries((PROJECT / "requirements.txt").read_text()) if "jinja2" in entry[0])
    forged(tmp_path, "jinja2", name.partition("==")[2])
    line = " ".join([name, *(f"--hash={one}" for one in hashes)])
    refused = installed(tmp_path, f"{line}\n")
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "target" / "jinja2.py").exists()
    # Without its hashes it is what gets installed.
    assert installed(tmp_path, f"{name}\n").returncode == 0
    assert (tmp_path / "target" / "jinja2.py").exists()
