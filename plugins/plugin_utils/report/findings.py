"""What the figures say, in sentences: what stands out, and what to do next. Rules over figures, no opinions."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask.history import KEEPS_NONE

from .fleet import FAILING, PASSING, UNMEASURED, Component, Robot
from .formatting import duration, mib, percent, percent_of_reads, whole

NEAR_PERCENT = 80.0
ROOMY_PERCENT = 50.0
ROOMY_MIB = 8.0
SLOW_SCRAPE_MS = 1000.0
ENOUGH_HOURS = 24.0


def standing_out(robots: list[Robot]) -> list[str]:
    """Return what is wrong or near a limit, robot by robot."""
    return [f"{robot.name}: {line}" for robot in robots for line in _of_robot(robot)]


def _of_robot(robot: Robot) -> Iterator[str]:
    if robot.state == "unreachable":
        yield f"could not be reached ({robot.message or 'no reason given'}). No sum of this report includes it."
        return
    if robot.state in UNMEASURED:
        yield f"nothing could be measured ({robot.message or 'no reason given'}). No sum of this report includes it."
    yield from (f"refused: {refusal}" for refusal in robot.refusals)
    yield from (f"differs from its declaration: {step}" for step in robot.drift)
    if robot.outcome == "differs" and not (robot.drift or robot.refusals):  # such as a backup that failed
        yield f"failed: {robot.message or 'no reason given'}"
    for part in [*robot.components, robot.ceiling]:
        yield from (f"{part.name} is {part.verdict}: {reason}" for reason in part.reasons)
        if not part.reasons and (part.share or 0) >= NEAR_PERCENT:
            yield f"{part.name} reached {mib(part.most)} of {mib(part.limit)} MiB, {percent(part.share)} of its limit"
    if robot.measured and not robot.engine_below_ceiling:
        yield f"the engine ({mib(robot.engine.used)} MiB) was there before: its memory is counted, not capped"
    for name, _, success in robot.history.collectors:
        if success is not None and success < 100:
            yield f"collector {name}: {percent_of_reads(success)} of its reads succeeded"
    slow = robot.history.scrapes.get("p99_ms")
    if slow is not None and slow > SLOW_SCRAPE_MS:
        yield f"one scrape in a hundred takes longer than {whole(slow)} ms"
    yield from (f"history: {fault}" for fault in robot.history.faults if fault != KEEPS_NONE)


def next_steps(robots: list[Robot]) -> list[str]:
    """Return what an operator can do, the most urgent first."""
    urgent, useful = [], []
    for robot in robots:
        if robot.state in UNMEASURED:
            urgent.append(f"{robot.name}: reach it and measure again; nothing is known of its budget.")
            continue
        urgent += [f"{robot.name}: {step}" for step in _urgent(robot)]
        long_known = robot.history.hours >= ENOUGH_HOURS
        calm = [_step(part) for part in robot.services if part.verdict not in FAILING and long_known]
        useful += [f"{robot.name}: {step}" for step in calm if step]
        if robot.measured and not long_known and KEEPS_NONE not in robot.history.faults:
            known = duration(robot.history.hours * 3600)
            useful.append(f"{robot.name}: measure for a day before a limit is lowered; its history covers {known}.")
    return urgent + useful


def _urgent(robot: Robot) -> list[str]:
    """Return what a robot needs; one that did not pass needs something."""
    steps, engine, ceiling = [], robot.engine, robot.ceiling
    if robot.drift or robot.refusals or ceiling.verdict == "unlimited":
        steps.append("run playbooks/site.yml; it is not what the inventory declares.")
    steps += [_step(part) for part in robot.services if part.verdict in FAILING]
    if engine.verdict in FAILING:
        steps.append(
            f"the engine is {engine.verdict} ({mib(engine.used)} of its {mib(engine.limit)} MiB); "
            "raise container_engine_memory_allowance_mib, or give it less to do."
        )
    if ceiling.verdict in FAILING and ceiling.verdict != "unlimited":
        steps.append(
            f"the whole stack is {ceiling.verdict}; raise robot_stack_memory_budget_mib, or give it less to do."
        )
    if not steps and (robot.failed or robot.outcome not in PASSING):
        steps.append(f"its outcome is {robot.outcome or 'unknown'}; see what section 1 says of it.")
    return steps


def _step(part: Component) -> str:
    if part.verdict in ("killed", "thrashing", "tight", "over budget"):
        return (
            f"{part.name} is {part.verdict} in {mib(part.limit)} MiB (at most {mib(part.most)} used); "
            "give it more, or less to do."
        )
    if part.verdict in FAILING:
        return f"{part.name} is {part.verdict}; see its reasons in section 2."
    roomy = part.headroom is not None and part.headroom >= ROOMY_MIB and (part.share or 0) < ROOMY_PERCENT
    if not roomy:
        return ""
    return (
        f"{part.name} used at most {mib(part.most)} of {mib(part.limit)} MiB, less than half; "
        "a lower limit may do (the inventory gate refuses one in which it cannot serve)."
    )
