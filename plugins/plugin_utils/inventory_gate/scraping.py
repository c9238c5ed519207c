"""What is scraped, and under which labels: entries that VictoriaMetrics or vmagent would refuse, or not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import program_flags, scrape_entries
from .declaration import Fault, Objection, Robot, fault, show

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?):[0-9]{1,5}")
# The readers, by service, the jobs that they have of themselves, and the labels that the inventory's names become.
READERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "victoriametrics": ("victoriametrics", ("robot",)),
    "vmagent": ("vmagent", ("robot", "robot_groups")),
}
# Labels of the stack's own series. What VictoriaMetrics scrapes gets another name for them, which its pages and reports
# do not ask for; vmagent writes over them, and series that they tell apart become one. Tests collect them.
ASKED_FOR = frozenset(("instance", "job", "le", "service"))
TELL_APART = ASKED_FOR | frozenset(
    """
    card channel chip collector component condition core cpu device file memory mountpoint name package path
    power_supply queue sensor status status_code type url zone
    """.split()  # noqa: SIM905 (twenty names, a line each otherwise)
)
OWN: Mapping[str, tuple[frozenset[str], str]] = {
    "victoriametrics": (ASKED_FOR, "its series would have it under another name, for which nobody asks"),
    "vmagent": (TELL_APART, "series that it tells apart would become one"),
}
DROPPED = ("hub", "through_door")  # by the hub, of what robots say (its relabel.yml)
LONGEST_LABEL = 4096  # VictoriaMetrics cuts longer ones


def check(robot: Robot) -> list[Fault]:
    """Return what of ``robot``'s labels, targets and further entries nobody could read."""
    faults: list[Fault] = []
    for service, (own, held) in READERS.items():
        if service in robot.services:
            faults += _labels(robot, service, held)
            faults += _jobs(robot, service, own)
    return faults


def _labels(robot: Robot, service: str, held: tuple[str, ...]) -> Iterator[Fault]:
    variable = f"{service}_external_labels"
    labels = robot.values.get(variable)
    for name, value in labels.items() if isinstance(labels, Mapping) else ():
        objection = _taken(name, service, held) or _label(name, value)
        if objection:
            yield fault(robot, variable, *objection, value=f"{{{show(name)}: {show(value)}}}")


def _taken(name: Any, service: str, held: tuple[str, ...]) -> Objection | None:
    own, why = OWN[service]
    if name in held:
        return f"the label {name} is the inventory's", "give yours another name"
    if name in own:
        return f"the label {name} is the stack's own: {why}", "give yours another name"
    if service == "vmagent" and name in DROPPED:
        return f"the hub drops the label {name} of robots, without a word", "give yours another name"
    return None


def _label(name: Any, value: Any) -> Objection | None:
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
    entries, known = robot.values.get(variable), program_flags.is_known(robot, service)
    for entry in entries if isinstance(entries, (list, tuple)) else ():
        if isinstance(entry, Mapping):
            objection = _name(entry.get("job_name"), taken) or scrape_entries.object_to(entry, known)
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
