"""Decides what makes the robot equal to its spec. Pure: a spec and one look at the robot in, steps out.

A plan is what `--check` shows: every step has one line for people and, where text changes, a diff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..base import files
from ..base.files import DesiredFile
from ..engine.protocol import PAUSED, PREVIOUS, SPEC_DIFFERS, STARTABLE, Driver, FoundContainer, name_of
from ..host import kernel_cmdline, platforms, systemd
from ..spec import entry_point, layout
from ..spec.model import Service, Stack
from ..spec.needs import ImageNeed, Need, RebootNeed
from . import engine_steps, folders, jobs, leaving, preflight, slices
from . import watchdog as watchdog_steps
from .actions import (
    BringImage,
    DropSlice,
    EnableEngine,
    InstallPackages,
    MakeContainer,
    MakeSlice,
    OwnData,
    Reboot,
    RemoveDirectory,
    RemoveOrphan,
    RestartEngine,
    SettleReplacement,
    StartContainer,
    StopContainer,
    WriteBootLine,
    WriteEngineFile,
    WriteServiceFile,
)
from .observe import Observed
from .step import Step, line_diff

FOUNDATION = (WriteBootLine, Reboot, MakeSlice, WriteEngineFile, InstallPackages, EnableEngine, RestartEngine)

SHRINKING = (MakeContainer, StopContainer, RemoveOrphan)  # after these the stack may need less memory


@dataclass(frozen=True)
class Plan:
    """The steps in their order, or the reasons why there must be none."""

    steps: list[Step]
    refusals: list[str]

    @property
    def foundation(self) -> list[Step]:
        """The steps below the containers; after them the robot must be looked at again."""
        return [step for step in self.steps if isinstance(step.action, FOUNDATION)]

    @property
    def needs(self) -> list[Need]:
        """What the controller must bring before all steps can be done."""
        return [step.need for step in self.steps if step.need]

    @property
    def later(self) -> bool:
        """Whether some steps wait until all others are done, and are planned anew then."""
        return any(step.later for step in self.steps)

    def now(self) -> Plan:
        """Return the plan without those."""
        return replace(self, steps=[step for step in self.steps if not step.later])

    def ceiling_now(self) -> Plan:
        """Return the plan in which a lowered ceiling waits no more: the containers have had their turn."""
        steps = [replace(step, later=False) if _lowers(step) else step for step in self.steps]
        return replace(self, steps=steps)

    @property
    def changes(self) -> bool:
        """Whether anything would change."""
        return bool(self.steps)


def _lowers(step: Step) -> bool:
    return isinstance(step.action, MakeSlice) and step.action.lowers


def make(stack: Stack, seen: Observed) -> Plan:
    """Return the plan that makes the robot equal to ``stack``."""
    refusals = preflight.reasons(stack, seen) + leaving.refusals(stack, seen)
    if refusals:
        return Plan([], refusals)
    if not seen.robot.hierarchy.version:
        return Plan(_memory_controller(seen), [])
    return Plan(differences(stack, seen), [])


def differences(stack: Stack, seen: Observed) -> list[Step]:
    """Return what must be done, without asking whether anything speaks against it."""
    steps = slices.make(stack, seen) + engine_steps.make(stack, seen) + watchdog_steps.make(stack, seen)
    if seen.engine.unobserved:  # what it holds is not known, and not taken for absent
        return _ceiling_last(steps, seen)
    steps += folders.make(stack, seen)
    for service in stack.running_services:
        steps += _service(stack, service, seen)
    for service in stack.jobs:
        steps += _job(stack, service, seen)
    steps = _brought_once(steps)
    return _ceiling_last(steps + leaving.make(stack, seen, steps) + _orphans(stack, seen), seen)


def _brought_once(steps: list[Step]) -> list[Step]:
    """An image that several services are made of is brought once, before the first of them."""
    brought = [step.action if isinstance(step.action, BringImage) else None for step in steps]
    return [step for place, step in enumerate(steps) if not (brought[place] and brought[place] in brought[:place])]


def _ceiling_last(steps: list[Step], seen: Observed) -> list[Step]:
    """Have a lowered ceiling wait until what runs below it has become smaller: the kernel would kill it, or refuse.

    What waits stands at the end, as it is done.
    """
    # what an engine that is to be started holds is seen then
    starts = seen.engine.unobserved and any(isinstance(step.action, RestartEngine) for step in steps)
    if starts or any(isinstance(step.action, SHRINKING) for step in steps):
        steps = [replace(step, later=True) if _lowers(step) else step for step in steps]
    return sorted(steps, key=lambda step: step.later)


def _memory_controller(seen: Observed) -> list[Step]:
    """Where the kernel enforces nothing, switching its memory controller on is the only sensible plan."""
    line = kernel_cmdline.with_memory_controller(seen.boot_line, platforms.named(seen.robot.platform).boot)
    words = "reboot, so that the kernel starts with it; what else is to do is planned after that"
    reboot = Step(Reboot(RebootNeed()), "robot", words)
    if line == seen.boot_line:  # written before, by a run that was cut off or by hand
        return [reboot]
    file = DesiredFile(seen.boot_file, line, 0o755)
    diff = {"before_header": file.path, "after_header": file.path, "before": seen.boot_line, "after": line}
    return [Step(WriteBootLine(file), file.path, f"switch the memory controller on in {file.path}", diff), reboot]


def _service(stack: Stack, service: Service, seen: Observed) -> list[Step]:
    if stack.keeps_stopped(service.name):
        return _halted(service, seen) + watchdog_steps.of_service(stack, service, seen)
    steps, rewritten = _prepared(stack, service, seen)
    container_step = _container(stack, service, seen, rewritten)
    return steps + ([container_step] if container_step else []) + watchdog_steps.of_service(stack, service, seen)


def _job(stack: Stack, service: Service, seen: Observed) -> list[Step]:
    """A job's container is made when its time comes; what it is made from is there before."""
    if stack.keeps_stopped(service.name):
        return []
    return _prepared(stack, service, seen)[0] + jobs.make(stack, service, request_of(stack, service, seen), seen)


