"""The tables of docs/scale.md, as Markdown. Pure: results in, text out."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from . import product, scaling
from .tables import machine, table
from .whole_hub import tables as whole_hub

HOSTS_MIB = (1024, 4096)
FLEETS = (1_000, 10_000, 100_000)  # robots, with as many series as were measured
# Below it upstream recommends one host rather than a cluster; samples a second.
# Source: https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/
ONE_HOST_RATE = 1_000_000
HELD, PEAK = "held_mib", "peak_mib"
SECONDS = {"d": 86400, "s": 1}


def duration(text: str) -> int:
    """Return the seconds of a role's default, such as 90d or 15s."""
    return int(text[:-1]) * SECONDS[text[-1]]


def interval() -> int:
    """Return the seconds between two samples of a series, as the hub reckons."""
    return duration(str(product.default("telemetry_hub_sample_interval")))


def retention() -> int:
    """Return the seconds for which the hub keeps samples."""
    return duration(str(product.default("telemetry_hub_retention")))


def per_robot_series(found: dict[str, Any]) -> tuple[int, int]:
    """Return the series of a robot as measured, and as the hub expects them by default."""
    return int(found["series_per_robot"]), int(product.default("telemetry_hub_series_per_robot"))


def short(found: dict[str, Any]) -> str:
    """Return what an operator wants to know first."""
    default = int(product.default("telemetry_hub_victoriametrics_memory_limit_mib"))
    served = [fleet for fleet in found["fleets"] if fleet["limit_mib"] == default and not fleet["against"]]
    held = max((int(fleet["series"]) for fleet in served), default=0)

    def fleets_of(series: int) -> str:
        return " or ".join(f"{series // each:,} robots with {each:,} series" for each in per_robot_series(found))

    would = []
    for host in HOSTS_MIB:
        counts = {each: _fitting(found, host, each) for each in per_robot_series(found)}
        series = min(robots_ * each for each, robots_ in counts.items())
        fitting = " or ".join(f"{robots_:,} robots with {each:,} series" for each, robots_ in counts.items())
        would.append(f"about {series // 1000 * 1000:,} on a host of {host // 1024} GiB ({fitting})")
    return textwrap.fill(
        f"The database in its default {default} MiB was seen to serve {held:,} series: {fleets_of(held)}. "
        f"Extrapolated, it would serve {', and '.join(would)}.",
        width=120,
    )


def _bounds(found: dict[str, Any], limit_mib: int, series: int) -> tuple[int, int, int]:
    """Return for how many robots a database would do: by the peak, by the floors, by what is held."""
    peak, held = (scaling.robots_by_memory(limit_mib, series, scaling.memory(found, name)) for name in (PEAK, HELD))
    return peak, scaling.robots_by_floor(limit_mib, series), held


def _fitting(found: dict[str, Any], host_mib: int, series: int) -> int:
    """Return for how many robots a host would do."""
    return scaling.most(
        lambda count: count <= min(_bounds(found, scaling.database_mib(host_mib, count), series), default=0)
    )


def fleets(found: dict[str, Any]) -> str:
    """Return what was measured."""
    head = ["Robots", "series", "limit (MiB)", "peak (MiB)", "held (MiB)", "samples/s taken", "CPU s per million",
            "bytes a sample", "of them index", "slowest query (ms)", "serves"]  # fmt: skip
    took = f"A robot has {found['series_per_robot']} series; all of it took {found['seconds']} s."
    return "\n\n".join([f"{machine(found)} {took}", table(head, [_fleet(fleet) for fleet in found["fleets"]])])


def _fleet(fleet: dict[str, Any]) -> list[Any]:
    """Return a row; one that did not get through its load has a peak, and the reason."""
    rate, slowest = fleet.get("samples_per_second"), fleet.get("slowest_query_ms")
    against = "; ".join(fleet["against"])[:90].replace("|", "\\|")
    return [
        fleet["robots"],
        f"{fleet['series']:,}",
        f"{fleet['limit_mib']:,}",
        fleet["peak_mib"],
        fleet.get("held_mib", "-"),
        f"{rate:,}" if rate else "-",
        fleet.get("cpu_seconds_per_million", "-"),
        fleet.get("bytes_per_sample", "-"),
        fleet.get("of_it_index", "-"),
        round(slowest) if slowest else "-",
        f"no: {against}" if against else "yes",
    ]


