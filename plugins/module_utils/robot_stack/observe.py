"""Reads everything that the plan depends on. Changes nothing; a bare robot (no engine yet) is a valid answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import bootline, cgroup, container, engine_setup, files, robot, state, systemd
from .engine_api import Engine
from .image import fingerprint
from .robot import Roots
from .spec import Stack


@dataclass(frozen=True)
class FoundEngine:
    """The container engine: there, answering, and as whose."""

    installed: bool
    running: bool
    version: str = ""
    cgroup_driver: str = "systemd"
    swap_accounted: bool = True
    missing_packages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FoundImage:
    """An image on the robot: its id there, and the digest that is the same on every engine."""

    id: str
    fingerprint: str
    layers: list[str]
    environment: list[str]


@dataclass(frozen=True)
class Observed:
    """One look at the robot."""

    robot: robot.Robot
    state: state.State
    engine: FoundEngine
    containers: Mapping[str, Mapping[str, Any]]  # by container name, as inspected
    images: Mapping[str, FoundImage]  # by reference
    found_files: Mapping[str, files.FoundFile | None]  # by absolute path
    running_files: Mapping[str, files.FoundFile | None]  # by "service/path": what its container uses now
    slice_limits: Mapping[str, int | None]  # by slice: bytes in the kernel, None: not there or no limit
    data_owners: Mapping[str, list[int] | None]  # by absolute path: [uid, gid], None: not there
    foreign_containers: list[str]  # names of what else runs on this engine
    delivered_images: list[str]  # references of ours that the engine holds
    own_directories: Mapping[str, list[str]]  # below the root: name -> its own entries, as "name/entry"
    own_units: list[str]  # slices of ours in /etc/systemd/system, sorted
    own_state: bool
    engine_data: bool
    boot_file: str = ""
    boot_line: str = ""

    @property
    def ours(self) -> bool:
        """Whether this project installed the engine (or was about to)."""
        return bool(self.state.engine_packages)


def observe(stack: Stack, roots: Roots, engine: Engine) -> Observed:
    """Look at the robot once."""
    facts = robot.here(stack.budget.root, roots)
    remembered = state.load(roots.path(stack.budget.root))
    found_engine = _engine(stack, roots, engine, remembered)
    containers = _containers(engine) if found_engine.running else {}
    boot = bootline.boot_file(stack.controller.boot_files, roots.filesystem) if not facts.hierarchy.version else None
    return Observed(
        robot=facts,
        state=remembered,
        engine=found_engine,
        containers=containers,
        images=_images(stack, engine) if found_engine.running else {},
        found_files={path: files.find(roots.path(path)) for path in _paths(stack, facts.hierarchy.version)},
        running_files=_running_files(stack, roots, containers),
        slice_limits=_slice_limits(stack, facts.hierarchy),
        data_owners=_data_owners(stack, roots),
        foreign_containers=_foreign(engine) if found_engine.running else [],
        delivered_images=_delivered(engine, remembered) if found_engine.running else [],
        own_directories=_own_directories(roots.path(stack.budget.root)),
        own_units=_own_units(stack, roots),
        own_state=(roots.path(stack.budget.root) / state.FILE).exists(),
        engine_data=_holds_anything(roots.path("/var/lib/docker")),
        boot_file="/" + str(boot.relative_to(roots.filesystem)) if boot else "",
        boot_line=boot.read_text(encoding="utf-8") if boot else "",
    )


def _engine(stack: Stack, roots: Roots, engine: Engine, remembered: state.State) -> FoundEngine:
    installed = any(roots.path(binary).exists() for binary in engine_setup.BINARIES)
    running = engine.reachable()
    asks_apt = not (installed or running) or sorted(remembered.engine_packages) != sorted(stack.engine.packages)
    wanted = stack.engine.packages if asks_apt and (remembered.engine_packages or not (installed or running)) else ()
    missing = robot.missing_packages(wanted, roots)
    if not running:
        return FoundEngine(installed, False, missing_packages=missing)
    info = engine.info()
    return FoundEngine(
        installed=True,
        running=True,
        version=str(info.get("ServerVersion", "")),
        cgroup_driver=str(info.get("CgroupDriver", "cgroupfs")),
        swap_accounted=bool(info.get("SwapLimit", True)),
        missing_packages=missing,
    )


def _containers(engine: Engine) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for listed in engine.containers(container.SERVICE_LABEL):
        inspected = engine.inspect(listed["Id"])
        if inspected is not None:  # it may have gone between the two calls
            found[str(inspected["Name"]).lstrip("/")] = inspected
    return found


def _foreign(engine: Engine) -> list[str]:
    listed = engine.containers("")
    labels = [(str(c["Names"][0]).lstrip("/"), c.get("Labels") or {}) for c in listed]
    return sorted(name for name, known in labels if container.SERVICE_LABEL not in known)


def _delivered(engine: Engine, remembered: state.State) -> list[str]:
    return [reference for reference in remembered.images if engine.image(reference) is not None]


def _own_directories(root: Path) -> dict[str, list[str]]:
    """Return what lies below the root: directories of services, and of archives on their way."""
    if not root.is_dir():
        return {}
    entries = sorted(entry for entry in root.iterdir() if entry.is_dir())
    return {entry.name: sorted(f"{entry.name}/{child.name}" for child in entry.iterdir()) for entry in entries}


def _holds_anything(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())


def _own_units(stack: Stack, roots: Roots) -> list[str]:
    directory, prefix = roots.path(systemd.UNITS), stack.budget.slice[: -len(".slice")]
    if not directory.is_dir():
        return []
    return sorted({path.name for path in [*directory.glob(f"{prefix}.slice"), *directory.glob(f"{prefix}-*.slice")]})


def found_image(engine: Engine, reference: str) -> FoundImage | None:
    """Return what the robot's engine holds under ``reference``."""
    inspected = engine.image(reference)
    if inspected is None:
        return None
    layers = list((inspected.get("RootFS") or {}).get("Layers") or [])
    environment = list((inspected.get("Config") or {}).get("Env") or [])
    return FoundImage(str(inspected["Id"]), fingerprint(inspected), layers, environment)


