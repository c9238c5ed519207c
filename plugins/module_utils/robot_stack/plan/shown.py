"""Refuses what a service shows to its container and is not there: the engine would, after everything was sent. Pure.

Below /run such a container would stay down after a boot, too, until its folder is there.
"""

from __future__ import annotations

from ..spec.model import Mount, Service, Stack
from ..watchdog import setup as watchdog_setup
from .observe import Observed

# Where the sensor service is shown the text files of other programs; all else that it is shown is optional.
TEXTFILES = "/host/textfiles"


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return why a container could not be made; our own folders are made before."""
    absent = [
        (service, mount)
        for service in stack.scoped_services
        for mount in service.mounts
        if mount.source in seen.absent_mounts and not (mount.optional or stack.keeps_stopped(service.name))
    ]
    made = {folder.path for folder in watchdog_setup.folders(stack)} if absent else set()
    return [
        f"{mount.source} is not there, and {service.name} shows it to its container: make it (where it is in RAM, as "
        f"below /run, at each boot: systemd-tmpfiles), or {_instead(service, mount)}"
        for service, mount in absent
        if mount.source.rstrip("/") not in made
    ]


def _instead(service: Service, mount: Mount) -> str:
    """Return which variable names another folder; of an owner's service only its role knows."""
    if (service.name, mount.target) == ("sensor_service", TEXTFILES):
        return "change sensor_service_textfile_directory"
    return f"have {service.name} show another one"
