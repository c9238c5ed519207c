"""Images that are built here, and built anew when their sources or their base images have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .context import source_digest
from .errors import ImageUnavailableError
from .recipe import Recipe
from .sdk import APIError, BuildError
from .store import REGISTRY_PREFIXES, Say, fits, have, inspect, is_official, kept_name, pinned, pull, there

SOURCE_LABEL = "robot-stack.source"
BASE_LABEL = "robot-stack.base"


def ready(
    client: Any,
    recipe: Recipe,
    reference: str,
    architecture: str,
    say: Say,
    digests: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the description of the image, built by ``recipe`` where it is missing or out of date.

    It is out of date as well where this machine has a base image in another version than it was built from, such as
    one with a security fix. ``digests`` are those by which base images are pulled.
    """
    known = digests or {}
    if not (recipe.context / "Dockerfile").is_file():
        raise ImageUnavailableError(f"{reference} cannot be built: there is no {recipe.context / 'Dockerfile'}")
    own = str(client.version()["Arch"])
    bases = base_images(recipe.bases, architecture, own)
    # of those that run here, only what a digest is declared for: without one they are none of the label's business
    running = {name: base for name, base in recipe.build_bases.items() if pinned(base, known)}
    needed = [*((base, architecture) for base in bases.values()), *((base, own) for base in running.values())]
    needed = list(dict.fromkeys(needed))
    here = {one: it for one in needed if (it := _base_here(client, *one, say, known))}
    labels = {SOURCE_LABEL: source_digest(recipe.context)}
    if len(here) == len(needed):  # what is not here has not changed either
        labels[BASE_LABEL] = _digest(list(here.values()))
    found = inspect(client, kept_name(reference, architecture))
    if found and labels.items() <= (found["Config"].get("Labels") or {}).items():
        return found
    say(f"building {reference} for {architecture}")
    held = [here.get(one) or (pull if is_official(one[0]) else have)(client, *one, say, known) for one in needed]
    named = {name: base if is_official(base) else kept_name(base, architecture) for name, base in bases.items()}
    named |= {name: base if is_official(base) else kept_name(base, own) for name, base in running.items()}
    arguments = {"buildargs": named, "labels": {**labels, BASE_LABEL: _digest(held)}}
    built = _built(client, recipe, reference, architecture, arguments)
    if architecture == own:  # for whoever runs it on this machine by its plain name
        client.api.tag(str(built["Id"]), *reference.rsplit(":", 1))
    return built


def base_images(bases: Mapping[str, str], architecture: str, own: str) -> dict[str, str]:
    """Return the build arguments with the images for ``architecture``; those of the machine's ``own``: plain names.

    Nothing of another architecture runs while building.
    """
    prefix = "" if architecture == own else f"{REGISTRY_PREFIXES[architecture]}/"
    return {argument: f"{prefix}{base}" if "/" not in base else base for argument, base in bases.items()}


def _base_here(
    client: Any, base: str, architecture: str, say: Say, digests: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return a base image that this machine has; one with another digest than the declared one is pulled anew."""
    if not is_official(base):
        found = there(client, base, architecture, digests)
        return found or (have(client, base, architecture, say, digests) if there(client, base, architecture) else None)
    found = _for(client, base, architecture)
    return found if found is None or fits(found, base, digests) else pull(client, base, architecture, say, digests)


def _built(
    client: Any, recipe: Recipe, reference: str, architecture: str, arguments: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    name = kept_name(reference, architecture)
    try:
        client.images.build(path=str(recipe.context), tag=name, rm=True, forcerm=True, **arguments)
    except BuildError as error:
        log = "".join(str(line.get("stream", "")) for line in error.build_log)[-2000:]
        raise ImageUnavailableError(f"{reference} cannot be built: {error}\n{log}") from error
    except APIError as error:
        raise ImageUnavailableError(f"{reference} cannot be built: {error}") from error
    found = _for(client, name, architecture)
    if found is None:
        raise ImageUnavailableError(
            f"{reference} was not built for {architecture}: its Dockerfile must take its base images from build "
            "arguments, which `bases` of the service's image names (docs/adding-a-service.md)"
        )
    return found


def _for(client: Any, name: str, architecture: str) -> dict[str, Any] | None:
    found = inspect(client, name)
    return found if found and found["Architecture"] == architecture else None


def _digest(images: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest of the images' layers, which every engine names alike."""
    layers = [image["RootFS"]["Layers"] for image in images]
    return hashlib.sha256(json.dumps(layers).encode()).hexdigest()