def _images(stack: Stack, engine: Engine) -> dict[str, FoundImage]:
    references = {service.image for service in stack.scoped_services}
    found = {reference: found_image(engine, reference) for reference in sorted(references)}
    return {reference: image for reference, image in found.items() if image is not None}


def _paths(stack: Stack, cgroup_version: int) -> list[str]:
    desired = systemd.slice_units(stack, cgroup_version) + engine_setup.engine_files(stack)
    for service in stack.scoped_services:
        desired += container.config_files(stack, service)
    return [file.path for file in desired]


def _running_files(
    stack: Stack, roots: Roots, containers: Mapping[str, Mapping[str, Any]]
) -> dict[str, files.FoundFile | None]:
    found: dict[str, files.FoundFile | None] = {}
    for service in stack.scoped_services:
        inspected = containers.get(container.name_of(service.name)) or {}
        for mount in (inspected.get("HostConfig") or {}).get("Mounts") or []:
            if mount["Target"] == service.config_target:
                for file in service.files:
                    found[f"{service.name}/{file.path}"] = files.find(roots.path(f"{mount['Source']}/{file.path}"))
    return found


def _slice_limits(stack: Stack, hierarchy: cgroup.Hierarchy) -> dict[str, int | None]:
    """Return the kernel's limit for each slice that exists there."""
    parent, found = stack.budget.slice, {}
    for name in systemd.slice_names(stack):
        path = f"/{parent}" if name == parent else f"/{parent}/{name}"
        limits = cgroup.limits(hierarchy, path) if hierarchy.version else None
        if limits is not None:
            found[name] = limits.memory
    return found


def _data_owners(stack: Stack, roots: Roots) -> dict[str, list[int] | None]:
    owners: dict[str, list[int] | None] = {}
    for service in stack.scoped_services:
        for directory in service.data:
            path = container.data_path(stack, service, directory.name)
            owners[path] = _owner(roots.path(path))
    return owners


def _owner(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_uid, status.st_gid]
