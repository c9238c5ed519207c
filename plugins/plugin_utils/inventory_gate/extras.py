"""Further settings of the engine and environments of containers: what would be refused, or undo what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import fields
from .declaration import Fault, Objection, Robot, Secret, fault, show
from .exposure import is_loopback

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DAEMON = "container_engine_daemon_extra"
ENVIRONMENT = "container_engine_environment_extra"
DIGESTS = "robot_stack_image_digests"
# Settings of daemon.json that the stack stands on, and why.
HELD_DAEMON: Mapping[str, str] = {
    "exec-opts": "systemd must place the containers: else no ceiling holds them",
    "cgroup-parent": "each container has its place below the stack's ceiling",
    "hosts": "the engine, and root with it, would be open to others, and its unit names its socket already",
    "tls": "the engine listens on its socket only",
    "tlsverify": "the engine listens on its socket only",
    "containerd": "the engine's own containerd is counted",
}
# What dockerd takes in settings that it has had for long; of others nothing is known here. With another kind it ends.
DAEMON_FIELDS: fields.Fields = {
    **dict.fromkeys(("debug", "experimental", "icc", "init", "ip-forward", "ip-masq", "iptables"), "truth"),
    **dict.fromkeys(("ipv6", "live-restore", "no-new-privileges", "selinux-enabled", "userland-proxy"), "truth"),
    **dict.fromkeys(("ip6tables", "raw-logs"), "truth"),
    **dict.fromkeys(("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"), "number"),
    **dict.fromkeys(("mtu", "shutdown-timeout"), "number"),
    **dict.fromkeys(("bip", "bridge", "data-root", "default-runtime", "exec-root", "group", "log-driver"), "text"),
    **dict.fromkeys(("log-level", "metrics-addr", "pidfile", "storage-driver", "userns-remap"), "text"),
    **dict.fromkeys(("dns", "dns-opts", "dns-search", "insecure-registries", "labels", "registry-mirrors"), "texts"),
    **dict.fromkeys(("authorization-plugins", "storage-opts"), "texts"),
    **{"log-opts": "named texts", "default-ulimits": "mapping", "features": "mapping", "runtimes": "mapping"},
}
TOLD = ("log-level", "metrics-addr")
LOG_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")
# What the runtime of Go, in which engine and databases are, reads of its environment.
GO: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "GOMEMLIMIT": (
        re.compile(r"off|([0-9]+(([KMGT]i)?B)?)?"),
        "Go does not read it, and the program ends as it starts",
        "write bytes, or a number with B, KiB, MiB, GiB or TiB, such as 100MiB",
    ),
    "GOGC": (
        re.compile(r"off|([+-]?[0-9]+)?"),
        "Go does not read it, and 100 would count, unsaid",
        "write a whole number, such as 50, or off",
    ),
}
NOT_IN_GO = ("sensor_service",)
# Variables of a service's environment that a variable of ours says. What its floor was measured with (GOMEMLIMIT, say)
# an inventory may say otherwise, as it may a fitted flag: the plan then has a note that the floor does not hold for it.
HELD_ENVIRONMENT: Mapping[str, tuple[str, str]] = {
    "SENSOR_SERVICE_LISTEN_ADDRESS": ("sensor_service", "sensor_service_listen_address"),
    "SENSOR_SERVICE_COLLECTORS": ("sensor_service", "sensor_service_collectors"),
    "SENSOR_SERVICE_SIMULATED": ("sensor_service", "sensor_service_simulated"),
    "SENSOR_SERVICE_TEXTFILES": ("sensor_service", "sensor_service_textfile_directory"),
    "SENSOR_SERVICE_FILESYSTEMS": ("sensor_service", "sensor_service_filesystems"),
    "SENSOR_SERVICE_COLLECTOR_DEADLINE_SECONDS": ("sensor_service", "sensor_service_collector_deadline_seconds"),
}
SENSORS_OWN = "SENSOR_SERVICE_"  # the service's own names, in its environment: a wrong one is a typing error


def check(robot: Robot) -> list[Fault]:
    """Return what is wrong with the engine's and the containers' further settings, and with pulled images' digests."""
    faults = [*_daemon(robot), *_digests(robot), *_environment(robot, ENVIRONMENT, "")]
    for service in robot.services:
        faults += _environment(robot, f"{service}_environment_extra", service)
    return faults


