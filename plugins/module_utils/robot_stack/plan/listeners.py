"""The addresses that services want, and who has them. Told beside `preflight.reasons`, since /proc is asked for it."""

from __future__ import annotations

from pathlib import Path

from ..engine.protocol import name_of
from ..host import procfs
from ..spec.model import Stack
from .observe import Observed


def reasons(stack: Stack, seen: Observed, proc_root: Path) -> list[str]:
    """Return the addresses that a service wants and cannot have: somebody else has them, or only root may."""
    found = _privileged(stack, proc_root)
    if seen.engine.unobserved:  # its containers may run on without it
        return found
    for service in (one for one in stack.scoped_services if not stack.keeps_stopped(one.name)):
        own = seen.containers.get(name_of(service.name))
        for address in service.listens:
            inode = procfs.listener(address, proc_root)
            program = procfs.holder(inode, proc_root) if inode else None
            before = seen.left.containers.get(name_of(service.name)) if seen.left else None
            ours = any(one and one.running and (program is None or one.holds(program.cgroups)) for one in (own, before))
            if inode and not ours:
                found.append(f"{address} is taken by {_who(program, seen)}{_instead(service.name, address)}")
    return found


def _privileged(stack: Stack, proc_root: Path) -> list[str]:
    """Return the addresses at ports that are root's: containers have the robot's network, and no privileges in it."""
    lowest = procfs.lowest_port(proc_root)
    return [
        f"{address}: only root may listen below port {lowest} on this robot, and no container of this stack is root's: "
        f"have its firewall redirect {_port(address)} to a port from {lowest}, and declare that one, or let everybody "
        f"listen (net.ipv4.ip_unprivileged_port_start={_port(address)} in /etc/sysctl.d)"
        for one in stack.scoped_services
        for address in one.listens
        if 0 < _port(address) < lowest
    ]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _instead(service: str, address: str) -> str:
    """Return which variable gives a service another address; most of a hub's are fixed."""
    if service in ("sensor_service", "victoriametrics", "vmagent"):
        return f", or change {service}_listen_address"
    if not service.startswith("telemetry_hub_"):
        return f", or have {service} listen elsewhere"
    fixed = service != "telemetry_hub_vmauth" or address.startswith("127.0.0.1:")
    return "" if fixed else ", or change telemetry_hub_listen_address"


def _who(program: procfs.Program | None, seen: Observed) -> str:
    """Return who listens, and how to make an end of it."""
    if program is None:
        return "another program: stop it"
    for name, container in seen.containers.items():
        if container.holds(program.cgroups):  # of a service that is renamed, or gets another address
            stop = seen.driver.to_stop(name)
            return f"our own container {name}: stop it first ({stop}, on the robot; its data stays)"
    return f"{program.name} (process {program.pid}): stop it"
