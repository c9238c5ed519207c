"""What a call was asked for and what its robot may spend, so that a plan can be shown beside it. Pure; sizes in MiB."""

from __future__ import annotations

from typing import Any

from ..spec.model import Stack


def told(stack: Stack, check: bool) -> dict[str, Any]:
    """Return what was asked, and the arithmetic of the budget as the inventory has it."""
    budget, limits = stack.budget, {service.name: service.memory_limit_mib for service in stack.services}
    given = budget.engine_memory_allowance_mib + sum(limits.values())
    return {
        "asked": "planned" if check else stack.state,
        "declared": {
            "memory_budget_mib": budget.memory_budget_mib,
            "memory_reserve_mib": budget.memory_reserve_mib,
            "engine_allowance_mib": budget.engine_memory_allowance_mib,
            "limits_mib": limits,
            "notes": [f"{service.name}: {note}" for service in stack.services for note in service.notes],
            "sum_mib": given,
            "left_mib": budget.memory_budget_mib - given,
        },
    }
