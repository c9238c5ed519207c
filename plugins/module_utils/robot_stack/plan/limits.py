"""The limits on a robot once a run is over: a run with a scope leaves every other service the one that it has. Pure."""

from __future__ import annotations

from ..base.units import MIB
from ..spec.model import Stack
from .observe import Observed


def kept(stack: Stack, seen: Observed) -> dict[str, int]:
    """Return the limits that this run leaves as they are, by service, in MiB, begun ones as whole ones."""
    found: dict[str, int] = {}
    for container in seen.containers.values():
        name = container.service
        if not stack.in_scope(name):
            limit = -(-container.memory // MIB)
            found[name] = max(limit, found.get(name, 0))  # one that is being replaced may be there twice
    return dict(sorted(found.items()))


def total(stack: Stack, seen: Observed) -> int:
    """Return the sum of all limits after this run in MiB; what is declared and not there yet counts as declared."""
    declared = {service.name: service.memory_limit_mib for service in stack.services}
    return sum({**declared, **kept(stack, seen)}.values())


def objection(stack: Stack, seen: Observed) -> list[str]:
    """Return why this run would give away more than the budget, together with what it leaves alone."""
    budget, given = stack.budget, stack.budget.engine_memory_allowance_mib + total(stack, seen)
    if given <= budget.memory_budget_mib or not kept(stack, seen):
        return []
    left_alone = ", ".join(f"{name} {limit}" for name, limit in kept(stack, seen).items())
    return [
        f"engine and limits would be {given} MiB, with what this run leaves as it is ({left_alone}), and "
        f"robot_stack_memory_budget_mib is {budget.memory_budget_mib}: change all services in one run, or lower a limit"
    ]
