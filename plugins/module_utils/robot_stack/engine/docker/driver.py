"""Docker, as the rest of the project sees it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ...base.files import DesiredFile, FoundFile
from ...base.roots import Roots
from ...host.platforms.protocol import EngineNames
from ...spec.model import Service, Stack
from .. import fields, kept
from ..protocol import PREFIX, SPEC_LABEL, Difference, EngineInfo, FoundContainer
from . import container, people, setup, storage

OLDEST_API = (1, 41)  # Docker 20.10: the first that knows cgroup v2 and private cgroup namespaces


@dataclass(frozen=True)
class Docker:
    """The driver; see `protocol.Driver`. ``before``: the settings that an owner had left for an engine.

    ``mode``: of the file in which they are joined with the declared ones.
    """

    before: Mapping[str, Any] = field(default_factory=dict)
    objection: str = ""
    mode: int = setup.MODE
    units: Sequence[str] = setup.UNITS
    needs: Sequence[str] = setup.SOCKETS

    name: ClassVar[str] = "Docker"
    command: ClassVar[str] = "docker"
    # the kernel keeps 15 characters of a name: containerd-shim-runc-v2 reads containerd-shim
    programs: ClassVar[Sequence[str]] = ("dockerd", "containerd", "containerd-shim", "docker-proxy")
    settings_file: ClassVar[str] = setup.DAEMON_JSON
    instead_of_rootless: ClassVar[str] = "install one that runs as root, or name its socket in container_engine_socket"
    instead_of_sandbox: ClassVar[str] = f"set default-runtime to runc in {setup.DAEMON_JSON}"
    restart_seconds: ClassVar[float] = 10.0
    writes: ClassVar[Sequence[str]] = ()
    usual_store: ClassVar[str] = setup.STORE
    least_cgroup_version: ClassVar[int] = 1

    @classmethod
    def called(cls, names: EngineNames) -> Docker:
        """Return the driver for a distribution that has these ``names``."""
        return cls(units=names.units or setup.UNITS, needs=names.needs or setup.SOCKETS)

    def keeping(self, before: FoundFile | None) -> Docker:
        """Return the driver that keeps the settings in ``before``, and objects where nobody can read them."""
        if before is None:
            return self
        if before.content is None:
            return replace(self, objection=f"{self.settings_file} is no plain file: replace it by one")
        found = setup.settings_of(before.content)
        if found is None:
            words = "is there, and holds no JSON object: correct it, or move it away"
            return replace(self, objection=f"{self.settings_file} {words}")
        return replace(self, before=found, mode=setup.MODE & before.mode)

    def instead_of(self, stack: Stack) -> list[str]:
        """Return the names of an owner's settings that are declared in another way."""
        both = setup.joined(self.before, stack.engine.daemon)
        return sorted(name for name, value in self.before.items() if both[name] != value)

    def installed(self, roots: Roots) -> bool:
        """Whether its program is there."""
        return any(roots.path(binary).exists() for binary in setup.BINARIES)

    def used_by_people(self, roots: Roots) -> list[str]:
        """Return the stores of engines that are not root's."""
        return people.kept(roots)

    def unusable(self, roots: Roots, found: EngineInfo | None) -> str:
        """Return that it is a snap, which sees a part of the robot's files only and whose services nobody limits."""
        runs = found is not None and found.store.startswith(setup.SNAP_STORE)
        lies = found is None and any(roots.path(command).is_symlink() for command in setup.SNAP_COMMANDS)
        if not (runs or lies):
            return ""
        return (
            "its Docker is a snap, which sees a part of this robot's files only: none of the stack's own. Remove it "
            "(snap remove docker: with its containers, images and volumes, so save what is needed), and run again"
        )

    def to_stop(self, name: str) -> str:
        """Return the command by which people stop a container."""
        return f"{self.command} stop {name}"

    def to_forget(self, name: str) -> str:
        """Return the command by which people remove a container for good."""
        return f"{self.command} rm --force {name}"

    def store(self, stack: Stack, roots: Roots) -> str:  # noqa: ARG002 - the protocol
        """Return what daemon.json says, or its default."""
        return str(setup.joined(self.before, stack.engine.daemon).get("data-root") or setup.STORE)

    def stranding(self, stack: Stack, found: EngineInfo, roots: Roots) -> list[str]:
        """Return which settings would have it begin with another, empty store."""
        return storage.another(setup.joined(self.before, stack.engine.daemon), found, setup.STORE, roots)

    def held(self, store: str, ours: Collection[str], roots: Roots) -> list[str]:
        """Return the containers, volumes and images in a store that are not of this project."""
        found = storage.held(roots.path(store))
        return [name for name in found if not (name in ours or name.startswith(PREFIX) or kept.is_one(name))]

    def unlisted(self, store: str, roots: Roots) -> list[str]:  # noqa: ARG002 - the protocol
        """Return nothing: it is asked for all that counts."""
        return []

    def files(self, stack: Stack) -> list[DesiredFile]:
        """Return daemon.json and the drop-ins of its units."""
        return setup.engine_files(stack, self.before, self.mode, self.units)

    def configuration(self, stack: Stack) -> str:
        """Return a digest of `files`."""
        return setup.configuration(stack, self.before, self.units)

    def too_old(self, found: EngineInfo) -> str:
        """Return why this engine is too old, "" where it is not."""
        version = tuple(int(number) for number in re.findall(r"[0-9]+", found.api_version))
        if not version or version >= OLDEST_API:
            return ""
        needed = ".".join(map(str, OLDEST_API))
        return f"{found.version} (API {found.api_version}), Docker 20.10 (API {needed}) or later is needed: update it"

    def request(
        self, stack: Stack, service: Service, cgroup_driver: str, fingerprint: str, remapped: bool = False
    ) -> dict[str, Any]:
        """Return the body that creates the service's container."""
        return container.body(stack, service, cgroup_driver, fingerprint, remapped)

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
        return fields.number(fields.part(desired, "HostConfig"), "Memory")

    def with_words(self, desired: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
        """Return a request with more words on its command line."""
        return {**desired, "Cmd": [*fields.texts(desired, "Cmd"), *words]}

    def shows(self, desired: Mapping[str, Any]) -> list[str]:
        """Return the robot's paths that a request shows to its container."""
        return [str(mount["Source"]) for mount in desired["HostConfig"]["Mounts"]]

    def described(self, desired: Mapping[str, Any]) -> str:
        """Return a request as lines."""
        return container.described(desired)


DOCKER = Docker()
