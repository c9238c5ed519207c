"""The declarative spec of one robot: what the inventory says, typed and checked.

`parse` turns the module's parameters (plain dicts and lists whose types Ansible has already enforced) into the
frozen dataclasses below and raises `SpecError` with every fault found, before anything on the robot is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")
USER = re.compile(r"^[0-9]+:[0-9]+$")
SLICE = re.compile(r"^[a-z0-9]+\.slice$")
SMALLEST_LIMIT_MIB = 6  # the engine itself refuses less
# what the stack itself calls its directories and slices
TAKEN_NAMES = ("engine", "staging")
TAKEN_DATA_NAMES = ("config",)
STATES = ("present", "verified", "planned", "absent")


class SpecError(ValueError):
    """The spec contradicts itself; the message lists every fault."""


@dataclass(frozen=True)
class ManagedFile:
    """A file below a service's configuration directory; a sensitive one is 0400 and never shown."""

    path: str
    content: str
    sensitive: bool = False


@dataclass(frozen=True)
class DataDirectory:
    """A host directory that outlives its container, owned by the service's user."""

    name: str
    target: str


@dataclass(frozen=True)
class Mount:
    """A path of the robot, shown read-only to a container; `recursive`: with what is mounted below it."""

    source: str
    target: str
    recursive: bool = False


@dataclass(frozen=True)
class Probe:
    """Where a service answers: its health page, and the metric that shows which limit (bytes) it believes in."""

    url: str = ""
    timeout_seconds: int = 30
    username: str = ""
    password_file: str = ""
    evidence_url: str = ""
    evidence_metric: str = ""


@dataclass(frozen=True)
class Service:
    """One container: image, limits, files, data and how to ask whether it works.

    `history_url` is the query API (Prometheus') of a service that keeps the robot's own history.
    """

    name: str
    image: str
    memory_limit_mib: int
    cpu_limit: float
    pids_limit: int
    user: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    files: tuple[ManagedFile, ...] = ()
    config_target: str = "/config"
    data: tuple[DataDirectory, ...] = ()
    tmpfs: Mapping[str, int] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    probe: Probe = Probe()
    history_url: str = ""
    stop_timeout_seconds: int = 10
    log_max_size_kib: int = 1024
    log_max_files: int = 2
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def uid_gid(self) -> tuple[int, int]:
        """Numeric owner of the service's data and sensitive files."""
        uid, gid = self.user.split(":")
        return int(uid), int(gid)


@dataclass(frozen=True)
class Budget:
    """What the whole stack may spend, in MiB, and where it keeps its files."""

    memory_budget_mib: int
    memory_reserve_mib: int
    engine_memory_allowance_mib: int
    root: str = "/var/lib/robot-stack"
    slice: str = "robotstack.slice"


@dataclass(frozen=True)
class EngineSpec:
    """How the container engine is installed and configured where this project owns it."""

    install: bool
    packages: tuple[str, ...]
    daemon: Mapping[str, Any]
    service_environment: Mapping[str, str]
    socket: str


@dataclass(frozen=True)
class ControllerSpec:
    """Whether the kernel's memory controller may be switched on through the boot line, and with a reboot."""

    enable: bool
    reboot_allowed: bool
    boot_files: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """Everything that one call of the module is told."""

    state: str
    scope: tuple[str, ...]
    budget: Budget
    engine: EngineSpec
    controller: ControllerSpec
    architecture: str
    services: tuple[Service, ...]
    remove_data: bool = False
    remove_engine: bool = False

    def service(self, name: str) -> Service | None:
        """Return the service called ``name``, or None."""
        return next((service for service in self.services if service.name == name), None)

    def in_scope(self, name: str) -> bool:
        """Whether this call may touch ``name``; an empty scope means everything."""
        return not self.scope or name in self.scope

    @property
    def scoped_services(self) -> tuple[Service, ...]:
        """The services that this call may touch, in the order given."""
        return tuple(service for service in self.services if self.in_scope(service.name))


def parse(params: Mapping[str, Any]) -> Stack:
    """Return the typed spec of ``params`` or raise `SpecError` naming every fault."""
    services = tuple(_service(raw) for raw in params["services"] if raw.get("enabled", True))
    budget, engine, controller = params["budget"], params["engine"], params["memory_controller"]
    stack = Stack(
        state=params["state"],
        scope=tuple(params.get("scope") or ()),
        budget=Budget(**budget),
        engine=EngineSpec(
            install=engine["install"],
            packages=tuple(engine["packages"]),
            daemon=engine["daemon"],
            service_environment=_strings(engine["service_environment"]),
            socket=engine["socket"],
        ),
        controller=ControllerSpec(
            enable=controller["enable"],
            reboot_allowed=controller["reboot_allowed"],
            boot_files=tuple(controller["boot_files"]),
        ),
        architecture=params["architecture"],
        services=services,
        remove_data=bool(params.get("remove_data")),
        remove_engine=bool(params.get("remove_engine")),
    )
    faults = _faults(stack)
    if faults:
        raise SpecError("; ".join(faults))
    return stack