def _prepared(stack: Stack, service: Service, seen: Observed) -> tuple[list[Step], bool]:
    """Return what a container needs to be there before it, and whether one of its files is written anew."""
    steps = _image(service, seen) + folders.of_service(stack, service, seen)
    for directory in service.data:
        path = layout.data_path(stack, service, directory.name)
        owner = seen.data_owners.get(path)
        if owner != list(service.uid_gid):
            diff = line_diff(path, "owner", owner and ":".join(map(str, owner)), service.user)
            words = f"make {path}, owned by {service.user}"
            steps.append(Step(OwnData(path), service.name, words, diff))
    for file in layout.config_files(stack, service):
        found = seen.found_files.get(file.path)
        if not _says(service, file, found):
            before = found or _previous_file(stack, service, file, seen)
            diff = files.difference(file, before)
            steps.append(Step(WriteServiceFile(file), service.name, f"write {file.path}", diff))
    return steps, any(isinstance(step.action, WriteServiceFile) for step in steps)


def _says(service: Service, file: DesiredFile, found: files.FoundFile | None) -> bool:
    """Whether a service's file needs no change; whom the watchdog shuts out in it for now is none."""
    if found and found.content and service.shares.file and file.path.endswith(f"/{service.shares.file}"):
        found = replace(found, content=entry_point.opened(found.content, service.shares.backend))
    return files.equal(file, found)


def _halted(service: Service, seen: Observed) -> list[Step]:
    """What is kept stopped is left as it is otherwise: it becomes as declared when it may run again."""
    found = seen.containers.get(name_of(service.name))
    if found is None or not (found.running or found.restarting or found.comes_at_boot):
        return []
    words = f"stop container {found.name}, as robot_stack_stopped_services says (it stays, and so does its data)"
    diff = line_diff(f"container {found.name}", "state", found.status, "stopped")
    return [Step(StopContainer(), service.name, words, diff)]


