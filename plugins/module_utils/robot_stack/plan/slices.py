"""Plans the slices: their units, their limits in the kernel, and that they are there after the next boot. Pure."""

from __future__ import annotations

from ..base import files
from ..base.units import bytes_of, mib_of
from ..host import systemd
from ..spec.model import Stack
from .observe import Observed
from .step import Step, line_diff


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what makes the slices as declared."""
    steps = []
    for unit in systemd.slice_units(stack, seen.robot.hierarchy.version, seen.own_engine, seen.driver.units):
        name = unit.path.rsplit("/", 1)[1]
        wanted = bytes_of(stack.budget.memory_budget_mib) if name == stack.budget.slice else None
        found, there = seen.found_files.get(unit.path), name in seen.slice_limits
        said = seen.units.get(name)
        lost = said.lost_at_boot if said else ""
        request = {"masked": bool(said and said.masked), **_later(name, wanted, seen)}
        if not files.equal(unit, found):
            words, diff = _summary(stack, name, there, seen), files.difference(unit, found)
        elif not there or seen.slice_limits[name] != wanted:
            words = _summary(stack, name, there, seen)
            diff = line_diff(name, "memory limit in the kernel", _mib(seen.slice_limits.get(name)), _mib(wanted))
        elif lost:
            words, diff = f"enable slice {name}: it is {lost}", line_diff(name, "at the next boot", lost, "enabled")
        else:
            continue
        steps.append(Step("slice", name, words, diff, unit, request=request))
    return steps


def _later(name: str, wanted: int | None, seen: Observed) -> dict[str, bool]:
    """Two engines need more room than one: the ceiling comes down once the former one is left.

    What lowers it otherwise is told: the plan has it wait for the containers that become smaller.
    """
    now = seen.slice_limits.get(name)
    lowers = wanted is not None and now is not None and now > wanted
    if not lowers:
        return {}
    return {"later": True} if seen.left else {"lowers": True}


def _mib(size: int | None) -> str:
    return "none" if size is None else f"{mib_of(size)} MiB"


def _summary(stack: Stack, name: str, there: bool, seen: Observed) -> str:
    if name != stack.budget.slice:
        return f"{'update' if there else 'create'} slice {name}"
    before = mib_of(seen.slice_limits.get(name))
    was = f" (was {'no limit' if before is None else f'{before:g} MiB'})" if there else ""
    return f"cap the whole stack at {stack.budget.memory_budget_mib} MiB{was} in {name}"
