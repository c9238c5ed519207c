"""Decides what makes the robot equal to its spec. Pure: a spec and one look at the robot in, steps out.

A plan is what `--check` shows: every step has one line for people and, where text changes, a diff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import bootline, container, engine_setup, files, refuse, systemd
from .files import DesiredFile
from .observe import Observed
from .spec import Service, Stack
from .units import bytes_of, mib_of

FOUNDATION = ("boot-line", "reboot", "slice", "engine-file", "packages", "engine-restart")


@dataclass(frozen=True)
class Step:
    """One change. `kind` says how `apply` does it, `subject` to what; `needs` what the controller must bring."""

    kind: str
    subject: str
    summary: str
    diff: dict[str, str] | None = None
    file: DesiredFile | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The steps in their order, or the reasons why there must be none."""

    steps: list[Step]
    refusals: list[str]

    @property
    def foundation(self) -> list[Step]:
        """The steps below the containers; after them the robot must be looked at again."""
        return [step for step in self.steps if step.kind in FOUNDATION]

    @property
    def needs(self) -> list[Mapping[str, Any]]:
        """What the controller must bring before all steps can be done."""
        return [step.needs for step in self.steps if step.needs]

    @property
    def changes(self) -> bool:
        """Whether anything would change."""
        return bool(self.steps)


def make(stack: Stack, seen: Observed) -> Plan:
    """Return the plan that makes the robot equal to ``stack``."""
    if not seen.robot.hierarchy.version:
        return _memory_controller(stack, seen)
    refusals = refuse.reasons(stack, seen)
    if refusals:
        return Plan([], refusals)
    steps = _slices(stack, seen) + _engine(stack, seen)
    for service in stack.scoped_services:
        steps += _service(stack, service, seen)
    return Plan(steps + _orphans(stack, seen), [])


def _memory_controller(stack: Stack, seen: Observed) -> Plan:
    """Where the kernel enforces nothing, switching its memory controller on is the only sensible plan."""
    reason = refuse.memory_controller(stack, seen)
    if reason:
        return Plan([], [reason])
    line = bootline.with_memory_controller(seen.boot_line)
    file = DesiredFile(seen.boot_file, line, 0o755)
    diff = {"before_header": file.path, "after_header": file.path, "before": seen.boot_line, "after": line}
    return Plan(
        [
            Step("boot-line", file.path, f"switch the memory controller on in {file.path}", diff, file),
            Step("reboot", "robot", "reboot, so that the kernel starts with it", needs={"kind": "reboot"}),
        ],
        [],
    )


def _slices(stack: Stack, seen: Observed) -> list[Step]:
    steps = []
    for unit in systemd.slice_units(stack, seen.robot.hierarchy.version):
        name = unit.path.rsplit("/", 1)[1]
        wanted = bytes_of(stack.budget.memory_budget_mib) if name == stack.budget.slice else None
        file_changes = not files.equal(unit, seen.found_files.get(unit.path))
        there = name in seen.slice_limits
        if file_changes or not there or seen.slice_limits[name] != wanted:
            found = seen.found_files.get(unit.path)
            diff = (
                files.difference(unit, found)
                if file_changes
                else _limit_diff(name, seen.slice_limits.get(name), wanted)
            )
            steps.append(Step("slice", name, _slice_summary(stack, name, there, seen), diff, unit))
    return steps


def _slice_summary(stack: Stack, name: str, there: bool, seen: Observed) -> str:
    if name != stack.budget.slice:
        return f"{'update' if there else 'create'} slice {name}"
    before = mib_of(seen.slice_limits.get(name))
    was = f" (was {'no limit' if before is None else f'{before:g} MiB'})" if there else ""
    return f"cap the whole stack at {stack.budget.memory_budget_mib} MiB{was} in {name}"


def _limit_diff(name: str, found: int | None, wanted: int | None) -> dict[str, str]:
    header = f"{name}, memory limit in the kernel"
    return {
        "before_header": header,
        "after_header": header,
        "before": f"{found if found is not None else 'none'}\n",
        "after": f"{wanted if wanted is not None else 'none'}\n",
    }


