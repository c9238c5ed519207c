"""Debian's packages: installed with apt, from the robot's sources or from a folder, and removed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed, PurgeNeed

from ..connection import Connection
from ..transfer import Sender, SendingError
from .package_folder import PackagesMissingError, installation, packages

FINISH = "dpkg --configure -a"  # what apt asks for after a power cut
LISTS = "update apt cache"  # what Ansible's module says where a source does not answer, often without the cause
KEPT = "remove is disabled"  # what apt says where it would have to remove a package and must not
HELD = "Held packages were changed"
WAIT = 300  # seconds for somebody else's apt, such as unattended upgrades
OPTIONS: dict[str, Any] = {"install_recommends": False, "lock_timeout": WAIT}
APT_GET = f"LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout={WAIT}"
RENEW = "-o APT::Update::Error-Mode=any update"
LOCKED = "Could not get lock"  # for that of the lists, apt-get waits with no option
PAUSE = 5.0  # seconds between two looks at a lock
# What Ansible's module stands on. It would install that itself: waiting for nobody, and failing where one source does.
BINDINGS = "python3-apt"


def install(connection: Connection, need: PackagesNeed) -> list[str]:
    """Install packages from the robot's own sources; return what was done."""
    connection.say(f"installing {', '.join(need.names)}")
    brought = _bring_bindings(connection)
    wanted = {**OPTIONS, "name": list(need.names), "state": "present", "fail_on_autoremove": not need.replaces}
    renewed = {"update_cache": True, "update_cache_retries": 2, "cache_valid_time": 3600}
    try:
        _apt(connection, {**wanted, **renewed})
    except AnsibleActionFail as error:
        if LISTS not in str(error):
            raise
        _install_from_known_lists(connection, wanted)
    return [*brought, f"install {', '.join(need.names)}"]


def _install_from_known_lists(connection: Connection, wanted: dict[str, Any]) -> None:
    """A source that is dead, or whose key or lists have expired, is no reason where others have what is wanted."""
    why = _renew(connection)
    try:
        _apt(connection, wanted)
    except AnsibleActionFail as error:
        if not why:
            raise
        raise AnsibleActionFail(f"{error}{_unread(why)}") from None


def _renew(connection: Connection) -> str:
    """Renew the lists of all sources that can be read; return why others cannot, "" where all can."""
    _, words = _apt_get(connection, RENEW)
    why = " ".join(line.strip() for line in words.splitlines() if line.startswith(("E:", "W:")))
    if why:
        connection.say(f"not every source of packages can be read, going on with what is known: {why}")
    return why


def _unread(why: str) -> str:
    return f". Sources of packages that cannot be read: {why}" if why else ""


def _bring_bindings(connection: Connection) -> list[str]:
    """Install what Ansible's module stands on where it is missing; return what was done."""
    missing, _ = connection.as_root("/usr/bin/python3 -c 'import apt'")
    if not missing:
        return []
    connection.say(f"installing {BINDINGS}, which Ansible needs")
    wanted = f"install -y --no-install-recommends {BINDINGS}"
    code, words = _apt_get(connection, wanted)
    if code and FINISH in words:
        _finish(connection)
        code, words = _apt_get(connection, wanted)
    if code:  # the lists do not know it yet, or know one that is no longer to be had
        why = _renew(connection)
        code, words = _apt_get(connection, wanted)
        if code:
            raise AnsibleActionFail(f"{BINDINGS} cannot be installed: {words.strip()}{_unread(why)}")
    return [f"install {BINDINGS}, which Ansible needs"]


def _apt_get(connection: Connection, words: str) -> tuple[int, str]:
    """Run apt-get as soon as nobody else has its locks; return its exit code and what it said, in English."""
    until = time.monotonic() + WAIT
    while True:
        code, said = connection.as_root(f"{APT_GET} {words}")
        if not code or LOCKED not in said or time.monotonic() >= until:
            return code, said
        time.sleep(PAUSE)


