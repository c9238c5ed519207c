"""What is scraped, and under which labels: entries that VictoriaMetrics or vmagent would refuse, or not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .declaration import Fault, Objection, Robot, fault, show

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?):[0-9]{1,5}")
# The readers, by service, the jobs that they have of themselves, and the labels that the inventory's names become.
READERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "victoriametrics": ("victoriametrics", ("robot",)),
    "vmagent": ("vmagent", ("robot", "robot_groups")),
}
# Fields of an entry of scrape_configs, in the version of VictoriaMetrics' default: with another one nothing is read.
FIELDS = frozenset(
    """
    job_name scrape_interval scrape_timeout max_scrape_size metrics_path honor_labels honor_timestamps scheme params
    proxy_url relabel_configs metric_relabel_configs sample_limit label_limit enable_compression disable_compression
    disable_keepalive stream_parse scrape_align_interval scrape_offset series_limit no_stale_markers authorization
    basic_auth bearer_token bearer_token_file oauth2 tls_config headers follow_redirects proxy_authorization
    proxy_basic_auth proxy_bearer_token proxy_bearer_token_file proxy_oauth2 proxy_tls_config proxy_headers
    static_configs vultr_configs
    """.split()  # noqa: SIM905 (forty names, a line each otherwise)
)
DISCOVERY = re.compile(r"[a-z0-9]+_sd_configs")
LONGEST_LABEL = 4096  # VictoriaMetrics cuts longer ones


def check(robot: Robot) -> list[Fault]:
    """Return what of ``robot``'s labels, targets and further entries nobody could read."""
    faults: list[Fault] = []
    for service, (own, held) in READERS.items():
        if service in robot.services:
            faults += _labels(robot, f"{service}_external_labels", held)
            faults += _jobs(robot, service, own)
    return faults


def _labels(robot: Robot, variable: str, held: tuple[str, ...]) -> Iterator[Fault]:
    labels = robot.values.get(variable)
    for name, value in labels.items() if isinstance(labels, Mapping) else ():
        objection = _label(name, value, held)
        if objection:
            yield fault(robot, variable, *objection, value=f"{{{show(name)}: {show(value)}}}")


def _label(name: Any, value: Any, held: tuple[str, ...]) -> Objection | None:
    if name in held:
        return f"the label {name} is the inventory's", "give yours another name"
    if not isinstance(name, str) or not LABEL.fullmatch(name) or name.startswith("__"):
        return f"{show(name)} is no name of a label", "write letters, digits and underscores, such as hall"
    if isinstance(value, (Mapping, list, tuple)) or value is None:
        return f"the label {name} has no text", "write a text"
    if re.search(r"[\x00-\x1f\x7f]", str(value)) or len(str(value)) > LONGEST_LABEL:
        return f"the label {name} has control characters in it, or is too long", "write one short line"
    return None


def _jobs(robot: Robot, service: str, own: str) -> Iterator[Fault]:
    """Each job has a name of its own: with two of one name the whole file is refused."""
    variable, taken = f"{service}_scrape_targets", {own}
    targets = robot.values.get(variable)
    for job, addresses in targets.items() if isinstance(targets, Mapping) else ():
        objection = _name(job, taken) or _addresses(addresses)
        if objection:
            yield fault(robot, variable, *objection, value=f"{{{show(job)}: {show(addresses)}}}")
        taken.add(str(job))
    variable = f"{service}_scrape_configs_extra"
    entries = robot.values.get(variable)
    for entry in entries if isinstance(entries, (list, tuple)) else ():
        if isinstance(entry, Mapping):
            objection = _name(entry.get("job_name"), taken) or _fields(entry)
            if objection:
                yield fault(robot, variable, *objection, value=show(entry.get("job_name")))
            taken.add(str(entry.get("job_name")))


def _name(job: Any, taken: set[str]) -> Objection | None:
    if not isinstance(job, str) or not job or re.search(r"[\x00-\x1f\x7f]", job):
        return f"{show(job)} is no name of a job", "write a text, such as lidar_driver"
    if job in taken:
        return f"there is a job {job} already, and with two of one name nothing is read", "give it another name"
    return None


def _addresses(addresses: Any) -> Objection | None:
    if not isinstance(addresses, (list, tuple)) or not addresses:
        return "its targets are no list of addresses", 'write a list, such as ["127.0.0.1:9200"]'
    for address in addresses:
        port = str(address).rpartition(":")[2]
        if not isinstance(address, str) or not TARGET.fullmatch(address) or not 0 < int(port) <= 65_535:
            return f"{show(address)} is no address and port", 'write a list, such as ["127.0.0.1:9200"]'
    return None


def _fields(entry: Mapping[Any, Any]) -> Objection | None:
    unknown = [str(name) for name in entry if name not in FIELDS and not DISCOVERY.fullmatch(str(name))]
    if unknown:
        why = f"scrape_configs has no field {unknown[0]}, and with it the whole file is refused"
        return why, "correct the name, or delete the line"
    for group in entry.get("static_configs") or ():
        if not isinstance(group, Mapping) or set(group) - {"targets", "labels"}:
            return "an entry of static_configs has targets and labels, and nothing else", "correct the entry"
    return None
