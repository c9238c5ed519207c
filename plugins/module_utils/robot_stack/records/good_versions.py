"""The versions of the stack that were good on this robot: /var/lib/robot-stack/good-versions.json, the newest first.

A version is what was declared (services with their files, budget) and the ids of the images that ran. It is kept when
its services have passed the gate, so that a robot can be made equal to it again without being told anything. Files hold
secrets: root alone may read it.

Until 0.2 the file was last-good.json, a plain list. It is written beside the new one for as long as a robot may go back
to that version, which reads and writes it alone. The new file has the digest of the old one that was written with it:
where that differs, the older version wrote since, and knows better; where the old one is gone, it has forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..base.files import DesiredFile, write
from ..spec import check
from ..spec.model import Budget, ControllerSpec, EngineSpec, Stack
from ..spec.parse import service_of
from ..spec.typed import mistyped
from . import credentials, record_file
from .record_file import FORMAT, Content, Fields, Problem

FILE = "good-versions.json"
FORMER = "last-good.json"
FILES = (FILE, FORMER)
BESIDE = "older_file_sha256"
# two versions with the files of all their services; of a hub there is a login of each robot in both (hub_secrets)
LARGEST_BYTES = 20 << 20
# for a version whose writer did not know these limits any more
DEFAULTS: Mapping[str, Any] = {"cpu_limit": 1.0, "pids_limit": 128}
KEPT = 2  # the one that is good now, and the one before it, for a rollback by hand


_ANY_BUDGET = Budget(0, 0, 0)
_SHELL = Stack(
    state="restored",  # its sums are not checked: they were when it was declared
    scope=(),
    budget=_ANY_BUDGET,
    engine=EngineSpec(False, (), {}, {}, ""),
    controller=ControllerSpec(False, False, ()),
    architecture="",
    services=(),
)


@dataclass(frozen=True)
class GoodVersion:
    """One good version; services are as the module was given them, by name, in the order in which they start."""

    budget: Mapping[str, Any] = field(default_factory=dict)
    watchdog_interval_seconds: int = 30
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)  # service -> id of the image that it ran
    containers: Mapping[str, str] = field(default_factory=dict)  # service -> id of the container that passed


def load(root: Path) -> list[GoodVersion]:
    """Return the good versions below ``root`` that can be read."""
    return read(root)[0]


def current(root: Path, stack: Stack) -> list[GoodVersion]:
    """Return the good versions below ``root`` with the credentials that ``stack`` declares: what to go back to."""
    return with_credentials(load(root), stack)


def with_credentials(versions: Sequence[GoodVersion], stack: Stack) -> list[GoodVersion]:
    """Return the versions with the credentials of the services in scope as they are declared now."""
    now = {service.name: service.raw for service in stack.scoped_services}
    return [
        replace(one, services={name: credentials.renewed(raw, now.get(name, {})) for name, raw in one.services.items()})
        for one in versions
    ]


def read(root: Path) -> tuple[list[GoodVersion], list[Problem]]:
    """Return the good versions below ``root`` that can be read, and what cannot."""
    newer, older = (record_file.read(root / name, LARGEST_BYTES) for name in FILES)
    wrong: list[str] = []
    found = record_file.opened(newer, wrong)
    if found is None:
        versions, problems = _older(older)
        return versions, record_file.told(FILE, wrong) + problems
    beside = found.text(BESIDE)
    if not beside or older.digest == beside:
        return _versions(found, wrong), record_file.told(FILE, wrong)
    versions, problems = _older(older)
    if problems and not versions:  # nobody can tell any more what the older version knew
        versions = _versions(found, wrong)
    return versions, record_file.told(FILE, wrong) + problems


def _versions(found: Fields, wrong: list[str]) -> list[GoodVersion]:
    return _good_versions(found.entries("versions"), wrong)


def _older(content: Content) -> tuple[list[GoodVersion], list[Problem]]:
    """Return what an older version's file holds."""
    wrong = [content.problem] if content.problem else []
    versions: list[GoodVersion] = []
    if isinstance(content.raw, list):
        versions = _good_versions(content.raw, wrong)
    elif content.there and not wrong:
        wrong.append("does not hold a list")
    return versions, record_file.told(FORMER, wrong)