def _previous_file(stack: Stack, service: Service, file: DesiredFile, seen: Observed) -> files.FoundFile | None:
    """The same file in the directory of the version that runs now, so that a diff shows what changes."""
    relative = file.path[len(layout.config_directory(stack, service)) + 1 :]
    return seen.running_files.get(f"{service.name}/{relative}")


def _image(service: Service, seen: Observed) -> list[Step]:
    wanted = service.fingerprints.get(seen.robot.architecture, "")
    found = seen.images.get(service.image)
    if found and (service.pinned or found.fingerprint == wanted):
        return []
    if service.pinned:
        return [Step(BringImage(service.image), service.name, f"pull image {service.image}")]
    words = "replace" if found else "load"
    action = BringImage(service.image, wanted, ImageNeed(service.image, seen.robot.architecture))
    diff = line_diff(f"image {service.image}", "fingerprint", found and found.fingerprint, wanted)
    return [Step(action, service.name, f"{words} image {service.image}", diff)]


def request_of(stack: Stack, service: Service, seen: Observed) -> dict[str, Any]:
    """Return what would create the service's container here."""
    fingerprint = service.fingerprints.get(seen.robot.architecture, "")
    # our own engine will run with the driver that its daemon.json names; before it does, that is the answer
    driver = seen.engine.cgroup_driver
    remapped = bool(seen.engine.info and seen.engine.info.remaps_users)
    return seen.driver.request(stack, _with_what_is_there(service, seen), driver, fingerprint, remapped)


def _container(stack: Stack, service: Service, seen: Observed, rewritten: bool) -> Step | None:
    wanted = service.fingerprints.get(seen.robot.architecture, "")
    request = request_of(stack, service, seen)
    name = name_of(service.name)
    found = seen.containers.get(name)
    if found is None:
        why = "create" if f"{name}{PREVIOUS}" not in seen.containers else "repair"
        former = seen.left.driver.name if seen.left and name in seen.left.containers else ""
        instead = f", in place of the one of {former}" if former else ""
        summary = f"{why} container {name} ({service.memory_limit_mib} MiB){instead}"
        diff = _container_diff(name, None, seen.driver.described(request), [])
        return Step(MakeContainer(request), service.name, summary, diff)
    remembered = seen.state.services.get(service.name)
    interrupted = f"{name}{PREVIOUS}" in seen.containers  # and what it made was not remembered
    made = remembered.made if remembered and not interrupted else ""
    differences = seen.driver.drift(request, found, seen.engine.swap_accounted, made)
    reasons = [difference.words for difference in differences]
    running = seen.running_images.get(service.name)
    if _image_changes(service, wanted, found, seen):
        reasons = [one.words for one in differences if one.kind != "spec"] + ["its image changes"]
    sees = _sees_no_more(stack, seen.driver, request, found)
    if sees:
        reasons = [words for words in reasons if words != SPEC_DIFFERS] + [f"it sees {sees} of the robot no more"]
    if rewritten and (not reasons or found.status == PAUSED):  # what starts reads it as it is now
        reasons.append("one of its files was changed")
    if not reasons and interrupted:
        words = f"finish the replacement of container {name}, which was interrupted"
        return Step(SettleReplacement(), service.name, words)
    if not reasons:
        return None
    left = {difference.kind for difference in differences} <= {"state", "boot"} and len(reasons) == len(differences)
    masked = [difference.words for difference in differences if difference.kind == "boot"]
    if left and masked and found.running and found.status != PAUSED and not interrupted:
        diff = line_diff(f"container {name}", "at the next boot", found.lost_at_boot, "started")
        summary = f"have container {name} start at the next boot: {masked[0]}"
        return Step(StartContainer(request), service.name, summary, diff)
    if not interrupted and found.status in (*STARTABLE, PAUSED) and left:
        summary = f"start container {name}: {'; '.join(reasons)}"
        diff = line_diff(f"container {name}", "state", found.status, "running")
        return Step(StartContainer(request), service.name, summary, diff)
    reasons += ["its replacement was interrupted"] if interrupted else []
    diff = _container_diff(name, found, seen.driver.described(request), running.environment if running else [])
    summary = f"recreate container {name}: {'; '.join(reasons)}"
    return Step(MakeContainer(request), service.name, summary, diff)


