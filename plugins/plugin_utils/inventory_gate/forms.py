"""How a text must look: what a robot, its engine or a program's own parser would refuse, by a variable's name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from . import bounds, hosts
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
SHOWN = (r"^(/[^,=\s\x00-\x1f\x7f]*)?$", PATH[1])  # to a container; empty: nothing is
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
# The hub's rules and pages name this one, between quotes; and without it the entry point has somebody without a name.
READER = (r'^[^:"\\\x00-\x1f\x7f]+$', "a name without quotes and backslashes, such as reader")
SECRET = (r"^[^\x00-\x1f\x7f]*$", "one line without control characters")
# Those that nothing cuts the end off: it counts, and a line break is a part of it.
WHOLE_SECRETS = ("telemetry_hub_reader_password", "robot_stack_registry_password")
# Those that a program reads from a file of its own, of which it cuts off white space at the end, and so does whoever
# asks that program. Others stand in a file that says more, or are told to somebody who takes them as they are.
FROM_FILES = (
    "victoriametrics_http_password",
    "vmagent_hub_password",
    "vmagent_local_password",
    "telemetry_hub_notifier_password",
    "_s3_access_key",
    "_s3_secret_key",
)
_URL = r"[Hh][Tt][Tt][Pp][Ss]?://[^\s/,@]+(/[^\s,@]*)?"
# whoever has a user or a token in it is told of the variables for that, without the value (hub.py)
URLS = (
    rf"^({_URL}(,{_URL})*|[\s\S]*[@?#][\s\S]*)?$",
    "an address that begins with http:// or https://, or several with commas between them and no spaces",
)
ENDPOINT = (rf"^({_URL})?$", "an address that begins with http:// or https://, without a user in it")
# editors see expressions, and no lookup of a file
_NONE_YET = r"\s*|\{\{[\s\S]*\}\}\s*"
KEY = (rf"^({_NONE_YET}|[\s\S]*-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*)$", "a private key as PEM, without a password")
LOCKED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type:\s*4,\s*ENCRYPTED", re.MULTILINE)
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
    "_reader_username": READER,
    "_username": USERNAME,
    "_password": SECRET,
    "_notifier_url": URLS,
    "_textfile_directory": SHOWN,
    "_engine_packages": (r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$", "a package's name, such as podman"),
    "_backup_destination": (
        r"^(fs://(/[^,=:\s\x00-\x1f\x7f/]+)+/?|s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9!_.*'()-]+)+/?)?$",
        "fs:///PATH, a folder of the host, or s3://BUCKET/PREFIX",
    ),
    "_backup_calendar": (r"^[A-Za-z0-9*:,./ ~-]+$", "a time in systemd's words, such as *-*-* 02:30:00"),
    "_s3_endpoint": ENDPOINT,
    "_s3_region": (r"^[A-Za-z0-9-]*$", "a region's name, such as eu-central-1"),
    "_s3_access_key": (r"^[^\s\x00-\x1f\x7f]*$", "one word"),
    "_s3_secret_key": (r"^[^\s\x00-\x1f\x7f]*$", "one word"),
    "_hub_ca": CERTIFICATE,
    "_tls_certificate": CERTIFICATE,
    "_tls_key": KEY,
}
LONGEST_IMAGE = 200
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
    if rule is SECRET and value and not value.strip():
        return "it is blank, which may be taken for no password at all", "write a password, or delete the line"
    if rule is not None and not re.match(rule[0].removesuffix("$") + r"\Z", value):
        return f"it is not {rule[1]}", f"write {rule[1]}"
    if not option.ours or option.name == "robot_stack_services":
        return None  # the latter is told by the check of services
    return _meaning(option.name, rule, value) or bounds.duration(option.name, value) or _control(value)


def _meaning(name: str, rule: Form | None, value: str) -> Objection | None:
    """Return why a text of the right form means nothing that works."""
    if name == "robot_stack_root":
        return _root(value)
    if rule is SECRET and name in WHOLE_SECRETS:
        return None
    check = MEANINGS.get(rule) if rule is not None else None
    return check(value) if check else None


def opened(option: Option, text: str) -> Objection | None:
    """Return why what is encrypted, ``text``, is no text for ``option``, without showing it; None if it is one."""
    if option.type not in ("str", "path"):
        return None
    if text.strip() and option.name.endswith(FROM_FILES):
        text = re.sub(r"(\r?\n)+\Z", "", text)  # as `echo` has left it
    return object_to(option, text)


def _secret(value: str) -> Objection | None:
    if value == value.rstrip():
        return None
    return "it ends in white space, which the program cuts off", "write it without"


def _pem(value: str) -> Objection | None:
    """A blank one counts as given wherever it is asked whether there is one, and is none."""
    return ("it is blank", "write it as PEM, or delete the line") if value and not value.strip() else None


def _key(value: str) -> Objection | None:
    if not LOCKED.search(value):
        return _pem(value)
    return "it is locked with a password, which no program is given", "unlock it: openssl pkey -in KEY -out UNLOCKED"


def _endpoint(value: str) -> Objection | None:
    why = hosts.of_url(value) if value else ""
    return (why, f"write {ENDPOINT[1]}") if why else None


def _path(value: str) -> Objection | None:
    return ("it goes back up (..)", "write the path that is meant") if ".." in PurePosixPath(value).parts else None


def _shown(value: str) -> Objection | None:
    if not _path(value) and value and not PurePosixPath(value.lstrip("/")).parts:
        return "the whole file system would be shown to a container", "write the folder with the text files alone"
    return _path(value)


def _image(value: str) -> Objection | None:
    if len(value) > LONGEST_IMAGE:
        return f"it has more than {LONGEST_IMAGE} letters", "write a shorter name"
    port = value.partition("/")[0].partition(":")[2]
    why = hosts.of_port(port) if port else ""
    return (why, "write the registry's port") if why else None


def address(value: str) -> Objection | None:
    """Return why nobody can listen on ``value``, which has the form of an address and a port."""
    host, _, port = value.rpartition(":")
    if not 0 < int(port) <= hosts.LARGEST_PORT:
        return f"there is no port {port}", f"write a port from 1 to {hosts.LARGEST_PORT}"
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


MEANINGS: dict[Form, Callable[[str], Objection | None]] = {
    **{ADDRESS: address, NUMERIC: address},
    **{PATH: _path, SHOWN: _shown},
    **{IMAGE: _image, REGISTRY: _image},
    **{SECRET: _secret, ENDPOINT: _endpoint},
    **{KEY: _key, CERTIFICATE: _pem},
}
