"""Where a robot's samples go: mode and services agree, the hub is named, and the buffer bridges what it shall."""

from __future__ import annotations

import re
from typing import Any

from ..telemetry import offline_buffer, pace
from . import bounds, hosts, scraping
from .declaration import Fault, Robot, Secret, fault
from .exposure import is_loopback
from .pair import MOST, URLS

MODE = "robot_stack_telemetry_mode"
SERVICES = "robot_stack_services"
URL = "vmagent_hub_url"
PLAIN = "vmagent_hub_plain_http"
PASSWORD = "vmagent_hub_password"  # noqa: S105 (a variable's name)
BUFFER = "vmagent_buffer_disk_mib"
HOURS = "vmagent_offline_hours"
SEND = "vmagent_send_kib_per_second"
SERIES = "vmagent_expected_series"
INTERVAL = "vmagent_scrape_interval"
KEPT, KEPT_TIMES = "victoriametrics_expected_series", 3  # plugins/filter/victoriametrics_fit.py: max_hourly_series
LISTEN = "vmagent_listen_address"
NEIGHBOUR = "vmagent_local_address"
READERS = frozenset(scraping.READERS)
EVERYWHERE = re.compile(r"^(0\.0\.0\.0|\[::\])?:")
HUB_ADDRESS = re.compile(r"^https?://[^/@\s?#]+/?$")


def check(robot: Robot) -> list[Fault]:
    """Return what keeps ``robot``'s samples from where its mode says that they go."""
    mode = robot.values.get(MODE)
    if not isinstance(mode, str) or mode not in robot.modes:
        return []  # told by the check of choices
    # a play that gives its robots a role alone says itself which services there are
    faults = [] if robot.also else _services(robot, mode) + _readers(robot) + _absent(robot)
    if "vmagent" not in robot.services:
        return faults
    faults += _hub(robot) + _buffer(robot) + _pace(robot) + _own_page(robot) + _not_read(robot)
    return faults + (_neighbour(robot) if mode == "both" else [])


def _services(robot: Robot, mode: str) -> list[Fault]:
    """A list of services of one's own must be that of the mode; nobody's samples shall end nowhere unseen."""
    faults = []
    of_mode = robot.modes[mode]
    # a robot that sends nothing may have nobody who reads, where its services are listed
    needed = [] if mode == "local" else [service for service in of_mode if service in READERS]
    for service in needed:
        if service not in robot.services:
            listed = [entry.rpartition(".")[2] for entry in robot.listed]
            off = not listed or service in listed
            remedy = f"switch it on ({service}_enabled: true)" if off else f"list {service} in {SERVICES}"
            faults.append(fault(robot, MODE, f"it needs the service {service}", f"{remedy}, or choose another mode"))
    for service in sorted(READERS.difference(of_mode)):
        if service in robot.services:
            others = "both" if mode == "push" else "push or both"
            remedy = f"take {service} out of {SERVICES}, or write {MODE}: {others}"
            faults.append(fault(robot, MODE, f"{SERVICES} lists {service}, which has no part in it", remedy))
    return faults


def _readers(robot: Robot) -> list[Fault]:
    """Sensors that nobody reads are a choice only of who lists the services."""
    local = robot.values.get(MODE) == "local"  # of other modes it is told what they need
    if not local or "sensor_service" not in robot.services or robot.listed or READERS & set(robot.services):
        return []
    why = "nobody would read the sensors: their samples would go nowhere"
    remedy = (
        "switch it on, write robot_stack_telemetry_mode: push, or, where a program of yours reads the sensors, "
        f"{SERVICES}: [sensor_service]"
    )
    return [fault(robot, "victoriametrics_enabled", why, remedy)]


def _absent(robot: Robot) -> list[Fault]:
    """A target that is switched off would be a failing one for good; who lists the services knows which there are."""
    faults: list[Fault] = []
    if robot.listed:
        return faults
    for reader in sorted(READERS & set(robot.services)):
        if reader == "victoriametrics" and "vmagent" in robot.services:
            continue  # it reads itself only
        name = f"{reader}_scrape_targets"
        targets, listed = robot.values.get(name), robot.values.get("sensor_service_listen_address")
        read = targets.get("sensor_service") if isinstance(targets, dict) else None
        if "sensor_service" in robot.services or not isinstance(read, (list, tuple)) or listed not in read:
            continue
        why = "it names the sensor service, which does not run on this robot: it would be a failing target for good"
        left = (
            {job: one for job, one in targets.items() if job != "sensor_service"} if isinstance(targets, dict) else {}
        )
        faults.append(fault(robot, name, why, f"write {name}: {left or '{}'}, or sensor_service_enabled: true"))
    return faults


