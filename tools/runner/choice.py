"""Which scenarios, in which order: those about what the last commits touched, and the others in rotation."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("scenarios.yml")
COMMITS = 10  # so many commits back, a change is still one of the last ones
UNKNOWN_SECONDS = 240  # for a scenario that the table has no duration of


@dataclass(frozen=True)
class Table:
    """What scenarios.yml says."""

    core: tuple[str, ...]
    alone: tuple[str, ...]
    seconds: dict[str, float]
    touched: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # patterns of paths, scenarios
    needs: dict[str, str] = field(default_factory=dict)  # by scenario, the program that makes sure of what it needs


def load(path: Path = TABLE) -> Table:
    """Read the table."""
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = tuple((tuple(row["paths"]), tuple(row["scenarios"])) for row in known["touched"])
    return Table(tuple(known["core"]), tuple(known["alone"]), known["seconds"], rows, known["needs"])


def existing(molecule: Path = PROJECT / "molecule") -> list[str]:
    """Return the names of all scenarios."""
    return sorted(path.parent.name for path in molecule.glob("*/molecule.yml"))


def concerned(table: Table, paths: Sequence[str], scenarios: Sequence[str]) -> list[str]:
    """Return those of ``scenarios`` that are about one of ``paths``: their own files, or a pattern of the table."""
    found = {name for name in scenarios if any(path.startswith(f"molecule/{name}/") for path in paths)}
    for patterns, names in table.touched:
        if any(fnmatchcase(path, pattern) for path in paths for pattern in patterns):
            found.update(names)
    return [name for name in scenarios if name in found]


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """Return the names beginning with the one whose turn it is; each is first once in so many turns as there are."""
    start = turn % len(names) if names else 0
    return [*names[start:], *names[:start]]


def order(table: Table, scenarios: Sequence[str], paths: Sequence[str], turn: int) -> list[str]:
    """Return all scenarios beyond the core in the order in which they are to be run while there is time.

    After two that are about the last changes comes one whose turn it is: large changes must not starve the others.
    """
    others = [name for name in scenarios if name not in table.core]
    touched = rotated(concerned(table, paths, others), turn)
    rest = rotated([name for name in others if name not in touched], turn)
    found: list[str] = []
    while touched or rest:
        found += [*touched[:2], *rest[:1]]
        touched, rest = touched[2:], rest[1:]
    return found


def changed_paths(project: Path = PROJECT) -> list[str]:
    """Return what the last commits touched; nothing where there is no history."""
    return sorted(set(_git(project, "log", f"-{COMMITS}", "--no-renames", "--name-only", "--format=").split()))


def turn_of(project: Path = PROJECT) -> int:
    """Return the number of commits, which every change moves on: nothing else outlives a run of CI."""
    return int(_git(project, "rev-list", "--count", "HEAD") or 0)


def _git(project: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
