"""Variables that look like ours and are not: renamed, misspelt, or of no service that anybody knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache

from .declaration import Catalogue, Fault, Robot, fault, show

# Old name: new name. An entry stays for good: a fleet may be upgraded after years.
RENAMED: dict[str, str] = {}

# What only a budget has, so that a limit for a service that does not exist cannot be overlooked.
BUDGET_ENDINGS = ("_memory_limit_mib", "_memory_allowance_mib", "_memory_budget_mib", "_memory_reserve_mib")
SECRET_WORDS = re.compile(r"pass|pasw|secret|token|key|credential", re.IGNORECASE)
SERVICES = "robot_stack_services"
SIMILAR = 0.75  # how alike two names are before one is suggested for the other
MISTAKEN = 0.92  # how alike they are before a name without our prefix is taken for a slip of the pen


def check(robot: Robot, catalogue: Catalogue, renamed: Mapping[str, str] = RENAMED) -> list[Fault]:
    """Return the variables of ``robot`` that nobody will ever read, though they look as if somebody should."""
    known = catalogue.names
    unread = tuple(f"{entry.rpartition('.')[2]}_" for entry in robot.refused)  # told as a service that is none
    faults = []
    uncounted = {f"{service}_memory_limit_mib" for service in robot.foreign}  # told as what cannot be counted
    for name in sorted(robot.names - known - uncounted):
        if name.startswith(("ansible_", *unread)):
            continue
        if name in renamed:
            remedy = f"write {renamed[name]} instead"
            faults.append(fault(robot, name, "this variable was renamed", remedy, _as_written(robot, name)))
        elif catalogue.owner(name):
            faults.append(_unknown(robot, name, known, f"role {catalogue.owner(name)} has no such variable"))
        elif name.endswith(BUDGET_ENDINGS):
            why = "no service or part of this stack has this name"
            faults.append(_unknown(robot, name, known, why, MISTAKEN, f"name its service in {SERVICES}, or "))
        elif closest(name, known, MISTAKEN):
            faults.append(_unknown(robot, name, known, "no role has such a variable"))
    return faults + _overridden(robot) + _services(robot)


def _overridden(robot: Robot) -> list[Fault]:
    """Return what would walk around every rule: a result of the roles' own arithmetic, given by somebody else."""
    why = "the role works it out itself, from variables that are checked: given like this nothing would check it"
    remedy = "delete it, and set the variables that the role's README lists"
    return [fault(robot, name, why, remedy, "(a value of somebody else's)") for name in robot.overridden]


def _unknown(
    robot: Robot, name: str, known: frozenset[str], why: str, alike: float = SIMILAR, or_else: str = ""
) -> Fault:
    suggestion = closest(name, known, alike)
    remedy = f"did you mean {suggestion}?" if suggestion else f"{or_else}correct the name or delete the line"
    return fault(robot, name, why, remedy, _as_written(robot, name))


def _as_written(robot: Robot, name: str) -> str:
    """A misspelt name has no specification that would call it a secret: what sounds like one is not shown."""
    return "(secret)" if SECRET_WORDS.search(name) else show(robot.strangers.get(name))


@lru_cache(maxsize=4096)
def closest(name: str, known: frozenset[str], alike: float) -> str | None:
    """Return the name in ``known`` that is most like ``name``, if it is at least ``alike`` (0 to 1)."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=alike)), None)


def _services(robot: Robot) -> list[Fault]:
    """Return what is listed and is no service, or is listed twice."""
    specs = (name[: -len("_spec")] for name in robot.names if name.endswith("_spec"))
    described = frozenset(name for name in specs if f"{name}_memory_limit_mib" in robot.names).union(robot.foreign)
    named = [entry.rpartition(".")[2] for entry in robot.listed]
    accepted = [name for entry, name in zip(robot.listed, named) if entry not in robot.refused]
    faults = []
    for entry, service in dict.fromkeys(zip(robot.listed, named)):
        if entry in robot.refused or service not in described:
            why, remedy = robot.refused.get(entry, (f"there is no service '{entry}'", ""))
            suggestion = closest(service, described - {service}, SIMILAR)
            known = f"services are: {', '.join(sorted(described))}"
            if suggestion:
                remedy = f"did you mean {suggestion}?" + (f" If not: {remedy}" if remedy else "")
            faults.append(fault(robot, SERVICES, why, remedy or known))
        elif accepted.count(service) > 1:
            faults.append(fault(robot, SERVICES, f"service '{service}' is listed twice", "delete one of the two"))
    return list(dict.fromkeys(faults))
