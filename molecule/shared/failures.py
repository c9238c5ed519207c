"""A sensor service that fails when it is told to (molecule/guardrail/faulty_sensor), and what is known of it then."""

from __future__ import annotations

import json
from typing import Any


def fail_by(robot: Any, signal: str) -> None:
    """Have it fail: USR1 leaks memory, USR2 burns CPU, HUP forks without end, WINCH floods the log."""
    # not `docker kill`: to the engine that is a container that somebody wants to end
    robot.run(f"kill -{signal} {robot.pid('sensor_service')}")


def answers(robot: Any) -> bool:
    """Whether it answers now."""
    code = "import urllib.request as u; u.urlopen('http://127.0.0.1:9101/healthz', timeout=10).read()"
    return bool(robot.host.run(f'python3 -c "{code}"').rc == 0)


def watched(robot: Any, name: str) -> float:
    """Return what the watchdog says of the sensor service: one of its metrics."""
    page = robot.run("cat /run/robot-stack/metrics/robot_stack.prom")
    line = next(line for line in page.splitlines() if line.startswith(f'{name}{{service="sensor_service"}}'))
    return float(line.split()[-1])


def kept(robot: Any, service: str) -> dict[str, Any]:
    """Return what the robot remembers of a service."""
    found: dict[str, Any] = json.loads(robot.run("cat /var/lib/robot-stack/state.json"))["services"][service]
    return found