def _daemon(robot: Robot) -> Iterator[Fault]:
    for name, value in _mapping(robot, DAEMON):
        if str(name).strip().lower() in HELD_DAEMON:
            why = f"the setting {name} is held by the stack: {HELD_DAEMON[str(name).strip().lower()]}"
            yield fault(robot, DAEMON, why, "delete the line", value=f"{{{show(name)}: {show(value)}}}")
        elif not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            why = f"{show(name)} is not the name of a setting of daemon.json, and the engine would not start"
            yield fault(robot, DAEMON, why, "write it as the engine's manual does", value=show(name))
        else:
            objection = _setting(name, value)
            if objection:  # in other settings there may be a secret
                shown = name in TOLD or DAEMON_FIELDS[name] in fields.SHOWN
                yield fault(
                    robot, DAEMON, *objection, value=f"{{{show(name)}: {show(value)}}}" if shown else show(name)
                )


def _setting(name: str, value: Any) -> Objection | None:
    """Return why an engine would not start with a setting, or be open with it."""
    words = fields.wrong(DAEMON_FIELDS.get(name, "any"), value)
    if words:
        return f"the setting {name} takes {words}, and with this the engine would not start", f"write {words}"
    if name == "log-level" and value and str(value).lower() not in LOG_LEVELS:
        return f"there is no log-level {value}, and the engine would not start", f"write one of {', '.join(LOG_LEVELS)}"
    if name == "metrics-addr" and value and not is_loopback(str(value)):
        return f"the setting {name} would open a second listener, without a password", "write an address on 127.0.0.1"
    return None


def _environment(robot: Robot, variable: str, service: str) -> Iterator[Fault]:
    option_is_ours = not service or service not in robot.foreign
    for name, value in _mapping(robot, variable) if option_is_ours else ():
        objection = _pair(name, value, engine=not service) or _held(str(name), service)
        objection = objection or (_go(str(name), value) if service not in NOT_IN_GO else None)
        if objection:
            yield fault(robot, variable, *objection, value=show(name))


def _pair(name: Any, value: Any, engine: bool) -> Objection | None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{show(name)} is no name of an environment variable", "write letters, digits and underscores"
    if isinstance(value, Secret) or (value is None and engine):
        return None
    if value is None or isinstance(value, (Mapping, list, tuple)):
        return f"{name} has no text", "write a text"
    if re.search(r"[\x00-\x1f\x7f]", str(value)):
        return f"{name} has a line break or another control character in it", "write one line"
    return None


def _go(name: str, value: Any) -> Objection | None:
    form, why, remedy = GO.get(name, (None, "", ""))
    if form is None or value is None or isinstance(value, Secret) or form.fullmatch(str(value)):
        return None
    return f"{name} is {show(value)}: {why}", f"{remedy}, or delete the line"


def _held(name: str, service: str) -> Objection | None:
    of, variable = HELD_ENVIRONMENT.get(name, ("", ""))
    if of and of == service:
        return f"{name} would undo what {variable} says, which is checked", f"write {variable} instead"
    if service == "sensor_service" and name.startswith(SENSORS_OWN):
        return f"{name} is the stack's own, or none that the service knows", "delete the line"
    return None


def _digests(robot: Robot) -> Iterator[Fault]:
    for image, digest in _mapping(robot, DIGESTS):
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            why = f"of the image {show(image)} it is no digest"
            yield fault(robot, DIGESTS, why, "write sha256: and 64 small hexadecimal digits", value=show(digest))


def _mapping(robot: Robot, variable: str) -> list[tuple[Any, Any]]:
    found = robot.values.get(variable)
    return list(found.items()) if isinstance(found, Mapping) else []
