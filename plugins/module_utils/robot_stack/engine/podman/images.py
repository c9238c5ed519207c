"""Podman's images, as two of its programs tell them. Names are looked for as they are written out, never guessed.

Source of the form: https://docs.podman.io/en/stable/markdown/podman-image-inspect.1.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from .. import kept
from ..fields import number, part, text, texts
from ..image import fingerprint
from ..protocol import EngineError, FoundImage

ALGORITHM = "sha256:"
PINNED = f"@{ALGORITHM}"  # in a name: what is meant is this, and nothing that bears the name later
IDENTITY = re.compile(r"[0-9a-f]{64}")
HERE, REGISTRY = "localhost", "docker.io"
# What Podman from 4.7 on called an image that earlier versions of this project had sent without some of its layers.
FORMER = f"{REGISTRY}/library/it:latest"


def local_name(reference: str) -> str:
    """Return the whole name that Podman gives an image of its own store: what names no registry is of this host."""
    return reference if _names_registry(reference) else f"{HERE}/{reference}"


def registry_name(reference: str) -> str:
    """Return the whole name of an image elsewhere, as every engine reads one without a registry."""
    if _names_registry(reference):
        return reference
    return f"{REGISTRY}/{reference}" if "/" in reference else f"{REGISTRY}/library/{reference}"


def _names_registry(reference: str) -> bool:
    first, slash, _ = reference.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == HERE)


def parsed(content: str, called: str) -> Any:
    """Return what JSON says. Raises `EngineError`."""
    try:
        return json.loads(content or "null")
    except (ValueError, RecursionError) as error:
        raise EngineError(0, f"the answer of {called} is no JSON: {error}") from error


def objects(raw: Any, called: str) -> list[Mapping[str, Any]]:
    """Return a list of objects, nothing where there is none. Raises `EngineError`."""
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(one, Mapping) for one in raw):
        raise EngineError(0, f"{called} answered with something else than a list of objects")
    return raw


def image(raw: Mapping[str, Any]) -> FoundImage:
    """Return what `podman image inspect` tells of one image; its id is the digest of its configuration, as Docker's."""
    layers, environment = texts(part(raw, "RootFS"), "Layers"), texts(part(raw, "Config"), "Env")
    return FoundImage(
        identity(raw), fingerprint(raw), layers, environment, number(raw, "Size"), names(raw), is_kept(raw)
    )


def names(raw: Mapping[str, Any]) -> list[str]:
    """Return the names of an image, but for those that mean nothing to anybody else."""
    return [name for name in texts(raw, "RepoTags") if not (name == FORMER or kept.is_one(name))]


def is_kept(raw: Mapping[str, Any]) -> bool:
    """Whether an image bears a name by which this project keeps it."""
    return any(map(kept.is_one, texts(raw, "RepoTags")))


def own_names(raw: Mapping[str, Any]) -> list[str]:
    """Return those others, which are nobody's use of it."""
    return [name for name in texts(raw, "RepoTags") if name == FORMER or kept.is_one(name)]


def identity(raw: Mapping[str, Any]) -> str:
    """Return an image's id with its algorithm."""
    found = text(raw, "Id")
    return found if found.startswith(ALGORITHM) else f"{ALGORITHM}{found}"


def hex_id(raw: Mapping[str, Any]) -> str:
    """Return an image's id without its algorithm, as Podman's programs take it."""
    return identity(raw).rpartition(":")[2]


def is_id(reference: str) -> bool:
    """Whether this is an image's id, and no name."""
    return reference.startswith(ALGORITHM) or IDENTITY.fullmatch(reference) is not None


def named(reference: str) -> str:
    """Return how Podman is to be asked for the image of this reference or id."""
    if is_id(reference):
        return reference.rpartition(":")[2]
    return registry_name(reference) if PINNED in reference else local_name(reference)


def bears(raw: Mapping[str, Any], reference: str) -> bool:
    """Whether an image has this id, or this name or pinned name."""
    if is_id(reference):
        return hex_id(raw) == reference.rpartition(":")[2]
    if PINNED in reference:
        return registry_name(reference) in texts(raw, "RepoDigests")
    return local_name(reference) in texts(raw, "RepoTags")


def login(registry: str, username: str, password: str) -> dict[str, Any]:
    """Return what a file of logins holds for one. Source: man 5 containers-auth.json"""
    secret = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"auths": {registry: {"auth": secret}}}
