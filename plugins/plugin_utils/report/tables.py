"""Every table of the report, once for both forms of it. Texts only: what a reader sees is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .fleet import Component, History, Robot
from .formatting import UNKNOWN, duration, exact, mib, moment, percent, percent_of_reads, whole
from .parse import mapping, number, text

VERSION_KEYS = ("kernel", "architecture", "cgroup_version", "memory_ceiling_mib", "swap_total_mib", "engine_version")


@dataclass(frozen=True)
class Column:
    """A column: figures stand right, words left; a verdict is a badge."""

    key: str
    title: str
    kind: str = "figure"


@dataclass(frozen=True)
class Row:
    """A row: which robot and which part of it, and a text for each column."""

    robot: str
    part: str
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what its figures are."""

    caption: str
    columns: list[Column]
    rows: list[Row]


def of_fleet(robots: list[Robot]) -> Table:
    """Return the fleet: what each robot may spend, and spends."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("budget", "Budget"),
        Column("ceiling", "Ceiling in the kernel"),
        Column("services", "Services"),
        Column("engine", "Engine"),
        Column("total", "Total in use"),
        Column("headroom", "Headroom"),
        Column("verdict", "Verdict", "verdict"),
    ]
    rows = []
    for robot in robots:
        services = [component.used for component in robot.services if component.used is not None]
        figures = [robot.budget, robot.ceiling.limit, round(sum(services), 1) if services else None]
        figures += [robot.engine.used, robot.total, robot.headroom]
        rows.append(Row(robot.name, "", [robot.name, *map(mib, figures), robot.outcome]))
    return Table("What each robot may spend and what it uses, the container engine included (MiB)", columns, rows)


def of_components(robot: Robot) -> Table:
    """Return one robot: its services, the engine, and the ceiling around them."""
    words = ("Declared", "Limit in the kernel", "Used", "Peak", "Headroom", "PSS", "Held")
    titles = (*words, "OOM kills", "Exits", "Hangs")
    keys = ("declared", "limit", "used", "peak", "headroom", "pss", "held", "kills", "restarts", "hangs")
    columns = [Column("part", "Component", "word"), *(Column(key, title) for key, title in zip(keys, titles))]
    columns.append(Column("verdict", "Verdict", "verdict"))
    rows = []
    for part in [*robot.components, robot.ceiling]:
        limit = None if part is robot.engine else part.limit
        sizes = map(mib, (part.declared, limit, part.used, part.peak, part.headroom, part.pss, part.held))
        cells = [part.name, *sizes, *map(whole, (part.kills, part.restarts, part.hangs)), part.verdict]
        rows.append(Row(robot.name, part.name, cells))
    caption = f"{robot.name}: each component's limit and use (MiB; OOM kills, exits and hangs are counts)"
    if robot.measured and not robot.engine_below_ceiling:
        caption += "; the engine is outside the ceiling: counted in the whole stack, not capped"
    return Table(caption, columns, rows)


def of_guardrails(robots: list[Robot]) -> Table:
    """Return where each limit stands in the kernel."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("part", "Component", "word"),
        Column("limit", "Limit (MiB)"),
        Column("swap", "Swap (MiB)"),
        Column("believed", "Limit it found (MiB)"),
        Column("file", "Read from", "path"),
    ]
    rows = []
    for robot in robots:
        for part in robot.services:
            cells = [robot.name, part.name, *map(mib, (part.limit, part.swap, part.believed)), limit_file(robot, part)]
            rows.append(Row(robot.name, part.name, cells))
    return Table("Limits as the kernel has them, for each service's own process", columns, rows)


def limit_file(robot: Robot, part: Component) -> str:
    """Return the kernel's file that a limit was read from."""
    if not part.cgroup:
        return UNKNOWN
    if number(robot.facts.get("cgroup_version")) == 2:
        return f"/sys/fs/cgroup{part.cgroup}/memory.max"
    return f"/sys/fs/cgroup/memory{part.cgroup}/memory.limit_in_bytes"


