"""Docker's answers, turned into what the project asks for. What an answer lacks, or has in another type, is a default.

Source of the forms: https://docs.docker.com/reference/api/engine/ (ContainerInspect, ImageInspect, events).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .. import kept
from ..fields import flag, items, number, part, parts, text, texts
from ..image import fingerprint
from ..protocol import SERVICE_LABEL, SPEC_LABEL, EngineInfo, Event, FoundContainer, FoundImage
from .container import described
from .setup import STORE

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]
NAMELESS = "<none>:<none>"
NEGATIVE = -(2**31)  # -1 says "no limit", and an exit code is what the kernel gave it


def container(raw: Mapping[str, Any]) -> FoundContainer:
    """Return what an answer to /containers/NAME/json tells."""
    config, host, state = (part(raw, name) for name in ("Config", "HostConfig", "State"))
    labels = part(config, "Labels")
    return FoundContainer(
        id=text(raw, "Id"),
        name=text(raw, "Name").lstrip("/"),
        image=text(raw, "Image"),
        image_name=text(config, "Image"),
        service=text(labels, SERVICE_LABEL),
        spec=text(labels, SPEC_LABEL),
        running=flag(state, "Running"),
        restarting=flag(state, "Restarting"),
        status=text(state, "Status"),
        pid=number(state, "Pid"),
        exit_code=number(state, "ExitCode", NEGATIVE),
        oom_killed=flag(state, "OOMKilled"),
        restarts=number(raw, "RestartCount"),
        created_at=seconds(text(raw, "Created")),
        started_at=seconds(text(state, "StartedAt")),
        finished_at=seconds(text(state, "FinishedAt")),
        stop_timeout_seconds=number(config, "StopTimeout") or 10,
        memory=number(host, "Memory", NEGATIVE),
        memory_and_swap=number(host, "MemorySwap", NEGATIVE),
        nano_cpus=number(host, "NanoCpus", NEGATIVE),
        pids=number(host, "PidsLimit", NEGATIVE),
        restart_policy=text(part(host, "RestartPolicy"), "Name"),
        cgroup_parent=text(host, "CgroupParent"),
        binds=tuple((text(mount, "Source"), text(mount, "Target")) for mount in parts(host, "Mounts")),
        volumes=tuple(filter(None, (text(mount, "Name") for mount in parts(raw, "Mounts")))),
        text=described(raw),
    )


def listed(raw: Mapping[str, Any]) -> FoundContainer:
    """Return what one entry of /containers/json tells."""
    name = (texts(raw, "Names") or [""])[0].lstrip("/")
    return FoundContainer(text(raw, "Id"), name, service=text(part(raw, "Labels"), SERVICE_LABEL))


def image(raw: Mapping[str, Any]) -> FoundImage:
    """Return what an answer to /images/NAME/json tells."""
    layers, environment = texts(part(raw, "RootFS"), "Layers"), texts(part(raw, "Config"), "Env")
    tags = [name for name in texts(raw, "RepoTags") if name != NAMELESS]
    names = [name for name in tags if not kept.is_one(name)]
    return FoundImage(
        text(raw, "Id"), fingerprint(raw), layers, environment, number(raw, "Size"), names, len(names) < len(tags)
    )


def info(raw: Mapping[str, Any], version: Mapping[str, Any]) -> EngineInfo:
    """Return what the answers to /info and /version tell."""
    told = raw.get("SecurityOptions") or []  # such as name=seccomp,profile=default
    options = {str(one).partition(",")[0].partition("=")[2] for one in told if isinstance(told, list)}
    return EngineInfo(
        version=text(raw, "ServerVersion"),
        api_version=text(version, "ApiVersion"),
        cgroup_driver=text(raw, "CgroupDriver") or "cgroupfs",
        swap_accounted=flag(raw, "SwapLimit", default=True),
        store=text(raw, "DockerRootDir") or STORE,
        takes_thin_archives=CONTAINERD_STORE not in items(raw, "DriverStatus"),
        remaps_users="userns" in options,
        rootless="rootless" in options,
        layers_by=text(raw, "Driver"),
        sandbox=_sandbox(text(raw, "DefaultRuntime")),
    )


def _sandbox(runtime: str) -> str:
    """Return the name of a runtime that runs containers in a kernel of their own: no process of theirs is seen here."""
    return runtime if runtime.startswith(("runsc", "kata", "io.containerd.runsc", "io.containerd.kata")) else ""


def events(raw: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Return the engine's messages as events, in their order."""
    found = []
    for message in raw:
        attributes = part(part(message, "Actor"), "Attributes")
        found.append(
            Event(
                time=number(message, "timeNano") / 1e9,
                action=text(message, "Action"),
                exit_code=text(attributes, "exitCode"),
                signal=text(attributes, "signal"),
            )
        )
    return tuple(found)


def seconds(stamp: str) -> float:
    """Return the engine's time stamp (RFC 3339, nanoseconds, UTC) as seconds since 1970; 0 where there is none."""
    try:
        moment = datetime.strptime(stamp[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0.0
    fraction = re.match(r"\.[0-9]{1,9}", stamp[19:])
    return max(0.0, moment.timestamp() + float(fraction[0] if fraction else 0))
