"""The stated set of dashboard queries: the product's own VMUI pages, and what people ask of their own series."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
DASHBOARDS = PROJECT / "roles" / "victoriametrics" / "files" / "dashboards"
HALF_AN_HOUR = 1800  # what VMUI shows when it is opened
SIX_HOURS = 21600
# What VMUI offers beside it, and a retention of a month holds: VMUI divides each range by the width of its graph.
FAR = (86_400, 7 * 86_400, 30 * 86_400)
POINTS = 300  # of a graph, for each series

# Panels that rightly have no data: a test robot has no such hardware or kernel, or nothing is wrong.
EMPTY_ON_SOME_ROBOTS = frozenset(
    {
        "node_hwmon_temp_celsius",
        "node_wifi_station_signal_dbm",
        "node_cpu_scaling_frequency_hertz / 1e6",
        "rate(node_pressure_memory_waiting_seconds_total)",
    }
)
EMPTY_WHEN_ALL_IS_WELL = frozenset({"sensor_collector_success == 0"})

# What people ask of a robot's own series (benchmarks/robot/load.py): expression, and how far back the graph goes.
OF_THE_LOAD: tuple[tuple[str, int], ...] = (
    ('load_temperature_celsius{module="m3"}', HALF_AN_HOUR),
    ("avg(load_temperature_celsius) by (module)", HALF_AN_HOUR),
    ("max(max_over_time(load_temperature_celsius[5m])) by (module)", HALF_AN_HOUR),
    ('topk(5, load_temperature_celsius{module=~"m[0-3]"})', HALF_AN_HOUR),
    ("sum(rate(load_messages_total[1m])) by (module)", HALF_AN_HOUR),
    ("histogram_quantile(0.99, sum(rate(load_latency_seconds_bucket[1m])) by (le))", HALF_AN_HOUR),
    ('count({__name__=~"load_.*"})', HALF_AN_HOUR),
    ("avg(load_temperature_celsius) by (module)", SIX_HOURS),
    ("sum(rate(load_messages_total[5m])) by (module)", SIX_HOURS),
)

# MetricsQL works out a window for itself; PromQL wants it written.
WITHOUT_WINDOW = re.compile(r"\b(rate|increase)\((\w+(?:\{[^}]*\})?)\)")


@dataclass(frozen=True)
class Query:
    """One graph: what it shows, how far back (s), and whether no data, or a refusal with its reason, is a fault."""

    expr: str
    range_seconds: int = HALF_AN_HOUR
    needs_data: bool = True
    may_be_refused: bool = False

    def asked(self) -> dict[str, Any]:
        """Return the query as `robot/ask.py` wants it."""
        return {"expr": self.expr, "range_seconds": self.range_seconds, "points": POINTS}

    def in_promql(self) -> Query:
        """Return the same query for Prometheus."""
        return replace(self, expr=WITHOUT_WINDOW.sub(r"\1(\2[1m])", self.expr))


def of_the_dashboards() -> list[Query]:
    """Return every expression on the pages that the product puts into VMUI."""
    found = []
    for path in sorted(DASHBOARDS.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
            for panel in row["panels"]:
                for expr in panel["expr"]:
                    needs_data = expr not in EMPTY_ON_SOME_ROBOTS | EMPTY_WHEN_ALL_IS_WELL
                    found.append(Query(expr, HALF_AN_HOUR, needs_data))
    return found


def of_the_load() -> list[Query]:
    """Return what people ask of their own series."""
    return [Query(expr, seconds) for expr, seconds in OF_THE_LOAD]


def stated() -> list[Query]:
    """Return the whole set."""
    return [*of_the_dashboards(), *of_the_load()]


def questions(collector: str, pages: Sequence[str], asked: Sequence[Query], seconds: int) -> dict[str, Any]:
    """Return what `robot/ask.py` is to ask for so many seconds; graphs over days are opened once, and not refreshed."""
    once = {"refresh_seconds": seconds} if asked and asked[0].range_seconds >= FAR[0] else {}
    queries = [query.asked() for query in asked]
    return {"collector": collector, "pages": list(pages), "seconds": seconds, "queries": queries, **once}


def far(days: int) -> list[Query]:
    """Return the same over the ranges of FAR up to ``days``: the product's pages, and what people may try.

    The pages must be answered over all of it.
    """
    ranges = [seconds for seconds in FAR if seconds <= days * 86_400]
    pages = [replace(query, range_seconds=seconds) for seconds in ranges for query in of_the_dashboards()]
    expressions = dict.fromkeys(expr for expr, _ in OF_THE_LOAD)
    return [*pages, *(Query(e, seconds, False, may_be_refused=True) for seconds in ranges for e in expressions)]
