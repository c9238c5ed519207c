"""What a container sees of its robot: the paths that are shown to it, and where. Pure; the same for every engine."""

from __future__ import annotations

from dataclasses import dataclass

from ..spec.layout import JOB_BACKUPS, JOB_DATA, RESTORED, config_directory, data_path, database_path
from ..spec.model import Service, Stack


@dataclass(frozen=True)
class Bind:
    """A path of the robot at ``target`` in a container; ``recursive``: with what is mounted below it."""

    source: str
    target: str
    read_only: bool
    recursive: bool = True


def of(stack: Stack, service: Service) -> list[Bind]:
    """Return what the service's container sees: declared paths, its files, its data, what its job works on.

    A read-only bind does not make what is mounted below it read-only: unless it is asked for, that is left out.
    """
    found = [Bind(mount.source, mount.target, True, mount.recursive) for mount in service.mounts]
    if service.files:
        found.append(Bind(config_directory(stack, service), service.config_target, True))
    found += [Bind(data_path(stack, service, one.name), one.target, False) for one in service.data]
    return found + _of_job(stack, service)


def _of_job(stack: Stack, service: Service) -> list[Bind]:
    """A backup reads the database and writes where backups are; a restore reads those, and writes beside the data."""
    job, data = service.job, database_path(stack, service)
    if not job.kind:
        return []
    restores = job.kind == "restore"
    found = [Bind(f"{data}/{RESTORED}" if restores else data, JOB_DATA, not restores)]
    return found + ([Bind(job.folder, JOB_BACKUPS, restores)] if job.folder else [])
