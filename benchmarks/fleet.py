"""A fleet, invented: what each of some robots sends at each scrape, and what people at the hub then ask.

A robot has a stated number of series: those which the hub's pages ask for, by their names, and the rest from the load
that runs on robots (robot/load.py), with its churn. Robots differ: each is one scrape ahead of the one before, so that
its values are its own, while they are worked out only once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from .queries import PROJECT, Query
from .robot import load

INTERVAL_SECONDS = 15
DASHBOARDS = PROJECT / "roles" / "telemetry_hub" / "files" / "dashboards"
METRIC = re.compile(r"([a-zA-Z_:][\w:]*)\{")
# What stands for the robot's own labels, and for the moment, in a scrape that is shared by all of them.
LABELS, MOMENT = "@", "#"
MIB = 1024 * 1024


def name(number: int) -> str:
    """Return the name of a robot."""
    return f"robot-{number:04d}"


def labels(number: int) -> str:
    """Return what every sample of a robot bears, as the role vmagent writes it."""
    return f'robot="{name(number)}",robot_groups=",robots,"'


def of_the_pages(now: float) -> Iterator[tuple[str, str, str]]:
    """Yield name, labels and value of the series that the hub's pages ask for, at the time ``now``."""
    step = int(now)
    for job in ("sensor_service", "vmagent"):
        yield "up", f'job="{job}"', "1"
    for number, service in enumerate(("sensor_service", "vmagent")):
        of_service = f'service="{service}"'
        yield "robot_stack:service_verdict", of_service, "0"
        yield "robot_stack_service_verdict", of_service, "0"
        yield "robot_stack_service_oom_kills_total", of_service, "0"
        yield (
            "container_memory_working_set_bytes",
            of_service,
            str(int((4 + 8 * number + load.noise(number, step)) * MIB)),
        )
        yield "container_spec_memory_limit_bytes", of_service, str(32 * MIB)
    yield "robot_stack_watchdog_last_look_timestamp_seconds", 'job="sensor_service"', str(step)
    yield "robot_stack_memory_budget_bytes", 'job="sensor_service"', str(300 * MIB)
    yield "robot_stack_memory_unreclaimable_bytes", 'job="sensor_service"', str(int((20 + load.noise(2, step)) * MIB))
    yield "vmagent_remotewrite_pending_data_bytes", 'url="1:secret-url"', str(int(load.noise(3, step) * 20_000))
    yield "vm_persistentqueue_bytes_dropped_total", 'url="1:secret-url"', "0"
    yield "node_load1", 'job="sensor_service"', f"{load.noise(4, step):.2f}"
    yield "node_memory_MemAvailable_bytes", 'job="sensor_service"', str(int((200 + load.noise(5, step)) * MIB))
    yield "node_filesystem_avail_bytes", 'mountpoint="/"', str(4_000_000_000 - step % 100_000 * 4096)
    yield "node_filesystem_size_bytes", 'mountpoint="/"', "8000000000"
    yield "node_thermal_zone_temp", 'type="cpu-thermal"', load.gauge(6, now)
    yield "node_network_receive_bytes_total", 'device="wlan0"', str(load.counter(7, now))


def made_by_rules(metric: str) -> bool:
    """Whether a rule of the hub makes it: from a robot the hub does not take it, from its entry point on."""
    return ":" in metric


PAGE_METRICS = frozenset(metric for metric, _, _ in of_the_pages(0))


def scrape(series: int, now: float, rules: bool = True) -> str:
    """Return one scrape of a robot with ``series`` series, with LABELS and MOMENT where those belong.

    ``rules``: what the hub's rules would make of it is among them.
    """
    pages = [one for one in of_the_pages(now) if rules or not made_by_rules(one[0])]
    lines = [f"{metric}{{{own},{LABELS}}} {value} {MOMENT}" for metric, own, value in pages]
    more = load.samples(series - len(pages), now)
    lines += [f"{metric[:-1]},{LABELS}}} {value} {MOMENT}" for metric, value in more]
    return "\n".join([*lines, ""])


def scrapes(series: int, robots: int, rounds: int, start: int, rules: bool = True) -> list[str]:
    """Return what ``robots`` robots need for ``rounds`` scrapes from ``start`` on: see `sent`."""
    moments = (float(start + number * INTERVAL_SECONDS) for number in range(rounds + robots))
    return [scrape(series, moment, rules) for moment in moments]


def sent(known: list[str], number: int, turn: int, start: int, labelled: bool = True) -> bytes:
    """Return what robot ``number`` sends in its scrape ``turn``; ``labelled``: with its name, which vmagent adds."""
    moment = (start + turn * INTERVAL_SECONDS) * 1000
    own = labels(number) if labelled else ""
    return known[number + turn].replace(LABELS, own).replace(MOMENT, str(moment)).encode()


def queries(rules: bool = True) -> list[Query]:
    """Return what an open browser asks at the hub: its pages, that of one robot, and graphs of the load.

    ``rules``: the fleet brings what rules make, so that it must be there.
    """
    known = frozenset(metric for metric in PAGE_METRICS if rules or not made_by_rules(metric))
    found = [_of_page(expr, known) for path in sorted(DASHBOARDS.glob("*.json")) for expr in _expressions(path)]
    one = f'robot="{name(0)}"'
    return [
        *found,
        Query(f"avg(load_temperature_celsius{{{one}}}) by (module)"),
        Query(f"sum(rate(load_messages_total{{{one}}}[1m])) by (module)"),
        Query('avg(load_temperature_celsius{sensor="s3"}) by (robot)'),
    ]


def _expressions(page: Path) -> list[str]:
    rows = json.loads(page.read_text(encoding="utf-8"))["rows"]
    words = {"ROBOT": name(0), "READER": "reader", "OTHERHOST": "hub", "SILENT": "5m"}
    found = [expr for row in rows for panel in row["panels"] for expr in panel["expr"]]
    return [re.sub("|".join(words), lambda word: words[word.group()], expr) for expr in found]


def _of_page(expr: str, known: frozenset[str]) -> Query:
    """Some panels rightly have no data: nobody is silent, no alert fires, no such sensor is there, nor a vmauth."""
    asked = set(METRIC.findall(expr))
    return Query(expr, needs_data="hub!=" not in expr and bool(asked) and asked <= known)
