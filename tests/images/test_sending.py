"""Files on their way to a robot: only the missing rest is sent, and a part that is not the file's is not built on."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import disk_space
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Archive
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.known_images import KnownImages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.source import ImageSource
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import transfer
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.debian.package_folder import (
    PackagesMissingError,
    installation,
    packages,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.images import ImageDelivery
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.transfer import (
    Content,
    NoFolderError,
    Sender,
    SendingError,
    arrived,
)
from disks import as_root, small_disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTENT = bytes(range(256)) * 1000
DIGEST = "sha256:" + "a" * 64


class Robot:
    """A robot whose commands run here, below a directory."""

    def __init__(self, root: Path) -> None:
        self.root, self.received, self.fails_after = root, 0, 1 << 60

    def run(self, command: str, content: bytes) -> tuple[int, str]:
        self.received += len(content)
        if self.received > self.fails_after:
            return 1, "No space left on device"
        done = subprocess.run(["sh", "-c", command], input=content, capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    def staged(self) -> list[dict[str, Any]]:
        """What the module tells of the directory."""
        listed = []
        for path in (self.root / "staging").glob("*"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            listed.append({"name": path.name, "bytes": path.stat().st_size, "digest": f"sha256:{digest}"})
        return listed

    def lay(self, content: bytes) -> None:
        (self.root / "staging").mkdir(parents=True, exist_ok=True)
        (self.root / "staging/it.archive").write_bytes(content)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "it.archive"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    return Robot(tmp_path / "robot")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(cut=st.integers(min_value=0, max_value=len(CONTENT)), piece=st.sampled_from([50_000, 65536, 1 << 20]))
def test_only_the_rest_of_a_cut_delivery_is_sent(archive: Path, robot: Robot, cut: int, piece: int) -> None:
    robot.received = 0
    robot.lay(CONTENT[:cut])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE", piece)
        target = Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", robot.staged())
    assert Path(target).read_bytes() == CONTENT
    assert robot.received == len(CONTENT) - cut


@pytest.mark.parametrize("part", [b"not its beginning", CONTENT + b"more", b""])
def test_a_part_that_is_not_the_files_beginning_is_written_over(archive: Path, robot: Robot, part: bytes) -> None:
    robot.lay(part)
    target = Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", robot.staged())
    assert Path(target).read_bytes() == CONTENT
    assert robot.received == len(CONTENT)


def test_what_is_sent_twice_is_written_once(archive: Path, robot: Robot) -> None:
    """The connection repeats a command that it lost sight of."""

    def twice(command: str, content: bytes) -> tuple[int, str]:
        robot.run(command, content)
        return robot.run(command, content)

    target = Sender(twice, str(robot.root), lambda _: None).send(archive, "it", [])
    assert Path(target).read_bytes() == CONTENT


def test_only_root_reads_the_staging_directory(archive: Path, robot: Robot) -> None:
    target = Path(Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", []))
    assert (target.parent.stat().st_mode & 0o777, target.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_everybody_may_enter_the_folders_above_a_nested_root(archive: Path, robot: Robot, umask: int) -> None:
    robot.root /= "srv/robots/stack"
    before = os.umask(umask)  # of who logs in
    try:
        Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", [])
    finally:
        os.umask(before)
    made = [robot.root, *robot.root.parents[:2]]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o755] * 3
    assert (robot.root / "staging").stat().st_mode & 0o777 == 0o700


def test_a_robot_that_takes_nothing_more_fails_and_keeps_what_arrived(
    archive: Path, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PIECE", 100_000)
    robot.fails_after = 150_000
    with pytest.raises(SendingError, match="No space left on device"):
        Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", [])
    assert arrived(Content(archive), robot.staged()) == 100_000


@as_root
def test_what_has_filled_the_disk_is_not_left_there(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else could be done on that robot: each run needs some room, and only a run removes what is staged."""
    monkeypatch.setattr(transfer, "PIECE", 1 << 20)
    large = tmp_path / "large.archive"
    large.write_bytes(bytes(4 << 20))
    with small_disk(robot.root, 3):
        with pytest.raises(SendingError, match="large could not be staged"):
            Sender(robot.run, str(robot.root), lambda _: None).send(large, "large", [])
        assert robot.staged() == []
        assert disk_space.of(robot.root).available > 2 << 20