def _engine(stack: Stack, seen: Observed) -> list[Step]:
    steps: list[Step] = []
    absent = not (seen.engine.installed or seen.engine.running)
    if not (seen.ours or absent):
        return steps  # somebody else's engine: used, never configured
    for file in engine_setup.engine_files(stack):
        found = seen.found_files.get(file.path)
        if not files.equal(file, found):
            steps.append(Step("engine-file", file.path, f"write {file.path}", files.difference(file, found), file))
    missing = seen.engine.missing_packages
    if missing:
        names = ", ".join(missing)
        needs = {"kind": "packages", "names": list(missing)}
        steps.append(Step("packages", names, f"install {names}", needs=needs))
    elif not seen.engine.running or seen.state.engine_configuration != engine_setup.configuration(stack):
        words = "restart" if seen.engine.running else "start"
        steps.append(Step("engine-restart", "docker", f"{words} the container engine (containers keep running)"))
    return steps


def _service(stack: Stack, service: Service, seen: Observed) -> list[Step]:
    steps = _image(service, seen)
    for directory in service.data:
        path = container.data_path(stack, service, directory.name)
        if seen.data_owners.get(path) != list(service.uid_gid):
            steps.append(Step("data", service.name, f"make {path}, owned by {service.user}", request={"path": path}))
    for file in container.config_files(stack, service):
        found = seen.found_files.get(file.path)
        if not files.equal(file, found):
            before = found or _previous_file(stack, service, file, seen)
            steps.append(Step("file", service.name, f"write {file.path}", files.difference(file, before), file))
    rewritten = any(step.kind == "file" for step in steps)
    container_step = _container(stack, service, seen, rewritten, bool(steps and steps[0].kind == "image"))
    return steps + ([container_step] if container_step else [])


def _previous_file(stack: Stack, service: Service, file: DesiredFile, seen: Observed) -> files.FoundFile | None:
    """The same file in the directory of the version that runs now, so that a diff shows what changes."""
    relative = file.path[len(container.config_directory(stack, service)) + 1 :]
    return seen.running_files.get(f"{service.name}/{relative}")


def _image(service: Service, seen: Observed) -> list[Step]:
    wanted = service.fingerprints.get(seen.robot.architecture, "")
    found = seen.images.get(service.image)
    if found and found.fingerprint == wanted:
        return []
    needs = {
        "kind": "image",
        "reference": service.image,
        "architecture": seen.robot.architecture,
        "layers": found.layers if found else [],
    }
    words = "replace" if found else "load"
    request = {"reference": service.image, "fingerprint": wanted}
    return [Step("image", service.name, f"{words} image {service.image}", request=request, needs=needs)]


def _container(stack: Stack, service: Service, seen: Observed, rewritten: bool, new_image: bool) -> Step | None:
    wanted = service.fingerprints.get(seen.robot.architecture, "")
    # our own engine will run with the driver that its daemon.json names; before it does, that is the answer
    driver = seen.engine.cgroup_driver
    request = container.body(stack, service, driver, wanted)
    name = container.name_of(service.name)
    found = seen.containers.get(name)
    if found is None:
        why = "create" if f"{name}{container.PREVIOUS}" not in seen.containers else "repair"
        summary = f"{why} container {name} ({service.memory_limit_mib} MiB)"
        return Step("container", service.name, summary, _container_diff(name, None, request, []), request=request)
    reasons = container.drift(request, found, seen.engine.swap_accounted)
    image = seen.images.get(service.image)
    if new_image or (image and found.get("Image") != image.id):
        reasons = [reason for reason in reasons if "differ from the spec" not in reason] + ["its image changes"]
    if rewritten and not reasons:
        reasons = ["one of its files was changed"]
    if not reasons:
        return None
    diff = _container_diff(name, found, request, image.environment if image else [])
    return Step("container", service.name, f"recreate container {name}: {'; '.join(reasons)}", diff, request=request)


def _container_diff(
    name: str, found: Mapping[str, Any] | None, request: Mapping[str, Any], image_environment: list[str]
) -> dict[str, str]:
    before = ""
    if found is not None:
        lines = container.described(found).splitlines(keepends=True)
        before = "".join(line for line in lines if line.strip()[len("environment: ") :] not in image_environment)
    return {
        "before_header": f"container {name}",
        "after_header": f"container {name}",
        "before": before,
        "after": container.described(request),
    }


def _orphans(stack: Stack, seen: Observed) -> list[Step]:
    """Containers that bear our label and that nothing declares; only where everything is in scope."""
    steps = []
    for name, inspected in sorted(seen.containers.items()):
        service = inspected["Config"]["Labels"][container.SERVICE_LABEL]
        declared = stack.service(service) is not None
        leftover = name.endswith(container.PREVIOUS) and stack.in_scope(service)
        if leftover or (not stack.scope and not declared):
            why = "left by an interrupted run" if declared else "no longer declared"
            steps.append(Step("orphan", name, f"remove container {name} ({why}; its data stays)"))
    return steps
