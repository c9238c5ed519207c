"""The sensor service's image: built here, and built anew when its sources or its base images have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import ImageUnavailableError
from .sdk import APIError, BuildError
from .sensor_source import source_digest
from .store import Say, inspect, kept_name, pull

REPOSITORY = "robot-stack/sensor-service"
SOURCE_LABEL = "robot-stack.source"
BASE_LABEL = "robot-stack.base"
# Docker Hub keeps the official images of each architecture under a name of its own as well.
REGISTRY_PREFIXES = {"amd64": "amd64", "arm64": "arm64v8", "arm": "arm32v7"}


def ready(client: Any, context: Path, reference: str, architecture: str, say: Say) -> dict[str, Any]:
    """Return the description of the image, built from ``context`` where it is missing or out of date.

    It is out of date as well where this machine has a base image in another version than it was built from, such as
    one with a security fix.
    """
    own = str(client.version()["Arch"])
    bases = base_images(architecture, own)
    here = {base: found for base in bases.values() if (found := _for(client, base, architecture))}
    labels = {SOURCE_LABEL: source_digest(context)}
    if len(here) == len(bases):  # what is not here has not changed either
        labels[BASE_LABEL] = _digest(list(here.values()))
    found = inspect(client, kept_name(reference, architecture))
    if found and labels.items() <= (found["Config"].get("Labels") or {}).items():
        return found
    say(f"building {reference} for {architecture}")
    held = [here.get(base) or pull(client, base, architecture, say) for base in bases.values()]
    arguments = {"buildargs": bases, "labels": {**labels, BASE_LABEL: _digest(held)}}
    built = _built(client, context, reference, architecture, arguments)
    if architecture == own:  # for whoever runs it on this machine by its plain name
        client.api.tag(str(built["Id"]), *reference.rsplit(":", 1))
    return built


def base_images(architecture: str, own: str) -> dict[str, str]:
    """Return the build arguments that name the base images; those of the machine's ``own`` architecture: plain names.

    Nothing of another architecture runs while building.
    """
    prefix = "" if architecture == own else f"{REGISTRY_PREFIXES[architecture]}/"
    return {
        "BASE_IMAGE": f"{prefix}alpine:3.23",
        "TARGET_PYTHON_IMAGE": f"{prefix}python:3.13-alpine3.23",
    }


def _built(
    client: Any, context: Path, reference: str, architecture: str, arguments: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    name = kept_name(reference, architecture)
    try:
        client.images.build(path=str(context), tag=name, rm=True, forcerm=True, **arguments)
    except BuildError as error:
        log = "".join(str(line.get("stream", "")) for line in error.build_log)[-2000:]
        raise ImageUnavailableError(f"{reference} cannot be built: {error}\n{log}") from error
    except APIError as error:
        raise ImageUnavailableError(f"{reference} cannot be built: {error}") from error
    found = _for(client, name, architecture)
    if found is None:
        raise ImageUnavailableError(f"{reference} was not built for {architecture}")
    return found


def _for(client: Any, name: str, architecture: str) -> dict[str, Any] | None:
    found = inspect(client, name)
    return found if found and found["Architecture"] == architecture else None


def _digest(images: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest of the images' layers, which every engine names alike."""
    layers = [image["RootFS"]["Layers"] for image in images]
    return hashlib.sha256(json.dumps(layers).encode()).hexdigest()
