"""The plots of docs/benchmark.md, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import rcParams
from matplotlib.figure import Figure

from . import collectors, tables

# So that the same results make the same file.
rcParams["svg.hashsalt"] = "robot-stack"
rcParams["svg.fonttype"] = "none"
COLOURS = {
    collectors.VICTORIAMETRICS: "#1b7837",
    collectors.WITHOUT_GOMEMLIMIT: "#7fbf7b",
    collectors.UPSTREAM: "#d9f0d3",
    collectors.PROMETHEUS: "#b2182b",
    collectors.PROMETHEUS_GOMEMLIMIT: "#ef8a62",
}


def draw(floors: dict[str, Any], compare: dict[str, Any], folder: Path) -> None:
    """Draw what there are results for."""
    folder.mkdir(parents=True, exist_ok=True)
    if floors:
        _save(_smallest_limits(floors), folder / "benchmark-smallest-limits.svg")
    if compare:
        _save(_memory(compare), folder / "benchmark-memory.svg")
        _save(_disk(compare), folder / "benchmark-disk.svg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")


def _bars(title: str, unit: str, groups: list[str], bars: dict[str, list[float | None]]) -> Figure:
    """Return groups of bars; a bar without a value is left out."""
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    width = 0.8 / max(1, len(bars))
    for position, (name, values) in enumerate(bars.items()):
        known = [(group, value) for group, value in enumerate(values) if value is not None]
        places = [group - 0.4 + width * (position + 0.5) for group, _ in known]
        drawn = axes.bar(places, [value for _, value in known], width * 0.92, label=name, color=COLOURS.get(name))
        axes.bar_label(drawn, fontsize=8, padding=1, fmt="%g")
    axes.set_xticks(range(len(groups)), groups)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.margins(y=0.25)
    return figure


def _smallest_limits(floors: dict[str, Any]) -> Figure:
    counts = tables.numbers(floors)
    kinds = [kind for kind in collectors.KINDS if any(tables.smallest(floors, kind, series) for series in counts)]
    bars: dict[str, list[float | None]] = {
        kind: [tables.smallest(floors, kind, series) for series in counts] for kind in kinds
    }
    return _bars("Smallest limit in which it serves", "MiB", [f"{series:,} series" for series in counts], bars)


def _memory(compare: dict[str, Any]) -> Figure:
    counts = sorted(compare["collectors"], key=int)
    bars: dict[str, list[float | None]] = {
        kind: [compare["collectors"][series][kind]["memory_mib"].get("pss") for series in counts]
        for kind in (collectors.PROMETHEUS, collectors.VICTORIAMETRICS)
    }
    return _bars("PSS with a dashboard open", "MiB", [f"{int(series):,} series" for series in counts], bars)


def _disk(compare: dict[str, Any]) -> Figure:
    counts = sorted(compare["bytes_per_sample"], key=int)
    bars: dict[str, list[float | None]] = {
        kind: [compare["bytes_per_sample"][series][kind] for series in counts]
        for kind in (collectors.PROMETHEUS, collectors.VICTORIAMETRICS)
    }
    return _bars("Disk, index included", "bytes a sample", [f"{int(series):,} series" for series in counts], bars)
