"""Where measurements are kept: benchmarks/results/NAME.json, with the machine that they were taken on."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .past import OF_THE_GATE

if TYPE_CHECKING:
    from .trial import Trial

IMAGES = "/var/lib/docker"
FOLDER = Path(__file__).resolve().parent / "results"


def load(name: str) -> dict[str, Any]:
    """Return the results called ``name``; empty where there are none."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep(name: str, found: dict[str, Any]) -> None:
    """Write the results called ``name``, with the machine and the versions."""
    _write(name, {**found, "machine": machine()})


def keep_part(name: str, part: str, found: dict[str, Any]) -> None:
    """Put one part of the results called ``name`` in the place of what it was, with its machine; the rest stays."""
    _write(name, {**load(name), part: {**found, "machine": machine()}})


def _write(name: str, found: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, sort_keys=True)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def keep_floor(name: str, floor: dict[str, Any]) -> None:
    """Put one smallest limit in the place of the one that was measured before, of the same past.

    One of before there was a choice of pasts gives way to that of the inventory gate.
    """
    same, behind = (floor["kind"], floor["series"]), floor.get("past")
    replaced = (behind, None) if behind == asdict(OF_THE_GATE) else (behind,)
    known = load(name).get("floors", [])
    others = [old for old in known if (old["kind"], old["series"]) != same or old.get("past") not in replaced]
    keep(name, {"floors": [*others, floor]})


def keep_trial(name: str, made: dict[str, Any]) -> None:
    """Add a trial to those that were kept before."""
    keep(name, {"trials": [*load(name).get("trials", []), made]})


def of_trial(trial: Trial) -> dict[str, Any]:
    """Return what is kept of a trial: not every query's times, but the slowest and the middle one of all."""
    queries = trial.answers.get("queries", [])
    medians = sorted(query["median_ms"] for query in queries if "median_ms" in query)
    return {
        "limit_mib": trial.limit_mib,
        "serves": not trial.against,
        "against": trial.against[:3],
        "memory_mib": {key: round(value, 1) for key, value in asdict(trial.memory).items()} if trial.memory else {},
        "faults_per_minute": trial.faults_per_minute,
        **({"moments": trial.moments, "refused": len(trial.refused)} if len(trial.moments) > 1 else {}),
        "cpu_percent": round(trial.cpu_percent, 2) if trial.cpu_percent is not None else None,
        **({"bytes_per_sample": trial.bytes_per_sample} if trial.bytes_per_sample else {}),
        "query_ms": {
            "median": medians[len(medians) // 2] if medians else None,
            "slowest": max((query.get("slowest_ms", 0) for query in queries), default=None),
            "failed": sum(query["failed"] for query in queries),
        },
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "cgroup_version": version,
        "read_ahead_kib": read_ahead_kib(IMAGES),
    }


def read_ahead_kib(path: str, sys_root: Path = Path("/sys")) -> int | None:
    """Return how much the disk under ``path`` reads at once where one page is missing; None where nothing tells.

    Source: https://docs.kernel.org/admin-guide/abi-testing.html (sysfs-class-bdi)
    """
    device = Path(path).stat().st_dev
    here = (sys_root / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}").resolve()
    for folder in (here, here.parent):  # a partition has none of its own
        if (folder / "bdi" / "read_ahead_kb").is_file():
            return int((folder / "bdi" / "read_ahead_kb").read_text())
    return None