def robots(found: dict[str, Any]) -> str:
    """Return what one robot adds, by the differences between fleets."""
    held, peak, last = scaling.memory(found, HELD), scaling.memory(found, PEAK), scaling.roomy(found)[-1]
    counts = per_robot_series(found)
    every, kept = interval(), retention()

    def row(name: str, digits: int, values: list[float]) -> list[str]:
        return [name, *(f"{value:,.{digits}f}" for value in values)]

    rows = [
        row("samples a second", 0, [scaling.samples_per_second(1, series, every) for series in counts]),
        row("RAM, held while a browser asks (MiB)", 2, [held.each * series for series in counts]),
        row("RAM, peak while all send an hour of backlog (MiB)", 2, [peak.each * series for series in counts]),
        row("RAM at that peak without any robot (MiB)", 0, [peak.base for _ in counts]),
        row("RAM, by the floors of VictoriaMetrics on robots (MiB)", 2, [scaling.floor_slope() * s for s in counts]),
        row("CPU (thousandths of a core)", 2, [1000 * scaling.cores(1, series, every, last) for series in counts]),
        row(f"disk for {kept // 86400} days, as measured (MiB)", 0,
            [scaling.disk_mib(series, every, kept, last) for series in counts]),
        row(f"disk for {kept // 86400} days, as the plan reckons (MiB)", 0,
            [scaling.planned_disk_mib(series, every, kept) for series in counts]),
    ]  # fmt: skip
    return table(["One robot takes", *(f"with {series:,} series" for series in counts)], rows)


def hosts(found: dict[str, Any]) -> str:
    """Return for how many robots a host would do: arithmetic, not a measurement."""
    head = ["Host", "for vmauth (MiB)", "for the database (MiB)", "**robots**", "by the peak", "by the floors",
            "by what is held", "samples/s", "cores", "disk (GiB)", "times the largest measured"]  # fmt: skip
    return table(head, [_host(found, host, series) for host in HOSTS_MIB for series in per_robot_series(found)])


def _host(found: dict[str, Any], host: int, series: int) -> list[Any]:
    every, largest, least = interval(), scaling.roomy(found)[-1], _fitting(found, host, series)
    limit = scaling.database_mib(host, least)
    return [
        f"{host // 1024} GiB, {series:,} series a robot",
        f"{scaling.entry_point_mib(least):,}",
        f"{limit:,}",
        f"**{least:,}**",
        *(f"{bound:,}" for bound in _bounds(found, limit, series)),
        f"{scaling.samples_per_second(least, series, every):,.0f}",
        f"{scaling.cores(least, series, every, largest):.2f}",
        math.ceil(least * scaling.planned_disk_mib(series, every, retention()) / 1024),
        f"{least * series / largest['series']:.1f}",
    ]


def large(found: dict[str, Any]) -> str:
    """Return what fleets of many robots would take: arithmetic, not a measurement."""
    head = ["Robots", "series", "samples/s", "RAM for the database (GiB)", "of it held (GiB)", "cores to ingest",
            "disk (TiB)", "hubs of 4 GiB instead", "times the largest measured"]  # fmt: skip
    every, (series, _) = interval(), per_robot_series(found)
    rate = scaling.samples_per_second(1, series, every)
    most = int(ONE_HOST_RATE / rate)
    said = f"Upstream's {ONE_HOST_RATE:,} samples a second are {most:,} robots with {series:,} series every {every} s."
    return "\n\n".join([table(head, [_large(found, robots_) for robots_ in FLEETS]), said])


def _large(found: dict[str, Any], robots_: int) -> list[Any]:
    every, largest, (series, _) = interval(), scaling.roomy(found)[-1], per_robot_series(found)
    peak, held = (scaling.needed_mib(robots_, series, scaling.memory(found, name)) / 1024 for name in (PEAK, HELD))
    one = _fitting(found, HOSTS_MIB[-1], series)
    return [
        f"{robots_:,}",
        f"{robots_ * series:,}",
        f"{scaling.samples_per_second(robots_, series, every):,.0f}",
        f"{peak:,.1f}",
        f"{held:,.1f}",
        f"{scaling.cores(robots_, series, every, largest):.2f}",
        f"{robots_ * scaling.planned_disk_mib(series, every, retention()) / 1024**2:,.1f}",
        math.ceil(robots_ / one),
        f"{robots_ * series / largest['series']:,.0f}",
    ]


def sections(found: dict[str, Any]) -> dict[str, str]:
    """Return the text of each section that there are results for."""
    made = {"short": short, "fleets": fleets, "sent": whole_hub.sent, "robots": robots, "hosts": hosts,
            "large": large, "cluster": whole_hub.cluster, "smallest": whole_hub.floors}  # fmt: skip
    return {name: make(found) for name, make in made.items()} if found else {}
