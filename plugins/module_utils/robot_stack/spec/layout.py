"""Where a service's files and data are on its robot. Pure."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath

from ..base.files import DesiredFile, DesiredFolder
from .model import Service, Stack

DATA_MODE = 0o750
RESTORED = ".robot-stack-new"  # in a database's data: where a restore lays what is about to take its place
JOB_DATA, JOB_BACKUPS = "/victoria-metrics-data", "/backups"  # where a job's container has the data, the backups
BEFORE = "engine-settings.before"  # what an owner had left for an engine, before this project installed one


def config_directory(stack: Stack, service: Service) -> str:
    """Return where this version of the service's files lives: a name of its own, so that the last one stays."""
    essence = [[f.path, f.content, f.sensitive] for f in sorted(service.files, key=lambda f: f.path)]
    digest = hashlib.sha256(json.dumps([essence, service.user]).encode()).hexdigest()[:16]
    return f"{stack.budget.root}/{service.name}/config/{digest}"


def config_files(stack: Stack, service: Service) -> list[DesiredFile]:
    """Return the service's files as they shall lie on the robot."""
    directory = config_directory(stack, service)
    uid, gid = service.uid_gid
    return [
        DesiredFile(f"{directory}/{f.path}", f.content, 0o400, uid, gid, sensitive=True)
        if f.sensitive
        else DesiredFile(f"{directory}/{f.path}", f.content, 0o444)
        for f in service.files
    ]


def folders(stack: Stack, service: Service) -> list[DesiredFolder]:
    """Return the service's folders as they shall be on the robot; its data is not for everybody to see."""
    top, config = f"{stack.budget.root}/{service.name}", config_directory(stack, service)
    found = [DesiredFolder(top)]
    if service.files:
        # only root may list the versions: their names are digests of what they hold
        found += [DesiredFolder(f"{top}/config", 0o700), DesiredFolder(config)]
        inside = {str(above) for file in service.files for above in PurePosixPath(file.path).parents} - {"."}
        found += [DesiredFolder(f"{config}/{path}") for path in sorted(inside)]
    uid, gid = service.uid_gid
    return found + [DesiredFolder(data_path(stack, service, one.name), DATA_MODE, uid, gid) for one in service.data]


def before_path(stack: Stack) -> str:
    """Return where an owner's settings of the engine are kept."""
    return f"{stack.budget.root}/{BEFORE}"


def data_path(stack: Stack, service: Service, name: str) -> str:
    """Return the host directory of the service's data ``name``."""
    return data_folder(stack.budget.root, service.name, name)


def data_paths(stack: Stack) -> list[str]:
    """Return the folder in which each service that says how much disk it may need has its data."""
    return [path for service in stack.scoped_services if (path := growing_path(stack, service))]


def growing_path(stack: Stack, service: Service) -> str:
    """Return where a service's data grows, "" where none is known to: an owner may have mounted a disk there."""
    if not (service.disk_mib and service.data):
        return ""
    return data_path(stack, service, service.data[0].name)


def data_folder(root: str, service: str, name: str) -> str:
    """Return the host directory of data ``name`` of a service, below the stack's ``root``."""
    return f"{root}/{service}/{name}"


def database_path(stack: Stack, job: Service) -> str:
    """Return the host directory of the data that a job reads or makes."""
    database = stack.service(job.job.database)
    name = database.data[0].name if database and database.data else "data"
    return data_folder(stack.budget.root, job.job.database, name)
