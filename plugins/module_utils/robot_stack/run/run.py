"""One call of the module: observe, plan, apply, read back, judge. The order of things, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..apply.apply import Applier, ServiceFailedError
from ..base import lock
from ..base.lock import BusyError
from ..engine import delivery, staging
from ..judge import cause, verdict
from ..plan import leaving, listeners, plan, preflight, remove
from ..plan.actions import BringImage
from ..plan.observe import Observed
from ..plan.plan import Plan
from ..plan.step import Step, lines
from ..records import good_versions
from ..spec.needs import Need, PackagesNeed, told
from . import budget_summary, records, restore
from . import gate as run_gate
from .context import Call
from .measure import causes, measure

BROKEN = ("unlimited", "down")  # what no deployment may leave behind, whatever was there before

__all__ = ["BusyError", "Call", "execute"]


def execute(call: Call) -> dict[str, Any]:
    """Do what the call's state asks for and return the module's result; `failed` says that it is not as declared."""
    known = budget_summary.told(call.stack, call.check)
    if call.reads_only:
        return {**known, **_execute(call)}
    with lock.held(call.roots, call.patience_seconds):
        return {**known, **_execute(call)}


def _execute(call: Call) -> dict[str, Any]:
    seen = call.observe()
    found = records.told(call, seen)
    if found and not call.reads_only and not _refuses(call, seen):
        found = records.heal(call, seen)  # before anything is remembered, which would write over it
        for words in found:
            call.audit(words)
        seen = call.observe()
    try:
        return records.in_result(call, _answer(call, seen), found)
    except ServiceFailedError as error:
        raise records.in_error(error, found) from error


def _refuses(call: Call, seen: Observed) -> bool:
    return call.stack.state in ("present", "absent") and bool(_plan(call, seen).refusals)


def _answer(call: Call, seen: Observed) -> dict[str, Any]:
    if call.stack.state == "restored":
        return _restored(call)
    if call.stack.state == "proven":
        return run_gate.prove(call, seen)
    made = _plan(call, seen)
    if made.refusals:
        return {
            **_told(made.steps),
            **measure(call, seen).result,
            "changed": False,
            "refusals": made.refusals,
            **_refused(made),
        }
    if call.reads_only:
        return _read_only(call, seen, made)
    return _changed(call, seen, made)


def _plan(call: Call, seen: Observed) -> Plan:
    if call.stack.state == "absent":
        made = remove.make(call.stack, seen)
        return made if made.refusals else Plan(leaving.removal(call.stack, seen) + made.steps, [])
    made = plan.make(call.stack, seen)
    busy = listeners.reasons(call.stack, seen, call.roots.proc)
    if busy:
        return Plan([], made.refusals + busy)
    return made


def _refused(made: Plan) -> dict[str, Any]:
    reasons = "".join(f"\n- {reason}" for reason in made.refusals)
    return {"failed": True, "msg": f"refused, for {len(made.refusals)} reason(s):{reasons}"}


def _read_only(call: Call, seen: Observed, made: Plan) -> dict[str, Any]:
    # a plan and a verification change nothing; check mode tells what would change
    changes = made.changes and call.stack.state not in ("planned", "verified")
    measured = measure(call, seen)
    result = {**_told(made.steps), **measured.result, "changed": changes, "refusals": []}
    if call.stack.state != "verified":
        return result
    found = [f"drift: {step.summary}" for step in made.steps] + measured.judged.faults(verdict.FAILING)
    found += measured.failed_backups
    return {**result, "failed": True, "msg": "; ".join(found)} if found else result


def _changed(
    call: Call, seen: Observed, whole: Plan, before: Sequence[Step] = (), origin: Observed | None = None
) -> dict[str, Any]:
    """Do a plan; what waits until the rest is done is planned anew then, and done as well.

    ``before`` are steps that this run has done already, ``origin`` is the robot as it was before them.
    """
    applier = call.hands(call.archives)
    applier.archives = staging.intact(applier.archives, call.roots.filesystem)
    seen = _named(call, applier, seen)
    done = list(before)
    if whole.now().foundation and call.stack.state != "absent":
        seen, whole = _founded(call, applier, seen, whole, done)
        if whole.refusals:
            return {**_told(done), "changed": True, "refusals": whole.refusals, **_refused(whole)}
    if origin:
        whole = whole.ceiling_now()
    origin, made = origin or seen, whole.now()
    missing = [step.need for step in made.steps if step.need and applier.lacks(step)]
    if missing and call.stack.state == "absent":
        # what stands before it in the plan needs the engine that is about to go
        place = [step.need in missing for step in made.steps].index(True)
        applier.apply(made.steps[:place])
        done += made.steps[:place]
    if missing:  # all at once, so that the controller is asked once
        applier.owns(name for need in missing if isinstance(need, PackagesNeed) for name in need.names)
        return _asking(call, done, missing)
    applier.takeover.containers = seen.left.containers if seen.left else {}
    _begins(call, applier, made.steps)
    again = applier.bring_images(made.steps)
    if again:
        return _asking(call, done, again)
    try:
        applier.apply([step for step in made.steps if not isinstance(step.action, BringImage)])
    except ServiceFailedError as error:
        raise _all_put_back(call, seen, error) from error
    if call.stack.state != "absent":
        applier.clean()
    done += [applier.as_done(step) for step in made.steps if step not in done]
    return _afterwards(call, origin, whole, done)


def _founded(call: Call, applier: Applier, seen: Observed, whole: Plan, done: list[Step]) -> tuple[Observed, Plan]:
    """Lay the foundation; return the robot and the plan after that, or those before where it needs something first."""
    first = [step for step in whole.now().foundation if not applier.lacks(step)]
    done += first
    _begins(call, applier, first)
    applier.apply(first)
    if len(first) < len(whole.now().foundation):
        return seen, whole
    seen = call.observe()
    whole = _plan(call, seen)
    done += [step for step in whole.now().foundation if not applier.lacks(step)]
    if seen.engine.unobserved and not seen.engine.missing_packages:  # although it was just started
        whole = Plan([], [preflight.silent(seen)])
    return seen, whole


def _afterwards(call: Call, seen: Observed, whole: Plan, done: list[Step]) -> dict[str, Any]:
    """Do what has waited until everything else was done, and judge what runs."""
    if whole.later:
        now = call.observe()
        if not (now.left and now.left.containers):
            made = _plan(call, now).ceiling_now()
            if made.refusals:
                return {**_told(done), "changed": True, "refusals": made.refusals, **_refused(made)}
            if made.now().changes:
                return _changed(call, now, made, done, seen)
    return _judged(call, seen, done)


def _named(call: Call, applier: Applier, seen: Observed) -> Observed:
    """Remember under which name this machine is deployed; what is measured later is remembered beside it."""
    name, machine = call.stack.robot, seen.robot.machine
    if call.stack.state == "absent" or not (name and machine):
        return seen
    applier.remember(lambda known: replace(known, robot=name, machine=machine))
    return replace(seen, state=replace(seen.state, robot=name, machine=machine))


def _begins(call: Call, applier: Applier, steps: Sequence[Step]) -> None:
    """Remember when a change begins: the gate does not hold what was before against it."""
    if steps and call.stack.state != "absent":
        now = call.clock()
        applier.remember(lambda known: replace(known, changed_at=now))


def _asking(call: Call, done: list[Step], needs: Sequence[Need]) -> dict[str, Any]:
    completed = delivery.completed(needs, call.engine, call.roots.path(call.stack.budget.root))
    return {**_told(done), "changed": bool(done), "refusals": [], "needs": [told(need) for need in completed]}


def _all_put_back(call: Call, before: Observed, error: ServiceFailedError) -> ServiceFailedError:
    """The service that failed is back already; the others that this run changed follow it.

    Where the engine changes, what runs on the new one stays there, and the next run goes on.
    """
    if before.left and before.left.containers:
        return error
    outcome = restore.automatically(call, restore.fresh(call.stack, before))
    done = "".join(f"\n- {line}" for line in outcome.done)
    words = f"so that the whole robot is as it was:{done}" if done else ("" if outcome.stack else outcome.words)
    return error.in_other_words(f"{error}\n{words}".rstrip())


def _judged(call: Call, before: Observed, done: list[Step]) -> dict[str, Any]:
    result: dict[str, Any] = {**_told(done), "changed": bool(done), "refusals": []}
    if call.stack.state == "absent":
        return result
    seen = call.observe() if done else before
    measured = measure(call, seen, remember=True)
    result.update(measured.result)
    good = good_versions.load(call.roots.path(call.stack.budget.root))
    result.update(proven=good_versions.proven(good, call.stack), fresh=restore.fresh(call.stack, before))
    found = measured.judged.faults(BROKEN)
    if not found:
        return result
    told = "; ".join(found)
    failing = [name for name, one in measured.judged.services.items() if one.verdict in BROKEN]
    result["causes"] = causes(call, measured, failing)
    if done:
        said = cause.told(call.engine, call.stack, failing)
        outcome = restore.automatically(call, result["fresh"])
        result.update(restore.measured(call, outcome).result, rolled_back=outcome.done)
        told = "\n".join([told, outcome.words, *said])
    return {**result, "failed": True, "msg": told}


def _restored(call: Call) -> dict[str, Any]:
    """Put the robot back by hand: to the newest version that was good there and that it is not."""
    try:
        back = restore.by_hand(call)
    except restore.NothingGoodError as error:
        return {"plan": [], "diff": [], "changed": False, "refusals": [], "failed": True, "msg": str(error)}
    result: dict[str, Any] = {**_told(back.steps), "changed": True, "refusals": []}
    if call.check:
        return result
    restore.go_back(call, back)
    root = call.roots.path(call.stack.budget.root)
    known = good_versions.current(root, call.stack)
    good_versions.save(good_versions.after_rollback(known, back.version, call.stack.scope), root)
    measured = restore.measured(call, restore.Outcome([], "", back.stack))
    result.update(measured.result)
    found = measured.judged.faults(BROKEN)
    return {**result, "failed": True, "msg": "; ".join(found)} if found else result


def _told(steps: list[Step]) -> dict[str, Any]:
    return {"plan": lines(steps), "diff": [step.diff for step in steps if step.diff]}
