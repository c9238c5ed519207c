"""What one look at a machine (held.py) says, in MiB and by what people know: the engine's programs and the services.

Pure: what the robot told in, figures out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.robot import networks
from benchmarks.running import MIB

ENGINE, SERVICE = "engine", "service"
ENGINES_PROGRAMS = (*networks.DOCKER.processes, *networks.PODMAN.processes, "podman", "crun", "runc")
SUMS = ("pss", "working_set", "unreclaimable")
SIZES = ("limit", "current", "peak", "working_set", "unreclaimable", "pss")


def mib(size: int | None) -> float | None:
    """Return bytes as MiB; None stays None."""
    return None if size is None else round(size / MIB, 1)


def unit_of(path: str, slice_name: str) -> str:
    """Return what the part of a cgroup's path just below the slice is for: a service's slice, or a unit."""
    below = path.removeprefix(f"/{slice_name}").strip("/").partition("/")[0]
    stem = slice_name.removesuffix(".slice")
    if below.endswith(".slice"):
        return below.removesuffix(".slice").removeprefix(f"{stem}-")
    return below.removesuffix(".service")


def part_of(path: str, slice_name: str, program: str) -> tuple[str, str]:
    """Return to which part of the stack a process belongs, and whether that is of the engine or a service."""
    unit = unit_of(path, slice_name)
    if unit == ENGINE or program.startswith(ENGINES_PROGRAMS):
        return ENGINE, program
    return SERVICE, unit


def parts(look: dict[str, Any], slice_name: str) -> list[dict[str, Any]]:
    """Return each part with its processes: the engine's programs first.

    PSS is that of the part's own processes. A cgroup's working set, and what cannot be reclaimed of it, are told with
    that part in it that has the most PSS, and are None for the others: a shim lives in containerd's.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for group in look["groups"]:
        here: dict[tuple[str, str], int] = {}
        for program, held in group["programs"].items():
            key = part_of(group["cgroup"], slice_name, program)
            part = found.setdefault(key, {"pss": 0, "processes": 0, "working_set": None, "unreclaimable": None})
            part["pss"] += held["pss"]
            part["processes"] += held["count"]
            here[key] = here.get(key, 0) + held["pss"]
        owner = found[max(here, key=lambda key: here[key])]
        for figure in ("working_set", "unreclaimable"):
            owner[figure] = (owner[figure] or 0) + group[figure]
    return [
        {
            "kind": kind,
            "name": name,
            "processes": part["processes"],
            **{f"{figure}_mib": mib(part[figure]) for figure in ("pss", "working_set", "unreclaimable")},
        }
        for (kind, name), part in sorted(found.items(), key=lambda pair: (pair[0][0] != ENGINE, -pair[1]["pss"]))
    ]


def moment(look: dict[str, Any], slice_name: str) -> dict[str, Any]:
    """Return what is kept of a look."""
    whole = look["whole"]
    return {
        "total_mib": mib(look["total"]),
        "used_mib": mib(look["used"]),
        "available_mib": mib(look["available"]),
        "whole": {f"{name}_mib": mib(whole[name]) for name in SIZES} if whole else None,
        "oom_kills": whole["oom_kills"] if whole else 0,
        "parts": parts(look, slice_name),
    }


def pss_of(moment: dict[str, Any], kind: str) -> float:
    """Return the PSS (MiB) of the engine's processes, or of the services', at a moment that was kept."""
    return round(sum(float(part["pss_mib"]) for part in moment["parts"] if part["kind"] == kind), 1)


def highest(looks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the look at which the robot used the most memory."""
    return max(looks, key=lambda look: int(look["used"]))


def highest_of(looks: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Return the highest of all of it in any look (MiB); empty where there was no slice."""
    wholes = [look["whole"] for look in looks if look["whole"]]
    return {f"{name}_mib": mib(max(whole[name] for whole in wholes)) for name in SUMS} if wholes else {}


def extremes(look: dict[str, Any]) -> dict[str, Any]:
    """Return the slice's highest, and the robot's least available, since they were last forgotten.

    ``peak`` is the kernel's own, since the slice was made: page cache counts there, and no moment is missed. So are the
    kills.
    """
    seen, whole = look["extremes"], look["whole"]
    return {
        "peak_mib": mib(whole["peak"]) if whole else None,
        **{f"{name}_mib": mib(seen[name]) for name in ("current", "working_set", "unreclaimable", "available")},
        "oom_kills": whole["oom_kills"] if whole else 0,
        "looks": seen["looks"],
    }


def settled(used: Sequence[int], within: int = MIB) -> bool:
    """Whether the last three sizes (bytes) are as good as equal."""
    return len(used) >= 3 and max(used[-3:]) - min(used[-3:]) <= within


def cpu_seconds(before: dict[str, Any], after: dict[str, Any], at_rest: float) -> float:
    """Return the CPU time between two looks, without what the robot uses ``at_rest`` (cores) anyhow."""
    return float(after["busy_seconds"] - before["busy_seconds"] - at_rest * (after["at"] - before["at"]))


def rate(before: dict[str, Any], after: dict[str, Any]) -> float:
    """Return the cores that worked between two looks."""
    return float((after["busy_seconds"] - before["busy_seconds"]) / (after["at"] - before["at"]))
