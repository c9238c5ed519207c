"""Services that systemd runs with Podman, asked of systemd and of the kernel: a `podman` is a process of 40 MiB."""

from __future__ import annotations

from typing import Any

UNITS = "/etc/containers/systemd"  # where a unit of a container is written down
SLICE = "robotstack.slice"


def unit(service: str) -> str:
    """Return the name of the unit that runs a service."""
    return f"robot-stack-{service}.service"


def conmon(robot: Any, service: str) -> int:
    """Return the process that stands between systemd and a service's container; 0: it does not run."""
    pid = int(robot.run(f"systemctl show --property MainPID --value {unit(service)}"))
    return pid if pid and robot.host.run(f"cat /proc/{pid}/comm").stdout.strip() == "conmon" else 0


def process(robot: Any, service: str) -> int:
    """Return the first process in a service's container; 0 while there is none."""
    found = robot.host.run(f"podman container inspect --format '{{{{.State.Pid}}}}' robot-stack-{service}")
    return int(found.stdout) if found.rc == 0 else 0


def events(robot: Any, service: str) -> dict[str, int]:
    """Return what the kernel has counted below a service's slice, which outlives its containers."""
    lines = robot.run(f"cat /sys/fs/cgroup/{SLICE}/robotstack-{service}.slice/memory.events").splitlines()
    return {name: int(count) for name, count in map(str.split, lines)}


def pss_kib(robot: Any, program: str) -> int:
    """Return what all processes of a program hold together, program text shared out among those that use it, in KiB."""
    found = robot.host.run(f"pidof {program}").stdout.split()
    files = " ".join(f"/proc/{pid}/smaps_rollup" for pid in found)
    return int(robot.run(f"cat {files} | awk '/^Pss:/ {{kib += $2}} END {{print kib + 0}}'")) if files else 0
