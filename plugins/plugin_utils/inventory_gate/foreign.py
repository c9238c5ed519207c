"""Services that are somebody else's roles: what their specs say must be what the inventory's variables say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .declaration import Catalogue, Fault, Objection, Robot, Secret, fault, show

HOW_TO = "docs/adding-a-service.md"


def check(robot: Robot, catalogue: Catalogue, faulty: Collection[str]) -> list[Fault]:
    """Return what keeps a role of ``robot`` from being a service that can be counted.

    Variables that are ``faulty`` are told already, and with them what follows from them.
    """
    faults = []
    for service in robot.foreign:
        counted = _counted(robot, service, catalogue)
        told = any(name.startswith(f"{service}_") for name in faulty)
        objection = None if counted or told else _spec(robot, service)
        if counted:
            faults.append(counted)
        elif objection:
            faults.append(fault(robot, f"{service}_spec", *objection, value="(the role's)"))
    return faults


def _counted(robot: Robot, service: str, catalogue: Catalogue) -> Fault | None:
    variable = f"{service}_memory_limit_mib"
    option = catalogue.options.get(variable)
    if option is not None and option.type == "int":
        return None
    why = f"the argument_specs of role {service} do not describe it as a whole number, and it could not be counted"
    shown = show(robot.strangers.get(variable, robot.values.get(variable)))
    return fault(robot, variable, why, f"describe it there with type: int ({HOW_TO})", value=shown)


def _spec(robot: Robot, service: str) -> Objection | None:
    """Return what is wrong with what the role wants to run, once it is worked out for this robot."""
    spec, why = robot.part(service)
    remedy = f"correct vars/main.yml of role {service} ({HOW_TO})"
    if why:
        return why, remedy
    if isinstance(spec, Secret):  # it holds what only the vault password shows
        return None
    variable, limit = f"{service}_memory_limit_mib", spec.get("memory_limit_mib")
    if spec.get("name") != service:
        return f"it is named {show(spec.get('name'))}, and the role {service}", f"write name: {service}"
    if bool(spec.get("enabled", True)) != robot.is_on(service):
        variable = f"{service}_enabled"
        said = f"{variable} is {show(robot.values.get(variable, True))}"
        return f"enabled is {show(spec.get('enabled', True))}, and {said}", f'write enabled: "{{{{ {variable} }}}}"'
    if robot.is_on(service) and limit != robot.integer(variable):
        counted = f"{variable}, which is counted, is {show(robot.values.get(variable))}"
        return f"memory_limit_mib is {show(limit)}, and {counted}", f'write memory_limit_mib: "{{{{ {variable} }}}}"'
    return _image(spec.get("image"), remedy) or _floor(spec.get("memory_floor"))


def _image(image: Any, remedy: str) -> Objection | None:
    parts = [image.get(key) or {} for key in ("bases", "build_bases")] if isinstance(image, Mapping) else []
    named = [image.get("reference") if parts else None, *(base for part in parts for base in part.values())]
    without = [name for name in named if ":" not in str(name or "").rpartition("/")[2]]
    if without:
        return f"the image {show(without[0])} is named without a version", remedy
    return None


def _floor(floor: Any) -> Objection | None:
    if floor is None:
        return None
    mib = floor.get("mib") if isinstance(floor, Mapping) else None
    if isinstance(mib, int) and not isinstance(mib, bool):
        return None
    return "its memory_floor has no whole number mib", 'write memory_floor: {mib: 12, load: "with 20 topics"}'
