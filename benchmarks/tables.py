"""The tables of docs/benchmark.md, as Markdown. Pure: results in, text out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import agent, collectors, past, services, trial
from .search import LARGEST_MIB

NOT_MEASURED = "not measured"


def table(head: list[str], rows: list[list[Any]]) -> str:
    """Return a Markdown table; numbers stand at the right."""
    line = ["---" if position == 0 else "---:" for position in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, line, *rows])


def machine(found: dict[str, Any]) -> str:
    """Return what the figures were taken on."""
    known = found["machine"]
    disk = f", a disk that reads {known['read_ahead_kib']} KiB ahead" if known.get("read_ahead_kib") else ""
    return (
        f"Taken on {known['architecture']} with {known['cpus']} cores, Linux {known['kernel']}, "
        f"cgroup v{known['cgroup_version']}{disk}."
    )


def smallest(floors: dict[str, Any], kind: str, series: int) -> int | None:
    """Return the measured smallest limit (MiB) of ``kind``, None where it was not searched for, or none serves.

    Of a database it is that with the inventory gate's past.
    """
    found = [f["smallest_mib"] for f in of_the_gate(floors) if (f["kind"], f["series"]) == (kind, series)]
    return found[0] if found else None


def of_the_gate(floors: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results that the inventory gate goes by: of databases, those with its past."""
    return [floor for floor in floors.get("floors", []) if floor.get("past") in (None, asdict(past.OF_THE_GATE))]


def numbers(floors: dict[str, Any]) -> list[int]:
    """Return the numbers of series that were measured."""
    return sorted({floor["series"] for floor in of_the_gate(floors) if floor["series"]})


def floors(found: dict[str, Any]) -> str:
    """Return the smallest limits, and what was seen at the edge."""
    counts = numbers(found)
    rows = []
    for kind in (trial.SENSOR_SERVICE, *collectors.KINDS, agent.KIND):
        if kind == trial.SENSOR_SERVICE:
            rows.append([kind, smallest(found, kind, 0) or "-", *["-"] * len(counts)])
        elif any(smallest(found, kind, series) for series in counts):
            rows.append([kind, "-", *(smallest(found, kind, series) or "-" for series in counts)])
    head = ["Smallest limit in which it serves (MiB)", "own series", *(f"{series:,} series" for series in counts)]
    edges = [row for floor in of_the_gate(found) for row in _edge(floor)]
    edge_head = [
        "At the edge",
        "limit (MiB)",
        "serves",
        "major faults a minute",
        "slowest query (ms)",
        "what was against",
    ]
    return "\n\n".join([machine(found), table(head, rows), table(edge_head, edges)])


def months(found: dict[str, Any]) -> str:
    """Return the trials that began with months behind them: major faults a minute at each of their moments."""
    made = [
        (f"{one['series']:,} series, {one['days']} days, churn of {one['churn']}, {one['setting']}", one)
        for one in found["trials"]
    ]
    return "\n\n".join([machine(found), _moments(made)])


def behind(found: dict[str, Any]) -> str:
    """Return the smallest limits with each past that was measured, and what was seen at the edge at each moment."""
    measured = [floor for floor in found.get("floors", []) if floor.get("past")]
    if not measured:
        return f"{NOT_MEASURED.capitalize()} yet."
    counts = sorted({floor["series"] for floor in measured})
    rows: dict[str, dict[int, Any]] = {}
    for floor in measured:
        rows.setdefault(_with_past(floor), {})[floor["series"]] = floor["smallest_mib"] or f"above {LARGEST_MIB}"
    head = ["Smallest limit in which it serves (MiB)", *(f"{series:,} series" for series in counts)]
    limits = [[name, *(known.get(series, "-") for series in counts)] for name, known in sorted(rows.items())]
    edges = [
        (f"{floor['series']:,} series, {_with_past(floor)}", made) for floor in measured for made in _at_edge(floor)
    ]
    return "\n\n".join([machine(found), table(head, limits), _moments(edges)])


def _with_past(floor: dict[str, Any]) -> str:
    return f"{floor['kind']}, {floor['past']['days']} days behind it, churn of {floor['past']['churn']}"


