"""What the rest of the project asks of a container engine, whichever one it is: one protocol, a folder each driver.

`Driver` is what is known of an engine without asking it; `Engine` is one that is asked. Sizes in bytes, times in
seconds since 1970 (0: never, or not known).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ..base.files import DesiredFile, FoundFile
from ..base.roots import Roots
from ..spec.model import Service, Stack

SERVICE_LABEL = "robot-stack.service"
SPEC_LABEL = "robot-stack.spec"
PREFIX = "robot-stack-"
PREVIOUS = ".previous"
STARTABLE = ("created", "exited")  # what does not run and can be started as it is
PAUSED = "paused"
SPEC_DIFFERS = "settings, files or image differ from the spec it was made of"


def name_of(service: str) -> str:
    """Return the container's name of ``service``."""
    return PREFIX + service


class EngineError(RuntimeError):
    """The engine answered with an error; `status` is that of HTTP (0: it could not be reached)."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the ``status`` beside the engine's own words."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself. `takes_thin_archives`: layers that it has may be left out of an image."""

    version: str
    api_version: str
    cgroup_driver: str
    swap_accounted: bool
    store: str
    takes_thin_archives: bool
    remaps_users: bool = False  # containers run in a user namespace unless they say otherwise
    rootless: bool = False
    layers_by: str = ""  # the driver of its store, "": not told
    sandbox: str = ""  # the runtime that hides containers from the kernel's own view, "": an ordinary one


@dataclass(frozen=True)
class FoundContainer:
    """A container as it is, running or not.

    `image` is the id of what it was made of, `image_name` what that was called then; `service` and `spec` are our
    labels. Limits as the engine has them (0: none), which is a wish; `text` describes it in lines, for a diff.
    """

    id: str
    name: str
    image: str = ""
    image_name: str = ""
    service: str = ""
    spec: str = ""
    running: bool = False
    restarting: bool = False
    status: str = ""
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0  # when it ended last; 0: it never has
    stop_timeout_seconds: int = 10
    memory: int = 0
    kernel_memory: int | None = None  # the memory limit that the kernel has; None: it was not asked
    memory_and_swap: int = 0
    nano_cpus: int = 0
    pids: int = 0
    restart_policy: str = ""
    cgroup_parent: str = ""
    binds: tuple[tuple[str, str], ...] = ()  # path on the robot, path in the container
    volumes: tuple[str, ...] = ()
    text: str = ""
    cgroup: str = ""  # a word in the cgroups of its processes, and of no others; "": its id is
    lost_at_boot: str = ""  # why it will not run after the next boot, where the engine alone does not decide that
    comes_at_boot: bool = False  # whether the next boot starts it although it does not run now
    objection: str = ""  # why it cannot be replaced: somebody else's file stands in the way
    delayed: bool = False  # it runs, and after its next end will be started late, because it has ended before

    def holds(self, cgroups: str) -> bool:
        """Whether a process with these ``cgroups`` (/proc/PID/cgroup) is one of it."""
        word = self.cgroup or self.id
        return bool(word) and word in cgroups


@dataclass(frozen=True)
class FoundImage:
    """An image on the robot: its id there, and the digest that is the same on every engine.

    `names` are its tags but for the one by which this project keeps it, where it is `kept` so.
    """

    id: str
    fingerprint: str
    layers: list[str]
    environment: list[str]
    size: int = 0
    names: list[str] = field(default_factory=list)
    kept: bool = False


@dataclass(frozen=True)
class Event:
    """One thing that the engine saw of a container."""

    time: float
    action: str
    exit_code: str = ""
    signal: str = ""


@dataclass(frozen=True)
class Difference:
    """One thing in which a container is not as declared. `kind`: limit, policy, parent, spec, maker, state, boot."""

    kind: str
    words: str


