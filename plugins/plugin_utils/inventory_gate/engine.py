"""The container engine that was chosen: settings of the other one, packages without it, and hosts that need Docker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .declaration import Catalogue, Fault, Robot, fault

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
            yield fault(robot, variable, why, f"delete the line, or write {KIND}: {DOCKER}")


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
