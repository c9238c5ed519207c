"""What a step does: a class for each way of doing something, with all that is needed for it. Data; `apply` does it.

What a step is done to (a service, a path, a unit) is the step's subject.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.files import DesiredFile, DesiredFolder, FoundFile
from ..spec.needs import ImageNeed, PackagesNeed, PurgeNeed, RebootNeed


class Action:
    """One way of changing a robot."""


@dataclass(frozen=True)
class WriteFile(Action):
    """Write a file."""

    file: DesiredFile


@dataclass(frozen=True)
class WriteBootLine(WriteFile):
    """Write the kernel's command line for the next boot."""


@dataclass(frozen=True)
class WriteWatchdogFile(WriteFile):
    """Write a file of the watchdog's own: its units."""


@dataclass(frozen=True)
class WriteWatch(WriteFile):
    """Tell the watchdog how it looks after a service."""


@dataclass(frozen=True)
class WriteJobFile(WriteFile):
    """Write a file from which a job's container is made when its time comes."""


@dataclass(frozen=True)
class WriteServiceFile(WriteFile):
    """Write a file that a service reads."""


@dataclass(frozen=True)
class WriteEngineFile(WriteFile):
    """Write the engine's settings; what their owner had there (`before`; None: nothing) is kept aside."""

    before: FoundFile | None = None


@dataclass(frozen=True)
class PutBack(Action):
    """Give an owner the engine's settings back that were there before; forget them where the engine goes."""

    before: FoundFile
    forget: bool


@dataclass(frozen=True)
class Reboot(Action):
    """The controller reboots the robot."""

    need: RebootNeed


@dataclass(frozen=True)
class InstallPackages(Action):
    """The controller installs the engine's packages."""

    need: PackagesNeed


@dataclass(frozen=True)
class PurgePackages(Action):
    """The controller removes them."""

    need: PurgeNeed


@dataclass(frozen=True)
class MakeSlice(Action):
    """Write a slice's unit, and have the kernel enforce its limit; `lowers`: it is less than the kernel has now.

    `drop_ins` are files of others that would count more, and go.
    """

    unit: DesiredFile
    masked: bool = False
    lowers: bool = False
    drop_ins: tuple[str, ...] = ()


@dataclass(frozen=True)
class DropSlice(Action):
    """Remove a slice."""


@dataclass(frozen=True)
class EnableEngine(Action):
    """Have the engine start at each boot, by units that are `masked` as well."""

    masked: tuple[str, ...]


@dataclass(frozen=True)
class DisableEngine(Action):
    """Have it start at no boot."""


@dataclass(frozen=True)
class RestartEngine(Action):
    """Start it with its settings; `configuration` is remembered: their digest."""

    configuration: str


@dataclass(frozen=True)
class RestartOutside(Action):
    """Start its `units` again, outside of the stack's ceiling."""

    units: tuple[str, ...]


@dataclass(frozen=True)
class RemoveLeftContainer(Action):
    """Remove a container of the engine that the robot had before."""


@dataclass(frozen=True)
class RemoveLeftImage(Action):
    """Remove an image from it."""


@dataclass(frozen=True)
class ForgetEngine(Action):
    """Forget it, and that one of its `units` was enabled."""

    units: tuple[str, ...]


@dataclass(frozen=True)
class InstallWatchdog(Action):
    """Bring the watchdog's program, and start its timer, which may be `masked`."""

    masked: bool = False


@dataclass(frozen=True)
class RemoveWatchdog(Action):
    """Stop the watchdog and remove it."""


@dataclass(frozen=True)
class Unwatch(Action):
    """Have the watchdog look after a service no more."""


@dataclass(frozen=True)
class InstallJob(Action):
    """Have a job done as declared."""


@dataclass(frozen=True)
class DropJob(Action):
    """Have it done no more; with its `settings`, by hand neither."""

    settings: bool


@dataclass(frozen=True)
class BringImage(Action):
    """Load an image that the controller sends (`need`), or pull it."""

    reference: str
    fingerprint: str = ""
    need: ImageNeed | None = None


@dataclass(frozen=True)
class NameImage(Action):
    """Give an image that is there, by its `id`, its name back."""

    id: str
    reference: str


@dataclass(frozen=True)
class RemoveImage(Action):
    """Remove an image by its name."""


@dataclass(frozen=True)
class OwnData(Action):
    """Make the folder of a service's data its user's, with all that is below."""

    path: str


@dataclass(frozen=True)
class PutFolderRight(Action):
    """Give a folder its mode and owner."""

    folder: DesiredFolder


@dataclass(frozen=True)
class MakeContainer(Action):
    """Make a service's container, or make it anew, by a `request` in the engine's own terms."""

    request: Mapping[str, Any]


@dataclass(frozen=True)
class StartContainer(Action):
    """Start it; where the engine refuses, make it anew."""

    request: Mapping[str, Any]


@dataclass(frozen=True)
class SettleReplacement(Action):
    """Finish its replacement, which was interrupted."""


@dataclass(frozen=True)
class StopContainer(Action):
    """Stop it, and leave it there."""


@dataclass(frozen=True)
class RemoveOrphan(Action):
    """Remove a container whose service is no longer declared."""


@dataclass(frozen=True)
class RemoveService(Action):
    """Stop and remove a service's container, and forget the service."""


@dataclass(frozen=True)
class RemoveDirectory(Action):
    """Remove a directory with all that is in it; `unmount` what is mounted there first."""

    unmount: bool = False


@dataclass(frozen=True)
class KeepStore(Action):
    """Leave an engine's store as it is, and say so."""


@dataclass(frozen=True)
class RemoveFile(Action):
    """Remove a file."""


@dataclass(frozen=True)
class RemoveRoot(Action):
    """Remove the stack's directory, unless it holds anything else."""
