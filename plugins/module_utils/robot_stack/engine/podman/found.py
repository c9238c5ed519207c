"""What Podman, systemd and the kernel tell, turned into what the project asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ..fields import flag, items, number, part, text, texts
from ..protocol import PAUSED, SERVICE_LABEL, SPEC_LABEL, EngineInfo, FoundContainer
from . import images, quadlet, status
from .container import described
from .driver import STORE
from .files import Place, service_unit
from .lives import Lives
from .quadlet import Unit
from .status import Payload, Told


def resting(place: Place, unit: Unit, lives: Lives) -> FoundContainer:
    """Return a container whose unit systemd does not know: it does not run, and will not by itself."""
    ran = lives.finished_at > 0
    return _of(place, unit, status.EXITED if ran else status.CREATED, lives, Told(), None)


def active(place: Place, unit: Unit, lives: Lives, told: Told, payload: Payload | None) -> FoundContainer:
    """Return a container that systemd looks after."""
    ran = lives.started_at > 0 or told.entered_at > 0
    return _of(place, unit, status.word(told, payload, ran), lives, told, payload)


def _of(place: Place, unit: Unit, became: str, lives: Lives, told: Told, payload: Payload | None) -> FoundContainer:
    request = unit.request
    runs = became in (status.RUNNING, PAUSED) and payload is not None
    labels = part(request, "Labels")
    found = FoundContainer(
        id=unit.id,
        name=place.name,
        image=unit.image,
        image_name=text(request, "Image"),
        service=text(labels, SERVICE_LABEL),
        spec=unit.spec,
        running=runs,
        restarting=became == status.RESTARTING,
        status=became,
        pid=payload.pid if runs and payload else 0,
        exit_code=lives.exit_code if lives.finished_at else told.main_status,
        oom_killed=lives.oom_killed,
        restarts=told.restarts if lives.restarts is None else lives.restarts,
        created_at=unit.made,
        started_at=lives.started_at or told.entered_at,
        finished_at=lives.finished_at,
        stop_timeout_seconds=number(request, "StopTimeout") or 10,
        restart_policy="always",
        binds=tuple((str(bind[0]), str(bind[1])) for bind in items(request, "Binds") if _is_bind(bind)),
        text=described(request),
        cgroup=PurePosixPath(payload.path).name if payload else f"/{service_unit(place.name)}",
        comes_at_boot=place.active,
        # where nobody else has counted, what is told of restarts is systemd's own count
        delayed=runs and told.restarts > 0 and lives.restarts is not None,
        **_wished(request),
    )
    return _with_limits(found, told, payload) if runs and payload else found


def _is_bind(raw: Any) -> bool:
    return isinstance(raw, list) and len(raw) > 1


def _wished(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits that the unit gives what it will start."""
    return {
        "memory": number(request, "Memory"),
        "memory_and_swap": number(request, "MemorySwap", -1),
        "nano_cpus": number(request, "NanoCpus"),
        "pids": number(request, "PidsLimit"),
        "cgroup_parent": text(request, "Slice"),
    }


def _with_limits(found: FoundContainer, told: Told, payload: Payload) -> FoundContainer:
    """Return it with the limits that the kernel has, which somebody may have changed."""
    return replace(
        found,
        memory=payload.memory,
        memory_and_swap=payload.memory_and_swap,
        nano_cpus=found.nano_cpus if payload.nano_cpus is None else payload.nano_cpus,
        pids=found.pids if payload.pids is None else payload.pids,
        cgroup_parent=PurePosixPath(told.cgroup).parent.name,
    )


def listed(raw: Mapping[str, Any]) -> FoundContainer:
    """Return what one entry of `podman ps` tells: of a container without a unit."""
    names, labels = texts(raw, "Names"), part(raw, "Labels")
    state = text(raw, "State")
    return FoundContainer(
        id=text(raw, "Id"),
        name=names[0] if names else text(raw, "Id")[:12],
        image=f"{images.ALGORITHM}{text(raw, 'ImageID')}" if text(raw, "ImageID") else "",
        image_name=text(raw, "Image"),
        service=text(labels, SERVICE_LABEL),
        spec=text(labels, SPEC_LABEL) and quadlet.CHANGED,
        running=state == status.RUNNING,
        status=state,
        pid=number(raw, "Pid"),
        exit_code=number(raw, "ExitCode"),
        created_at=float(number(raw, "Created")),
        started_at=float(number(raw, "StartedAt")),
    )


def info(raw: Mapping[str, Any], swap_accounted: bool) -> EngineInfo:
    """Return what `podman info` tells."""
    host, store = part(raw, "host"), part(raw, "store")
    return EngineInfo(
        version=text(part(raw, "version"), "Version"),
        api_version=text(part(raw, "version"), "APIVersion"),
        cgroup_driver=text(host, "cgroupManager") or "systemd",
        swap_accounted=swap_accounted,
        store=text(store, "graphRoot") or STORE,
        takes_thin_archives=True,
        remaps_users=False,
        rootless=flag(part(host, "security"), "rootless"),
        sandbox=_sandbox(text(part(host, "ociRuntime"), "name")),
    )


def _sandbox(runtime: str) -> str:
    """Return the name of a runtime that runs containers in a kernel of their own: no process of theirs is seen here."""
    return runtime if runtime in ("kata", "krun", "runsc") else ""
