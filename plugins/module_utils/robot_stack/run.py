"""One call of the module: observe, plan, apply, read back, judge. The order of things, and nothing else."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable

from . import cgroup, judge, observe, plan, readback, refuse, remove, report, state
from .apply import Applier, Archive
from .engine_api import Engine
from .observe import Observed
from .plan import Plan, Step
from .robot import Roots
from .spec import Stack


class BusyError(RuntimeError):
    """Another run is at work on this robot."""


@dataclass
class Call:
    """What one call is made with; everything that touches the machine can be replaced in a test."""

    stack: Stack
    roots: Roots
    engine: Engine
    archives: Mapping[str, Archive] = field(default_factory=dict)
    check: bool = False
    clock: Callable[[], float] = time.time
    applier: Any = None

    @property
    def reads_only(self) -> bool:
        """Whether this call must not change anything."""
        return self.check or self.stack.state in ("verified", "planned")


def execute(call: Call) -> dict[str, Any]:
    """Do what the call's state asks for and return the module's result; `failed` says that it is not as declared."""
    if call.reads_only:
        return _execute(call)
    with _lock(call):
        return _execute(call)


def _execute(call: Call) -> dict[str, Any]:
    seen = observe.observe(call.stack, call.roots, call.engine)
    made = _plan(call, seen)
    if made.refusals:
        return {
            **_told(made.steps),
            **_measured(call, seen),
            "changed": False,
            "refusals": made.refusals,
            **_refused(made),
        }
    if call.reads_only:
        return _read_only(call, seen, made)
    return _changed(call, seen, made)


def _plan(call: Call, seen: Observed) -> Plan:
    if call.stack.state == "absent":
        return remove.make(call.stack, seen)
    made = plan.make(call.stack, seen)
    busy = refuse.busy_listeners(call.stack, seen, call.roots.proc)
    return Plan([], made.refusals + busy) if busy else made


def _refused(made: Plan) -> dict[str, Any]:
    return {"failed": True, "msg": f"refused: {'; '.join(made.refusals)}"}


def _read_only(call: Call, seen: Observed, made: Plan) -> dict[str, Any]:
    result = {**_told(made.steps), **_measured(call, seen), "changed": made.changes, "refusals": []}
    if call.stack.state != "verified":
        return result
    result["changed"] = False  # a verification changes nothing: what differs is drift, and fails
    faults = [f"drift: {step.summary}" for step in made.steps] + _faults(result, judge.FAILING)
    return {**result, "failed": True, "msg": "; ".join(faults)} if faults else result


def _changed(call: Call, seen: Observed, made: Plan) -> dict[str, Any]:
    applier = call.applier or Applier(call.stack, call.roots, call.engine, call.archives)
    done: list[Step] = []
    if made.foundation and call.stack.state != "absent":
        done = [step for step in made.foundation if not applier.lacks(step)]
        applier.apply(made.foundation)
        if not any(applier.lacks(step) for step in made.foundation):
            seen = observe.observe(call.stack, call.roots, call.engine)
            made = _plan(call, seen)
            done += [step for step in made.foundation if not applier.lacks(step)]
            if made.refusals:
                return {**_told(done), "changed": True, "refusals": made.refusals, **_refused(made)}
    missing = [step.needs for step in made.steps if applier.lacks(step)]
    if missing and call.stack.state == "absent":
        # what stands before it in the plan needs the engine that is about to go
        first = [step.needs in missing for step in made.steps].index(True)
        applier.apply(made.steps[:first])
        done += made.steps[:first]
    if missing:  # all at once, so that the controller is asked once
        return {**_told(done), "changed": bool(done), "refusals": [], "needs": missing}
    applier.apply(made.steps)
    done += [step for step in made.steps if step not in done]
    return _judged(call, seen, done)


def _judged(call: Call, seen: Observed, done: list[Step]) -> dict[str, Any]:
    result: dict[str, Any] = {**_told(done), "changed": bool(done), "refusals": []}
    if call.stack.state == "absent":
        return result
    if done:
        seen = observe.observe(call.stack, call.roots, call.engine)
    result.update(_measured(call, seen, remember=True))
    faults = _faults(result, ("unlimited", "down"))
    return {**result, "failed": True, "msg": "; ".join(faults)} if faults else result


def _measured(call: Call, seen: Observed, remember: bool = False) -> dict[str, Any]:
    """Read back what runs; on a robot without an engine there is nothing to read but the robot itself."""
    if not seen.engine.running:
        return {"robot": report.robot(seen.robot, "")}
    now = call.clock()
    hierarchy: cgroup.Hierarchy = seen.robot.hierarchy
    readings = [
        readback.service(call.stack, declared, call.engine, call.roots, hierarchy)
        for declared in call.stack.scoped_services
    ]
    readings = readback.with_peaks(call.stack, readings, now)
    engine_reading = readback.engine(call.stack, call.roots, hierarchy, seen.robot.swap_total)
    result, remembered = report.everything(call.stack, seen, readings, engine_reading, now)
    if remember and remembered != seen.state:
        state.save(remembered, call.roots.path(call.stack.budget.root))
    return result


def _faults(result: Mapping[str, Any], verdicts: Any) -> list[str]:
    rows = {
        **result.get("services", {}),
        "engine": result.get("engine_usage", {}),
        "stack": result.get("budget", {}),
    }
    return [
        f"{name}: {row['verdict']} ({'; '.join(row['reasons'])})"
        for name, row in rows.items()
        if row.get("verdict") in verdicts
    ]


def _told(steps: list[Step]) -> dict[str, Any]:
    return {"plan": [step.summary for step in steps], "diff": [step.diff for step in steps if step.diff]}


@contextmanager
def _lock(call: Call) -> Iterator[None]:
    """Let one run at a time change this robot; the lock dies with its process."""
    directory = call.roots.path("/run/lock")
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "robot-stack.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError("another run is changing this robot; wait for it, or end it, then run again") from error
        yield
