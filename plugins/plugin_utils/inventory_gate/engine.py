"""The container engine that was chosen: settings of the other one, packages without it, and hosts that need Docker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .declaration import Catalogue, Fault, Robot, fault, show

KIND, PACKAGES = "container_engine", "container_engine_packages"
DOCKER, PODMAN = "docker", "podman"
# What only Docker has, and why Podman has none of it.
DOCKERS: Mapping[str, str] = {
    "container_engine_daemon_extra": "Podman has no daemon, and reads no daemon.json",
    "container_engine_environment_extra": "Podman has no daemon whose environment it could be",
    "container_engine_socket": "Podman is asked on its command line, and listens nowhere",
}

# Paths that containers see, and of which service: "" of all.
SHOWN: Mapping[str, str] = {"robot_stack_root": "", "sensor_service_textfile_directory": "sensor_service"}
# Where the owner of a Podman says the same, and how: it is never written to by a run.
CONTAINERS, STORAGE, REGISTRIES = (f"/etc/containers/{name}.conf" for name in ("containers", "storage", "registries"))
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
INSTEAD: Mapping[str, tuple[str, str]] = {
    "data-root": (STORAGE, "graphroot"),
    "storage-driver": (STORAGE, "driver"),
    "registry-mirrors": (REGISTRIES, "mirror"),
    "insecure-registries": (REGISTRIES, "insecure"),
}


def check(robot: Robot, catalogue: Catalogue) -> list[Fault]:
    """Return what ``robot`` declares that Podman cannot give it; what is wrong with a value alone is told elsewhere."""
    if robot.values.get(KIND) != PODMAN:
        return []
    return [*_hub(robot), *_dockers(robot, catalogue), *_packages(robot), *_paths(robot)]


def _hub(robot: Robot) -> Iterator[Fault]:
    if robot.is_hub:
        why = "a hub's backup and its restore run as containers of Docker's alone"
        remedy = f"write {KIND}: {DOCKER} in group_vars/telemetry_hub/; the robots that send to it may have Podman"
        yield fault(robot, KIND, why, remedy)


def _dockers(robot: Robot, catalogue: Catalogue) -> Iterator[Fault]:
    for variable, why in DOCKERS.items():
        option = catalogue.options.get(variable)
        if option is not None and robot.values.get(variable, option.default) != option.default:
            value = robot.values[variable]
            remedy = f"delete the line{_instead(value)}, or write {KIND}: {DOCKER}"
            yield fault(robot, variable, why, remedy, value=_names(value))


def _names(value: Any) -> str:
    """Return what is declared, of settings their names alone: the address of a proxy may hold a password."""
    return show(sorted(map(str, value))) if isinstance(value, Mapping) else show(value)


def _instead(value: Any) -> str:
    """Return in words where Podman's owner says what Docker's settings say, "" where Podman has nothing of the kind."""
    settings = value if isinstance(value, Mapping) else {}
    nested = settings.get("proxies")
    proxies = {str(name) for name in settings if str(name).lower() in PROXIES}
    proxies |= {str(name).upper().replace("-", "_") for name in (nested if isinstance(nested, Mapping) else {})}
    said: dict[str, list[str]] = {}
    if proxies:
        pairs = ", ".join(f'"{name}=..."' for name in sorted(proxies))
        said[CONTAINERS] = [f"[engine] env = [{pairs}]"]
    for name in sorted(set(map(str, settings)) & set(INSTEAD)):
        path, key = INSTEAD[name]
        said.setdefault(path, []).append(key)
    told = "; ".join(f"{path}: {', '.join(keys)}" for path, keys in said.items())
    return f" (on the robot its owner says that in {told})" if told else ""


def _packages(robot: Robot) -> Iterator[Fault]:
    listed = robot.values.get(PACKAGES)
    if not (listed and isinstance(listed, (list, tuple))):
        return  # the distribution's own
    names = [str(name).partition("=")[0] for name in listed]
    if robot.values.get("container_engine_install") is not False and PODMAN not in names:
        why = f"{PODMAN} is not among them, and {KIND} is {PODMAN}"
        yield fault(robot, PACKAGES, why, f"add {PODMAN}, or delete the line to get the distribution's own")


def _paths(robot: Robot) -> Iterator[Fault]:
    """What Podman shows to a container stands between colons in its unit."""
    for variable, service in SHOWN.items():
        path = robot.values.get(variable)
        if isinstance(path, str) and ":" in path and (not service or service in robot.services):
            why = "there is a colon in it, and Podman shows no such path to a container"
            yield fault(robot, variable, why, f"write one without, or {KIND}: {DOCKER}")
