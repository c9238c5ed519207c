"""The versions of the stack that were good on this robot: /var/lib/robot-stack/good-versions.json, the newest first.

A version is what was declared (services with their files, budget) and the ids of the images that ran. It is kept when
its services have passed the gate, so that a robot can be made equal to it again without being told anything. Files hold
secrets: root alone may read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..base.files import DesiredFile, write
from ..spec.model import Budget, Stack
from ..spec.parse import service_of
from . import kept as records
from .kept import mapping, value

FILE = "good-versions.json"
FORMAT = 1
FORMER = "last-good.json"  # a plain list, as version 0.1 of this project has it
FILES = (FILE, FORMER)
KEPT = 2  # the one that is good now, and the one before it, for a rollback by hand


@dataclass(frozen=True)
class Generation:
    """One good version; services are as the module was given them, by name, in the order in which they start."""

    budget: Mapping[str, Any] = field(default_factory=dict)
    watchdog_interval_seconds: int = 30
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)  # service -> id of the image that it ran


def read(root: Path) -> tuple[list[Generation], str]:
    """Return the good versions below ``root``, and "" or what of them cannot be read.

    A project of before the format number reads and writes another file: what was written last counts.
    """
    name = latest(root)
    kept = records.read(root / name)
    if kept.content is None:
        return [], kept.trouble
    listed = mapping(kept.content).get("versions") if name == FILE else kept.content
    if not isinstance(listed, list):
        return [], "it holds no list of versions"
    found = [_version(mapping(one)) for one in listed]
    damaged = len([one for one in found if one is None])
    return [one for one in found if one], f"{damaged} of its versions are damaged" if damaged else ""


def latest(root: Path) -> str:
    """Return the name of the file that counts."""
    paths = [path for path in (root / FILE, root / FORMER) if path.exists()]
    return max(paths, key=lambda path: (path.stat().st_mtime, path.name == FILE), default=root / FILE).name


def load(root: Path) -> list[Generation]:
    """Return the good versions below ``root``; what cannot be read is left out."""
    return read(root)[0]


def _version(raw: Mapping[str, Any]) -> Generation | None:
    """Return one version, None where its services cannot be made again from it."""
    listed = raw.get("services")
    try:
        services = {str(one["name"]): one for one in (listed if isinstance(listed, list) else [])}
        for one in services.values():
            service_of(one)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    images = {name: image for name, image in mapping(raw.get("images")).items() if isinstance(image, str)}
    interval = value(raw, "watchdog_interval_seconds", Generation.watchdog_interval_seconds)
    return Generation(mapping(raw.get("budget")), interval, services, images) if services else None


def save(generations: Sequence[Generation], root: Path) -> None:
    """Write them in one step, for a project of before the format number as well; none at all: no files."""
    if not generations:
        for name in FILES:
            (root / name).unlink(missing_ok=True)
        return
    told = [{**asdict(one), "services": list(one.services.values())} for one in generations[:KEPT]]
    for name, content in ((FORMER, told), (FILE, {"format": FORMAT, "versions": told})):
        write(DesiredFile(name, json.dumps(content, indent=1) + "\n", mode=0o600), root)


def differing(generations: Sequence[Generation], stack: Stack) -> list[str]:
    """Return the services in scope whose declaration is not that of the newest good version."""
    good = generations[0].services if generations else {}
    return [service.name for service in stack.scoped_services if good.get(service.name) != service.raw]


def proven(generations: Sequence[Generation], stack: Stack) -> bool:
    """Whether what is declared, as far as it is in scope, is the newest good version."""
    if not generations or differing(generations, stack):
        return False
    newest, wanted = generations[0], _told(stack)
    gone = [name for name in newest.services if stack.service(name) is None and stack.in_scope(name)]
    return not gone and (newest.budget, newest.watchdog_interval_seconds) == wanted


def after_passing(generations: Sequence[Generation], stack: Stack, images: Mapping[str, str]) -> list[Generation]:
    """Return the versions after the one that is declared has passed; outside of its scope the newest one stays."""
    newest = generations[0] if generations else Generation()
    kept = {name: raw for name, raw in newest.services.items() if not stack.in_scope(name)}
    scoped = {service.name: service.raw for service in stack.scoped_services}
    order = [service.name for service in stack.services]
    services = {name: {**kept, **scoped}[name] for name in sorted({**kept, **scoped}, key=_place(order))}
    budget, interval = _told(stack)
    known = {**newest.images, **images}
    now = Generation(budget, interval, services, {name: known.get(name, "") for name in services})
    if (now.budget, now.services, now.watchdog_interval_seconds) == (
        newest.budget,
        newest.services,
        newest.watchdog_interval_seconds,
    ):
        return [now, *generations[1:]]
    return [now, *generations][:KEPT]


def after_rollback(generations: Sequence[Generation], to: Generation, scope: Sequence[str]) -> list[Generation]:
    """Return the versions after the robot was put back to ``to``: what came after it is not good any more."""
    if not scope:
        return list(generations[generations.index(to) :])
    newest = generations[0]
    services = {name: (to if name in scope else newest).services.get(name) for name in newest.services}
    images = {name: (to if name in scope else newest).images.get(name, "") for name in newest.services}
    known = {name: raw for name, raw in services.items() if raw is not None}
    return [replace(newest, services=known, images={name: images[name] for name in known})]


def without(generations: Sequence[Generation], names: Sequence[str]) -> list[Generation]:
    """Return the versions without some services, which were removed; none that is empty."""
    left = [
        replace(
            one,
            services={name: raw for name, raw in one.services.items() if name not in names},
            images={name: image for name, image in one.images.items() if name not in names},
        )
        for one in generations
    ]
    return [one for one in left if one.services]


def stack_of(generation: Generation, stack: Stack) -> Stack:
    """Return the stack that makes the robot equal to ``generation``; engine and kernel are as declared now."""
    if not generation.services:
        return replace(stack, state="present", services=())
    return replace(
        stack,
        state="present",
        budget=_budget(generation, stack.budget),
        watchdog_interval_seconds=generation.watchdog_interval_seconds,
        services=tuple(service_of(raw) for raw in generation.services.values()),
    )


def _budget(generation: Generation, now: Budget) -> Budget:
    """Return a version's budget; what it does not say, or in another type, is as declared now."""
    return Budget(**{one.name: value(generation.budget, one.name, getattr(now, one.name)) for one in fields(Budget)})


def images_needed(generations: Sequence[Generation]) -> set[str]:
    """Return the ids of the images without which there is no way back."""
    return {image for generation in generations for image in generation.images.values() if image}


def _told(stack: Stack) -> tuple[dict[str, Any], int]:
    return asdict(stack.budget), stack.watchdog_interval_seconds


def _place(order: Sequence[str]) -> Any:
    return lambda name: order.index(name) if name in order else len(order)
