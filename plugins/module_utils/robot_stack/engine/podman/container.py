"""How each container is made: a service in, what its unit is written from out, and where one differs from it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...base.units import bytes_of, mib_of
from ...host.systemd import child_slice
from ...spec.model import Service, Stack
from .. import binds, differences
from ..fields import items, number, part, text, texts
from ..protocol import SERVICE_LABEL, SPEC_LABEL, Difference, EngineError, FoundContainer
from . import quadlet

OOM_SCORE = 500  # when the ceiling is hit, a container dies before anybody else's program does
LINE_BYTES = 1024  # of a log, at most, as far as its limit goes
# The kernel has a share of the processors in whole microseconds of each tenth of a second.
CPU_STEP = 10_000


def body(stack: Stack, service: Service, fingerprint: str) -> dict[str, Any]:
    """Return the request for the service's container, labelled with a digest of itself and of the unit it makes.

    A tmpfs has mode 1777: Podman gives it no owner, and nobody but the service's user is in the container.
    """
    limit = bytes_of(service.memory_limit_mib)
    request: dict[str, Any] = {
        "Image": service.image,
        "Cmd": list(service.command),
        "Env": [f"{key}={value}" for key, value in sorted(service.environment.items())],
        "User": service.user,
        "StopTimeout": service.stop_timeout_seconds,
        "Memory": limit,
        "MemorySwap": limit,  # memory and swap together: equal means that there is no hidden swap
        "NanoCpus": round(service.cpu_limit * 1_000_000_000),
        "PidsLimit": service.pids_limit,
        "OpenFiles": service.open_files_limit,
        "OomScoreAdj": OOM_SCORE,
        # a job whose backups are in a folder asks nobody for anything
        "Network": "none" if service.job.folder else "host",
        "Parent": stack.budget.slice,
        "Slice": child_slice(stack.budget.slice, service.name),
        "Tmpfs": dict(sorted(service.tmpfs.items())),
        "Binds": [[one.source, one.target, one.read_only, one.recursive] for one in binds.of(stack, service)],
        "LogLines": max(1, service.log_max_size_kib * service.log_max_files * 1024 // LINE_BYTES),
    }
    request["Labels"] = {SERVICE_LABEL: service.name}
    try:
        unit = quadlet.text(service.name, request, "")
    except EngineError as error:
        raise EngineError(error.status, f"service {service.name} cannot be a unit: {error}") from error
    digest = hashlib.sha256(json.dumps([request, fingerprint, unit], sort_keys=True).encode()).hexdigest()
    request["Labels"][SPEC_LABEL] = digest
    return request


def drift(
    desired: Mapping[str, Any], found: FoundContainer, swap_accounted: bool = True, made: str = ""
) -> list[Difference]:
    """Return where a container on the robot differs from its request; empty: it is equal.

    Limits of one that runs are the kernel's. ``made`` is the one that this project made ("": unknown).
    """
    reasons = differences.of_limits(desired, found, swap_accounted, CPU_STEP)
    if found.cgroup_parent != desired["Slice"]:
        reasons.append(Difference("parent", f"its slice is {found.cgroup_parent!r}, not {desired['Slice']!r}"))
    reasons = (reasons or differences.of_origin(desired, found, made)) + differences.of_state(found)
    if found.lost_at_boot:
        reasons.append(Difference("boot", f"it would not run after the next boot: {found.lost_at_boot}"))
    return reasons


def described(request: Mapping[str, Any]) -> str:
    """Return a request as the lines of a diff; environment values are configuration."""
    lines = [
        f"image: {text(request, 'Image')}",
        f"memory: {mib_of(number(request, 'Memory'))} MiB",
        f"memory_and_swap: {mib_of(number(request, 'MemorySwap', -1))} MiB",
        f"cpus: {number(request, 'NanoCpus') / 1e9:g}",
        f"pids: {number(request, 'PidsLimit')}",
        f"user: {text(request, 'User')}",
        f"slice: {text(request, 'Slice')}",
        f"network: {text(request, 'Network')}",
        *(f"command: {word}" for word in texts(request, "Cmd")),
        *(f"environment: {pair}" for pair in texts(request, "Env")),
        *(f"tmpfs: {target} ({size} MiB)" for target, size in part(request, "Tmpfs").items()),
        *(
            f"mount: {source} on {target}{' (read-only)' if read_only else ''}"
            for source, target, read_only, _ in items(request, "Binds")
        ),
    ]
    return "\n".join(lines) + "\n"


def shows(request: Mapping[str, Any]) -> list[str]:
    """Return the robot's paths that a request shows to its container."""
    return [str(bind[0]) for bind in items(request, "Binds")]
