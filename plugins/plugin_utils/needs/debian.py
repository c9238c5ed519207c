"""Debian's packages: installed with apt, from the robot's sources or from a folder, and removed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed, PurgeNeed

from .connection import Connection
from .package_folder import PackagesMissingError, installation, packages
from .transfer import Sender, SendingError

FINISH = "dpkg --configure -a"  # what apt asks for after a power cut
OPTIONS: dict[str, Any] = {"install_recommends": False, "lock_timeout": 300}


def install(connection: Connection, need: PackagesNeed) -> list[str]:
    """Install packages from the robot's own sources; return what was done."""
    connection.say(f"installing {', '.join(need.names)}")
    options = {**OPTIONS, "name": list(need.names), "state": "present", "update_cache": True, "cache_valid_time": 3600}
    _apt(connection, options)
    return [f"install {', '.join(need.names)}"]


def install_from(connection: Connection, need: PackagesNeed, directory: str, root: str) -> list[str]:
    """Install packages from a folder on the controller, for a robot without a network; return what was done."""
    names = ", ".join(need.names)
    sender = Sender(connection.as_root, root, connection.say)
    try:
        for package in packages(directory):
            sender.send(Path(package), package.name, need.staged)
    except (PackagesMissingError, SendingError) as error:
        raise AnsibleActionFail(str(error)) from error
    connection.say(f"installing {names} from {directory}")
    code, words = connection.as_root("sh -s", installation(f"{root}/staging", need.names).encode())
    if code:
        raise AnsibleActionFail(f"{names} cannot be installed from {directory}: {words.strip()}")
    return [f"install {names}"]


def purge(connection: Connection, need: PurgeNeed) -> list[str]:
    """Remove packages and what came along with them; what nobody needed before stays, with all that it needs."""
    connection.say(f"removing {', '.join(need.names)}")
    unneeded = _unneeded(connection)
    _mark(connection, "manual", unneeded)
    try:
        _apt(connection, {**OPTIONS, "name": list(need.names), "state": "absent", "purge": True, "autoremove": True})
    finally:
        _mark(connection, "auto", unneeded)
    return [f"remove {', '.join(need.names)}"]


def _apt(connection: Connection, options: dict[str, Any]) -> None:
    try:
        connection.module("ansible.builtin.apt", options)
    except AnsibleActionFail as error:
        if FINISH not in str(error):
            raise
        connection.say("an installation was interrupted: finishing it first")
        code, words = connection.as_root(f"DEBIAN_FRONTEND=noninteractive {FINISH}")
        if code:
            raise AnsibleActionFail(f"{FINISH}: {words.strip()}") from None
        connection.module("ansible.builtin.apt", options)


def _unneeded(connection: Connection) -> list[str]:
    """Return the packages that apt would remove because nothing needs them any more."""
    lines = [line.split() for line in connection.output_of("apt-get --simulate --quiet autoremove").splitlines()]
    return sorted(words[1] for words in lines if words and words[0] in ("Remv", "Purg"))


def _mark(connection: Connection, how: str, names: Sequence[str]) -> None:
    if names:
        code, words = connection.as_root(f"apt-mark {how} {shlex.join(names)}")
        if code:
            raise AnsibleActionFail(f"apt-mark {how}: {words.strip()}")
