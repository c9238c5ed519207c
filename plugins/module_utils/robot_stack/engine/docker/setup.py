"""The container engine where this project installs it: its configuration, and the drop-ins that count it in.

An engine that was there before is used as it is: its configuration and its other containers are not ours.
"""

from __future__ import annotations

import hashlib
import json

from ...base.files import DesiredFile
from ...host.systemd import service_drop_in
from ...spec.model import Stack

DAEMON_JSON = "/etc/docker/daemon.json"
UNITS = ("containerd.service", "docker.service")
SOCKETS = ("docker.socket",)
STORE = "/var/lib/docker"
BINARIES = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")


def engine_files(stack: Stack) -> list[DesiredFile]:
    """Return the engine's configuration and its two drop-ins, as they shall be on a robot whose engine is ours."""
    environment = [f"{key}={value}" for key, value in sorted(stack.engine.service_environment.items())]
    daemon = json.dumps(dict(stack.engine.daemon), indent=2, sort_keys=True) + "\n"
    return [
        DesiredFile(DAEMON_JSON, daemon),
        *(service_drop_in(unit, stack.budget.slice, environment) for unit in UNITS),
    ]


def configuration(stack: Stack) -> str:
    """Return a digest of the engine's files: what a running engine must have been started with."""
    contents = [[file.path, file.content] for file in engine_files(stack)]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