def test_what_cannot_be_written_on_a_disk_with_room_keeps_what_arrived(
    archive: Path, robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PIECE", 100_000)
    tools = tmp_path / "bin"
    tools.mkdir()
    once = f"test -s {robot.root}/staging/it.archive && exit 3"
    (tools / "dd").write_text(f'#!/bin/sh\n{once}\nexec /usr/bin/dd "$@"\n')
    (tools / "dd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with pytest.raises(SendingError):
        Sender(robot.run, str(robot.root), lambda _: None).send(archive, "it", [])
    assert arrived(Content(archive), robot.staged()) == 100_000


def test_what_nobody_asked_for_makes_no_folder(archive: Path, robot: Robot) -> None:
    """A robot that was set up anew may refuse the run, and nothing is touched on one that does."""
    sender = Sender(robot.run, str(robot.root), lambda _: None)
    with pytest.raises(NoFolderError):
        sender.send(archive, "it", None)
    assert not robot.root.exists()
    robot.root.mkdir()
    assert Path(sender.send(archive, "it", None)).read_bytes() == CONTENT


def test_a_guess_is_made_only_where_another_image_is_known(tmp_path: Path) -> None:
    known = KnownImages(tmp_path / "robots", "scout", {"ansible_host": "192.0.2.1"})
    assert not known.outdated("a:1", "sha256:new")
    known.learn("a:1", "sha256:old", ["l1", "l2"])
    known.save()
    again = KnownImages(tmp_path / "robots", "scout", {"ansible_host": "192.0.2.1"})
    assert again.chains == [["l1", "l2"]]
    assert (again.outdated("a:1", "sha256:new"), again.outdated("a:1", "sha256:old")) == (True, False)
    assert KnownImages(tmp_path / "robots", "scout", {"ansible_host": "192.0.2.2"}).images == {}
    known.forget()
    assert KnownImages(tmp_path / "robots", "scout", {"ansible_host": "192.0.2.1"}).images == {}


@pytest.mark.parametrize("there", [True, False])
def test_a_robot_that_was_set_up_anew_is_asked_first(archive: Path, robot: Robot, tmp_path: Path, there: bool) -> None:
    """It is not what it was when an image was last sent to it: nothing is staged, and nothing fails."""
    if there:
        robot.root.mkdir()
    known = KnownImages(tmp_path / "robots", "scout", {})
    known.learn("a:1", "sha256:old", ["l1"])
    connection: Any = SimpleNamespace(as_root=robot.run, say=lambda _: None)
    images: Any = SimpleNamespace(archive=lambda *_: Archive(archive, DIGEST, 1, ("l1", "l2")))
    delivery = ImageDelivery(connection, images, known, str(robot.root))
    delivery.guess([{"name": "a", "image": {"reference": "a:1", "fingerprints": {"amd64": "sha256:new"}}}], [], "amd64")
    assert [sent["reference"] for sent in delivery.staged] == (["a:1"] if there else [])
    assert robot.root.exists() == there


@pytest.mark.parametrize(
    "content",
    ["{", "", "[]", "{}", '{"format": 2, "images": {}, "chains": []}', '{"format": 1, "images": 3, "chains": []}'],
)
def test_a_file_that_cannot_be_read_costs_a_round_trip_and_no_more(tmp_path: Path, content: str) -> None:
    known = KnownImages(tmp_path, "scout", {})
    known.learn("a:1", "sha256:old", ["l1"])
    known.save()
    next(tmp_path.iterdir()).write_text(content)
    spoilt = KnownImages(tmp_path, "scout", {})
    assert (spoilt.images, spoilt.chains) == ({}, [])


def test_a_pulled_image_is_named_by_registry_repository_and_digest() -> None:
    raw = {"method": "pull", "registry": "registry.example:5000/fleet/", "digests": {"a/b:1": DIGEST}}
    source = ImageSource.of(raw)
    assert source.pinned("a/b:1") == f"registry.example:5000/fleet/a/b@{DIGEST}"
    assert ImageSource.of({**raw, "registry": ""}).pinned("a/b:1") == f"a/b@{DIGEST}"
    assert source.objection("a/b:1") == ""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"method": "pull"}, "has no digest"),
        ({"method": "pull", "digests": {"a/b:1": "latest"}}, "not sha256:HEX"),
        ({"method": "archive"}, "no folder is named"),
    ],
)
def test_a_delivery_that_cannot_work_is_refused_with_its_reason(raw: dict[str, Any], why: str) -> None:
    assert why in ImageSource.of(raw).objection("a/b:1")


def test_a_login_is_given_only_to_robots_that_pull() -> None:
    login = {"username": "fleet", "password": "hidden"}
    assert ImageSource.of({"method": "push", **login}).registry == {}
    source = ImageSource.of({"method": "pull", **login})
    assert source.registry == login
    assert "hidden" not in repr(source)


def test_packages_of_another_folder_that_were_sent_before_are_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder for another architecture, or a package that was cut off, spoils no later installation."""
    tools, staging = tmp_path / "bin", tmp_path / "staging"
    for folder in (tools, staging):
        folder.mkdir()
    programs = {
        "dpkg-deb": 'case $2 in wrong*) echo "not a Debian archive" >&2; exit 2;; esac\necho "Package: $2"',
        "apt-get": f"cp Packages {tmp_path}/told",
        "dpkg": "",
    }
    for name, words in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{words}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for name in ("wrong_1_arm64.deb", "podman_5%3a1 (2)_amd64.deb", "it.archive"):
        (staging / name).write_text("x")
    script = installation(str(staging), PackagesNeed(("podman",), "debian"), ["podman_5%3a1 (2)_amd64.deb"])
    done = subprocess.run(["sh", "-s"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [line for line in (tmp_path / "told").read_text().splitlines() if line.startswith("Package:")]
    assert names == ["Package: podman_5%3a1 (2)_amd64.deb"]
    assert [path.name for path in staging.iterdir()] == ["it.archive"]


def test_packages_from_a_folder_take_no_package_of_the_owners_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = """case "$*" in
    *--simulate*) echo "Inst docker.io (26)"; echo "Remv podman-docker [5.4] (x)";;
    *--no-remove*) echo "E: Packages need to be removed but remove is disabled." >&2; exit 100;;
esac"""
    for name, words in {"dpkg-deb": "", "apt-get": apt, "dpkg": ""}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{words}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    staging = tmp_path / "staging"
    staging.mkdir()
    (staging / "docker.io_26_amd64.deb").write_text("x")
    need = PackagesNeed(("docker.io",), "debian")
    for wanted, code, said in ((need, 1, "podman-docker would have to go"), (replace(need, replaces=True), 0, "")):
        script = installation(str(staging), wanted, ["docker.io_26_amd64.deb"])
        done = subprocess.run(["sh", "-s"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_an_empty_folder_of_packages_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(PackagesMissingError, match=str(tmp_path)):
        packages(str(tmp_path))
