"""How a text must look: what a robot, its engine or a program's own parser would refuse, by a variable's name."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePosixPath

from . import bounds
from .declaration import Objection, Option

Form = tuple[str, str]  # the pattern, and what it is in words

ADDRESS = (r"^(\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9.-]*):[0-9]{1,5}$", "an address and a port, such as 127.0.0.1:8428")
# Of a program that looks up no names (files/sensor_service/src/sensor_service/listen.py).
NUMERIC = (
    r"^(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[0-9.]*):[0-9]{1,5}$",
    "a numeric address and a port, such as 127.0.0.1:9101",
)
DURATION = (r"^[0-9]+(ms|s|m|h)$", "a number and a unit, such as 15s or 5m")
PERIOD = (r"^[0-9]+(h|d|w|y)$", "a number and a unit, such as 30d or 2w")
VERSION = (r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", "an image's tag, such as v1.148.8")
PATH = (r"^/[^,=\s\x00-\x1f\x7f]*$", "an absolute path without spaces, commas and equal signs")
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
# as engines read it: a first part with a dot, with a port or named localhost is a registry
_REGISTRY = rf"((localhost|{_HOST}\.{_HOST})(:[0-9]{{1,5}})?|{_HOST}:[0-9]{{1,5}})"
IMAGE = (
    rf"^({_REGISTRY}/)?{_PART}(/{_PART})*$",
    "an image's name in small letters without its version, such as victoriametrics/vmagent",
)
REGISTRY = (
    rf"^({_REGISTRY}(/{_PART})*)?$",
    "a registry's host, with a port and a path if it has them, such as registry.example.org:5000/fleet",
)
USERNAME = (r"^[^:\x00-\x1f\x7f]*$", "a name of one line without a colon")
SECRET = (r"^[^\x00-\x1f\x7f]*$", "one line without control characters")
_URL = r"[Hh][Tt][Tt][Pp][Ss]?://[^\s/,@]+(/[^\s,@]*)?"
# whoever has a user in it is told of the variables for that, without the value (hub.py)
URLS = (
    rf"^({_URL}(,{_URL})*|[\s\S]*@[\s\S]*)?$",
    "an address that begins with http:// or https://, or several with commas between them and no spaces",
)
# editors see expressions, and no lookup of a file
_NONE_YET = r"\s*|\{\{[\s\S]*\}\}\s*"
CERTIFICATE = (rf"^({_NONE_YET}|[\s\S]*-----BEGIN CERTIFICATE-----[\s\S]*)$", "a certificate as PEM")
FORMS: dict[str, Form] = {
    "sensor_service_listen_address": NUMERIC,
    "_listen_address": ADDRESS,
    "_local_address": ADDRESS,
    "_interval": DURATION,
    "_retention": PERIOD,
    "_version": VERSION,
    "_image": IMAGE,
    "_image_namespace": IMAGE,
    "robot_stack_registry": REGISTRY,
    "_username": USERNAME,
    "_password": SECRET,
    "_notifier_url": URLS,
    "_textfile_directory": (r"^(/[^,=\s\x00-\x1f\x7f]*)?$", PATH[1]),
    "_engine_packages": (r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$", "a package's name, such as podman"),
    "_backup_destination": (
        r"^(fs://(/[^,=:\s\x00-\x1f\x7f/]+)+/?|s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9!_.*'()-]+)+/?)?$",
        "fs:///PATH, a folder of the host, or s3://BUCKET/PREFIX",
    ),
    "_backup_calendar": (r"^[A-Za-z0-9*:,./ ~-]+$", "a time in systemd's words, such as *-*-* 02:30:00"),
    "_s3_endpoint": (rf"^({_URL})?$", "an address that begins with http:// or https://, without a user in it"),
    "_s3_region": (r"^[A-Za-z0-9-]*$", "a region's name, such as eu-central-1"),
    "_s3_access_key": (r"^[^\s\x00-\x1f\x7f]*$", "one word"),
    "_s3_secret_key": (r"^[^\s\x00-\x1f\x7f]*$", "one word"),
    "_hub_ca": CERTIFICATE,
    "_tls_certificate": CERTIFICATE,
    "_tls_key": (
        rf"^({_NONE_YET}|[\s\S]*-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*)$",
        "a private key as PEM, without a password",
    ),
}
LONGEST_IMAGE = 200
LARGEST_PORT = 65_535
# A folder of ours is none of a system's own, and nowhere where nothing stays.
NOT_KEPT = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/run", "/var/tmp")  # noqa: S108 (refused, not used)
SYSTEMS_OWN = ("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr", "/root", "/lost+found")
SHARED = ("/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib", "/var/cache", "/var/log", "/usr/local")


def of(option: Option) -> Form | None:
    """Return the pattern that ``option``'s text must match and its description; None: any text."""
    if not option.ours:
        return None
    if option.type == "path" or option.elements == "path":
        return PATH
    return next((rule for ending, rule in FORMS.items() if option.name.endswith(ending)), None)


def object_to(option: Option, value: str) -> Objection | None:
    """Return why ``value`` is no text for ``option``, and what to do; None if it is one."""
    rule = of(option)
    if rule is not None and not re.match(rule[0].removesuffix("$") + r"\Z", value):
        return f"it is not {rule[1]}", f"write {rule[1]}"
    if not option.ours or option.name == "robot_stack_services":
        return None  # the latter is told by the check of services
    return _meaning(option.name, rule, value) or bounds.duration(option.name, value) or _control(value)


def _meaning(name: str, rule: Form | None, value: str) -> Objection | None:
    """Return why a text of the right form means nothing that works."""
    if name == "robot_stack_root":
        return _root(value)
    if rule in (ADDRESS, NUMERIC):
        return address(value)
    if rule is PATH and ".." in PurePosixPath(value).parts:
        return "it goes back up (..)", "write the path that is meant"
    if rule in (IMAGE, REGISTRY) and len(value) > LONGEST_IMAGE:
        return f"it has more than {LONGEST_IMAGE} letters", "write a shorter name"
    return None


def address(value: str) -> Objection | None:
    """Return why nobody can listen on ``value``, which has the form of an address and a port."""
    host, _, port = value.rpartition(":")
    if not 0 < int(port) <= LARGEST_PORT:
        return f"there is no port {port}", f"write a port from 1 to {LARGEST_PORT}"
    bare = host.strip("[]")
    if host.startswith("[") or re.fullmatch(r"[0-9.]+", bare):
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            return f"{bare} is no address", "write an address of this machine, such as 127.0.0.1"
    return None


def _control(value: str) -> Objection | None:
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
        return "it has control characters in it", "write it without them"
    return None


def _root(value: str) -> Objection | None:
    path = "/" + "/".join(PurePosixPath(value.lstrip("/")).parts)
    remedy = "write a folder of its own, such as /var/lib/robot-stack or /data/robot-stack"
    if ".." in PurePosixPath(value).parts:
        return "it goes back up (..)", remedy
    if any(path == top or path.startswith(f"{top}/") for top in NOT_KEPT):
        return "what is in there does not outlive a reboot", remedy
    if path == "/" or path in SHARED or any(path == top or path.startswith(f"{top}/") for top in SYSTEMS_OWN):
        return "it is the system's own, and a removal would take it away", remedy
    return None
