"""Several hosts of a hub, of which one loses a service or its power, and gets it back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import entry_point
import power
import reading

Ask = Callable[..., entry_point.Answer]
Reading = Callable[[Any], AbstractContextManager[reading.Seen]]
DATABASE = "robot-stack-telemetry_hub_victoriametrics"
WATCHDOG = "robot-stack-watchdog.timer"
# A look that has begun before its timer was stopped would start again what is killed now.
LOOK_IS_OVER = (
    "until systemctl show --property ActiveState --value robot-stack-watchdog.service | grep -qE 'inactive|failed'; "
    "do sleep 0.2; done"
)
LONGEST_GAP_SECONDS = 5  # in which nobody who reads is answered (docs/telemetry.md)


@contextmanager
def without_database(*hosts: Any) -> Iterator[None]:
    """Kill the databases of hosts, which nobody starts again while the context lasts."""
    with without(DATABASE, *hosts):
        yield


@contextmanager
def without(container: str, *hosts: Any) -> Iterator[None]:
    """Kill a container of hosts, which nobody starts again while the context lasts."""
    try:
        for host in hosts:
            host.run(f"systemctl stop {WATCHDOG} && {LOOK_IS_OVER}")
            host.run(f"docker update --restart no {container} && docker kill {container}")
        yield
    finally:
        for host in hosts:
            host.run(f"docker update --restart unless-stopped {container} && docker start {container}")
            host.run(f"systemctl start {WATCHDOG}")


@contextmanager
def without_power(host: Any, database: str = DATABASE) -> Iterator[None]:
    """Kill a host, whole, in one blow; it gets its power back, and its database, when the context ends."""
    machine = f"testbed-{host.variables['testbed_fleet']}-{host.name}"
    subprocess.run(["docker", "kill", machine], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "start", machine], check=True, capture_output=True)
        power.wait_until(host, "systemctl is-active docker && docker start " + database)
