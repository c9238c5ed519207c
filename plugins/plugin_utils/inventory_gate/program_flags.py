"""Flags that an inventory adds to a program of ours: the program takes them, and they undo nothing that the gate holds.

A flag is held where a variable of ours says the same (the gate checks that variable, and not the flag), or where the
stack counts on it. Of each program all flags are known, in the version of its role's defaults (tools/program_flags.py).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import former
from .declaration import Fault, Objection, Robot, Secret, fault, show
from .exposure import is_loopback
from .hub import DATABASE as DATABASE_OF_HUB

FILE = Path(__file__).with_name("program_flags.json")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CHOICES: dict[str, tuple[str, ...]] = {
    "loggerLevel": ("INFO", "WARN", "ERROR", "FATAL", "PANIC"),
    "loggerFormat": ("default", "json"),
    "loggerOutput": ("stderr", "stdout"),
}
# What the parser of a flag of each kind takes.
KINDS: dict[str, tuple[str, str]] = {
    "bool": (r"(?i:true|false|t|f)|1|0", "true or false"),
    "int": (r"-?[0-9]{1,18}", "a whole number"),
    "uint": (r"[0-9]{1,18}", "a whole number"),
    "float": (r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,2})?", "a number"),
    "duration": (r"-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+|0", "a duration with its unit, such as 30s or 5m"),
    "size": (r"[0-9]+(\.[0-9]+)?([KMGT]i?B)?", "a size in bytes, or with its unit such as 16MiB"),
}
# Words of a flag's name behind which is something that nobody else may read: a command line is read by everybody.
SECRET = re.compile(r"(password|bearertoken|authkey|clientsecret|secretkey|accesskey)$", re.IGNORECASE)
SECRET_HEADER = re.compile(r"auth|token|key|cookie|secret", re.IGNORECASE)
LISTENER = re.compile(r"(listenaddr|selectaddr)$", re.IGNORECASE)

STACKS_OWN = "the stack counts on it as it is"
ENDS = "the program would print something and end"
# Held in every program. A pattern stands for the whole of a name, in small letters.
EVERYWHERE: dict[str, str] = {
    r"version|help|h|dryrun": ENDS,
    r"envflag\..*": "flags could then come from the environment, past this check",
    r"http\.pathprefix": "the stack asks for health and figures below /",
    r"http\.disablecors": "a page of another origin must not read the answers",
    r"httplistenaddr\..*|tls|tls[a-z]*file|tlsautocert.*|mtls.*": "the stack decides where TLS is, and asks for health",
}
DATABASE: dict[str, str] = {
    r"(delete|forcemerge|reload|pprof)authkey|search\.resetcacheauthkey": "nobody shall have this key",
    r"storagedatapath": "backups and the plan of the disk count on it",
    r"promscrape\.config": "",
}


@dataclass(frozen=True)
class Program:
    """A program whose flags an inventory may extend.

    `variables`: flag, in small letters -> the variable that says it; `held`: pattern -> why the stack holds it.
    """

    image: str
    version: str
    variables: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)


_HUB_LOGIN = {r"httpauth\..*": "the hub's containers ask each other with this password"}
_HUB_LOOPBACK = {r"httplistenaddr": "vmauth is the only entry point from the network"}
PROGRAMS: dict[str, Program] = {
    "victoriametrics": Program(
        "victoria-metrics",
        "victoriametrics_version",
        {
            "httplistenaddr": "victoriametrics_listen_address",
            "httpauth.username": "victoriametrics_http_username",
            "httpauth.password": "victoriametrics_http_password",
            "retentionperiod": "victoriametrics_retention",
            "inmemorydataflushinterval": "victoriametrics_flush_interval",
            "memory.allowedbytes": "victoriametrics_memory_limit_mib",
            "memory.allowedpercent": "victoriametrics_memory_limit_mib",
            "promscrape.config": "victoriametrics_scrape_configs_extra",
        },
        DATABASE,
    ),
    "vmagent": Program(
        "vmagent",
        "vmagent_version",
        {
            "httplistenaddr": "vmagent_listen_address",
            "memory.allowedbytes": "vmagent_memory_limit_mib",
            "memory.allowedpercent": "vmagent_memory_limit_mib",
            "promscrape.config": "vmagent_scrape_configs_extra",
            "remotewrite.url": "vmagent_hub_urls",
            "remotewrite.label": "vmagent_external_labels",
            "remotewrite.maxdiskusageperurl": "vmagent_buffer_disk_mib",
            "remotewrite.tlscafile": "vmagent_hub_ca",
            "remotewrite.basicauth.username": "vmagent_hub_username",
            "remotewrite.basicauth.passwordfile": "vmagent_hub_password",
            "remotewrite.basicauth.password": "vmagent_hub_password",
        },
        {
            r"remotewrite\.tlsinsecureskipverify": "the password would be told to whoever answers in the hub's place",
            r"remotewrite\.(tmpdatapath|keepdanglingqueues|disableondiskqueue)": "what waits for the hub stays on disk",
        },
    ),
    "telemetry_hub_victoriametrics": Program(
        "victoria-metrics",
        "telemetry_hub_victoriametrics_version",
        {
            "retentionperiod": "telemetry_hub_retention",
            "memory.allowedbytes": "telemetry_hub_victoriametrics_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_victoriametrics_memory_limit_mib",
        },
        {
            **DATABASE,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
            r"promscrape\.config|relabelconfig": STACKS_OWN,
            r"vmalert\.proxyurl": STACKS_OWN,
            r"vmselectaddr|accountid|projectid": "it decides whether hosts of a cluster can read from this database",
        },
    ),
    "telemetry_hub_vmstorage": Program(
        "vmstorage",
        "telemetry_hub_cluster_version",
        {
            "retentionperiod": "telemetry_hub_retention",
            "vminsertaddr": "telemetry_hub_cluster_address",
            "vmselectaddr": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vmstorage_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmstorage_memory_limit_mib",
        },
        {
            r"(snapshot|forcemerge|forceflush|pprof|lognewseries)authkey": "nobody shall have this key",
            r"storagedatapath": "backups and the plan of the disk count on it",
            r"dedup\.minscrapeinterval": "a robot sends to two entry points, and what is the same counts once",
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vmselect": Program(
        "vmselect",
        "telemetry_hub_cluster_version",
        {
            "storagenode": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vmselect_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmselect_memory_limit_mib",
        },
        {
            r"(delete|pprof|metricnamesstatsreset)authkey|search\.resetcacheauthkey": "nobody shall have this key",
            r"replicationfactor|globalreplicationfactor|dedup\.minscrapeinterval": "vminsert makes as many copies",
            r"search\.denypartialresponse": "an answer with holes looks like one without",
            r"clusternativelistenaddr": "it knows no password",
            r"enablemultitenancyviaheaders": "whoever reads would choose what is read",
            r"cachedatapath|vmalert\.proxyurl|vmui\.customdashboardspath": STACKS_OWN,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vminsert": Program(
        "vminsert",
        "telemetry_hub_vminsert_version",
        {
            "storagenode": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vminsert_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vminsert_memory_limit_mib",
        },
        {
            r"replicationfactor": "with fewer copies samples are lost with a host, and vmselect counts on these",
            r"dropsamplesonoverload|disablerer.*": "what robots were told that it has would be dropped",
            r"relabelconfig": STACKS_OWN,
            r"clusternativelistenaddr": "it knows no password",
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vmagent": Program(
        "vmagent",
        "telemetry_hub_version",
        {
            "memory.allowedbytes": "telemetry_hub_vmagent_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmagent_memory_limit_mib",
        },
        {
            r"promscrape\.config|remotewrite\.(url|tmpdatapath|basicauth\..*|disableondiskqueue)": STACKS_OWN,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vmauth": Program(
        "vmauth",
        "telemetry_hub_version",
        {
            "httplistenaddr": "telemetry_hub_listen_address",
            "tlscertfile": "telemetry_hub_tls_certificate",
            "tlskeyfile": "telemetry_hub_tls_key",
            "memory.allowedbytes": "telemetry_hub_vmauth_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmauth_memory_limit_mib",
        },
        {
            r"auth\.config|httpinternallistenaddr": STACKS_OWN,
            r"tlsminversion|tlsciphersuites": "older TLS is no protection",
            r"httpauth\..*": "each robot has a password of its own, in vmauth's configuration",
        },
    ),
    "telemetry_hub_vmalert": Program(
        "vmalert",
        "telemetry_hub_version",
        {
            "evaluationinterval": "telemetry_hub_alert_interval",
            "rule": "telemetry_hub_rule_groups_extra",
            "notifier.url": "telemetry_hub_notifier_url",
            "notifier.blackhole": "telemetry_hub_notifier_url",
            "notifier.basicauth.username": "telemetry_hub_notifier_username",
            "notifier.basicauth.password": "telemetry_hub_notifier_password",
            "notifier.basicauth.passwordfile": "telemetry_hub_notifier_password",
            "memory.allowedbytes": "telemetry_hub_vmalert_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmalert_memory_limit_mib",
        },
        {
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
            r"(datasource|remoteread|remotewrite)\.(url|basicauth\..*|tlsinsecureskipverify)": STACKS_OWN,
        },
    ),
}


def check(robot: Robot) -> list[Fault]:
    """Return what is wrong with the flags that ``robot``'s inventory adds to its programs."""
    return [found for service in robot.services if service in PROGRAMS for found in _of(robot, service)]


