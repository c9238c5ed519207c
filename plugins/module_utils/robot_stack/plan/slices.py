"""Plans the slices: their units, their limits in the kernel, and that they are there after the next boot. Pure."""

from __future__ import annotations

from ..base import files
from ..base.units import bytes_of, mib_of
from ..host import systemd
from ..spec.model import Stack
from .actions import MakeSlice
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
        if not files.equal(unit, found):
            words, diff = _summary(stack, name, there, seen), files.difference(unit, found)
        elif not there or seen.slice_limits[name] != wanted:
            words = _summary(stack, name, there, seen)
            diff = line_diff(name, "memory limit in the kernel", _mib(seen.slice_limits.get(name)), _mib(wanted))
        elif seen.slice_drop_ins.get(name):
            said_by = seen.slice_drop_ins[name]
            words = f"remove {', '.join(said_by)}: the memory of {name} is set there as well"
            diff = line_diff(name, "said by others", "; ".join(map(_one_line, said_by.values())), "nothing")
        elif lost:
            words, diff = f"enable slice {name}: it is {lost}", line_diff(name, "at the next boot", lost, "enabled")
        else:
            continue
        lowers = _lowers(name, wanted, seen)
        # two engines need more room than one: the ceiling comes down once the former one is left; what lowers it
        # otherwise waits for the containers that become smaller, which the plan sees to
        drop_ins = tuple(seen.slice_drop_ins.get(name, ()))
        action = MakeSlice(unit, bool(said and said.masked), lowers and not seen.left, drop_ins)
        steps.append(Step(action, name, words, diff, later=lowers and bool(seen.left)))
    return steps


def _one_line(text: str) -> str:
    return ", ".join(line.strip() for line in text.splitlines() if line.strip())


def _lowers(name: str, wanted: int | None, seen: Observed) -> bool:
    now = seen.slice_limits.get(name)
    return wanted is not None and now is not None and now > wanted


def _mib(size: int | None) -> str:
    return "none" if size is None else f"{mib_of(size)} MiB"


def _summary(stack: Stack, name: str, there: bool, seen: Observed) -> str:
    if name != stack.budget.slice:
        return f"{'update' if there else 'create'} slice {name}"
    before = mib_of(seen.slice_limits.get(name))
    was = f" (was {'no limit' if before is None else f'{before:g} MiB'})" if there else ""
    return f"cap the whole stack at {stack.budget.memory_budget_mib} MiB{was} in {name}"
