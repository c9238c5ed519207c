"""An image's bill of materials, in CycloneDX 1.6 (JSON): the same image is the same document."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

from ... import collection
from ..folder import ImageFolder, Packed
from .files import labels_of, read
from .software import Component, components

SUFFIX = ".cdx.json"
FORMAT = "1.6"
NAMESPACE = uuid.UUID("4e9cfe1b-50fb-5d0b-8d2b-3ad8ab2c7ac1")


def bill(folder: ImageFolder, image: Packed) -> str:
    """Return the document; raise `ImageUnavailableError` where the image cannot be read."""
    config = json.loads(folder.config(image.config).read_bytes())
    found = components(read(folder, image), labels_of(config))
    name, _, version = image.reference.rpartition(":")
    about = {
        "bomFormat": "CycloneDX",
        "specVersion": FORMAT,
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{image.reference} {image.architecture} {image.config}')}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": collection.NAME, "version": collection.VERSION}]},
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": name,
                "version": version,
                "properties": [
                    {"name": "robot-stack:architecture", "value": image.architecture},
                    {"name": "robot-stack:configuration", "value": image.config},
                    *({"name": "robot-stack:layer", "value": layer} for layer in image.layers),
                ],
            },
        },
        "components": [_component(one) for one in found],
        "dependencies": [{"ref": "image", "dependsOn": [one.reference for one in found]}],
    }
    return json.dumps(about, indent=1) + "\n"


def file_name(image: Packed) -> str:
    """Return the name of an image's document: by reference and architecture."""
    return f"{quote(image.reference, safe='').replace('%2F', '_').replace('%3A', '_')}-{image.architecture}{SUFFIX}"


def _component(one: Component) -> dict[str, Any]:
    properties = {"robot-stack:found-in": one.found_in, "robot-stack:source": one.source_digest}
    about: dict[str, Any] = {
        "type": one.kind,
        "bom-ref": one.reference,
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "licenses": [{"expression": one.license}] if one.license else [],
        "properties": [{"name": name, "value": value} for name, value in properties.items() if value],
    }
    return {key: value for key, value in about.items() if value}