def install_from(connection: Connection, need: PackagesNeed, directory: str, root: str) -> list[str]:
    """Install packages from a folder on the controller, for a robot without a network; return what was done."""
    names = ", ".join(need.names)
    sender = Sender(connection.as_root, root, connection.say)
    try:
        files = packages(directory)
        for package in files:
            sender.send(Path(package), package.name, need.staged)
    except (PackagesMissingError, SendingError) as error:
        raise AnsibleActionFail(str(error)) from error
    connection.say(f"installing {names} from {directory}")
    script = installation(f"{root}/staging", need, [file.name for file in files])
    code, words = connection.as_root("sh -s", script.encode())
    if code:
        raise AnsibleActionFail(f"{names} cannot be installed from {directory}: {words.strip()}")
    return [f"install {names}"]


def purge(connection: Connection, need: PurgeNeed) -> list[str]:
    """Remove packages and what came along with them; what nobody needed before stays, with all that it needs."""
    connection.say(f"removing {', '.join(need.names)}")
    brought = _bring_bindings(connection)
    unneeded = _unneeded(connection)
    _mark(connection, "manual", unneeded)
    try:
        _apt(connection, {**OPTIONS, "name": list(need.names), "state": "absent", "purge": True, "autoremove": True})
    finally:
        _mark(connection, "auto", unneeded)
    return [*brought, f"remove {', '.join(need.names)}"]


def _apt(connection: Connection, options: dict[str, Any]) -> None:
    try:
        connection.module("ansible.builtin.apt", options)
    except AnsibleActionFail as error:
        if KEPT in str(error):
            raise AnsibleActionFail(_in_the_way(connection, options)) from None
        if HELD in str(error):
            raise AnsibleActionFail(_on_hold(connection, options)) from None
        if FINISH not in str(error):
            raise
        _finish(connection)
        connection.module("ansible.builtin.apt", options)


def _finish(connection: Connection) -> None:
    connection.say("an installation was interrupted: finishing it first")
    code, words = connection.as_root(f"DEBIAN_FRONTEND=noninteractive {FINISH}")
    if code:
        raise AnsibleActionFail(f"{FINISH}: {words.strip()}") from None


def _on_hold(connection: Connection, options: dict[str, Any]) -> str:
    held = ", ".join(connection.output_of("apt-mark showhold").split())
    what = "installed" if options["state"] == "present" else "removed"
    return (
        f"{', '.join(options['name'])} cannot be {what}: somebody has put packages on hold on the robot ({held}). Let "
        "them go (apt-mark unhold PACKAGE), or make the change there by hand"
    )


def _in_the_way(connection: Connection, options: dict[str, Any]) -> str:
    wanted = f"install --no-install-recommends {shlex.join(options['name'])}"
    going = _going(connection.output_of(f"apt-get --simulate --quiet {wanted}"))
    what = ", ".join(going) or "other packages"
    return (
        f"{', '.join(options['name'])} cannot be installed: {what} would have to go, and this project did not install "
        "them. Remove them by hand if nobody needs them, or choose other packages "
        "(container_engine_packages)"
    )


def _unneeded(connection: Connection) -> list[str]:
    """Return the packages that apt would remove because nothing needs them any more."""
    return _going(connection.output_of("apt-get --simulate --quiet autoremove"))


def _going(simulated: str) -> list[str]:
    """Return the packages that apt says it would remove."""
    lines = [line.split() for line in simulated.splitlines()]
    return sorted(words[1] for words in lines if len(words) > 1 and words[0] in ("Remv", "Purg"))


def _mark(connection: Connection, how: str, names: Sequence[str]) -> None:
    if names:
        code, words = connection.as_root(f"apt-mark {how} {shlex.join(names)}")
        if code:
            raise AnsibleActionFail(f"apt-mark {how}: {words.strip()}")
