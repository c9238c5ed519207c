"""What the host of the telemetry hub declares: who it is, whom it knows, and whom it tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.paths import inside
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.series import COPIES, OWN, SHARE_TIMES, room

from . import forms, hosts, lossless, places
from .declaration import Fault, Robot, Secret, fault
from .exposure import given

NAMES = "telemetry_hub_names"
READER = "telemetry_hub_reader_username"
NOTIFIER = "telemetry_hub_notifier_url"
PLAIN = "telemetry_hub_notifier_plain_http"
NOTIFIER_PASSWORD = "telemetry_hub_notifier_password"  # noqa: S105 (a variable's name)
SHARE, SHARES = "telemetry_hub_series_share", "telemetry_hub_series_shares"
LEAVING = "telemetry_hub_leaving"
DAYS, RENEWED = "telemetry_hub_certificate_days", "telemetry_hub_certificate_renew_days"
PAIRS = (
    ("telemetry_hub_tls_certificate", "telemetry_hub_tls_key"),
    ("telemetry_hub_notifier_username", NOTIFIER_PASSWORD),
    ("telemetry_hub_backup_s3_access_key", "telemetry_hub_backup_s3_secret_key"),
)
BACKUP, DATABASE = "telemetry_hub_backup_destination", "telemetry_hub_victoriametrics"
STORAGE = "telemetry_hub_vmstorage"  # a cluster's, in the database's place
ROOMS = (("storage.maxHourlySeries", "hourly", "in an hour"), ("storage.maxDailySeries", "daily", "in a day"))
JOBS = ("telemetry_hub_backup", "telemetry_hub_restore")
FOLDER = "fs://"


def check(robot: Robot) -> list[Fault]:
    """Return what keeps robots and people from this hub, or its alerts from where they shall go."""
    faults = [found for pair in PAIRS for found in _half(robot, *pair)]
    if robot.values.get(NAMES) == []:
        why = "its certificate would be made out to nobody"
        faults.append(fault(robot, NAMES, why, "write the names and addresses by which robots and people reach it"))
    robots = robot.values.get("telemetry_hub_robots")
    if isinstance(robots, (list, tuple)) and robot.values.get(READER) in robots:
        why = "a robot has this name, and nobody would be told of its silence"
        faults.append(fault(robot, READER, why, "give the reader another name"))
    return faults + _certificate(robot) + _sensors(robot) + _notifier(robot) + _shares(robot) + _backup(robot)


def _is_of_cluster(robot: Robot) -> bool:
    """Whether it is one of the hosts of a cluster, which are judged together (cluster.py)."""
    return bool(robot.values.get("telemetry_hub_cluster"))


def _certificate(robot: Robot) -> list[Fault]:
    """A certificate that is never far enough from its end would be renewed by each run, and told of at all times."""
    days, renewed = robot.integer(DAYS), robot.integer(RENEWED)
    if given(robot.values.get(PAIRS[0][0])) or days is None or renewed is None or days > renewed:
        return []
    why = f"{DAYS} is {days}: each run would renew the certificate, and the alert about its end would never go"
    return [fault(robot, RENEWED, why, f"write less than {DAYS}")]


def _sensors(robot: Robot) -> list[Fault]:
    """What the hub's watchdog finds reaches the database through the hub's own sensor service, and in no other way."""
    if not {DATABASE, STORAGE} & set(robot.services) or robot.is_on("sensor_service"):
        return []
    why = "without it nothing would be known of this hub's backups, its disks, and the robots that it shuts out"
    return [fault(robot, "sensor_service_enabled", why, "leave it on for the hub's host")]


def _backup(robot: Robot) -> list[Fault]:
    """Where backups go: outside of what a removal takes away, and there is something to back up."""
    where, root = robot.values.get(BACKUP), robot.values.get("robot_stack_root")
    if not set(JOBS) & set(robot.services) or not isinstance(where, str):
        return []
    remedy = f"write {BACKUP}: fs:///srv/hub-backup, or s3://BUCKET/PREFIX"
    if not where:
        return [fault(robot, BACKUP, "nothing says where backups are", remedy, "(empty)")]
    keeper = STORAGE if _is_of_cluster(robot) else DATABASE
    if keeper not in robot.services:
        why = f"there is no database to back up: {keeper}_enabled is false"
        return [fault(robot, "telemetry_hub_backup_enabled", why, "write telemetry_hub_backup_enabled: false")]
    if ".." in where.split("/"):
        return [fault(robot, BACKUP, "it goes back up (..)", remedy)]
    if where.startswith(FOLDER) and isinstance(root, str):
        folder = where[len(FOLDER) :]
        why = places.of_backup(robot, folder)
        if inside(folder, root) or inside(root, folder):
            why = f"it is not a folder of its own outside of robot_stack_root {root}"
        return [fault(robot, BACKUP, why, remedy)] if why else []
    return []


def _notifier(robot: Robot) -> list[Fault]:
    """Where alerts go: a password for it is not on a command line, and not in the clear on a network."""
    url, password = robot.values.get(NOTIFIER), given(robot.values.get(NOTIFIER_PASSWORD))
    if password and url == "":
        why = "there is a password for it, and alerts would be sent nowhere"
        return [fault(robot, NOTIFIER, why, f"write {NOTIFIER}: https://alerts.example.org:9093", "(empty)")]
    if isinstance(url, Secret) or (isinstance(url, str) and "@" in url):
        why = "it stands on vmalert's command line, which every user of the host can read, a password in it as well"
        remedy = f"write the address alone, telemetry_hub_notifier_username and a vaulted {NOTIFIER_PASSWORD}"
        return [fault(robot, NOTIFIER, why, remedy, value="(secret)")]
    if isinstance(url, str) and re.search(r"[?#]", url):
        why = "what stands behind a question mark or a hash is on a command line, and the path of alerts behind that"
        remedy = f"write the address alone; a token belongs in {NOTIFIER_PASSWORD}"
        return [fault(robot, NOTIFIER, why, remedy, value="(secret)")]
    # a comma divides several addresses; what is none at all is told by its form
    if isinstance(url, str) and re.match(forms.URLS[0], url):
        nowhere = next(filter(None, map(hosts.of_url, filter(None, url.split(",")))), "")
        if nowhere:
            return [fault(robot, NOTIFIER, nowhere, f"write {NOTIFIER}: https://alerts.example.org:9093")]
    plain = isinstance(url, str) and any(one.lower().startswith("http://") for one in url.split(","))
    if password and plain and robot.values.get(PLAIN) is not True:
        why = f"{NOTIFIER_PASSWORD} would travel in the clear"
        return [fault(robot, NOTIFIER, why, f"write https://, or on a test network {PLAIN}: true")]
    return []


def _shares(robot: Robot) -> list[Fault]:
    """What robots may bring together must fit into what the database takes, and the hub's own series beside it."""
    each, expected = robot.integer(SHARE), robot.integer("telemetry_hub_series_per_robot")
    written, robots = robot.values.get(SHARES), robot.values.get("telemetry_hub_robots")
    if (
        each is None
        or each < 0
        or not expected
        or expected < 1
        or not isinstance(written, Mapping)
        or not isinstance(robots, (list, tuple))
    ):
        return []  # which is said already
    each = each or SHARE_TIMES * expected
    known = [*robots, *_listed(robot.values.get(LEAVING))]  # who leaves is in the inventory still
    for name, share in written.items():
        if name not in known:
            why = f"'{name}' is no robot that sends to this hub"
            return [fault(robot, SHARES, why, "write the robot's name as the inventory has it")]
        if not isinstance(share, int) or isinstance(share, bool) or share < 1:
            return [
                fault(robot, SHARES, f"the share of {name} is no number of series", "write a whole number above zero")
            ]
    names = [name for name in robots if isinstance(name, str)]
    hosts = robot.values.get("telemetry_hub_cluster")
    own = OWN * (len(hosts) if isinstance(hosts, Mapping) and hosts else 1)
    total, usual = sum(written.get(name, each) for name in names), room(expected, len(names))
    most, when, raised = min(_rooms(robot, {time: series + own - OWN for time, series in usual.items()}, hosts))
    if total + own <= most:
        return []
    why = (
        f"the shares of {len(names)} robots are {total} series together, and the hub has {own} of its own; its "
        f"database takes {most} {when}"
    )
    variable = SHARES if written and each * len(names) + own <= most else SHARE
    return [fault(robot, variable, why, f"lower the shares, or raise {raised}")]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def _rooms(robot: Robot, usual: Mapping[str, int], hosts: object) -> list[tuple[int, str, str]]:
    """Return how many series the hub takes, in which time, and what raises that: by ``usual``, or by a database's flag.

    Of a cluster each storage has its part of them, as telemetry/series.py reckons it.
    """
    service = STORAGE if STORAGE in robot.services else DATABASE
    variable = f"{service}_flags_extra"
    flags = robot.values.get(variable) if service in robot.services else None
    cluster = hosts.values() if isinstance(hosts, Mapping) else ()
    storages = sum(isinstance(told, Mapping) and "vmstorage" in (told.get("parts") or ()) for told in cluster)
    found = []
    for flag, time, when in ROOMS:
        written = lossless.plain("int", flags.get(flag)) if isinstance(flags, Mapping) else None
        if isinstance(written, int) and not isinstance(written, bool) and written > 0:
            most = written if storages < 2 else max(written, written * (storages - 1) // COPIES)
            found.append((most, when, f"{flag} in {variable}"))
        else:
            found.append((usual[time], when, "telemetry_hub_series_per_robot"))
    return found


def _half(robot: Robot, one: str, other: str) -> list[Fault]:
    """Two that are nothing without each other."""
    has_one, has_other = given(robot.values.get(one)), given(robot.values.get(other))
    if has_one == has_other:
        return []
    there, missing = (one, other) if has_one else (other, one)
    why = f"{there} is set and this is not: one is of no use without the other"
    return [fault(robot, missing, why, "set both or none", value="(empty)")]


def apart(robots: Sequence[Robot], groups: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Return a fault for each of ``robots`` that is a hub as well, by the inventory's ``groups``."""
    both = set(groups.get("robots") or ()) & set(groups.get("telemetry_hub") or ())
    why = "site.yml makes the host equal to a robot and hub.yml to a hub: each would remove the other's services"
    remedy = "leave it in one of the groups; a hub has a sensor service of its own"
    return [Fault(one.name, "groups", "robots, telemetry_hub", why, remedy) for one in robots if one.name in both]