def _hub(robot: Robot) -> list[Fault]:
    faults = _addresses(robot)
    password = robot.values.get(PASSWORD)
    if isinstance(password, (str, Secret)) and not password:
        why = "the hub lets nobody write without one"
        remedy = "run playbooks/hub.yml on this machine, which makes one, or keep it in Ansible Vault"
        faults.append(fault(robot, PASSWORD, why, remedy, value="(empty)"))
    return faults


def _addresses(robot: Robot) -> list[Fault]:
    """Where it sends to: one host, the two of a pair, or two of a cluster."""
    url, urls = robot.values.get(URL), robot.values.get(URLS)
    if not isinstance(url, str) or not isinstance(urls, (list, tuple)) or not all(isinstance(one, str) for one in urls):
        return []  # told by the check of types
    if not urls:
        return [fault(robot, URL, "vmagent would have no hub to send to", _EXAMPLE)]
    if url and _plain(url) not in map(_plain, urls):
        why = f"{URLS} does not have it, and that is where samples go"
        return [fault(robot, URL, why, "delete the line", value=_without_password(url))]
    variable = URL if url and len(urls) == 1 else URLS
    faults = [found for one in urls for found in _address(robot, variable, one)]
    if len(urls) > MOST:
        why = f"these are {len(urls)}: also of a cluster a robot sends to two hosts, which spread its samples over all"
        remedy = "delete the line, and it sends to two of the hosts in group telemetry_hub; or leave two of them"
        faults.append(fault(robot, variable, why, remedy, value=_without_password(", ".join(urls))))
    if len({_plain(one) for one in urls}) < len(urls):
        why = "one address stands twice: a pair that is one host gets everything twice, and keeps it once"
        remedy = "write the address of the pair's other host"
        faults.append(fault(robot, variable, why, remedy, value=_without_password(", ".join(urls))))
    return faults


def _address(robot: Robot, variable: str, url: str) -> list[Fault]:
    remedy = _EXAMPLE
    if "," in url:  # a flag of the agent's takes several addresses
        why = "a comma would make two addresses of it"
    elif not HUB_ADDRESS.match(url):
        why = "it is not the address of a hub alone: no path, no user and no password belong in it"
    else:
        why = hosts.of_url(url)
    if not why and url.startswith("http://") and robot.values.get(PLAIN) is not True:
        why = "password and samples would travel in the clear"
        remedy = f"write https://, or on a test network {PLAIN}: true"
    return [fault(robot, variable, why, remedy, value=_without_password(url))] if why else []


def _plain(url: str) -> str:
    """Return one spelling of an address."""
    scheme, _, host = url.rstrip("/").lower().partition("://")
    usual = {"https": ":443", "http": ":80"}.get(scheme, "")
    return f"{scheme}://{host.removesuffix(usual) if usual else host}"


_EXAMPLE = f"write {URL}: https://hub.example.org:8427"


def _without_password(url: str) -> str:
    """Return an address as it is told: what may be a password or a token in it is not."""
    return '"' + re.sub(r"([?#]).*", r"\1(secret)", re.sub(r"//[^/@]*@", "//(secret)@", url), flags=re.DOTALL) + '"'


def _buffer(robot: Robot) -> list[Fault]:
    size, hours, series = (_within_bounds(robot, name) for name in (BUFFER, HOURS, SERIES))
    interval = robot.values.get(INTERVAL)
    if size is None:
        return []
    if size < offline_buffer.SMALLEST_MIB:
        least = offline_buffer.SMALLEST_MIB
        return [fault(robot, BUFFER, f"vmagent would take {least} MiB all the same", f"write {least} or more")]
    if hours is None or series is None or not isinstance(interval, str) or bounds.duration(INTERVAL, interval):
        return []
    try:
        needed = offline_buffer.needed_mib(series, interval, hours)
    except (ValueError, ZeroDivisionError):
        return []  # told by the check of forms
    if needed <= size:
        return []
    why = f"{series} series every {interval} make {needed} MiB in {HOURS} {hours}"
    lasts = offline_buffer.lasting_hours(size, series, interval)
    return [fault(robot, BUFFER, why, f"raise it to at least {needed}, or lower {HOURS} to {lasts}")]


