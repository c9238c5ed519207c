"""An archive without the layers that a robot has becomes a folder that Podman takes, of the bytes that were sent."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import images, oci, programs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.archive import assemble
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.folder import ImageFolder
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.packing import pack
from robot_stack.fake_podman import FakePodman
from robot_stack.robots import Robot

REFERENCE = "sensor_service:2"


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(name: str, size: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        about = tarfile.TarInfo(name)
        about.size = size
        tar.addfile(about, io.BytesIO((name * size).encode()[:size]))
    return made.getvalue()


LAYERS = [layer("base", 300_000), layer("python", 70_000), layer("app", 900)]
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in LAYERS]}}
).encode()


def tar_of(entries: list[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in entries:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def sent(tmp_path: Path) -> Callable[[int], Path]:
    """The archive that the controller sends of an image, without so many of its layers."""
    names = [f"{number}/layer.tar" for number in range(len(LAYERS))]
    manifest = json.dumps([{"Config": "c.json", "RepoTags": [REFERENCE], "Layers": names}]).encode()
    saved = tmp_path / "saved.tar"
    saved.write_bytes(tar_of([("c.json", CONFIG), ("manifest.json", manifest), *zip(names, LAYERS)]))
    folder = ImageFolder(tmp_path / "images")
    packed = pack(saved, folder, REFERENCE, "amd64", "sha256:f")

    def make(skip: int) -> Path:
        target = tmp_path / f"{skip:024x}.archive"
        assemble(folder, packed, skip, target)
        return target

    return make


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_what_was_sent_is_described_and_the_image_has_the_same_id(sent: Any, skip: int) -> None:
    archive = sent(skip)
    with oci.opened(archive) as sent_image:
        assert sent_image is not None
        assert sent_image.folder is not None
        assert (sent_image.image, sent_image.names) == (digest(CONFIG).partition(":")[2], (REFERENCE,))
        assert json.loads((sent_image.folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        [entry] = json.loads((sent_image.folder / "index.json").read_text())["manifests"]
        assert entry["annotations"]["org.opencontainers.image.ref.name"] == oci.TAG
        blobs = {path.name: path.read_bytes() for path in (sent_image.folder / "blobs/sha256").iterdir()}
        assert all(digest(content) == f"sha256:{name}" for name, content in blobs.items())
        manifest = json.loads(blobs[entry["digest"].partition(":")[2]])
        assert (entry["size"], manifest["schemaVersion"]) == (len(blobs[entry["digest"].partition(":")[2]]), 2)
        assert blobs[manifest["config"]["digest"].partition(":")[2]] == CONFIG, "byte for byte"
        assert [one["digest"] for one in manifest["layers"]] == [digest(one) for one in LAYERS]
        there = [one["digest"].partition(":")[2] in blobs for one in manifest["layers"]]
        assert there == [False] * skip + [True] * (len(LAYERS) - skip)
        sizes = [one["size"] for one in manifest["layers"]][skip:]
        assert sizes == [len(one) for one in LAYERS[skip:]]
    assert not sent_image.folder.exists()
    assert archive.exists()


def test_a_layer_that_an_image_has_twice_is_described_twice(tmp_path: Path) -> None:
    """As two instructions make it that change nothing: an image with fewer layers would be another one."""
    empty = tar_of([])
    layers = [LAYERS[0], empty, LAYERS[2], empty]
    digests, names = [digest(one) for one in layers], [f"{number}/layer.tar" for number in range(len(layers))]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": digests}})
    manifest = json.dumps([{"Config": "c.json", "RepoTags": [REFERENCE], "Layers": names}]).encode()
    saved = tmp_path / "saved.tar"
    saved.write_bytes(tar_of([("c.json", config.encode()), ("manifest.json", manifest), *zip(names, layers)]))
    folder = ImageFolder(tmp_path / "images")
    packed = pack(saved, folder, REFERENCE, "amd64", "sha256:f")
    assemble(folder, packed, 1, tmp_path / "sent.archive")
    with oci.opened(tmp_path / "sent.archive") as sent_image:
        assert sent_image is not None
        assert sent_image.folder is not None
        [entry] = json.loads((sent_image.folder / "index.json").read_text())["manifests"]
        described = json.loads((sent_image.folder / "blobs/sha256" / entry["digest"].partition(":")[2]).read_text())
        assert [one["digest"] for one in described["layers"]] == digests


def test_a_whole_archive_is_left_to_podman(sent: Any, tmp_path: Path) -> None:
    with oci.opened(sent(0)) as sent_image:
        assert sent_image == oci.Sent(digest(CONFIG).partition(":")[2], (REFERENCE,))
    assert not list(tmp_path.glob("*.oci"))


def names() -> list[str]:
    return [f"{digest(one).partition(':')[2]}/layer.tar" for one in LAYERS]


def manifest_of(**change: Any) -> bytes:
    told = {"Config": "c.json", "RepoTags": [REFERENCE], "Layers": names(), **change}
    return json.dumps([told]).encode()


HEAD = [("c.json", CONFIG), ("manifest.json", manifest_of())]
BAD = {
    "another layer than its digest says": [*HEAD, (names()[1], LAYERS[2])],
    "a layer cut off": [*HEAD, (names()[1], LAYERS[1][:-10])],
    "a file that nothing lists": [*HEAD, (names()[1], LAYERS[1]), ("../../etc/passwd", b"x")],
    "a layer twice": [*HEAD, (names()[1], LAYERS[1]), (names()[1], LAYERS[1])],
}
UNKNOWN = {
    "nothing": [],
    "no manifest": [HEAD[0]],
    "another order": [("other", b"x"), *HEAD],
    "a manifest of two images": [HEAD[0], ("manifest.json", json.dumps([{}, {}]).encode())],
    "a manifest that is none": [HEAD[0], ("manifest.json", b"{")],
    "fewer layers": [HEAD[0], ("manifest.json", manifest_of(Layers=names()[:1]))],
    "layers that are none": [HEAD[0], ("manifest.json", manifest_of(Layers=7))],
    "a digest that is a path": [
        ("c.json", json.dumps({"rootfs": {"diff_ids": ["sha256:../../x"] * 3}}).encode()),
        ("manifest.json", manifest_of()),
    ],
    "a configuration without layers": [("c.json", b"{}"), ("manifest.json", manifest_of())],
    "a configuration that is too long": [("c.json", b" " * (oci.LARGEST_TEXT + 1)), ("manifest.json", manifest_of())],
}


@pytest.mark.parametrize("pack_with", [bytes, gzip.compress, bz2.compress], ids=["plain", "gzip", "bzip2"])
@pytest.mark.parametrize("what", BAD)
def test_an_archive_that_is_not_what_it_says_is_refused(tmp_path: Path, what: str, pack_with: Any) -> None:
    archive = tmp_path / "x.archive"
    archive.write_bytes(pack_with(tar_of(BAD[what])))
    with pytest.raises((EngineError, FileExistsError)), oci.opened(archive):
        pass
    assert not list(tmp_path.glob("*.oci"))
    assert not (tmp_path.parent / "etc").exists()


@pytest.mark.parametrize("what", UNKNOWN)
def test_another_kind_of_archive_is_left_to_podman(tmp_path: Path, what: str) -> None:
    archive = tmp_path / "x.archive"
    archive.write_bytes(tar_of(UNKNOWN[what]))
    with oci.opened(archive) as sent_image:
        assert sent_image is None


@pytest.mark.parametrize("cut", [1, 5, 200, 5000])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_an_archive_that_was_cut_off_is_never_taken_for_a_good_one(sent: Any, skip: int, cut: int) -> None:
    archive = sent(skip)
    content = archive.read_bytes()
    archive.write_bytes(content[: max(1, len(content) - cut)])
    try:
        with oci.opened(archive) as sent_image:
            assert sent_image is None or sent_image.folder is None or cut < 200, "what is left holds all that was sent"
    except EngineError as error:
        assert "is no archive of an image" in str(error)  # noqa: PT017 (either outcome is right)


IDENTITY = digest(CONFIG).partition(":")[2]
THEIRS = "docker.io/library/sensor_service:2"


def pulling(podman: FakePodman) -> list[str]:
    """Have Podman 4.7 and later name what it pulls as they do; return what it will be given."""
    given = list[str]()

    def pull(words: list[str]) -> str:
        _, folder, *tag = words[-1].split(":")
        given.extend(sorted(path.name for path in Path(folder).iterdir()))
        image = {**podman.brings, "Id": IDENTITY}
        if tag:
            podman.name(f"docker.io/library/{tag[0]}:latest", image)
        else:
            podman.images.setdefault(IDENTITY, {**image, "RepoTags": [], "RepoDigests": []})
        return f"{IDENTITY}\n"

    podman._pull = pull  # type: ignore[method-assign]
    return given


@pytest.mark.parametrize("robot", [2], indirect=True)
def test_podman_is_given_the_folder_and_the_image_its_name(robot: Robot, podman: FakePodman, sent: Any) -> None:
    given = pulling(podman)
    podman.engine().load(sent(2))
    assert given == ["blobs", "index.json", "oci-layout"]
    assert podman.images[IDENTITY]["RepoTags"] == ["localhost/sensor_service:2"]
    found = podman.engine().image(REFERENCE)
    assert found is not None
    assert found.id == digest(CONFIG)


@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_name_that_podman_made_up_for_an_earlier_version_goes(robot: Robot, podman: FakePodman, sent: Any) -> None:
    pulling(podman)
    podman.name(images.FORMER, {**podman.brings, "Id": IDENTITY})
    podman.engine().load(sent(1))
    assert podman.images[IDENTITY]["RepoTags"] == ["localhost/sensor_service:2"]


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("reference", [REFERENCE, IDENTITY, f"sha256:{IDENTITY}"])
def test_nor_does_it_keep_an_image_that_is_removed(robot: Robot, podman: FakePodman, reference: str) -> None:
    names = ["localhost/sensor_service:2"] if reference == REFERENCE else []
    for name in [*names, images.FORMER]:
        podman.name(name, {**podman.brings, "Id": IDENTITY})
    podman.engine().remove_image(reference)
    assert IDENTITY not in podman.images


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("same", [True, False], ids=["the same image", "another image"])
def test_somebody_elses_name_is_theirs_afterwards(
    robot: Robot, podman: FakePodman, sent: Any, same: bool, skip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: list[str]) -> str:
        podman.name(THEIRS, {**podman.brings, "Id": IDENTITY})
        return "Loaded\n"

    owned = IDENTITY if same else "7" * 64
    podman.name(THEIRS, {**podman.brings, "Id": owned})
    pulling(podman)
    monkeypatch.setattr(podman, "_load", load)
    podman.engine().load(sent(skip))
    assert podman.images[owned]["RepoTags"][0] == THEIRS
    assert "localhost/sensor_service:2" in podman.images[IDENTITY]["RepoTags"]
    podman.engine().remove_image(REFERENCE)
    assert podman.images[owned]["RepoTags"] == [THEIRS], "and it is still there when ours has gone"
    assert (IDENTITY in podman.images) == same


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("theirs", [["mine:1"], ["mine:1", "mine:2"]])
def test_by_its_id_no_image_goes_that_somebody_has_named(robot: Robot, podman: FakePodman, theirs: list[str]) -> None:
    for name in theirs:
        podman.name(f"localhost/{name}", {**podman.brings, "Id": IDENTITY})
    podman.engine().remove_image(IDENTITY)
    assert podman.images[IDENTITY]["RepoTags"] == [f"localhost/{name}" for name in theirs]


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize(
    ("said", "tells"),
    [
        ("Error: unlinkat /var/lib/containers/storage/overlay/l/X: no such file or directory", True),
        ("Error: top layer 1234 of image 5678 not found in layer tree: layer not known", True),
        ("Error: localhost/sensor_service:2: image not known", False),
        ("Error: image used by 12ab: image is in use by a container", False),
    ],
)
def test_damage_is_no_image_that_is_gone(robot: Robot, podman: FakePodman, said: str, tells: bool) -> None:
    podman.name("localhost/sensor_service:2", {**podman.brings, "Id": IDENTITY})
    podman.errors["rmi"] = said
    if tells:
        with pytest.raises(EngineError, match=said.rpartition(" ")[2]):
            podman.engine().remove_image(REFERENCE)
    else:
        podman.engine().remove_image(REFERENCE)


@pytest.mark.parametrize("robot", [2], indirect=True)
def test_a_container_that_no_list_shows_holds_no_image_when_its_name_is_removed(
    robot: Robot, podman: FakePodman
) -> None:
    podman.name("localhost/sensor_service:2", {**podman.brings, "Id": IDENTITY})
    podman.unlisted["robot-stack-sensor_service"] = IDENTITY
    engine = podman.engine()
    engine.remove_image(REFERENCE)
    assert IDENTITY in podman.images, "as it is with Podman"
    engine.remove("robot-stack-sensor_service")
    engine.remove_image(REFERENCE)
    assert IDENTITY not in podman.images


@pytest.mark.parametrize("robot", [2], indirect=True)
def test_what_podman_unpacks_is_laid_on_the_disk_beside_what_was_sent(
    robot: Robot, podman: FakePodman, sent: Any
) -> None:
    """/var/tmp is memory on robots that spare their card."""
    pulling(podman)
    for skip in (0, 2):
        archive = sent(skip)
        (archive.with_suffix(".room") / "left_by_one_that_was_killed").mkdir(parents=True)
        rooms = list[str]()
        asked = podman.answer

        def answer(*given: Any, asked: Any = asked, rooms: list[str] = rooms) -> str:
            said: str = asked(*given)
            rooms.append(podman.room)
            return said

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(programs, "_answer", answer)
            patch.setattr(podman, "_load", lambda _: "Loaded\n")
            podman.images.setdefault(IDENTITY, {**podman.brings, "Id": IDENTITY, "RepoTags": [], "RepoDigests": []})
            podman.engine().load(archive)
        assert str(archive.with_suffix(".room")) in rooms
        assert not archive.with_suffix(".room").exists()


@pytest.mark.parametrize("robot", [2], indirect=True)
@pytest.mark.parametrize("made_up", ["localhost/sensor_service:2", "docker.io/library/sensor_service:2", ""])
def test_a_whole_archive_has_its_name_whatever_podman_makes_of_it(
    robot: Robot, podman: FakePodman, sent: Any, made_up: str
) -> None:
    identity = digest(CONFIG).partition(":")[2]

    def load(words: list[str]) -> str:
        assert words[0].startswith("--input=")
        podman.name(made_up, {**podman.brings, "Id": identity})
        if not made_up:
            podman.images[identity]["RepoTags"] = []
        return "Loaded image: it\n"

    podman._load = load  # type: ignore[method-assign]
    podman.engine().load(sent(0))
    assert podman.images[identity]["RepoTags"] == ["localhost/sensor_service:2"]
    assert podman.engine().image(REFERENCE) is not None


@pytest.mark.parametrize(
    ("reference", "here", "elsewhere"),
    [
        ("it:1", "localhost/it:1", "docker.io/library/it:1"),
        ("team/it:1", "localhost/team/it:1", "docker.io/team/it:1"),
        ("localhost/it:1", "localhost/it:1", "localhost/it:1"),
        ("registry:5000/it:1", "registry:5000/it:1", "registry:5000/it:1"),
        ("ghcr.io/team/it@sha256:00", "ghcr.io/team/it@sha256:00", "ghcr.io/team/it@sha256:00"),
    ],
)
def test_names_are_written_out(reference: str, here: str, elsewhere: str) -> None:
    assert (images.local_name(reference), images.registry_name(reference)) == (here, elsewhere)


@pytest.mark.parametrize("robot", [2], indirect=True)
def test_an_image_is_found_by_its_id_its_name_and_its_pinned_name_alone(robot: Robot, podman: FakePodman) -> None:
    pinned = f"alpine@sha256:{'e' * 64}"
    podman.name("localhost/it:1", podman.brings)
    engine = podman.engine()
    engine.pull(pinned)
    assert podman.calls[-1] == f"pull --quiet docker.io/library/{pinned}"
    podman.images[podman.brings["Id"]]["RepoTags"] = ["localhost/it:1"]
    identity = f"sha256:{podman.brings['Id']}"
    for reference in ("it:1", pinned, identity, podman.brings["Id"]):
        found = engine.image(reference)
        assert found is not None, reference
        assert found.id == identity
    for reference in ("it:2", "it", "docker.io/library/it:1", f"it@sha256:{'e' * 64}", "sha256:" + "0" * 64):
        assert engine.image(reference) is None
