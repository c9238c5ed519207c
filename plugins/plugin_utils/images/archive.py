"""Puts together the archive that one kind of robot is sent: an image without the leading layers that it has.

An archive is several gzip streams one after the other, which every reader takes for one: a small one with the manifest
and the configuration, then the layers as they lie in the folder. Nothing is compressed twice, and the same image
without the same layers is the same bytes, so that a delivery that was cut can go on where it ended.

What is left of an image may be small. Then it is compressed once more, with bzip2: for an application's code that is a
fifth less than gzip, every engine reads it without help, and its slowness does not count.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..whole_file import whole
from .folder import BLOCK, ImageFolder, Packed
from .packing import compressed, header, layer_name

END = bytes(2 * BLOCK)  # of a tar
SMALL = 1 << 20  # bytes of layers, as stored
SHORT = 16  # hex digits of a layer's digest that a robot tells


def leading_layers(image: Packed, chains: Sequence[Sequence[str]]) -> int:
    """Return how many of the image's layers, from the lowest on, a robot with images of these ``chains`` has.

    A chain is the list of an image's layers, lowest first, each the first hex digits of its digest.
    """
    wanted = short(image.layers)
    longest = 0
    for chain in chains:
        same = 0
        while same < min(len(chain), len(wanted)) and chain[same] == wanted[same]:
            same += 1
        longest = max(longest, same)
    return longest


def short(layers: Sequence[str]) -> list[str]:
    """Return layers as a robot tells them."""
    return [layer.partition(":")[2][:SHORT] for layer in layers]


def name_of(image: Packed, skip: int) -> str:
    """Return the file name of an archive: the same for the same content."""
    essence = json.dumps([image.reference, image.config, list(image.layers), skip])
    return hashlib.sha256(essence.encode()).hexdigest()[:24] + ".archive"


def assemble(folder: ImageFolder, image: Packed, skip: int, target: Path) -> None:
    """Write the archive of ``image`` without its first ``skip`` layers; every byte is checked before."""
    sent = image.layers[skip:]
    folder.check(image, sent)
    config = folder.config(image.config).read_bytes()
    config_name = image.config.partition(":")[2] + ".json"
    manifest = [
        {
            "Config": config_name,
            "RepoTags": [image.reference],  # what the robot shall call it, whatever it is called here
            "Layers": [layer_name(layer) for layer in image.layers],
        }
    ]
    entries = ((config_name, config), ("manifest.json", json.dumps(manifest).encode()))
    head = b"".join(header(name, len(content)) + content + bytes(-len(content) % BLOCK) for name, content in entries)
    layers = [folder.layer(layer) for layer in dict.fromkeys(sent)]
    with whole(target) as partial, partial.open("wb") as raw:
        if skip and sum(layer.stat().st_size for layer in layers) <= SMALL:
            plain = head + b"".join(gzip.decompress(layer.read_bytes()) for layer in layers) + END
            raw.write(bz2.compress(plain))
        else:
            raw.write(packed(head))
            for layer in layers:
                with layer.open("rb") as stream:
                    shutil.copyfileobj(stream, raw)
            raw.write(packed(END))


def packed(content: bytes) -> bytes:
    """Return a part of an archive, compressed on its own."""
    whole = io.BytesIO()
    with compressed(whole) as stream:
        stream.write(content)
    return whole.getvalue()
