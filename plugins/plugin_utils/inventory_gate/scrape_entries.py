"""A further entry of scrape_configs: what VictoriaMetrics and vmagent refuse of one, with which nothing is read.

Fields, actions and ways to find targets are those of lib/promscrape and lib/promrelabel in the version of our roles'
defaults. Of another version, a way to find targets that is not known here is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import fields
from .declaration import Objection, show

_TLS: fields.Fields = {
    **dict.fromkeys(("ca", "ca_file", "cert", "cert_file", "key", "key_file", "server_name", "min_version"), "scalar"),
    "insecure_skip_verify": "truth",
}
# Mappings within an entry; each may be there for the proxy as well.
NESTED: Mapping[str, fields.Fields] = {
    "authorization": dict.fromkeys(("type", "credentials", "credentials_file"), "scalar"),
    "basic_auth": dict.fromkeys(("username", "username_file", "password", "password_file"), "scalar"),
    "oauth2": {
        **dict.fromkeys(("client_id", "client_secret", "client_secret_file", "token_url", "proxy_url"), "scalar"),
        **{"scopes": "scalars", "endpoint_params": "named scalars", "tls_config": "mapping", "headers": "headers"},
    },
    "tls_config": _TLS,
}
_LOGIN: fields.Fields = {
    **dict.fromkeys(NESTED, "mapping"),
    **{"bearer_token": "scalar", "bearer_token_file": "scalar", "headers": "headers"},
}
DISCOVERY = tuple(
    f"{name}_sd_configs"
    for name in (
        *("azure", "consul", "consulagent", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "file"),
        *("gce", "hetzner", "http", "kubernetes", "kuma", "marathon", "nomad", "openstack", "ovhcloud", "puppetdb"),
        "yandexcloud",
    )
)
OTHER_DISCOVERY = re.compile(r"[a-z0-9]+_sd_configs")
FIELDS: fields.Fields = {
    **dict.fromkeys(("job_name", "metrics_path", "proxy_url", "scheme"), "scalar"),
    **dict.fromkeys(("scrape_interval", "scrape_timeout", "scrape_align_interval", "scrape_offset"), "duration"),
    **dict.fromkeys(("honor_labels", "honor_timestamps", "stream_parse", "no_stale_markers"), "truth"),
    **dict.fromkeys(("enable_compression", "disable_compression", "disable_keepalive", "follow_redirects"), "truth"),
    **dict.fromkeys(("sample_limit", "label_limit", "series_limit"), "number"),
    **dict.fromkeys(("static_configs", "relabel_configs", "metric_relabel_configs"), "mappings"),
    **dict.fromkeys((*DISCOVERY, "vultr_configs"), "mappings"),
    **{"max_scrape_size": "size", "params": "named lists"},
    **_LOGIN,
    **{f"proxy_{name}": kind for name, kind in _LOGIN.items()},
}
STATIC: fields.Fields = {"targets": "scalars", "labels": "named scalars"}
RELABEL: fields.Fields = {
    **dict.fromkeys(("action", "separator", "target_label", "replacement", "match"), "scalar"),
    **{"source_labels": "scalars", "modulus": "number", "labels": "named scalars"},
    **{"regex": "scalar or scalars", "if": "scalar or scalars"},
}
_BOTH = ("source_labels", "target_label")
# What each action needs; of several with a bar between them, one.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("labelmap", "labelmap_all", "labeldrop", "labelkeep"), ()),
    **dict.fromkeys(("replace", "keepequal", "dropequal"), ("target_label",)),
    **dict.fromkeys(("replace_all", "keep_if_contains", "drop_if_contains", "uppercase", "lowercase"), _BOTH),
    **dict.fromkeys(("keep_if_equal", "drop_if_equal"), ("source_labels",)),
    **dict.fromkeys(("keep", "drop"), ("source_labels|if",)),
    **dict.fromkeys(("keep_metrics", "drop_metrics"), ("regex|if",)),
    **{"hashmod": (*_BOTH, "modulus"), "graphite": ("match", "labels")},
}
SCHEMES = ("", "http", "https")
LARGEST_PORT = 65_535
WHOLE_FILE = "and with it the whole file is refused"


def object_to(entry: Mapping[Any, Any], known: bool) -> Objection | None:
    """Return why ``entry`` is refused, and what to do; ``known``: it is read by the version of the role's default."""
    names = [name for name in fields.unknown(FIELDS, entry) if known or not OTHER_DISCOVERY.fullmatch(name)]
    if names:
        return f"scrape_configs has no field {names[0]}, {WHOLE_FILE}", "correct the name, or delete the line"
    why = next(_faults(entry), "")
    return (why, "write it as VictoriaMetrics' documentation of scrape_configs does") if why else None