def _of(robot: Robot, service: str) -> Iterator[Fault]:
    variable = f"{service}_flags_extra"
    extra = robot.values.get(variable)
    if not isinstance(extra, Mapping):
        return  # told by the check of types, or there is none
    kinds = _kinds(robot, service)
    for name, value in extra.items():
        objection = object_to(PROGRAMS[service], kinds, name, value)
        if objection:
            shown = "(secret)" if SECRET.search(str(name)) or isinstance(value, Secret) else show(value)
            yield fault(robot, variable, objection[0], objection[1], value=f"{{{show(name)}: {shown}}}")


def _kinds(robot: Robot, service: str) -> Mapping[str, str]:
    """Return the known flags of the version that ``robot`` runs; a hub's former database has that of robots'."""
    like, version = service, PROGRAMS[service].version
    if service == DATABASE_OF_HUB and former.is_one(robot):
        like, version = "victoriametrics", former.VERSION
    return known(like) if robot.values.get(version) == versions()[like] else {}


def object_to(program: Program, kinds: Mapping[str, str], name: Any, value: Any) -> Objection | None:
    """Return why a flag may not be added to ``program``, and what to do; ``kinds`` are those of its flags, if known."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        bare = str(name).lstrip("-").partition("=")[0].strip()
        return f"{show(name)} is not the bare name of a flag", f"write {bare}: VALUE, without dashes and equal signs"
    held = _held(program, name.lower())
    if held:
        return held
    if kinds and name not in kinds:
        alike = difflib.get_close_matches(name, kinds, n=1, cutoff=0.6)
        remedy = f"did you mean {alike[0]}?" if alike else "correct the name, or delete the line"
        return f"{program.image} has no flag {name}, and would end at once", remedy
    for one in value if isinstance(value, (list, tuple)) else [value]:
        objection = _value(name, kinds.get(name, ""), one)
        if objection:
            return objection
    if isinstance(value, (list, tuple)) and kinds.get(name, "array") != "array":
        return f"the flag {name} takes one value, and this is a list", "write one value"
    return None


def _held(program: Program, name: str) -> Objection | None:
    variable = program.variables.get(name)
    if variable:
        return f"the flag {name} would undo what {variable} says, which is checked", f"write {variable} instead"
    for pattern, why in {**EVERYWHERE, **program.held}.items():
        if why and re.fullmatch(pattern, name):
            return f"the flag {name} is held by the stack: {why}", "delete the line"
    return None


def _value(name: str, kind: str, value: Any) -> Objection | None:
    if value is None or isinstance(value, Secret):
        return None
    if isinstance(value, (Mapping, list, tuple)):
        return (
            f"the flag {name} takes no {'mapping' if isinstance(value, Mapping) else 'list of lists'}",
            "write a value",
        )
    text = str(value).lower() if isinstance(value, bool) else str(value)
    why, remedy = _danger(name, text)
    if why:
        return f"the flag {name} {why}", remedy
    wanted = _wanted(name, kind, text)
    return (f"the flag {name} takes {wanted}", f"write {wanted}") if wanted else None


def _danger(name: str, text: str) -> Objection:
    """Return what a flag's value would open or show; both empty: nothing."""
    if CONTROL.search(text):
        return "has a line break or another control character in it", "write one line"
    if LISTENER.search(name) and text and not is_loopback(text):
        return "would open a second listener, without a password", "write an address on 127.0.0.1"
    if SECRET.search(name) and not text.startswith("file:///"):
        return "would show a secret on the command line", "write file:// and the path of a file"
    if re.search("headers?$", name.lower()) and SECRET_HEADER.search(text):
        return "would show a secret on the command line", "use a flag that reads it from a file"
    return "", ""


def _wanted(name: str, kind: str, text: str) -> str:
    """Return what a flag of this kind takes where that is not ``text``; "": it takes it."""
    if text not in CHOICES.get(name, (text,)):
        return f"one of {', '.join(CHOICES[name])}"
    fits, wanted = KINDS.get(kind, (r"[\s\S]*", ""))
    return "" if re.fullmatch(fits, text) else wanted


def known(service: str) -> Mapping[str, str]:
    """Return the flags of a service's program, in the version of `versions`, and the kind of each."""
    flags: dict[str, str] = _read()[service]["flags"]
    return flags


def versions() -> dict[str, str]:
    """Return of which version of each service's program the flags are known."""
    return {service: found["version"] for service, found in _read().items()}


@lru_cache(maxsize=1)
def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found