def _pace(robot: Robot) -> list[Fault]:
    """A robot that sends no faster than it collects never gets rid of a backlog."""
    send, series = (_within_bounds(robot, name) for name in (SEND, SERIES))
    interval = robot.values.get(INTERVAL)
    if not send or series is None or not isinstance(interval, str) or bounds.duration(INTERVAL, interval):
        return []
    try:
        least = pace.least_kib(series, interval)
    except (ValueError, ZeroDivisionError):
        return []  # told by the check of forms
    if send >= least:
        return []
    made = pace.collected(series, interval) / pace.KIB
    why = f"{series} series every {interval} make up to {made:.1f} KiB a second: a backlog would hardly get smaller"
    return [fault(robot, SEND, why, f"raise it to at least {least}, or write 0, which works it out")]


def _within_bounds(robot: Robot, name: str) -> int | None:
    """Return a number that can be counted with; anything else is told by the checks of types and bounds."""
    value = robot.integer(name)
    return None if value is None or bounds.number(name, value) else value


def _own_page(robot: Robot) -> list[Fault]:
    address, faults = robot.values.get(LISTEN), []
    if isinstance(address, str) and not is_loopback(address):
        why = "anybody on the network could send samples in this robot's name"
        faults.append(fault(robot, LISTEN, why, "keep it on 127.0.0.1"))
    return faults


def _not_read(robot: Robot) -> list[Fault]:
    """What was written for the VictoriaMetrics that read by itself, and that nobody reads any more."""
    faults = []
    for of_local, of_agent in (
        ("victoriametrics_scrape_configs_extra", "vmagent_scrape_configs_extra"),
        ("victoriametrics_scrape_targets", "vmagent_scrape_targets"),
    ):
        lost = _missing(robot.values.get(of_local), robot.values.get(of_agent))
        if lost:
            why = f"in this mode vmagent reads, and {of_agent} lacks it"
            faults.append(fault(robot, of_local, why, f"write it as {of_agent}", value=lost))
    return faults


def _missing(local: Any, agent: Any) -> str:
    """Return what ``local`` (jobs with their targets, or entries) has and ``agent`` lacks; "" where nothing."""
    if isinstance(local, dict) and isinstance(agent, dict):
        lost = (job for job in local if job != "sensor_service" and job not in agent)
        return ", ".join(sorted(map(str, lost)))  # YAML makes numbers and dates of names, too
    if isinstance(local, (list, tuple)) and isinstance(agent, (list, tuple)):
        names = [str(entry.get("job_name", entry) if isinstance(entry, dict) else entry) for entry in local]
        return ", ".join(name for name, entry in zip(names, local) if entry not in agent)
    return ""


def _more_than_is_kept(robot: Robot) -> list[Fault]:
    """What vmagent writes to the robot's own database beyond its limit on series is dropped there."""
    sent, kept = robot.integer(SERIES), robot.integer(KEPT)
    if not sent or not kept or sent <= KEPT_TIMES * kept:
        return []
    why = f"with {KEPT} {kept} the robot's VictoriaMetrics takes {KEPT_TIMES * kept} series in an hour, and drops more"
    return [fault(robot, SERIES, why, f"write {KEPT}: {sent} (which wants a larger limit), or expect fewer here")]


def _neighbour(robot: Robot) -> list[Fault]:
    """VictoriaMetrics' address and login are written once for each role: they must agree."""
    faults = _more_than_is_kept(robot)
    theirs, ours = robot.values.get("victoriametrics_listen_address"), robot.values.get(NEIGHBOUR)
    if isinstance(theirs, str) and isinstance(ours, str):
        wanted = EVERYWHERE.sub("127.0.0.1:", theirs)
        if ours != wanted:
            why = f"VictoriaMetrics listens on {theirs}: it would get nothing"
            faults.append(fault(robot, NEIGHBOUR, why, f"write {NEIGHBOUR}: {wanted}"))
    for part in ("username", "password"):
        if robot.values.get(f"victoriametrics_http_{part}") and not robot.values.get(f"vmagent_local_{part}"):
            name = f"vmagent_local_{part}"
            why = f"victoriametrics_http_{part} is set: VictoriaMetrics would take nothing from vmagent"
            remedy = f'write {name}: "{{{{ victoriametrics_http_{part} }}}}"'
            faults.append(fault(robot, name, why, remedy, value="(empty)"))
    return faults
