"""The one entry point for containers: how each is created. Pure: a service in, the engine's request body out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...base.units import bytes_of, mib_of
from ...host.systemd import child_slice, slice_cgroup
from ...spec.model import Service, Stack
from .. import binds, differences
from ..binds import Bind
from ..fields import flag, number, part, parts, text, texts
from ..protocol import SERVICE_LABEL, SPEC_LABEL, Difference, FoundContainer

OOM_SCORE = 500  # when the ceiling is hit, a container dies before the engine does


def limits(service: Service) -> dict[str, Any]:
    """Return the settings that `docker update` could change behind our back."""
    limit = bytes_of(service.memory_limit_mib)
    return {
        "Memory": limit,
        "MemorySwap": limit,  # memory and swap together: equal means that there is no hidden swap
        "NanoCpus": round(service.cpu_limit * 1_000_000_000),
        "PidsLimit": service.pids_limit,
        "RestartPolicy": {"Name": "no" if service.job.kind else "unless-stopped", "MaximumRetryCount": 0},
    }


def body(
    stack: Stack, service: Service, cgroup_driver: str, fingerprint: str, remapped: bool = False
) -> dict[str, Any]:
    """Return the request that creates the service's container, labelled with a digest of itself.

    ``remapped``: the engine gives users in containers other numbers. Ours have none of root's rights, share the
    robot's network, which a user namespace of their own cannot, and own their data by number: they are left out of it.
    """
    request: dict[str, Any] = {
        "Image": service.image,
        "Cmd": list(service.command) or None,
        "Env": [f"{key}={value}" for key, value in sorted(service.environment.items())],
        "User": service.user,
        "StopTimeout": service.stop_timeout_seconds,
        "HostConfig": {
            **limits(service),
            # a job whose backups are in a folder asks nobody for anything
            "NetworkMode": "none" if service.job.folder else "host",
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "CgroupParent": cgroup_parent(stack, service.name, cgroup_driver),
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "OomScoreAdj": OOM_SCORE,
            "Tmpfs": {t: _tmpfs(service, mib) for t, mib in sorted(service.tmpfs.items())},
            "Mounts": [_mount(bind) for bind in binds.of(stack, service)],
            "LogConfig": {
                "Type": "json-file",
                "Config": {
                    "max-size": f"{service.log_max_size_kib}k",
                    "max-file": str(service.log_max_files),
                },
            },
        },
    }
    if service.open_files_limit:
        limit = {"Name": "nofile", "Soft": service.open_files_limit, "Hard": service.open_files_limit}
        request["HostConfig"]["Ulimits"] = [limit]
    if remapped:
        request["HostConfig"]["UsernsMode"] = "host"
    digest = hashlib.sha256(json.dumps([request, fingerprint], sort_keys=True).encode()).hexdigest()
    request["Labels"] = {SERVICE_LABEL: service.name, SPEC_LABEL: digest}
    return request


def cgroup_parent(stack: Stack, name: str, cgroup_driver: str) -> str:
    """Return the parent as the engine's driver wants it: a slice's name, or a path."""
    parent = stack.budget.slice
    return child_slice(parent, name) if cgroup_driver == "systemd" else slice_cgroup(parent, name)


def _tmpfs(service: Service, mib: int) -> str:
    uid, gid = service.uid_gid
    return f"size={mib}m,mode=0700,uid={uid},gid={gid},noexec,nosuid"


def _mount(bind: Bind) -> dict[str, Any]:
    mount: dict[str, Any] = {"Type": "bind", "Source": bind.source, "Target": bind.target, "ReadOnly": bind.read_only}
    return mount if bind.recursive else {**mount, "BindOptions": {"NonRecursive": True}}


def drift(
    desired: Mapping[str, Any], found: FoundContainer, swap_accounted: bool = True, made: str = ""
) -> list[Difference]:
    """Return where a container on the robot differs from its request; empty: it is equal.

    ``made`` is the one that this project made ("": unknown).
    """
    wanted = desired["HostConfig"]
    reasons = differences.of_limits(wanted, found, swap_accounted)
    if found.restart_policy != wanted["RestartPolicy"]["Name"]:
        reasons.append(Difference("policy", f"restart policy is {found.restart_policy!r}"))
    if found.cgroup_parent != wanted["CgroupParent"]:
        words = f"cgroup parent is {found.cgroup_parent!r}, not {wanted['CgroupParent']!r}"
        reasons.append(Difference("parent", words))
    return (reasons or differences.of_origin(desired, found, made)) + differences.of_state(found)


def described(request: Mapping[str, Any]) -> str:
    """Return a request, or an inspected container, as the lines of a diff; environment values are configuration."""
    config, host = part(request, "Config") or request, part(request, "HostConfig")
    environment = sorted(pair for pair in texts(config, "Env") if not pair.startswith("PATH="))
    lines = [
        f"image: {text(config, 'Image')}",
        f"memory: {mib_of(number(host, 'Memory'))} MiB",
        f"memory_and_swap: {mib_of(number(host, 'MemorySwap', -1))} MiB",
        f"cpus: {number(host, 'NanoCpus') / 1e9:g}",
        f"pids: {number(host, 'PidsLimit')}",
        f"user: {text(config, 'User')}",
        f"cgroup_parent: {text(host, 'CgroupParent')}",
        f"network: {text(host, 'NetworkMode')}",
        f"read_only: {flag(host, 'ReadonlyRootfs')}",
        *(["privileged: True"] if host.get("Privileged") else []),
        *(f"command: {word}" for word in texts(config, "Cmd")),
        *(f"environment: {pair}" for pair in environment),
        *(f"mount: {bind}" for bind in texts(host, "Binds")),
        *(_mount_line(mount) for mount in parts(host, "Mounts")),
    ]
    return "\n".join(lines) + "\n"


def _mount_line(mount: Mapping[str, Any]) -> str:
    return f"mount: {text(mount, 'Source')} on {text(mount, 'Target')}{' (read-only)' if mount.get('ReadOnly') else ''}"