def _good_versions(raw: Sequence[Any], wrong: list[str]) -> list[GoodVersion]:
    """Return the versions that can be made again, each as a whole or not at all."""
    found = []
    for number, one in enumerate(raw, 1):
        if not isinstance(one, dict):
            wrong.append(f"has a version ({number}) that is no object")
            continue
        fields = Fields(one, f"version {number}: ", wrong)
        try:
            found.append(_good_version(fields))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            wrong.append(f"has a version ({number}) that cannot be made again ({type(error).__name__}: {error})"[:300])
    return found


def _good_version(fields: Fields) -> GoodVersion:
    """Return one version. Raises the errors of what it holds, ValueError for what must not be made again."""
    services = {raw["name"]: {**DEFAULTS, **raw} for raw in fields.entries("services")}
    budget = fields.mapping("budget")
    known = {key: value for key, value in budget.items() if key in Budget.__dataclass_fields__}
    shell = Budget(**{"memory_budget_mib": 0, "memory_reserve_mib": 0, "engine_memory_allowance_mib": 0, **known})
    for key in mistyped(shell):
        fields.wrong(f"budget.{key}", "has a wrong type")
        del known[key]
        shell = replace(shell, **{key: getattr(_ANY_BUDGET, key)})
    specs = tuple(service_of(raw) for raw in services.values())
    bad = [f"{spec.name!r:.60}: {name}" for spec in specs for name in mistyped(spec)]
    if bad:
        raise ValueError(f"wrong type of {', '.join(bad)}")
    bad = check.found(replace(_SHELL, budget=shell, services=specs))
    if bad:
        raise ValueError("; ".join(bad))
    images, containers = fields.inside("images"), fields.inside("containers")
    return GoodVersion(
        known,
        max(check.SHORTEST_WATCHDOG_SECONDS, fields.count("watchdog_interval_seconds", 30)),
        services,
        {name: images.text(name) for name in images.raw},
        {name: containers.text(name) for name in containers.raw},
    )


def save(versions: Sequence[GoodVersion], root: Path) -> None:
    """Write them, each file in one step; none at all: no file. Cut off in between, the older one has what is new."""
    if not versions:
        for name in reversed(FILES):
            (root / name).unlink(missing_ok=True)
        return
    told = [{**asdict(one), "services": list(one.services.values())} for one in versions[:KEPT]]
    # the older version takes no key that it does not know
    known_to_it = [{key: value for key, value in one.items() if key != "containers"} for one in told]
    older = json.dumps(known_to_it, indent=1) + "\n"
    write(DesiredFile(FORMER, older, mode=0o600), root)
    about = {"format": FORMAT, BESIDE: hashlib.sha256(older.encode()).hexdigest(), "versions": told}
    write(DesiredFile(FILE, json.dumps(about, indent=1) + "\n", mode=0o600), root)


def differing(versions: Sequence[GoodVersion], stack: Stack) -> list[str]:
    """Return the services in scope whose declaration is not that of the newest good version."""
    good = versions[0].services if versions else {}
    return [
        service.name
        for service in stack.scoped_services
        if service.name not in good or not _same(good[service.name], service.raw, stack.architecture)
    ]


def _same(one: Mapping[str, Any], other: Mapping[str, Any], architecture: str) -> bool:
    """Whether two declarations of a service are the same; a stored one may have digests for other robots as well."""
    return _narrowed(one, architecture) == _narrowed(other, architecture)


def _narrowed(raw: Mapping[str, Any], architecture: str) -> Mapping[str, Any]:
    image = raw.get("image")
    if not isinstance(image, Mapping) or not isinstance(image.get("fingerprints"), Mapping):
        return raw
    own = {name: digest for name, digest in image["fingerprints"].items() if name == architecture}
    return {**raw, "image": {**image, "fingerprints": own}}


def replaced(versions: Sequence[GoodVersion], stack: Stack, containers: Mapping[str, str]) -> list[str]:
    """Return the services in scope that a change has replaced: another declaration, and another container (id)."""
    known = versions[0].containers if versions else {}
    names = differing(versions, stack)
    return [name for name in names if not known.get(name) or known[name] != containers.get(name)]


