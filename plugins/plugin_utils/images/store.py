"""Images in the controller's own engine: looked at, and pulled for one architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import ImageUnavailableError
from .sdk import APIError, ImageNotFound

Say = Callable[[str], None]  # tells a person about long work


def inspect(client: Any, name: str) -> dict[str, Any] | None:
    """Return the engine's description of an image, or None where it does not have it."""
    try:
        return dict(client.api.inspect_image(name))
    except ImageNotFound:
        return None


def pull(client: Any, reference: str, architecture: str, say: Say) -> dict[str, Any]:
    """Pull an image for one architecture, which its plain name stands for afterwards; return its description."""
    say(f"pulling {reference} for {architecture}")
    try:
        client.images.pull(reference, platform=f"linux/{architecture}")
    except (APIError, ImageNotFound) as error:
        raise ImageUnavailableError(f"{reference} for {architecture} cannot be pulled: {error}") from error
    found = inspect(client, reference)
    if found is None or found["Architecture"] != architecture:
        raise ImageUnavailableError(f"{reference} is not to be had for {architecture}")
    return found


def kept_name(reference: str, architecture: str) -> str:
    """Return the name under which this machine alone keeps one architecture of an image."""
    return f"{reference}-{architecture}"


def there(client: Any, reference: str, architecture: str) -> dict[str, Any] | None:
    """Return the image if the engine has it; the plain name counts first, so that whoever renews it is heard."""
    for name in (reference, kept_name(reference, architecture)):
        found = inspect(client, name)
        if found is not None and found["Architecture"] == architecture:
            _keep(client, str(found["Id"]), reference, architecture)
            return found
    return None


def have(client: Any, reference: str, architecture: str, say: Say) -> dict[str, Any]:
    """Return the image, pulled where the engine does not have it."""
    found = there(client, reference, architecture)
    if found is None:
        found = pull(client, reference, architecture, say)
        _keep(client, str(found["Id"]), reference, architecture)
    return found


def _keep(client: Any, identity: str, reference: str, architecture: str) -> None:
    repository, _, tag = kept_name(reference, architecture).rpartition(":")
    client.api.tag(identity, repository, tag)
