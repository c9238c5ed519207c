"""The bill of materials of an image says what its own files say, as a container would see them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.contents import bill, files, software
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.folder import ImageFolder, Packed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.packing import pack
from hypothesis import given
from hypothesis import strategies as st
from images import test_archives

APK = """C:Q1
P:musl
V:1.2.5-r9
A:aarch64
L:MIT

P:busybox
V:1.37.0-r1
A:aarch64
L:GPL-2.0-only
"""
DPKG = """Package: libc6
Status: install ok installed
Architecture: arm64
Version: 2.36-9

Package: gone
Status: deinstall ok not-installed
Version: 1
"""
METADATA = "Metadata-Version: 2.4\nName: Some.Package\nVersion: 2.0\nLicense-Expression: MIT\n\nA text.\n"
OS = 'ID=alpine\nVERSION_ID="3.23.4"\n'
MODULES = "path\texample.org/db\nmod\texample.org/db\tv1.2.3\t\ndep\tgithub.com/Other/lib\tv0.1.0+x\th1:abc=\n"


def go_program() -> bytes:
    """A program as Go's linker writes what it was built from."""

    def text(content: bytes) -> bytes:
        assert len(content) < 1 << 14
        return bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content

    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    modules = b"S" * 16 + MODULES.encode() + b"E" * 16
    return b"\x7fELF" + bytes(100) + head + text(b"go1.26.2") + text(modules) + bytes(50)


