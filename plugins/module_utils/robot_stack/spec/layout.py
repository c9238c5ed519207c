"""Where a service's files and data are on its robot. Pure."""

from __future__ import annotations

import hashlib
import json

from ..base.files import DesiredFile
from .model import Service, Stack


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


def data_path(stack: Stack, service: Service, name: str) -> str:
    """Return the host directory of the service's data ``name``."""
    return data_folder(stack.budget.root, service.name, name)


def data_folder(root: str, service: str, name: str) -> str:
    """Return the host directory of data ``name`` of a service, below the stack's ``root``."""
    return f"{root}/{service}/{name}"
