"""What a robot lacks and only the controller can bring, as the module's answer tells it. Plain data on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Union


@dataclass(frozen=True)
class PackagesNeed:
    """Packages of the distribution; ``staged``: files that have arrived already (name, bytes, digest).

    ``replaces``: they come in place of ours, which may have to go; otherwise no package of the robot does.
    """

    names: tuple[str, ...]
    platform: str  # by whose means, see host/platforms
    staged: tuple[Mapping[str, Any], ...] = ()
    replaces: bool = False


@dataclass(frozen=True)
class PurgeNeed:
    """Packages that shall leave, with what came along with them."""

    names: tuple[str, ...]
    platform: str


@dataclass(frozen=True)
class RebootNeed:
    """The kernel must be started with another command line."""


@dataclass(frozen=True)
class ImageNeed:
    """An image. ``chains``: layers of the images that the robot has, shortened; ``whole``: leave none out, and why."""

    reference: str
    architecture: str
    chains: tuple[tuple[str, ...], ...] = ()
    staged: tuple[Mapping[str, Any], ...] = ()
    whole: bool = False
    why: str = ""


Need = Union[PackagesNeed, PurgeNeed, RebootNeed, ImageNeed]
KINDS: dict[str, Any] = {"packages": PackagesNeed, "purge": PurgeNeed, "reboot": RebootNeed, "image": ImageNeed}


def told(need: Need) -> dict[str, Any]:
    """Return ``need`` as plain data."""
    kind = next(kind for kind, known in KINDS.items() if type(need) is known)
    return {"kind": kind, **{name: _plain(value) for name, value in asdict(need).items()}}


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def needed(raw: Mapping[str, Any]) -> Need:
    """Return the need that ``raw`` tells; raise ValueError for one that nobody knows."""
    values = dict(raw)
    kind = str(values.pop("kind", ""))
    if kind not in KINDS:
        raise ValueError(f"the robot asks for {kind!r}, which this version cannot bring")
    for name in ("names", "staged"):
        if name in values:
            values[name] = tuple(values[name])
    if "chains" in values:
        values["chains"] = tuple(tuple(chain) for chain in values["chains"])
    try:
        found: Need = KINDS[kind](**values)
    except TypeError as error:
        raise ValueError(f"the robot asks for {kind} in words that this version does not know: {error}") from error
    return found