def _moments(trials: list[tuple[str, dict[str, Any]]]) -> str:
    """Return trials by name: major faults a minute at each of their moments."""
    known = {moment for _, made in trials for moment in made.get("moments", {})}
    moments = sorted(known, key=lambda moment: (moment == trial.AFTERWARDS, moment != trial.SERVING, _days(moment)))
    rows = [
        [
            name,
            made["limit_mib"],
            *(round(made["moments"][moment]) if moment in made.get("moments", {}) else "-" for moment in moments),
            made.get("refused", "-"),
            _plain("; ".join(reversed(made["against"]))),
        ]
        for name, made in trials
    ]
    return table(["Major faults a minute", "limit (MiB)", *moments, "graphs refused", "what was against"], rows)


def _days(moment: str) -> int:
    return int("".join(filter(str.isdigit, moment)) or 0)


def _plain(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())[:90]


def _at_edge(floor: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last trials of the largest limit that did not serve, and of the smallest that did."""
    served = [t for t in floor["trials"] if t["serves"] and t["limit_mib"] == floor["smallest_mib"]]
    failed = sorted((t for t in floor["trials"] if not t["serves"]), key=lambda t: int(t["limit_mib"]))
    return [*failed[-1:], *served[-1:]]


def _edge(floor: dict[str, Any]) -> list[list[Any]]:
    """Return the smallest limit that served and the largest that did not."""
    where = f"{floor['kind']}, {floor['series']:,} series" if floor["series"] else floor["kind"]
    rows = []
    for made in _at_edge(floor):
        faults = made["faults_per_minute"]
        against = made["against"][0] if made["against"] else ""
        rows.append([
            where, made["limit_mib"], "yes" if made["serves"] else "no", "-" if faults is None else round(faults),
            made["query_ms"]["slowest"] or "-", _plain(against),
        ])  # fmt: skip
    return rows


def comparison(compare: dict[str, Any], found: dict[str, Any]) -> str:
    """Return the comparison of the two stacks."""
    return "\n\n".join(
        [
            machine(compare),
            "### The services that read sensors",
            _services(compare),
            "### The collectors, with a dashboard open",
            _collectors(compare, found),
            "### Images",
            table(["Image", "MiB"], [[f"`{name}`", size] for name, size in compare["images_mib"].items()]),
            "### Grafana",
            _grafana(compare["grafana"]),
        ]
    )


def _services(compare: dict[str, Any]) -> str:
    rows = [
        [name, made["series"], made["working_set_mib"], made["pss_mib"], made["peak_mib"], made["cpu_ms_per_scrape"],
         made["scrape_ms"]["median"], made["scrape_ms"]["p95"]]
        for name, made in compare["services"].items()
    ]  # fmt: skip
    head = ["Service", "series", "working set (MiB)", "PSS (MiB)", "peak, 8 clients (MiB)", "CPU a scrape (ms)",
            "scrape, median (ms)", "scrape, 95 % (ms)"]  # fmt: skip
    return table(head, rows)


def _collectors(compare: dict[str, Any], found: dict[str, Any]) -> str:
    head = ["Collector", "series", "run in (MiB)", "working set (MiB)", "PSS (MiB)", "peak (MiB)", "CPU (%)",
            "query, median (ms)", "bytes a sample", "smallest limit (MiB)"]  # fmt: skip
    rows = []
    for series, kinds in sorted(compare["collectors"].items(), key=lambda pair: int(pair[0])):
        for kind, made in kinds.items():
            memory = made["memory_mib"]
            rows.append([
                kind, f"{int(series):,}", made["limit_mib"] or "no limit", memory.get("working_set", "-"),
                memory.get("pss", "-"), memory.get("peak", "-"), made["cpu_percent"], made["query_ms"]["median"],
                compare["bytes_per_sample"][series][kind], smallest(found, kind, int(series)) or "-",
            ])  # fmt: skip
        limit = smallest(found, collectors.PROMETHEUS_GOMEMLIMIT, int(series))
        if limit:
            rows.append([collectors.PROMETHEUS_GOMEMLIMIT, f"{int(series):,}", *["-"] * 7, limit])
    return table(head, rows)


def _grafana(found: dict[str, Any]) -> str:
    if "not_measured" in found:
        return f"{NOT_MEASURED.capitalize()}: {found['not_measured']}."
    return table(
        ["Working set (MiB)", "PSS (MiB)", "peak (MiB)", "image (MiB)"],
        [[found["working_set_mib"], found["pss_mib"], found["peak_mib"], found["image_mib"]]],
    )


def edge_and_standard(compare: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of the edge service and of the standard one."""
    return compare["services"][services.EDGE], compare["services"][services.STANDARD]
