"""Puts a robot back to a version that was good there. Data stays as it is; so do engine and kernel, and credentials.

A service that never was good there, and that did not run before this rollout, is removed: nothing that failed stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..apply import image_retention
from ..apply.apply import ServiceFailedError
from ..engine.protocol import PREVIOUS, EngineError
from ..host.systemd import CommandError
from ..plan import actions, plan, preflight
from ..plan.observe import Observed
from ..plan.step import Step, lines
from ..records import good_versions, state
from ..records.good_versions import GoodVersion
from ..spec.model import Service, Stack
from .context import Call
from .measure import Measured, measure

# what a way back does not touch, and what it does in its own way
LEFT_ALONE = (
    actions.WriteBootLine,
    actions.Reboot,
    actions.WriteEngineFile,
    actions.InstallPackages,
    actions.RestartEngine,
    actions.RemoveOrphan,
    actions.RemoveDirectory,
    actions.DropSlice,
    actions.DropJob,
    actions.Unwatch,
    actions.RemoveLeftContainer,
    actions.RemoveLeftImage,
    actions.ForgetEngine,
    actions.RestartOutside,
    actions.DisableEngine,
    actions.PurgePackages,
    actions.PutBack,
    actions.KeepStore,
    actions.RemoveFile,
)
# what tells versions apart; that one of them does not run makes no other
VERSIONED = (
    actions.MakeSlice,
    actions.BringImage,
    actions.NameImage,
    actions.OwnData,
    actions.WriteServiceFile,
    actions.MakeContainer,
    actions.RemoveOrphan,
)


class NothingGoodError(RuntimeError):
    """There is no version to put the robot back to."""


@dataclass(frozen=True)
class Return:
    """The way back to one version."""

    version: GoodVersion
    stack: Stack
    steps: list[Step]

    @property
    def differs(self) -> bool:
        """Whether the robot is not that version already."""
        return any(isinstance(step.action, VERSIONED) for step in self.steps)


@dataclass(frozen=True)
class Outcome:
    """What was done after a failure, the same in words, and the stack that runs now (None: not known)."""

    done: list[str]
    words: str
    stack: Stack | None = None


def way_back(call: Call, version: GoodVersion, removable: Collection[str]) -> Return:
    """Return the steps to ``version``; containers of services that it lacks go if they are ``removable``."""
    wanted = good_versions.stack_of(version, call.stack)
    for service in wanted.scoped_services:
        _leads_there(service, call.stack.service(service.name))
    seen = call.observe(wanted)
    if seen.engine.unobserved:
        raise NothingGoodError(preflight.silent(seen))
    names, seen = _names(call, wanted, version, seen)
    steps = [step for step in plan.differences(wanted, seen) if not isinstance(step.action, LEFT_ALONE)]
    gone = sorted({step.subject for step in steps if step.need})
    if gone:
        raise NothingGoodError(f"the image that {', '.join(gone)} ran is no longer on this robot")
    return Return(version, wanted, _removals(call.stack, wanted, seen, removable) + names + steps)


def _leads_there(was: Service, now: Service | None) -> None:
    """Refuse an entry point of another kind: the file that says where it leads has passwords, and is that of now."""
    if now and was.shares.file and now.shares.file and was.shares.backend != now.shares.backend:
        raise NothingGoodError(
            f"{was.name} led to {was.shares.backend} then and leads to {now.shares.backend} as it is declared now: "
            "change the inventory back, and deploy it"
        )


def _names(call: Call, wanted: Stack, version: GoodVersion, seen: Observed) -> tuple[list[Step], Observed]:
    """Return the steps that give an image its name back, and ``seen`` with these names."""
    steps, images = [], dict(seen.images)
    for service in wanted.scoped_services:
        fingerprint, found = service.fingerprints.get(seen.robot.architecture, ""), images.get(service.image)
        identity = version.images.get(service.name, "")
        if service.pinned or (found and found.fingerprint == fingerprint) or not identity:
            continue
        kept = call.engine.image(identity)
        if kept and kept.fingerprint == fingerprint:
            images[service.image] = kept
            words = f"give image {service.image} its name back"
            steps.append(Step(actions.NameImage(identity, service.image), service.name, words))
    return steps, replace(seen, images=images)


def _removals(stack: Stack, wanted: Stack, seen: Observed, removable: Collection[str]) -> list[Step]:
    steps = []
    for name, container in sorted(seen.containers.items()):
        service = container.service
        # what was set aside for a wanted service is dealt with when that is replaced
        leftover = name.endswith(PREVIOUS) and wanted.service(service) is None
        never_good = wanted.service(service) is None and service in removable
        if stack.in_scope(service) and (leftover or never_good):
            steps.append(Step(actions.RemoveOrphan(), name, f"remove container {name} (its data stays)"))
    return steps


def go_back(call: Call, back: Return) -> None:
    """Do it, and forget the images that came after."""
    applier = replace(call.hands({}), stack=back.stack, archives={})
    call.audit("going back to what was good here")
    applier.bring_images(back.steps)
    steps = [step for step in back.steps if not isinstance(step.action, actions.BringImage)]
    applier.apply(sorted(steps, key=lambda step: step.later))

    def forget(known: state.State) -> state.State:
        for service in back.stack.scoped_services:
            known = image_retention.only(known, service.name, back.version.images.get(service.name, ""))
        return known

    applier.remember(forget)
    applier.clean()


def automatically(call: Call, removable: Collection[str]) -> Outcome:
    """Go back to the newest good version after a failure; what was never good and is ``removable`` goes."""
    good = good_versions.current(call.roots.path(call.stack.budget.root), call.stack)
    known = good[0] if good else GoodVersion()
    try:
        back = way_back(call, known, removable)
        go_back(call, back)
    except (NothingGoodError, ServiceFailedError, EngineError, CommandError, OSError) as error:
        return Outcome([], f"the robot could not be put back to what was good there: {error}")
    return Outcome(lines(back.steps), _words(call.stack, known, removable), back.stack)


def _words(stack: Stack, known: GoodVersion, removable: Collection[str]) -> str:
    names = [service.name for service in stack.running_services if service.name not in known.services]
    removed = [name for name in names if name in removable]
    left = [name for name in names if name not in removable]
    told = []
    if any(stack.in_scope(name) for name in known.services):
        told.append("the robot was put back to what was good there, its data untouched")
    if removed:
        told.append(f"{', '.join(removed)} did not run there before and was removed, its data untouched")
    if left:
        told.append(f"no good version of {', '.join(left)} is known there: what runs was left as it is")
    return "; ".join(told)


def measured(call: Call, outcome: Outcome) -> Measured:
    """Return what is true after it, judged by what runs now."""
    now = replace(call, stack=outcome.stack or call.stack)
    return measure(now, now.observe(), remember=True)


def fresh(stack: Stack, before: Observed) -> list[str]:
    """Return the services in scope that had no container before this run."""
    former = before.left.containers if before.left else {}
    names = {container.service for container in (*before.containers.values(), *former.values())}
    return [service.name for service in stack.running_services if service.name not in names]


def by_hand(call: Call) -> Return:
    """Return the way to the newest good version that the robot is not. Raises `NothingGoodError`: there is none."""
    known = good_versions.load(call.roots.path(call.stack.budget.root))
    seen = call.observe()
    if seen.engine.unobserved:
        raise NothingGoodError(preflight.silent(seen))
    running = {container.service for container in seen.containers.values()}
    for was, now in zip(known, good_versions.with_credentials(known, call.stack)):
        if not any(call.stack.in_scope(name) for name in was.services):
            continue
        removable = running - set(was.services)
        back = way_back(call, now, removable)
        # another password alone, which is on its way to the robot or was brought there, makes no other version
        if back.differs and way_back(call, was, removable).differs:
            return back
    raise NothingGoodError(_nothing(known, call.stack.scope))


def _nothing(known: Sequence[GoodVersion], scope: Sequence[str]) -> str:
    what = f"of {', '.join(scope)}" if scope else "of the stack"
    if not known:
        return f"no version {what} has passed the gate on this robot: there is none to go back to"
    return f"what runs is the only version {what} that is known to be good here: there is none to go back to"
