"""Images in the controller's own engine: looked at, and pulled for one architecture."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ImageUnavailableError
from .sdk import APIError, ImageNotFound

Say = Callable[[str], None]  # tells a person about long work
# Docker Hub keeps the official images of each architecture under a name of its own as well.
REGISTRY_PREFIXES = {"amd64": "amd64", "arm64": "arm64v8", "arm": "arm32v7"}

MARK = re.compile(r"(?P<repository>.+):sha256-(?P<hex>[0-9a-f]{64})-[a-z0-9]+")


def inspect(client: Any, name: str) -> dict[str, Any] | None:
    """Return the engine's description of an image, or None where it does not have it."""
    try:
        return dict(client.api.inspect_image(name))
    except ImageNotFound:
        return None


def is_official(reference: str) -> bool:
    """Whether the name stands for one architecture: an official image's does, with or without its prefix."""
    owner, _, name = reference.rpartition("/")
    return not owner or (owner in REGISTRY_PREFIXES.values() and "/" not in name)


def pinned(reference: str, digests: Mapping[str, str]) -> str:
    """Return the name by which an image is pulled: its repository and the declared digest; "" where there is none.

    The digest of an official image is that of all its architectures, whatever name one of them has besides.
    """
    if reference not in digests and is_official(reference):
        reference = reference.rpartition("/")[2]
    digest = digests.get(reference, "")
    return f"{reference.rpartition(':')[0]}@{digest}" if digest else ""


def fits(found: Mapping[str, Any], reference: str, digests: Mapping[str, str]) -> bool:
    """Whether an image may be used: no digest is declared, or it is that one, or it came from no registry."""
    wanted = pinned(reference, digests)
    repositories = {reference.rpartition(":")[0], wanted.partition("@")[0]}
    names = [*(found.get("RepoDigests") or []), *_marked(found)]
    known = [name for name in names if name.partition("@")[0] in repositories]
    return not wanted or not known or wanted in known


def pull(
    client: Any, reference: str, architecture: str, say: Say, digests: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Pull an image for one architecture, which its plain name stands for afterwards; return its description."""
    wanted = pinned(reference, digests or {})
    how = f"as {wanted}" if wanted else "by its tag, for which robot_stack_image_digests has no digest"
    say(f"pulling {reference} for {architecture}, {how}")
    try:
        if wanted:
            _make_way(client, wanted, architecture)
        lines = client.api.pull(wanted or reference, platform=f"linux/{architecture}", stream=True, decode=True)
        why = [str(line["error"]) for line in lines if line.get("error")]  # read to its end, or the engine gives up
    except (APIError, ImageNotFound) as error:
        why = [str(error)]
    if why:
        raise ImageUnavailableError(f"{reference} for {architecture} cannot be pulled ({how}): {'; '.join(why)}")
    found = inspect(client, wanted or reference)
    if found is None or found["Architecture"] != architecture:
        raise ImageUnavailableError(f"{reference} is not to be had for {architecture} ({how})")
    if wanted:
        client.api.tag(str(found["Id"]), *reference.rsplit(":", 1))
    return found


def _make_way(client: Any, wanted: str, architecture: str) -> None:
    """Take a digest off an image of another architecture: a classic engine gives it to one image, and keeps it there.

    That image is marked with it instead, by a tag. Source: https://github.com/moby/moby/issues/43188
    """
    found = inspect(client, wanted)
    if found is not None and found["Architecture"] != architecture:
        repository, _, digest = wanted.partition("@")
        client.api.tag(str(found["Id"]), repository, f"{digest.replace(':', '-')}-{found['Architecture']}")
        client.api.remove_image(wanted)


def _marked(found: Mapping[str, Any]) -> list[str]:
    """Return the names by digest that an image had before another architecture of it was pulled."""
    marks = [MARK.fullmatch(name) for name in found.get("RepoTags") or []]
    return [f"{mark['repository']}@sha256:{mark['hex']}" for mark in marks if mark]


def kept_name(reference: str, architecture: str) -> str:
    """Return the name under which this machine alone keeps one architecture of an image."""
    return f"{reference}-{architecture}"


def there(
    client: Any, reference: str, architecture: str, digests: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Return the image if the engine has it; the plain name counts first, so that whoever renews it is heard."""
    for name in (reference, kept_name(reference, architecture)):
        found = inspect(client, name)
        if found is not None and found["Architecture"] == architecture and fits(found, reference, digests or {}):
            _keep(client, str(found["Id"]), reference, architecture)
            return found
    return None


def have(
    client: Any, reference: str, architecture: str, say: Say, digests: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the image, pulled where the engine does not have it."""
    found = there(client, reference, architecture, digests)
    if found is None:
        found = pull(client, reference, architecture, say, digests)
        _keep(client, str(found["Id"]), reference, architecture)
    return found


def _keep(client: Any, identity: str, reference: str, architecture: str) -> None:
    repository, _, tag = kept_name(reference, architecture).rpartition(":")
    client.api.tag(identity, repository, tag)
