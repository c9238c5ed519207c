"""Docker's answers, turned into what the project asks for. What an answer lacks, or has in another type, is a default.

Source of the forms: https://docs.docker.com/reference/api/engine/ (ContainerInspect, ImageInspect, events).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..image import fingerprint
from ..protocol import SERVICE_LABEL, SPEC_LABEL, EngineInfo, Event, FoundContainer, FoundImage
from .container import described
from .setup import STORE

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]


def container(raw: Mapping[str, Any]) -> FoundContainer:
    """Return what an answer to /containers/NAME/json tells."""
    config, host, state = (_part(raw, name) for name in ("Config", "HostConfig", "State"))
    labels = _part(config, "Labels")
    mounts = host.get("Mounts") or []
    return FoundContainer(
        id=str(raw.get("Id") or ""),
        name=str(raw.get("Name") or "").lstrip("/"),
        image=str(raw.get("Image") or ""),
        image_name=str(config.get("Image") or ""),
        service=str(labels.get(SERVICE_LABEL) or ""),
        spec=str(labels.get(SPEC_LABEL) or ""),
        running=bool(state.get("Running")),
        restarting=bool(state.get("Restarting")),
        status=str(state.get("Status") or ""),
        pid=int(state.get("Pid") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        restarts=int(raw.get("RestartCount") or 0),
        created_at=seconds(str(raw.get("Created") or "")),
        started_at=seconds(str(state.get("StartedAt") or "")),
        stop_timeout_seconds=int(config.get("StopTimeout") or 10),
        memory=int(host.get("Memory") or 0),
        memory_and_swap=int(host.get("MemorySwap") or 0),
        nano_cpus=int(host.get("NanoCpus") or 0),
        pids=int(host.get("PidsLimit") or 0),
        restart_policy=str(_part(host, "RestartPolicy").get("Name") or ""),
        cgroup_parent=str(host.get("CgroupParent") or ""),
        binds=tuple((str(mount.get("Source")), str(mount.get("Target"))) for mount in mounts),
        volumes=tuple(str(mount["Name"]) for mount in raw.get("Mounts") or [] if mount.get("Name")),
        text=described(raw),
    )


def listed(raw: Mapping[str, Any]) -> FoundContainer:
    """Return what one entry of /containers/json tells."""
    names = raw.get("Names") or [""]
    service = str(_part(raw, "Labels").get(SERVICE_LABEL) or "")
    return FoundContainer(str(raw.get("Id") or ""), str(names[0]).lstrip("/"), service=service)


def image(raw: Mapping[str, Any]) -> FoundImage:
    """Return what an answer to /images/NAME/json tells."""
    layers = [str(layer) for layer in _part(raw, "RootFS").get("Layers") or []]
    environment = [str(pair) for pair in _part(raw, "Config").get("Env") or []]
    return FoundImage(str(raw.get("Id") or ""), fingerprint(raw), layers, environment, int(raw.get("Size") or 0))


def info(raw: Mapping[str, Any], version: Mapping[str, Any]) -> EngineInfo:
    """Return what the answers to /info and /version tell."""
    told = raw.get("SecurityOptions") or []  # such as name=seccomp,profile=default
    options = {str(one).partition(",")[0].partition("=")[2] for one in told if isinstance(told, list)}
    return EngineInfo(
        version=str(raw.get("ServerVersion") or ""),
        api_version=str(version.get("ApiVersion") or ""),
        cgroup_driver=str(raw.get("CgroupDriver") or "cgroupfs"),
        swap_accounted=bool(raw.get("SwapLimit", True)),
        store=str(raw.get("DockerRootDir") or STORE),
        takes_thin_archives=CONTAINERD_STORE not in (raw.get("DriverStatus") or []),
        remaps_users="userns" in options,
        rootless="rootless" in options,
        sandbox=_sandbox(str(raw.get("DefaultRuntime") or "")),
    )


def _sandbox(runtime: str) -> str:
    """Return the name of a runtime that runs containers in a kernel of their own: no process of theirs is seen here."""
    return runtime if runtime.startswith(("runsc", "kata", "io.containerd.runsc", "io.containerd.kata")) else ""


def events(raw: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Return the engine's messages as events, in their order."""
    found = []
    for message in raw:
        attributes = _part(_part(message, "Actor"), "Attributes")
        found.append(
            Event(
                time=message.get("timeNano", 0) / 1e9,
                action=str(message.get("Action", "")),
                exit_code=str(attributes.get("exitCode", "")),
                signal=str(attributes.get("signal", "")),
            )
        )
    return tuple(found)


def seconds(stamp: str) -> float:
    """Return the engine's time stamp (RFC 3339, nanoseconds, UTC) as seconds since 1970; 0 where there is none."""
    try:
        moment = datetime.strptime(stamp[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0.0
    return max(0.0, moment.timestamp())


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, Mapping) else {}
