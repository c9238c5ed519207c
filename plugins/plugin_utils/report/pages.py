"""Renders the report: one HTML page, its Markdown twin with figures as files, and the data. Same data, same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import comparison, figures, findings, fleet, formatting, parse, sources, tables

NAME = "performance-budget-report"
FIGURES = f"{NAME}-figures"  # a folder of our own: what is not of this report is removed from it
TEMPLATES = Path(__file__).resolve().parent / "templates"
MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]|#~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")


@dataclass(frozen=True)
class RobotView:
    """A robot and what is shown of it alone."""

    robot: fleet.Robot
    table: tables.Table
    meters: figures.Bars | None
    panels: list[figures.Panel]
    scrapes: figures.Columns | None


@dataclass(frozen=True)
class View:
    """Everything that the two templates show."""

    measurement: Mapping[str, Any]
    robots: list[RobotView]
    tiles: list[tuple[str, str, str]]
    measured_from: str
    measured_to: str
    sources: list[tuple[str, str]]
    tables: dict[str, tables.Table]
    budgets: figures.Bars | None
    standing_out: list[str]
    next_steps: list[str]
    compared: bool


def view(measurement: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> View:
    """Return what the measurement shows; ``before`` is that of an earlier report."""
    robots = parse.robots(measurement)
    colour = figures.colours(robots)
    moments = sorted(robot.history.measured_at for robot in robots if robot.history.measured_at is not None)
    shown = [
        RobotView(
            robot,
            tables.of_components(robot),
            figures.meters(robot, colour, number),
            figures.panels(robot, colour, number),
            figures.scrapes(robot, number),
        )
        for number, robot in enumerate(robots, 1)
    ]
    versions = {parse.number(robot.facts.get("cgroup_version")) for robot in robots if robot.measured}
    return View(
        measurement=measurement,
        robots=shown,
        tiles=tiles(robots),
        measured_from=formatting.moment(moments[0] if moments else None),
        measured_to=formatting.moment(moments[-1] if moments else None),
        sources=sources.of(sorted(int(version) for version in versions if version)),
        tables={
            "fleet": tables.of_fleet(robots),
            "comparison": comparison.of(parse.robots(before or {}), robots),
            "nearest": tables.of_nearest(robots),
            "collectors": tables.of_collectors(robots),
            "guardrails": tables.of_guardrails(robots),
            "choices": tables.of_choices(robots),
            "scrapes": tables.of_scrapes(robots),
            "robots": tables.of_robots(robots),
            "images": tables.of_images(robots),
            "versions": tables.of_versions(parse.mapping(measurement.get("versions"))),
        },
        budgets=figures.budgets(robots, colour),
        standing_out=findings.standing_out(robots),
        next_steps=findings.next_steps(robots),
        compared=before is not None,
    )


def tiles(robots: list[fleet.Robot]) -> list[tuple[str, str, str]]:
    """Return the few figures that come first: what, how much, and a word to it."""
    measured = [robot for robot in robots if robot.measured]
    good = [robot for robot in measured if robot.outcome in fleet.PASSING]
    used, budget = sum(robot.total or 0 for robot in measured), sum(robot.budget or 0 for robot in measured)
    parts = [
        (part.headroom, robot, part) for robot in measured for part in robot.components if part.headroom is not None
    ]
    least = min(parts, key=lambda entry: (entry[0] or 0, entry[1].name, entry[2].name), default=None)
    kills = sum(part.kills or 0 for robot in measured for part in robot.services)
    out = len(robots) - len(measured)
    return [
        ("Robots OK", f"{len(good)} of {len(robots)}", f"{out} not measured" if out else "all were measured"),
        ("In use", f"{formatting.mib(used)} MiB", f"of {formatting.mib(budget)} MiB, engine counted"),
        (
            "Least headroom",
            f"{formatting.mib(least[0])} MiB" if least else formatting.UNKNOWN,
            f"{least[2].name} on {least[1].name}" if least else "nothing measured",
        ),
        ("OOM kills", formatting.whole(kills) if measured else formatting.UNKNOWN, "since deployed"),
    ]


def files(shown: View) -> dict[str, str]:
    """Return the report's files by name, below its directory."""
    page = environment(html=True)
    drawn: list[figures.Bars | figures.Panel | figures.Columns] = [shown.budgets] if shown.budgets else []
    for each in shown.robots:
        drawn += [each.meters] if each.meters else []
        drawn += [*each.panels, *([each.scrapes] if each.scrapes else [])]
    standalone = page.get_template("figure_file.svg.j2")
    found = {f"{FIGURES}/{figure.id}.svg": standalone.render(figure=figure) for figure in drawn}
    found[f"{NAME}.html"] = page.get_template("report.html.j2").render(view=shown)
    found[f"{NAME}.md"] = environment(html=False).get_template("report.md.j2").render(view=shown)
    # without indentation: it would give each number of a history a line, and double the size
    found[f"{NAME}.json"] = json.dumps(shown.measurement, sort_keys=True, ensure_ascii=False) + "\n"
    return found


@lru_cache(maxsize=2)  # compiled once; nothing of a report stays in it
def environment(html: bool) -> Environment:
    """Return templates in which everything that is put in is escaped, in HTML and in Markdown."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=None if html else markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["figures"] = FIGURES
    made.filters["duration"] = formatting.duration
    made.globals["failing"] = fleet.FAILING
    return made


def markdown(value: Any) -> Any:
    """Return a text that Markdown shows as it is, on one line; what a template has made stays."""
    if isinstance(value, Markup):
        return value
    shown = MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("://", "&#58;//")):
        shown = shown.replace(sign, entity)
    return Markup(shown)  # noqa: S704 (this is the escaping)


def write(found: Mapping[str, str], directory: Path) -> list[str]:
    """Write the files that differ, remove figures of an earlier report, and return what changed."""
    changed = []
    (directory / FIGURES).mkdir(parents=True, exist_ok=True)
    for old in sorted((directory / FIGURES).glob("*.svg")):
        if f"{FIGURES}/{old.name}" not in found:
            old.unlink()
            changed.append(f"{FIGURES}/{old.name}")
    for name in sorted(found):
        target = directory / name
        if not target.is_file() or target.read_bytes() != found[name].encode():
            target.write_text(found[name], encoding="utf-8")
            changed.append(name)
    return changed