def _with_what_is_there(service: Service, seen: Observed) -> Service:
    mounts = tuple(mount for mount in service.mounts if not (mount.optional and mount.source in seen.absent_mounts))
    return replace(service, mounts=mounts)


def _sees_no_more(stack: Stack, driver: Driver, request: Mapping[str, Any], found: FoundContainer) -> str:
    """Return the robot's paths that a container has and shall not have, in words; those of the stack do not count."""
    # what stays in sight is below the stack's own root, or below a folder that is shown
    kept = (stack.budget.root, *driver.shows(request))
    kept = tuple(f"{path.rstrip('/')}/" for path in kept)
    return ", ".join(sorted({source for source, _ in found.binds if not f"{source}/".startswith(kept)}))


def _image_changes(service: Service, wanted: str, found: FoundContainer, seen: Observed) -> bool:
    """Whether it runs something else than it shall; what it runs may be right, whoever has the name now."""
    running, named = seen.running_images.get(service.name), seen.images.get(service.image)
    if running is not None and wanted:
        return running.fingerprint != wanted
    return bool(named and found.image != named.id)


def _container_diff(
    name: str, found: FoundContainer | None, wanted: str, image_environment: list[str]
) -> dict[str, str]:
    before = ""
    if found is not None:
        lines = found.text.splitlines(keepends=True)
        before = "".join(line for line in lines if line.strip()[len("environment: ") :] not in image_environment)
    return {
        "before_header": f"container {name}",
        "after_header": f"container {name}",
        "before": before,
        "after": wanted,
    }


def _orphans(stack: Stack, seen: Observed) -> list[Step]:
    """Containers and files of ours that nothing declares; only where everything is in scope."""
    steps = []
    for name, container in sorted(seen.containers.items()):
        if not stack.scope and stack.service(container.service) is None:
            steps.append(Step(RemoveOrphan(), name, f"remove container {name} (no longer declared; its data stays)"))
    if not stack.scope:
        steps += watchdog_steps.forgotten([name for name in seen.watched if stack.service(name) is None], seen)
        steps += _stale_files(stack, seen) + _stale_slices(stack, seen)
    return steps + jobs.stale(stack, seen)


def _stale_files(stack: Stack, seen: Observed) -> list[Step]:
    """Files of services that are no longer declared: passwords are among them, and nobody would ever change those."""
    return [
        Step(RemoveDirectory(), f"{stack.budget.root}/{name}/config", f"remove the files of {name} (its data stays)")
        for name, entries in sorted(seen.own_directories.items())
        if stack.service(name) is None and f"{name}/config" in entries
    ]


def _stale_slices(stack: Stack, seen: Observed) -> list[Step]:
    """Slices that hold nothing any more: of a service that is no longer declared, of somebody else's engine."""
    wanted = systemd.slice_names(stack, seen.own_engine)
    drop_ins = [file.path for file in seen.driver.files(stack) if file.path != seen.driver.settings_file]
    # an engine runs in it, whatever was forgotten of it
    if seen.left or any(seen.found_files.get(path) for path in drop_ins):
        wanted.append(systemd.child_slice(stack.budget.slice, "engine"))
    return [Step(DropSlice(), name, f"remove slice {name}") for name in seen.own_units if name not in wanted]