def _faults(entry: Mapping[Any, Any]) -> Iterator[str]:
    yield from (f"{why}: nothing of it would be read" for why in fields.check(FIELDS, entry))
    if str(entry.get("scheme") or "").lower() not in SCHEMES:
        yield f"there is no scheme {show(entry['scheme'])}: http and https are"
    for name, value in entry.items():
        inner = NESTED.get(str(name).removeprefix("proxy_"), {})
        if inner and isinstance(value, Mapping):
            yield from _nested(str(name), inner, value)
    for group in _mappings(entry.get("static_configs")):
        yield from _static(group, moved=bool(entry.get("relabel_configs")))
    for name in ("relabel_configs", "metric_relabel_configs"):
        for rule in _mappings(entry.get(name)):
            yield from (f"of {name}: {why}" for why in _relabel(rule))


def _nested(name: str, known: fields.Fields, found: Mapping[Any, Any]) -> Iterator[str]:
    for one in fields.unknown(known, found):
        yield f"{name} has no field {one}, {WHOLE_FILE}"
    yield from (f"of {name}: {why}" for why in fields.check(known, found))


def _static(group: Mapping[Any, Any], moved: bool) -> Iterator[str]:
    """Yield what is wrong with an entry of static_configs; targets that are ``moved`` may be any text."""
    if fields.unknown(STATIC, group):
        yield "an entry of static_configs has targets and labels, and nothing else"
    yield from (f"of static_configs: {why}" for why in fields.check(STATIC, group))
    targets = group.get("targets")
    for target in targets if isinstance(targets, (list, tuple)) and not moved else ():
        if isinstance(target, str) and not _is_reached(target):
            yield f"nobody is reached at {show(re.sub('//[^/@]*@', '//(secret)@', target))}"


def _is_reached(target: str) -> bool:
    """Whether ``target`` is a host, with a port, a scheme and a path where it has them; of another form, it may be."""
    authority = re.sub(r"^https?://", "", target).partition("/")[0]
    host, colon, port = authority.partition("?")[0].rpartition(":")
    if re.search(r"[\s\x00-\x1f\x7f]", authority):
        return False
    if not colon or not port or (":" in host and not host.endswith("]")):
        return True  # what has no port gets its scheme's
    return bool(re.fullmatch(r"0*[1-9][0-9]{0,4}", port)) and int(port) <= LARGEST_PORT


def _relabel(rule: Mapping[Any, Any]) -> Iterator[str]:
    for one in fields.unknown(RELABEL, rule):
        yield f"there is no field {one}, {WHOLE_FILE}"
    yield from fields.check(RELABEL, rule)
    action = str(rule.get("action") or "replace").lower()
    if action not in ACTIONS:
        yield f"there is no action {show(rule['action'])}"
    for needed in ACTIONS.get(action, ()):
        if all(rule.get(name) in (None, "", [], (), {}) for name in needed.split("|")):
            yield f"the action {action} needs {needed.replace('|', ' or ')}"


def _mappings(found: Any) -> list[Mapping[Any, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, (list, tuple)) else []
