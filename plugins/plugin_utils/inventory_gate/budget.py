"""The arithmetic: engine and services fit the budget, budget and reserve fit the robot."""

from __future__ import annotations

from .declaration import Fault, Robot, fault

BUDGET = "robot_stack_memory_budget_mib"
RESERVE = "robot_stack_memory_reserve_mib"
TOTAL = "robot_stack_memory_total_mib"
ENGINE = "container_engine_memory_allowance_mib"


def check(robot: Robot) -> list[Fault]:
    """Return the sums of ``robot`` that do not come out; a sum with an unusable number in it is left alone."""
    return [*_without_limit(robot), *(found for found in (_services_fit(robot), _robot_holds(robot)) if found)]


def spending(robot: Robot) -> dict[str, int] | None:
    """Return what is spent, by variable, in MiB; None if a number in it is unusable."""
    names = [ENGINE, *(f"{service}_memory_limit_mib" for service in robot.services)]
    spent = {name: robot.integer(name) for name in names}
    usable = {name: value for name, value in spent.items() if value is not None and value > 0}
    return usable if len(usable) == len(spent) else None


def _without_limit(robot: Robot) -> list[Fault]:
    """A service whose limit nobody has written is no reason to leave the sum alone."""
    names = [f"{service}_memory_limit_mib" for service in robot.services]
    why, remedy = "nothing says how much memory this service may use", "write it in MiB, or give the role a default"
    without = [name for name in names if name not in robot.names]
    return [fault(robot, name, why, remedy, value="(nothing)") for name in without]


def _services_fit(robot: Robot) -> Fault | None:
    budget, spent = robot.integer(BUDGET), spending(robot)
    if budget is None or budget < 1 or spent is None:
        return None
    total = sum(spent.values())
    if total <= budget:
        return None
    parts = " + ".join(f"{name} {value}" for name, value in spent.items())
    why = f"{total - budget} MiB too little for {parts} = {total} MiB"
    return fault(robot, BUDGET, why, f"raise it to at least {total}, lower a limit, or switch a service off")


def _robot_holds(robot: Robot) -> Fault | None:
    budget, reserve, total = (robot.integer(name) for name in (BUDGET, RESERVE, TOTAL))
    if budget is None or reserve is None or not total or min(budget, reserve, total) < 0:
        return None
    if budget + reserve <= total:
        return None
    why = f"with {RESERVE} {reserve} it makes {budget + reserve} MiB, and {TOTAL} is {total}"
    return fault(robot, BUDGET, why, f"lower it to at most {max(0, total - reserve)}, or reserve less")