def layer_of(content_by_path: dict[str, bytes | str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, text in content_by_path.items():
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def packed(tmp_path: Path, *layers: bytes) -> tuple[ImageFolder, Packed]:
    folder = ImageFolder(tmp_path / "images")
    saved = test_archives.saved(tmp_path / "saved.tar", layers)
    return folder, pack(saved, folder, "robots/thing:1", "amd64", "sha256:1")


def listed(tmp_path: Path, *layers: bytes) -> dict[str, Any]:
    document = json.loads(bill.bill(*packed(tmp_path, *layers)))
    return {one["bom-ref"]: one for one in document["components"]}


def test_each_kind_of_package_is_listed(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        layer_of({"etc/os-release": OS, "lib/apk/db/installed": APK, "var/lib/dpkg/status": DPKG}),
        layer_of(
            {
                "./usr/lib/python3/site-packages/some_package-2.0.dist-info/METADATA": METADATA,
                "usr/local/lib/libpython3.13.so.1.0": b"\x7fELF\x00\x003.13.7\x003.13.1 (main)\x00",
                "database": go_program(),
            }
        ),
    )
    assert sorted(found) == [
        "alpine@3.23.4",
        "pkg:apk/alpine/busybox@1.37.0-r1?arch=aarch64&distro=alpine-3.23.4",
        "pkg:apk/alpine/musl@1.2.5-r9?arch=aarch64&distro=alpine-3.23.4",
        "pkg:deb/alpine/libc6@2.36-9?arch=arm64&distro=alpine-3.23.4",
        "pkg:generic/python@3.13.7",
        "pkg:golang/example.org/db@v1.2.3",
        "pkg:golang/github.com/Other/lib@v0.1.0%2Bx",
        "pkg:golang/stdlib@1.26.2",
        "pkg:pypi/some-package@2.0",
    ]
    musl = found["pkg:apk/alpine/musl@1.2.5-r9?arch=aarch64&distro=alpine-3.23.4"]
    assert musl["licenses"] == [{"expression": "MIT"}]


def test_an_image_that_we_build_names_what_it_was_built_from() -> None:
    labels = {
        "org.opencontainers.image.title": "sensor-service",
        "org.opencontainers.image.version": "0.1.0",
        "org.opencontainers.image.licenses": "MIT",
        "robot-stack.source": "abc",
    }
    (one,) = software.components(files.Found(), labels)
    assert (one.name, one.version, one.kind, one.license) == ("sensor-service", "0.1.0", "application", "MIT")
    assert one.source_digest == "abc"


@pytest.mark.parametrize(
    "upper",
    [
        {"lib/apk/db/.wh.installed": b""},
        {"lib/apk/.wh.db": b""},
        {"lib/apk/db/.wh..wh..opq": b""},
        {".wh.lib": b""},
        {"lib/apk/db/installed": b""},
    ],
    ids=lambda upper: next(iter(upper)),
)
def test_what_an_upper_layer_removes_or_replaces_is_not_listed(tmp_path: Path, upper: dict[str, bytes | str]) -> None:
    below = layer_of({"lib/apk/db/installed": APK, "etc/os-release": OS})
    assert sorted(listed(tmp_path, below, layer_of(upper))) == ["alpine@3.23.4"]


def test_an_opaque_folder_keeps_what_its_own_layer_brings(tmp_path: Path) -> None:
    upper: dict[str, bytes | str] = {"lib/apk/db/installed": "P:zlib\nV:1.3\n", "lib/apk/db/.wh..wh..opq": b""}
    found = listed(tmp_path, layer_of({"lib/apk/db/installed": APK}), layer_of(upper))
    assert [one["name"] for one in found.values()] == ["zlib"]


def test_the_same_image_is_the_same_document_of_the_published_format(tmp_path: Path) -> None:
    image = packed(tmp_path, layer_of({"lib/apk/db/installed": APK, "etc/os-release": OS, "database": go_program()}))
    text = bill.bill(*image)
    assert text == bill.bill(*image)
    document = json.loads(text)
    jsonschema.validate(document, USED_OF_CYCLONEDX)
    references = [one["bom-ref"] for one in document["components"]]
    assert len(references) == len(set(references))
    assert document["dependencies"] == [{"ref": "image", "dependsOn": references}]
    assert bill.file_name(image[1]) == "robots_thing_1-amd64.cdx.json"


def test_a_layer_that_is_damaged_is_named(tmp_path: Path) -> None:
    folder, image = packed(tmp_path, layer_of({"etc/os-release": OS}))
    path = folder.layer(image.layers[0])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ImageUnavailableError, match=f"{path.name} of robots/thing:1 cannot be read"):
        bill.bill(folder, image)


@given(st.binary(max_size=300), st.text(max_size=300), st.integers(0, 200))
def test_any_content_is_read_without_an_error(raw: bytes, text: str, cut: int) -> None:
    program = go_program()
    found = files.Found(
        texts={"etc/os-release": text, "lib/apk/db/installed": text, "var/lib/dpkg/status": text, "x.egg-info": text},
        programs={"usr/bin/python3.13": raw, "a": program[:-cut], "b": program[:124] + raw},
    )
    for one in software.components(found, {"org.opencontainers.image.title": text}):
        assert one.reference
        json.dumps(one.purl)


# What of https://cyclonedx.org/schema/bom-1.6.schema.json concerns the parts that are written here.
_TEXT = {"type": "string", "minLength": 1}
_PROPERTIES = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": _TEXT, "value": _TEXT}, "additionalProperties": False},
}
_COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "library", "container", "platform", "operating-system"]},
        "bom-ref": _TEXT,
        "name": _TEXT,
        "version": {"type": "string", "maxLength": 1024},
        "purl": {"type": "string", "pattern": r"^pkg:[a-z]+/[^\s]+@[^\s]+$"},
        "properties": _PROPERTIES,
        "licenses": {
            "type": "array",
            "maxItems": 1,
            "items": {"type": "object", "required": ["expression"], "properties": {"expression": _TEXT}},
        },
    },
}
USED_OF_CYCLONEDX = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components"],
    "additionalProperties": False,
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"type": "string", "pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "tools": {"type": "object", "properties": {"components": {"type": "array", "items": _COMPONENT}}},
                "component": _COMPONENT,
            },
        },
        "components": {"type": "array", "items": _COMPONENT, "uniqueItems": True},
        "dependencies": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["ref"],
                "properties": {"ref": _TEXT, "dependsOn": {"type": "array", "items": _TEXT, "uniqueItems": True}},
            },
        },
    },
}
