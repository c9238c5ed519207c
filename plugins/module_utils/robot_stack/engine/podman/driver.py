"""Podman, as the rest of the project sees it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, ClassVar

from ...base.files import DesiredFile, FoundFile
from ...base.roots import Roots
from ...host import platforms
from ...host.systemd import WRITTEN_BY_US
from ...spec.model import ENGINES, Service, Stack
from .. import fields, kept
from ..protocol import PREFIX, SPEC_LABEL, Difference, EngineInfo, FoundContainer
from . import container, files, images, people, quadlet, settings, storage
from .programs import GENERATOR, GENERATORS, Programs

OLDEST = (4, 9)  # Ubuntu 24.04: the first whose Quadlet has what is needed, and whose long-term fixes came
STORE = "/var/lib/containers/storage"
SETTINGS = "/etc/containers/containers.conf"  # its owner's; ours stand beside it
DROP_IN = "/etc/containers/containers.conf.d/50-robot-stack.conf"
SETTLED = """\
[engine]
# one layer after the other: each at once needs memory of its own, and a robot's card writes no faster
image_parallel_copies = 1
"""


@dataclass(frozen=True)
class Podman:
    """The driver; see `protocol.Driver`. It has no process, so nothing of it is started, restarted or lost at boot."""

    before: Mapping[str, Any] = field(default_factory=dict)
    objection: str = ""

    name: ClassVar[str] = "Podman"
    command: ClassVar[str] = "podman"
    units: ClassVar[Sequence[str]] = ()
    needs: ClassVar[Sequence[str]] = ()
    programs: ClassVar[Sequence[str]] = ("conmon", "podman", "crun", "runc", "netavark", "aardvark-dns")
    settings_file: ClassVar[str] = SETTINGS
    # it is asked by root: to it that is another user where root must not mount, as in some containers
    instead_of_rootless: ClassVar[str] = "root on this robot has to be able to mount (CAP_SYS_ADMIN)"
    instead_of_sandbox: ClassVar[str] = f'write runtime = "crun" below [engine] in {SETTINGS}'
    # systemd waits before it starts again what has ended, and Podman takes a while to start it
    restart_seconds: ClassVar[float] = quadlet.RESTART_MOST_SECONDS + 40.0
    # one folder, and not the two in it: each would be a mount of its own for whoever may write to these alone, and a
    # file cannot be renamed from one mount to another
    writes: ClassVar[Sequence[str]] = (files.ABOVE,)
    usual_store: ClassVar[str] = STORE
    # below a systemd unit it can limit memory in one hierarchy alone
    least_cgroup_version: ClassVar[int] = 2

    def keeping(self, before: FoundFile | None) -> Podman:  # noqa: ARG002 - the protocol
        """Return the driver as it is: an owner's settings are never written to."""
        return self

    def instead_of(self, stack: Stack) -> list[str]:  # noqa: ARG002 - the protocol
        """Return nothing: an owner's settings stand beside ours."""
        return []

    def installed(self, roots: Roots) -> bool:
        """Whether its program is there."""
        return Programs(roots).there

    def used_by_people(self, roots: Roots) -> list[str]:
        """Return the storages and folders of units that are not root's."""
        return people.kept(roots)

    def to_stop(self, name: str) -> str:
        """Return the command by which people stop a container."""
        return f"systemctl stop {files.service_unit(name)}"

    def to_forget(self, name: str) -> str:
        """Return the command by which people remove a container for good."""
        unit = files.service_unit(name)
        return f"rm {files.ACTIVE}/{name}{files.ENDING} && systemctl stop {unit} && systemctl daemon-reload"

    def unusable(self, roots: Roots, found: EngineInfo | None) -> str:
        """Return why the one that this robot's distribution has would be too old, before that is installed.

        One that came by other means may be without what makes units.
        """
        if found is not None:
            return self._without_generator(roots)
        release = platforms.find(roots).too_old_for(ENGINES[1], roots)
        if not release:
            return ""
        needed = ".".join(map(str, OLDEST))
        return (
            f"the Podman of {release} is older than {needed}, which is needed: use "
            f"container_engine: {ENGINES[0]}, update the system, or install a newer one by other means, into "
            "/usr/local/bin or /usr/bin, its systemd generator included"
        )

    @staticmethod
    def _without_generator(roots: Roots) -> str:
        if Programs(roots).generator:
            return ""
        folder = PurePosixPath(GENERATORS[2]).parent
        return (
            f"its Podman came without {GENERATOR}, by which systemd makes units of what is to run: put it into "
            f"{folder} (make install does), or use container_engine: {ENGINES[0]}"
        )

    def store(self, stack: Stack, roots: Roots) -> str:  # noqa: ARG002 - the protocol
        """Return what storage.conf says, or its default."""
        return settings.graph_root(roots) or STORE

    def stranding(self, stack: Stack, found: EngineInfo, roots: Roots) -> list[str]:  # noqa: ARG002 - the protocol
        """Return nothing: where its store is, its owner says, and no run."""
        return []

    def held(self, store: str, ours: Collection[str], roots: Roots) -> list[str]:
        """Return the containers, volumes, images, secrets and artifacts in a storage that are not of this project."""
        known = {*map(images.local_name, ours), *map(images.registry_name, ours), images.FORMER}
        found = storage.held(roots.path(store))
        return [name for name in found if not (name in known or name.startswith(PREFIX) or kept.is_one(name))]

    def unlisted(self, store: str, roots: Roots) -> list[str]:
        """Return the secrets and artifacts in a storage."""
        return storage.unlisted(roots.path(store))

    def files(self, stack: Stack) -> list[DesiredFile]:  # noqa: ARG002 - the protocol
        """Return the settings beside its owner's."""
        return [DesiredFile(DROP_IN, f"{WRITTEN_BY_US} changes are overwritten.\n{SETTLED}")]

    def configuration(self, stack: Stack) -> str:  # noqa: ARG002 - the protocol
        """Return nothing: each of its programs reads the settings as they are."""
        return ""

    def too_old(self, found: EngineInfo) -> str:
        """Return why this Podman cannot be used, "" where it can."""
        version = tuple(int(number) for number in re.findall(r"[0-9]+", found.version))[:2]
        if not version or version >= OLDEST:
            return ""
        needed = ".".join(map(str, OLDEST))
        instead = f"install a newer one, or use container_engine: {ENGINES[0]}"
        return f"Podman {found.version}, {needed} or later is needed: {instead}"

    def request(
        self,
        stack: Stack,
        service: Service,
        cgroup_driver: str,  # noqa: ARG002 - the protocol
        fingerprint: str,
        remapped: bool = False,  # noqa: ARG002 - the protocol
    ) -> dict[str, Any]:
        """Return what the service's unit is written from."""
        return container.body(stack, service, fingerprint)

    def drift(
        self, desired: Mapping[str, Any], found: FoundContainer, swap_accounted: bool = True, made: str = ""
    ) -> list[Difference]:
        """Return where a container differs from its request."""
        return container.drift(desired, found, swap_accounted, made)

    def spec_of(self, desired: Mapping[str, Any]) -> str:
        """Return the digest that labels a container."""
        return str(desired["Labels"][SPEC_LABEL])

    def image_of(self, desired: Mapping[str, Any]) -> str:
        """Return the reference of a request's image."""
        return fields.text(desired, "Image")

    def memory_of(self, desired: Mapping[str, Any]) -> int:
        """Return a request's memory limit in bytes."""
        return fields.number(desired, "Memory")

    def with_words(self, desired: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
        """Return a request with more words on its command line."""
        return {**desired, "Cmd": [*fields.texts(desired, "Cmd"), *words]}

    def shows(self, desired: Mapping[str, Any]) -> list[str]:
        """Return the robot's paths that a request shows to its container."""
        return container.shows(desired)

    def described(self, desired: Mapping[str, Any]) -> str:
        """Return a request as lines."""
        return container.described(desired)


PODMAN_DRIVER = Podman()