class Driver(Protocol):
    """What is known of one kind of engine without asking one."""

    name: ClassVar[str]  # as people call it
    command: ClassVar[str]  # its command line, which people have
    programs: ClassVar[Sequence[str]]  # what its processes are called, as the kernel cuts names
    settings_file: ClassVar[str]  # of its own configuration
    instead_of_rootless: ClassVar[str]  # what to do where it is not root's
    instead_of_sandbox: ClassVar[str]  # what to do where its containers have a kernel of their own
    restart_seconds: ClassVar[float]  # within which it starts again what ended
    writes: ClassVar[Sequence[str]]  # folders in which containers are kept that whoever starts one must write to
    usual_store: ClassVar[str]  # where it keeps images unless somebody has chosen another folder
    least_cgroup_version: ClassVar[int]

    @property
    def units(self) -> Sequence[str]:
        """Its units, in the order in which they are started, itself the last; none: it has no process of its own."""

    @property
    def needs(self) -> Sequence[str]:
        """Units without which those cannot start, and which are started with them."""

    @property
    def before(self) -> Mapping[str, Any]:
        """The settings that its owner had left there before this project installed it."""

    @property
    def objection(self) -> str:
        """Why those cannot be kept, "" where they can."""

    def keeping(self, before: FoundFile | None) -> Driver:
        """Return the driver that joins the settings in ``before`` with the declared ones."""

    def instead_of(self, stack: Stack) -> list[str]:
        """Return the names of settings in `before` in whose place declared ones stand."""

    def installed(self, roots: Roots) -> bool:
        """Whether its program is there."""

    def used_by_people(self, roots: Roots) -> list[str]:
        """Return the folders, sorted, in which people who log in keep what they need its programs for."""

    def unusable(self, roots: Roots, found: EngineInfo | None) -> str:
        """Return why one that is there can never be used, and what to do; ``found``: what one that runs says."""

    def to_stop(self, name: str) -> str:
        """Return the command by which people stop a container."""

    def to_forget(self, name: str) -> str:
        """Return the command by which people remove a container for good."""

    def store(self, stack: Stack, roots: Roots) -> str:
        """Return where it keeps images by its settings; one that runs says it itself."""

    def stranding(self, stack: Stack, found: EngineInfo, roots: Roots) -> list[str]:
        """Return which of its declared settings would have it begin with another, empty store."""

    def held(self, store: str, ours: Collection[str], roots: Roots) -> list[str]:
        """Return the names, sorted, of what others would miss of a ``store``; ``ours`` are references of images.

        They are told by its files: the engine need not be there.
        """

    def unlisted(self, store: str, roots: Roots) -> list[str]:
        """Return the names of what people keep in a ``store`` and no question to the engine tells of."""

    def files(self, stack: Stack) -> list[DesiredFile]:
        """Return its configuration and drop-ins where this project installs it."""

    def configuration(self, stack: Stack) -> str:
        """Return a digest of `files`: what a running engine must have been started with."""

    def too_old(self, found: EngineInfo) -> str:
        """Return that an engine is too old, what is needed, and what to do; "" where it is not."""

    def request(
        self, stack: Stack, service: Service, cgroup_driver: str, fingerprint: str, remapped: bool = False
    ) -> dict[str, Any]:
        """Return what creates the service's container; ``remapped``: by an engine that gives users other numbers."""

    def drift(
        self, desired: Mapping[str, Any], found: FoundContainer, swap_accounted: bool = True, made: str = ""
    ) -> list[Difference]:
        """Return where a container differs from its request; ``made``: the id of ours ("": unknown)."""

    def spec_of(self, desired: Mapping[str, Any]) -> str:
        """Return the digest of a request, which `FoundContainer.spec` has of the one that a container was made from."""

    def image_of(self, desired: Mapping[str, Any]) -> str:
        """Return the reference of the image that a request makes a container of, "" where it names none."""

    def memory_of(self, desired: Mapping[str, Any]) -> int:
        """Return the memory limit of a request in bytes; 0: it has none."""

    def with_words(self, desired: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
        """Return a request with more ``words`` at the end of its container's command line."""

    def shows(self, desired: Mapping[str, Any]) -> list[str]:
        """Return the robot's paths that a request shows to its container."""

    def described(self, desired: Mapping[str, Any]) -> str:
        """Return a request as lines, as `FoundContainer.text` has them."""


def unit_of(driver: Driver) -> str:
    """Return the unit that is the engine, "" where it has no process of its own."""
    return driver.units[-1] if driver.units else ""


class Engine(Protocol):
    """One engine that is asked. Every method raises `EngineError`."""

    @property
    def driver(self) -> Driver:
        """What is known of its kind."""

    def reachable(self) -> bool:
        """Whether it answers."""

    def info(self) -> EngineInfo:
        """Return what it says of itself."""

    def containers(self) -> list[FoundContainer]:
        """Return all containers, running or not, with no more than id, name and service."""

    def owned(self) -> list[FoundContainer]:
        """Return, with all that can be told of them, the containers that bear our label."""

    def inspect(self, name: str) -> FoundContainer | None:
        """Return the container of this name or id, None where there is none."""

    def image(self, reference: str) -> FoundImage | None:
        """Return the image of this reference or id, None where there is none."""

    def image_id(self, reference: str) -> str:
        """Return the id of the image of this reference or id, of a damaged one as well, "" where there is none."""

    def image_ids(self) -> list[str]:
        """Return the ids of all images, with and without names."""

    def image_names(self) -> list[str]:
        """Return the names of all images; one that has none is left out, and so is what keeps one of ours."""

    def kept_images(self) -> list[str]:
        """Return the ids of the images that bear a name by which this project keeps them."""

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""

    def external(self) -> list[str]:
        """Return the names of containers that other programs keep in its store; `containers` tells of none of them."""

    def events(self, container: str, since: float, until: float) -> tuple[Event, ...]:
        """Return what it saw of one container between two times, in order."""

    def logs(self, name: str, lines: int, since: float = 0.0, until: float = 0.0) -> str:
        """Return the last lines that a container printed, from ``since`` to ``until`` (seconds since 1970, 0: open)."""

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Create a container from a driver's request."""

    def start(self, name: str) -> None:
        """Start a container; one that runs already is left alone."""

    def resume(self, name: str) -> None:
        """Let a container that somebody has paused run on."""

    def start_promptly(self, name: str) -> None:
        """Have what runs be started at once after its next end, however often it has ended before."""

    def stop(self, name: str, timeout_seconds: int) -> None:
        """Stop a container, giving it time to flush what it holds."""

    def rename(self, name: str, new_name: str) -> None:
        """Rename a container."""

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone already is no error."""

    def remove_image(self, reference: str) -> None:
        """Remove an image, or one of its names; one that is gone or still used by somebody is left alone.

        The name by which this project keeps it is nobody's use of it, and goes first.
        """

    def tag(self, reference: str, new_reference: str) -> None:
        """Give an image a second name."""

    def load(self, archive: Path) -> str:
        """Load an image archive from disk without holding it in memory."""

    def pull(self, reference: str, username: str = "", password: str = "") -> None:
        """Pull NAME@sha256:HEX from its registry."""
