"""The tables of docs/scale.md about the controller, as Markdown. Pure: results in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.provision.contenders import PRODUCT, ROLE_TUNED, all_of_them
from benchmarks.tables import machine, table

BEYOND = (1_000, 10_000)
CALLED = {ROLE_TUNED: "the usual role, tuned"}  # where it does not stand below the other one


def grown(found: dict[str, Any]) -> str:
    """Return what each contender costs with so many robots, the product's forks, and what would be beyond."""
    if not found:
        return "Not measured yet."
    rows = [
        [CALLED.get(contender.name, contender.name), robots, *_costs(int(robots), cost)]
        for contender in all_of_them()
        for robots, cost in _by_number(found["contenders"].get(contender.name, {}))
    ]
    head = ["Nothing to change", "robots", "wall (s)", "controller CPU (s)", "of it for each robot (s)",
            "controller memory, peak (MiB)", "processes then"]  # fmt: skip
    return "\n\n".join([machine(found), table(head, rows), _forks(found), _beyond(found)])


def _by_number(costs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(costs.items(), key=lambda one: int(one[0]))


def _costs(robots: int, cost: dict[str, Any]) -> list[str]:
    return [
        f"{cost['wall_seconds']:.1f}",
        f"{cost['controller_cpu_seconds']:.1f}",
        f"{cost['controller_cpu_seconds'] / robots:.3f}",
        f"{cost['peak_mib']:,.0f}",
        str(cost["processes"]),
    ]


def _forks(found: dict[str, Any]) -> str:
    rows = [
        [f"{PRODUCT}, {found['robots_of_forks']} robots", forks, *_costs(found["robots_of_forks"], cost)]
        for forks, cost in _by_number(found["forks"])
    ]
    head = ["Nothing to change", "forks", "wall (s)", "controller CPU (s)", "of it for each robot (s)",
            "controller memory, peak (MiB)", "processes then"]  # fmt: skip
    return f"{table(head, rows)}\n\nEach further fork took {per_fork(found):.0f} MiB."


def per_fork(found: dict[str, Any]) -> float:
    """Return the memory (MiB) of one more fork: the slope between the fewest and the most that were measured."""
    peaks = {int(forks): cost["peak_mib"] for forks, cost in found["forks"].items()}
    fewest, most = min(peaks), max(peaks)
    return float(peaks[most] - peaks[fewest]) / (most - fewest)


def _beyond(found: dict[str, Any]) -> str:
    costs = {int(robots): cost for robots, cost in found["contenders"][PRODUCT].items()}
    marginal = steps(costs, "controller_cpu_seconds")
    told = ", ".join(f"{cost:.3f} s from {few:,} to {many:,}" for (few, many), cost in marginal.items())
    rows = [[f"{robots:,}", *(f"{value:,.0f}" for value in beyond(costs, robots))] for robots in BEYOND]
    head = ["Robots", "wall (s)", "controller CPU (s)", "controller memory, peak (MiB)"]
    return (
        f"CPU of each further robot: {told}.\n\n**Extrapolated** along the last of these steps, not run:\n\n"
        f"{table(head, rows)}"
    )


def steps(costs: dict[int, dict[str, Any]], figure: str) -> dict[tuple[int, int], float]:
    """Return what each further robot costs between one number of them and the next."""
    numbers = sorted(costs)
    return {
        (few, many): (costs[many][figure] - costs[few][figure]) / (many - few)
        for few, many in zip(numbers, numbers[1:])
    }


def beyond(costs: dict[int, dict[str, Any]], robots: int) -> list[float]:
    """Return wall time, CPU and memory with so many robots, along the line through the two largest fleets."""
    most = max(costs)
    return [
        costs[most][figure] + list(steps(costs, figure).values())[-1] * (robots - most)
        for figure in ("wall_seconds", "controller_cpu_seconds", "peak_mib")
    ]
