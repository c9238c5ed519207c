"""The declarative spec of one robot: what the inventory says, typed. parse.py makes it, check.py checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FOLDER_SCHEME, BUCKET_SCHEME = "fs://", "s3://"
ENGINES = ("docker", "podman")  # the first one where nothing is said
STATES = ("present", "verified", "planned", "proven", "restored", "absent")


class SpecError(ValueError):
    """The spec contradicts itself; the message lists every fault."""


@dataclass(frozen=True)
class ManagedFile:
    """A file below a service's configuration directory; a sensitive one is 0400 and never shown."""

    path: str
    content: str
    sensitive: bool = False


@dataclass(frozen=True)
class Adoption:
    """A folder that a service names after its settings: one that other settings left gets this name.

    `left_by`: a pattern of such folders. Both are paths below the data directory. Where a name is a number and the rest
    behind a `_`, a folder with another number and this rest comes first: only its place among several has changed.
    """

    folder: str
    left_by: str


@dataclass(frozen=True)
class DataDirectory:
    """A host directory that outlives its container, owned by the service's user."""

    name: str
    target: str
    adopts: tuple[Adoption, ...] = ()


@dataclass(frozen=True)
class Mount:
    """A path of the robot, shown read-only to a container; `recursive`: with what is mounted below it.

    `optional`: left out on a robot that does not have it.
    """

    source: str
    target: str
    recursive: bool = False
    optional: bool = False


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
class Shares:
    """How many different series each user of an entry point may bring in a day: ``each``, or what ``series`` says.

    The watchdog shuts out who brings more: ``file`` is a file of the service that lists its users, and what it has for
    ``backend`` (a URL) is led nowhere for a user who is shut out (`spec/entry_point.py`).
    ``count_url`` answers how many series of today bear each user's name as label ``robot``, ``usage_url`` (metrics) how
    much of the room is used up; ``restarts`` is the service whose restart gives it back. Both are asked with
    ``username`` and the content of ``password_file``, a file of the service. Each series is counted ``copies`` times.
    Of ``turns`` hosts with such databases, each restarts its own at a time that is its ``turn`` (0, 1, ...).
    """

    file: str = ""  # empty: the service is no entry point
    backend: str = ""
    count_url: str = ""
    usage_url: str = ""
    restarts: str = ""
    username: str = ""
    password_file: str = ""
    each: int = 0
    series: Mapping[str, int] = field(default_factory=dict)  # by user
    copies: int = 1
    turn: int = 0
    turns: int = 1

    def of(self, user: str) -> int:
        """Return how many series ``user`` may bring."""
        return self.series.get(user, self.each)


@dataclass(frozen=True)
class Job:
    """What makes a service a job: its container is made when its time comes, works, ends, and is removed.

    `kind` is backup or restore ("": it is no job, but runs all the time). ``database`` is the service whose data it
    reads or makes, ``destination`` where the backups are (fs:///PATH or s3://BUCKET/PREFIX), ``place`` the folder of
    this computer's own below it. ``calendar`` is systemd's OnCalendar ("": no timer starts it).
    """

    kind: str = ""
    database: str = ""
    destination: str = ""
    place: str = ""
    calendar: str = ""
    delay_seconds: int = 0  # by so much at random it is later
    free_mib: int = 0  # stay free where the backups are
    start_over: bool = False  # a database that is not what was backed up begins a new chain of backups
    retention: str = ""  # for how long the database keeps samples, such as 90d; "": not told

    @property
    def folder(self) -> str:
        """The folder on this computer that holds the backups, "" where they are elsewhere."""
        return self.destination[len(FOLDER_SCHEME) :] if self.destination.startswith(FOLDER_SCHEME) else ""


@dataclass(frozen=True)
class Service:
    """One container: image, limits, files, data and how to ask whether it works.

    `history_url` is the query API (Prometheus') of a service that keeps the robot's own history. `disk_mib` is what
    its data may grow to, with what it needs free beside it. `notes` are lines for whoever reads the plan.
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
    disk_mib: int = 0
    filesystems: tuple[str, ...] = ()  # paths whose space the watchdog writes for it, beside its own metrics
    notes: tuple[str, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    shares: Shares = Shares()
    open_files_limit: int = 0  # connections included; 0: the engine's own
    job: Job = Job()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # as the module was given it

    @property
    def pinned(self) -> bool:
        """Whether the image is named by its digest: then the robot pulls it, and its name proves what it is."""
        return "@sha256:" in self.image

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
    """Which container engine, and how it is installed and configured where this project owns it.

    One that has no process of its own (`kind` podman) has neither settings nor a socket: those are empty.
    """

    install: bool
    packages: tuple[str, ...]
    daemon: Mapping[str, Any]
    service_environment: Mapping[str, str]
    socket: str
    kind: str = ENGINES[0]


@dataclass(frozen=True)
class ControllerSpec:
    """Whether the kernel's memory controller may be switched on through the boot line, and with a reboot."""

    enable: bool
    reboot_allowed: bool
    boot_files: tuple[str, ...]


@dataclass(frozen=True)
class Registry:
    """The login with which robots pull; no user name: none is needed."""

    username: str = ""
    password: str = field(default="", repr=False)


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
    registry: Registry = Registry()
    watchdog_interval_seconds: int = 30
    accept_tight: bool = False
    stopped: tuple[str, ...] = ()  # services that are declared, and kept stopped on purpose
    fresh: tuple[str, ...] = ()  # services of this rollout that did not run on this robot before
    robot: str = ""  # its name in the inventory; "": not told
    former_name: str = ""  # under which it was deployed before it was renamed
    controller_clock: float = 0.0  # seconds since 1970 where Ansible runs; 0: not told
    python: str = "/usr/bin/python3"  # of the robot, by which its watchdog and its jobs are run

    def service(self, name: str) -> Service | None:
        """Return the service called ``name``, or None."""
        return next((service for service in self.services if service.name == name), None)

    def in_scope(self, name: str) -> bool:
        """Whether this call may touch ``name``; an empty scope means everything."""
        return not self.scope or name in self.scope

    def keeps_stopped(self, name: str) -> bool:
        """Whether ``name`` shall not run, although it is declared."""
        return name in self.stopped

    @property
    def scoped_services(self) -> tuple[Service, ...]:
        """The services that this call may touch, in the order given."""
        return tuple(service for service in self.services if self.in_scope(service.name))

    @property
    def running_services(self) -> tuple[Service, ...]:
        """Those that this call may touch and that run all the time."""
        return tuple(service for service in self.scoped_services if not service.job.kind)

    @property
    def jobs(self) -> tuple[Service, ...]:
        """Those that this call may touch and that are jobs."""
        return tuple(service for service in self.scoped_services if service.job.kind)