def _strings(raw: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (raw or {}).items()}


def _service(raw: Mapping[str, Any]) -> Service:
    health, evidence, log = raw.get("health") or {}, raw.get("limit_evidence") or {}, raw.get("log") or {}
    return Service(
        name=raw["name"],
        image=raw["image"]["reference"],
        fingerprints=dict(raw["image"].get("fingerprints") or {}),
        memory_limit_mib=raw["memory_limit_mib"],
        cpu_limit=float(raw["cpu_limit"]),
        pids_limit=raw["pids_limit"],
        user=raw["user"],
        command=tuple(str(word) for word in raw.get("command") or ()),
        environment=_strings(raw.get("environment")),
        mounts=tuple(Mount(m["source"], m["target"], bool(m.get("recursive"))) for m in raw.get("mounts") or ()),
        files=tuple(
            ManagedFile(f["path"], f.get("content") or "", bool(f.get("sensitive"))) for f in raw.get("files") or ()
        ),
        config_target=raw.get("config_target") or "/config",
        data=tuple(DataDirectory(d["name"], d["target"]) for d in raw.get("data") or ()),
        tmpfs={target: int(size) for target, size in (raw.get("tmpfs") or {}).items()},
        listens=tuple(raw.get("listens") or ()),
        probe=Probe(
            url=health.get("url") or "",
            timeout_seconds=health.get("timeout_seconds") or 30,
            username=health.get("username") or "",
            password_file=health.get("password_file") or "",
            evidence_url=evidence.get("url") or "",
            evidence_metric=evidence.get("metric") or "",
        ),
        history_url=raw.get("history_url") or "",
        stop_timeout_seconds=raw.get("stop_timeout_seconds") or 10,
        log_max_size_kib=log.get("max_size_kib") or 1024,
        log_max_files=log.get("max_files") or 2,
    )


def _faults(stack: Stack) -> list[str]:
    faults: list[str] = []
    names = [service.name for service in stack.services]
    faults += [f"service '{name}' is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if not SLICE.match(stack.budget.slice):
        faults.append(f"budget.slice '{stack.budget.slice}' is not a top-level slice name such as robotstack.slice")
    if not _absolute(stack.budget.root) or stack.budget.root == "/":
        faults.append(f"budget.root '{stack.budget.root}' is not an absolute directory below /")
    for service in stack.services:
        faults += [f"service '{service.name}': {fault}" for fault in _service_faults(service)]
    total = stack.budget.engine_memory_allowance_mib + sum(s.memory_limit_mib for s in stack.services)
    if stack.state != "absent" and total > stack.budget.memory_budget_mib:
        faults.append(
            f"engine allowance plus limits are {total} MiB, the budget is {stack.budget.memory_budget_mib} MiB"
        )
    return faults


def _service_faults(service: Service) -> list[str]:
    faults = []
    if not NAME.match(service.name):
        faults.append("a name is lower-case letters, digits and underscores")
    if service.name in TAKEN_NAMES:
        faults.append(f"the name '{service.name}' is taken by the stack itself")
    if service.memory_limit_mib < SMALLEST_LIMIT_MIB:
        faults.append(f"memory_limit_mib {service.memory_limit_mib} is below {SMALLEST_LIMIT_MIB}")
    if service.cpu_limit <= 0 or service.pids_limit <= 0:
        faults.append("cpu_limit and pids_limit must be above zero")
    if not USER.match(service.user) or 0 in service.uid_gid:
        faults.append(f"user '{service.user}' is not a numeric non-root uid:gid")
    faults += [f"file path '{f.path}' leaves its directory" for f in service.files if not _inside(f.path)]
    faults += [f"data name '{d.name}' is not a plain name" for d in service.data if not NAME.match(d.name)]
    faults += [f"data name '{d.name}' holds the service's files" for d in service.data if d.name in TAKEN_DATA_NAMES]
    targets = [m.target for m in service.mounts] + [d.target for d in service.data] + list(service.tmpfs)
    faults += [f"mount target '{target}' is not absolute" for target in targets if not _absolute(target)]
    return faults


def _absolute(path: str) -> bool:
    return path.startswith("/") and ".." not in PurePosixPath(path).parts


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts
