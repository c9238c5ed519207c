"""The container engine where this project installs it: its configuration, and the drop-ins that count it in.

An engine that was there before is used as it is: its configuration and its other containers are not ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...base.files import DesiredFile
from ...host.systemd import service_drop_in
from ...spec.model import Stack

DAEMON_JSON = "/etc/docker/daemon.json"
MODE = 0o644  # unless its owner's is tighter: root alone has to read it
OPTIONS = "exec-opts"
# As its makers call them; a distribution that calls them otherwise says so in host/platforms.
UNITS = ("containerd.service", "docker.service")
SOCKETS = ("docker.socket",)
STORE = "/var/lib/docker"
SOCKET = "/var/run/docker.sock"
BINARIES = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
# What snapd leaves on the robot: the command, and the folder in which its engine keeps everything.
SNAP_COMMANDS = ("/snap/bin/docker", "/var/lib/snapd/snap/bin/docker")
SNAP_STORE = "/var/snap/"


def settings_of(content: str) -> dict[str, Any] | None:
    """Return what a daemon.json holds, None where the engine could not read it either; an empty one holds nothing."""
    try:
        found = json.loads(content or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def joined(before: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``before``, its owner's settings, with those that are ``declared``, which win where both have one.

    Of the options to the engine's runtime each counts on its own.
    """
    both = {**before, **declared}
    theirs, ours = before.get(OPTIONS), declared.get(OPTIONS)
    if isinstance(theirs, list) and isinstance(ours, list):
        named = {str(option).partition("=")[0] for option in ours}
        both[OPTIONS] = [*ours, *(one for one in theirs if str(one).partition("=")[0] not in named)]
    return both


def engine_files(
    stack: Stack, before: Mapping[str, Any], mode: int = MODE, units: Sequence[str] = UNITS
) -> list[DesiredFile]:
    """Return the engine's configuration and its two drop-ins, as they shall be on a robot whose engine is ours.

    ``before``: the settings that its owner had left there for an engine, ``mode``: of the file that they are joined in,
    ``units``: what the engine's are called here.
    """
    environment = [f"{key}={value}" for key, value in sorted(stack.engine.service_environment.items())]
    daemon = json.dumps(joined(before, stack.engine.daemon), indent=2, sort_keys=True) + "\n"
    return [
        DesiredFile(DAEMON_JSON, daemon, mode),
        *(service_drop_in(unit, stack.budget.slice, environment) for unit in units),
    ]


def configuration(stack: Stack, before: Mapping[str, Any], units: Sequence[str] = UNITS) -> str:
    """Return a digest of the engine's files: what a running engine must have been started with."""
    contents = [[file.path, file.content] for file in engine_files(stack, before, units=units)]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