def of_nearest(robots: list[Robot]) -> Table:
    """Return the components by how near they came to their limits."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("part", "Component", "word"),
        Column("most", "Most used (MiB)"),
        Column("limit", "Limit (MiB)"),
        Column("share", "Share of the limit"),
    ]
    found = [(robot, part) for robot in robots for part in robot.components if part.share is not None]
    found.sort(key=lambda pair: (-(pair[1].share or 0), pair[0].name, pair[1].name))
    rows = [
        Row(robot.name, part.name, [robot.name, part.name, mib(part.most), mib(part.limit), percent(part.share)])
        for robot, part in found[:8]
    ]
    return Table("Nearest to their limits: at most eight, the nearest first", columns, rows)


def of_collectors(robots: list[Robot]) -> Table:
    """Return what takes longest in a scrape."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("collector", "Collector", "word"),
        Column("mean", "Mean duration (ms)"),
        Column("success", "Reads that succeeded"),
    ]
    rows = []
    for robot in robots:
        slowest = sorted(robot.history.collectors, key=lambda entry: (-(entry[1] or 0), entry[0]))[:3]
        for name, mean, good in slowest:
            rows.append(Row(robot.name, name, [robot.name, name, exact(mean), percent_of_reads(good)]))
    return Table("The three slowest collectors of each robot's sensor service", columns, rows)


def of_choices(robots: list[Robot]) -> Table:
    """Return what keeping metrics on the robot costs."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("series", "Series"),
        Column("samples", "Samples kept"),
        Column("bytes", "Bytes a sample"),
        Column("data", "Data on disk (MiB)"),
        Column("images", "Images on disk (MiB)"),
        Column("memory", "Memory of all services (MiB)"),
    ]
    rows = []
    for robot in (robot for robot in robots if robot.measured):
        kept = robot.history.storage
        samples, size = kept.get("samples"), kept.get("bytes")
        each = exact(size / samples) if size is not None and samples else UNKNOWN
        sums = [
            known_sum(part.data_size for part in robot.services),
            known_sum(part.image_size for part in robot.services),
        ]
        cells = [robot.name, whole(kept.get("series")), whole(samples), each, *map(mib, sums)]
        rows.append(Row(robot.name, "", [*cells, mib(known_sum(part.used for part in robot.services))]))
    return Table("What it costs to keep and show metrics on the robot itself", columns, rows)


def known_sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def of_scrapes(robots: list[Robot]) -> Table:
    """Return how long the sensor service takes to read everything."""
    columns = [
        Column("robot", "Robot", "word"),
        Column("covered", "History"),
        Column("count", "Scrapes"),
        Column("median", "Median (ms)"),
        Column("p99", "99 % within (ms)"),
    ]
    rows = []
    for robot in (robot for robot in robots if robot.measured):
        history: History = robot.history
        covered = duration(history.hours * 3600) if history.moments else UNKNOWN
        took = [exact(history.scrapes.get(key)) for key in ("median_ms", "p99_ms")]
        rows.append(Row(robot.name, "", [robot.name, covered, whole(history.scrapes.get("count")), *took]))
    return Table("sensor_scrape_duration_seconds: collecting and encoding, without the network", columns, rows)


def of_robots(robots: list[Robot]) -> Table:
    """Return what the robots are."""
    titles = ("Kernel", "Architecture", "cgroup", "RAM (MiB)", "Swap (MiB)", "Engine", "Measured at")
    columns = [Column("robot", "Robot", "word")]
    columns += [Column(key, title, "word") for key, title in zip((*VERSION_KEYS, "measured_at"), titles)]
    rows = []
    for robot in robots:
        cells = [text(robot.facts.get(key)) or UNKNOWN for key in ("kernel", "architecture")]
        version = number(robot.facts.get("cgroup_version"))
        cells += [UNKNOWN if version is None else f"v{version:.0f}"]
        cells += [mib(number(robot.facts.get(key))) for key in ("memory_ceiling_mib", "swap_total_mib")]
        cells += [text(robot.facts.get("engine_version")) or UNKNOWN, moment(robot.history.measured_at)]
        rows.append(Row(robot.name, "", [robot.name, *cells]))
    return Table("Robots", columns, rows)


def of_images(robots: list[Robot]) -> Table:
    """Return which versions run where."""
    columns = [
        Column("image", "Image", "word"),
        Column("size", "Size (MiB)"),
        Column("robots", "Robots that run it", "word"),
    ]
    users: dict[tuple[str, float | None], list[str]] = {}
    for robot in robots:
        for part in robot.services:
            if part.image:
                users.setdefault((part.image, part.image_size), []).append(robot.name)
    rows = [
        Row("", image, [image, mib(size), ", ".join(names)])
        for (image, size), names in sorted(users.items(), key=lambda entry: (entry[0][0], entry[0][1] or 0))
    ]
    return Table("Images", columns, rows)


def of_versions(versions: Mapping[str, Any]) -> Table:
    """Return what made the report."""
    columns = [Column("program", "On the controller", "word"), Column("version", "Version", "word")]
    rows = [Row("", name, [name, text(version)]) for name, version in sorted(mapping(versions).items())]
    return Table("Versions on the controller", columns, rows)
