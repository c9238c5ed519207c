"""Images on the controller: packed once, left thin, the same bytes each time, and never sent damaged."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.archive import (
    SHORT,
    assemble,
    leading_layers,
    name_of,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.folder import ImageFolder, Packed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.packing import pack
from hypothesis import given
from hypothesis import strategies as st

REFERENCE = "robot-stack/some-service:1"
LAYERS = [b"the lowest" * 200, b"the middle" * 300_000, b"the highest" * 100]


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def config(layers: Sequence[bytes], architecture: str = "amd64") -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    return json.dumps({"os": "linux", "architecture": architecture, "config": {}, "rootfs": rootfs}).encode()


def saved(path: Path, layers: Sequence[bytes] = LAYERS, packed: bool = False, lie: bytes = b"") -> Path:
    """Write what `docker save` writes: each layer as it is, or, as newer engines do, compressed under its digest."""
    stored = {f"blobs/{i}" if packed else f"{i}/layer.tar": layer for i, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": list(stored)}]
    with tarfile.open(path, "w") as archive:
        for name, content in {
            **{name: gzip.compress(layer) if packed else layer for name, layer in stored.items()},
            "config.json": config([*layers[:-1], lie] if lie else layers),
            "manifest.json": json.dumps(manifest).encode(),
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> ImageFolder:
    return ImageFolder(tmp_path / "images")


@pytest.fixture
def image(tmp_path: Path, folder: ImageFolder) -> Packed:
    made = pack(saved(tmp_path / "saved.tar"), folder, REFERENCE, "amd64", "sha256:print")
    folder.add(made, 10)
    return made


def read(path: Path) -> dict[str, bytes]:
    """Read an archive as an engine does, whatever it is compressed with."""
    raw = path.read_bytes()
    plain = bz2.decompress(raw) if raw.startswith(b"BZh") else gzip.decompress(raw)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: stream.read() for name, stream in found.items() if stream is not None}


def made(folder: ImageFolder, image: Packed, skip: int, tmp_path: Path) -> Path:
    target = tmp_path / f"{skip}.archive"
    assemble(folder, image, skip, target)
    return target


def test_a_whole_archive_holds_the_image_under_the_robots_name_for_it(
    folder: ImageFolder, image: Packed, tmp_path: Path
) -> None:
    found = read(made(folder, image, 0, tmp_path))
    (manifest,) = json.loads(found["manifest.json"])
    assert manifest["RepoTags"] == [REFERENCE]
    assert [found[name] for name in manifest["Layers"]] == LAYERS
    assert digest(found[manifest["Config"]]) == image.config
    assert json.loads(found[manifest["Config"]])["rootfs"]["diff_ids"] == list(image.layers)


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_a_thin_archive_leaves_out_the_leading_layers_and_still_names_them(
    folder: ImageFolder, image: Packed, tmp_path: Path, skip: int
) -> None:
    found = read(made(folder, image, skip, tmp_path))
    (manifest,) = json.loads(found["manifest.json"])
    assert len(manifest["Layers"]) == 3
    assert [found[name] for name in manifest["Layers"] if name in found] == LAYERS[skip:]


def test_the_same_archive_is_the_same_bytes_from_any_engine(tmp_path: Path) -> None:
    """So that a delivery which one run began can be ended by another."""
    both = []
    for packed in (False, True):
        folder = ImageFolder(tmp_path / str(packed))
        one = pack(saved(tmp_path / f"{packed}.tar", packed=packed), folder, REFERENCE, "amd64", "sha256:print")
        both.append((name_of(one, 1), made(folder, one, 1, tmp_path).read_bytes()))
    assert both[0] == both[1]


def test_no_time_is_in_an_archive(folder: ImageFolder, image: Packed, tmp_path: Path) -> None:
    for path in (made(folder, image, 0, tmp_path), folder.layer(image.layers[0])):
        assert path.read_bytes()[4:8] == bytes(4), "gzip's own time"


def test_archives_of_different_content_have_different_names(image: Packed) -> None:
    other = Packed("another:1", image.architecture, image.fingerprint, image.config, image.layers)
    assert len({name_of(image, 0), name_of(image, 1), name_of(other, 0)}) == 3


def test_a_layer_that_is_not_what_its_image_says_is_not_packed(tmp_path: Path, folder: ImageFolder) -> None:
    with pytest.raises(ImageUnavailableError, match="is not sha256:"):
        pack(saved(tmp_path / "saved.tar", lie=b"else"), folder, REFERENCE, "amd64", "sha256:print")


def test_an_archive_without_the_robots_architecture_is_refused(tmp_path: Path, folder: ImageFolder) -> None:
    with pytest.raises(ImageUnavailableError, match="nothing for arm64"):
        pack(saved(tmp_path / "saved.tar"), folder, REFERENCE, "arm64", "sha256:print")


@pytest.mark.parametrize("blob", ["layer", "config"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_folder_is_noticed_before_anything_is_sent(
    folder: ImageFolder, image: Packed, tmp_path: Path, blob: str, damage: str
) -> None:
    path = folder.layer(image.layers[1]) if blob == "layer" else folder.config(image.config)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flipped" else content[:-20])
    with pytest.raises(ImageUnavailableError, match="is missing" if damage == "gone" else "is damaged"):
        made(folder, image, 0, tmp_path)


CHAINS = st.lists(st.lists(st.sampled_from("abcd"), max_size=5), max_size=4)


@given(wanted=st.lists(st.sampled_from("abcd"), max_size=5), chains=CHAINS)
def test_only_layers_below_which_the_robot_has_everything_are_left_out(
    wanted: list[str], chains: list[list[str]]
) -> None:
    full = tuple(f"sha256:{letter * 64}" for letter in wanted)
    left_out = leading_layers(
        Packed("a:1", "amd64", "", "", full), [[letter * SHORT for letter in chain] for chain in chains]
    )
    assert left_out == 0 or any(chain[:left_out] == wanted[:left_out] for chain in chains)
    assert not any(chain[: left_out + 1] == wanted[: left_out + 1] for chain in chains if len(wanted) > left_out)


def test_a_folder_serves_without_an_engine(
    tmp_path: Path, folder: ImageFolder, image: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(**_: Any) -> Any:
        raise AssertionError("no engine may be asked")

    monkeypatch.setattr(docker, "from_env", none)
    images = Images(lambda _: None, folder.path, tmp_path / "cache")
    assert images.fingerprints({REFERENCE: ["amd64"]}) == {REFERENCE: {"amd64": "sha256:print"}}
    whole = images.archive(REFERENCE, "amd64")
    thin = images.archive(REFERENCE, "amd64", [[layer.partition(":")[2][:SHORT] for layer in image.layers[:2]]])
    assert (whole.left_out, thin.left_out) == (0, 2)
    assert thin.path.stat().st_size < whole.path.stat().st_size
    assert digest(thin.path.read_bytes()) == thin.digest
    assert images.archive(REFERENCE, "amd64", expected="sha256:print").path == whole.path
    with pytest.raises(ImageUnavailableError, match="for amd64 was renewed in the meantime: run again"):
        images.archive(REFERENCE, "amd64", expected="sha256:of-the-gate")


def test_a_folder_without_the_image_says_how_to_fill_it(tmp_path: Path, folder: ImageFolder) -> None:
    images = Images(lambda _: None, folder.path, tmp_path / "cache")
    with pytest.raises(ImageUnavailableError, match=r"does not hold .* for arm64: .*-e images_directory=FOLDER"):
        images.fingerprints({REFERENCE: ["arm64"]})


def test_the_index_of_another_version_is_read_as_far_as_it_goes(folder: ImageFolder, image: Packed) -> None:
    index = folder.path / "images.json"
    raw = json.loads(index.read_text())
    assert (raw["format"], raw["version"]) == (1, 1), "the version before this one asks for the second"
    yesterday = {"version": 1, "images": raw["images"]}
    tomorrow = {"format": 7, "images": [{**one, "new": 1} for one in raw["images"]], "new": {}}
    for known in (yesterday, tomorrow):
        index.write_text(json.dumps(known))
        assert folder.images() == [image]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"images": [7]}', '{"images": [{}]}', '{"images": 7}', "[" * 9999]
)
def test_an_index_that_cannot_be_read_is_told(folder: ImageFolder, image: Packed, text: str) -> None:
    (folder.path / "images.json").write_text(text)
    with pytest.raises(ImageUnavailableError, match=r"images\.json cannot be read .*: make the folder again"):
        folder.images()


def test_a_folder_of_another_version_is_not_guessed_at(folder: ImageFolder, image: Packed) -> None:
    index = folder.path / "images.json"
    index.write_text(index.read_text().replace('"format": 1', '"format": 3, "least_format": 2'))
    with pytest.raises(ImageUnavailableError, match="can be read from format 2 on"):
        folder.images()


def test_a_folder_keeps_each_architecture_and_drops_what_nothing_needs(
    tmp_path: Path, folder: ImageFolder, image: Packed
) -> None:
    newer = [*LAYERS[:2], b"changed" * 99]
    second = pack(saved(tmp_path / "second.tar", newer), folder, REFERENCE, "amd64", "sha256:newer")
    folder.add(second, 10)
    other = Packed(REFERENCE, "arm64", "sha256:arm", second.config, second.layers)
    folder.add(other, 10)
    assert folder.images() == [second, other]
    assert not folder.layer(image.layers[2]).exists()
    folder.check(second)
