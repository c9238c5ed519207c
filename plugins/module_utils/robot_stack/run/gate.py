"""The gate of a rollout on one robot: what passes is remembered as good, what does not is put back, in one call."""

from __future__ import annotations

import time
from typing import Any

from ..engine.protocol import name_of
from ..judge import cause, gate
from ..judge.gate import Objection
from ..plan import overtaken
from ..plan.observe import Observed
from ..plan.overtaken import Overtaken
from ..records import good_versions
from ..spec.model import Service
from . import restore
from .context import Call
from .measure import causes, measure


def prove(call: Call, seen: Observed) -> dict[str, Any]:
    """Judge what runs; `failed` where it did not pass, and then it was put back already."""
    if not seen.engine.unobserved:
        lost = overtaken.found(call.stack, seen)
        if lost:
            return _lost(call, seen, lost)
    root = call.roots.path(call.stack.budget.root)
    good = good_versions.load(root)
    measured = measure(call, seen, remember=not call.check)
    base: dict[str, Any] = {"plan": [], "diff": [], "changed": False, "refusals": []}
    if measured.engine is None:
        found = [Objection("engine", seen.engine.silence or "it does not answer")]
    else:
        changed, since = good_versions.replaced(good, call.stack, _containers(seen)), seen.state.changed_at
        found = gate.objections(call.stack, measured.readings, measured.engine, changed, since, call.clock())
    if not found:
        if not call.check:
            images = {s.name: _image(seen, s) for s in call.stack.scoped_services}
            containers = {name: seen_id for name, seen_id in _containers(seen).items() if call.stack.in_scope(name)}
            good_versions.save(good_versions.after_passing(good, call.stack, images, containers), root)
            # what was good before the last two is not needed any more
            call.hands({}).clean()
        return {**base, **measured.result, "proven": True}
    told = [f"{one.subject}: {one.why}" for one in found]
    names = [one.subject for one in found]
    base.update(proven=False, objections=told, failed=True, causes=causes(call, measured, names))
    why = "\n- ".join(["it did not pass the gate after its change:", *told])
    if call.check:
        return {**base, **measured.result, "msg": why}
    said = cause.told(call.engine, call.stack, names)
    outcome = restore.automatically(call, call.stack.fresh)
    now = restore.measured(call, outcome).result
    return {
        **base,
        **now,
        "changed": bool(outcome.done),
        "rolled_back": outcome.done,
        "msg": "\n".join([why, outcome.words, *said]),
    }


def _lost(call: Call, seen: Observed, what: list[Overtaken]) -> dict[str, Any]:
    """Another run has changed the robot since this one did: what runs is that one's to be judged, and to be kept."""
    changed = seen.state.changed_at
    at = time.strftime(", at %Y-%m-%d %H:%M:%S UTC", time.gmtime(changed)) if changed else ""
    told = [f"{one.subject}: overtaken: another run {one.did}{at if one.noted else ''}" for one in what]
    words = (
        "the declaration of this run was overtaken: another one changed this robot after it. What runs there was "
        "neither judged nor put back by this one; let one controller at a time change a robot, and run again"
    )
    return {
        **{"plan": [], "diff": [], "changed": False, "refusals": []},
        **measure(call, seen).result,
        "proven": False,
        "objections": told,
        "failed": True,
        "msg": "\n- ".join([words, *told]),
    }


def _containers(seen: Observed) -> dict[str, str]:
    """Return the id of each service's container, by service."""
    return {one.service: one.id for name, one in seen.containers.items() if name == name_of(one.service)}


def _image(seen: Observed, service: Service) -> str:
    """Return the id of what a service runs; a job, which does not, has the image that bears its name."""
    if service.job.kind:
        return seen.images[service.image].id if service.image in seen.images else ""
    found = seen.containers.get(name_of(service.name))
    return found.image if found else ""