def proven(versions: Sequence[GoodVersion], stack: Stack) -> bool:
    """Whether what is declared, as far as it is in scope, is the newest good version."""
    if not versions or differing(versions, stack):
        return False
    newest, wanted = versions[0], _told(stack)
    gone = [name for name in newest.services if stack.service(name) is None and stack.in_scope(name)]
    return not gone and (newest.budget, newest.watchdog_interval_seconds) == wanted


def after_passing(
    versions: Sequence[GoodVersion],
    stack: Stack,
    images: Mapping[str, str],
    containers: Mapping[str, str] = MappingProxyType({}),
) -> list[GoodVersion]:
    """Return the versions after the one that is declared has passed; outside of its scope the newest one stays.

    None of them has a password of before: whoever changed one must not get it back, and it shall lie nowhere.
    """
    versions = with_credentials(versions, stack)
    newest = versions[0] if versions else GoodVersion()
    kept = {name: raw for name, raw in newest.services.items() if not stack.in_scope(name)}
    scoped = {service.name: service.raw for service in stack.scoped_services}
    order = [service.name for service in stack.services]
    services = {name: {**kept, **scoped}[name] for name in sorted({**kept, **scoped}, key=_place(order))}
    budget, interval = _told(stack)
    known = {**newest.images, **images}
    ran = {**newest.containers, **containers}
    now = GoodVersion(
        budget,
        interval,
        services,
        {name: known.get(name, "") for name in services},
        {name: ran[name] for name in services if ran.get(name)},
    )
    same = set(services) == set(newest.services) and all(
        _same(raw, newest.services[name], stack.architecture) for name, raw in services.items()
    )
    if same and (budget, interval) == (newest.budget, newest.watchdog_interval_seconds):
        return [now, *versions[1:]]
    return [now, *versions][:KEPT]


def after_rollback(versions: Sequence[GoodVersion], to: GoodVersion, scope: Sequence[str]) -> list[GoodVersion]:
    """Return the versions after the robot was put back to ``to``: what came after it is not good any more."""
    if not scope:
        return list(versions[versions.index(to) :])
    newest = versions[0]
    services = {name: (to if name in scope else newest).services.get(name) for name in newest.services}
    images = {name: (to if name in scope else newest).images.get(name, "") for name in newest.services}
    known = {name: raw for name, raw in services.items() if raw is not None}
    # a service that was put back has a new container, which has not passed yet
    ran = {name: one for name, one in newest.containers.items() if name in known and name not in scope}
    return [replace(newest, services=known, images={name: images[name] for name in known}, containers=ran)]


def without(versions: Sequence[GoodVersion], names: Sequence[str]) -> list[GoodVersion]:
    """Return the versions without some services, which were removed; none that is empty."""
    left = [
        replace(
            one,
            services={name: raw for name, raw in one.services.items() if name not in names},
            images={name: image for name, image in one.images.items() if name not in names},
            containers={name: container for name, container in one.containers.items() if name not in names},
        )
        for one in versions
    ]
    return [one for one in left if one.services]


def stack_of(version: GoodVersion, stack: Stack) -> Stack:
    """Return the stack that makes the robot equal to ``version``; engine and kernel are as declared now."""
    if not version.services:
        return replace(stack, state="present", services=())
    return replace(
        stack,
        state="present",
        # what the version does not say is as declared now; its files were found below this root
        budget=replace(stack.budget, **{**version.budget, "root": stack.budget.root}),
        watchdog_interval_seconds=version.watchdog_interval_seconds,
        services=tuple(service_of(raw) for raw in version.services.values()),
    )


def images_needed(versions: Sequence[GoodVersion]) -> set[str]:
    """Return the ids of the images without which there is no way back."""
    return {image for version in versions for image in version.images.values() if image}


def _told(stack: Stack) -> tuple[dict[str, Any], int]:
    return asdict(stack.budget), stack.watchdog_interval_seconds


def _place(order: Sequence[str]) -> Any:
    return lambda name: order.index(name) if name in order else len(order)
