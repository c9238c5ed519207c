"""The tables of docs/benchmark.md about provisioning, as Markdown. Pure: results and task files in, text out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmarks.tables import machine, table

from .contenders import PRODUCT, ROLE, USUAL, all_of_them

LIMIT = 0.1  # of what the usual role costs, Ansible's defaults
CLAIMS = (
    ("wall time, one robot", "one", "wall_seconds"),
    ("wall time per further robot", "further", "wall_seconds"),
    ("robot CPU", "one", "robot_cpu_seconds"),
    ("controller CPU per further robot", "further", "controller_cpu_seconds"),
)


def measured(found: dict[str, Any]) -> str:
    """Return what each contender costs, and what the product costs as a part of each."""
    contenders = {each.name: found["contenders"][each.name] for each in all_of_them()}
    costs = table(
        ["Nothing to change", "wall, 1 robot (s)", f"wall, {found['robots']} robots (s)", "controller CPU, 1 robot (s)",
         "controller CPU, each further robot (s)", "robot CPU (s)", "KiB to the robot", "root's commands on the robot"],
        [[name, *_costs(about)] for name, about in contenders.items()],
    )  # fmt: skip
    others = [name for name in contenders if name != PRODUCT]
    ratios = table(
        [f"{PRODUCT}, as a part of", *others],
        [[words, *(_part(found, other, key, figure) for other in others)] for words, key, figure in CLAIMS],
    )
    verdict = "holds" if holds(found) else "does not hold"
    return (
        f"{machine(found)} Medians of {found['repeats']} rounds; all took turns.\n\n{costs}\n\n{ratios}\n\n"
        f"At most a tenth of the usual role in each of these: **{verdict}**."
    )


def _costs(about: dict[str, Any]) -> list[str]:
    one, many, further = about["one"], about["all"], about["further"]
    return [
        f"{one['wall_seconds']:.2f}",
        f"{many['wall_seconds']:.2f}",
        f"{one['controller_cpu_seconds']:.2f}",
        f"{further['controller_cpu_seconds']:.3f}",
        f"{one['robot_cpu_seconds']:.2f}",
        f"{one['robot_kib']:,.0f}",
        f"{one['robot_commands']:.0f}",
    ]


def part(found: dict[str, Any], other: str, key: str, figure: str) -> float:
    """Return the product's figure divided by another contender's."""
    contenders = found["contenders"]
    return float(contenders[PRODUCT][key][figure] / contenders[other][key][figure])


def _part(found: dict[str, Any], other: str, key: str, figure: str) -> str:
    return f"{part(found, other, key, figure):.3f}"


def holds(found: dict[str, Any]) -> bool:
    """Whether the product costs at most a tenth of the usual role, in one command on the robot."""
    one_command = found["contenders"][PRODUCT]["one"]["robot_commands"] == 1
    return one_command and all(part(found, ROLE, key, figure) <= LIMIT for _, key, figure in CLAIMS)


def tasks(role: Path = USUAL / "roles" / "telemetry") -> list[tuple[str, str]]:
    """Return the tasks of the usual role in their order: what they are for, and the module."""
    found = []
    for imported in read(role / "tasks" / "main.yml"):
        for task in read(role / "tasks" / str(imported["ansible.builtin.import_tasks"])):
            module = next(key for key in task if "." in key)
            found.append((str(task["name"]), f"`{module}`{_times(task)}"))
    return [(name, module) for name, module in found if "meta" not in module]


def read(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _times(task: dict[str, Any]) -> str:
    loop = task.get("loop")
    if loop is None:
        return ""
    return f", {len(loop)} times" if isinstance(loop, list) else ", for each"


def published() -> str:
    """Return the usual role's tasks as a numbered list."""
    return "\n".join(f"{number}. {name}: {module}" for number, (name, module) in enumerate(tasks(), 1))
