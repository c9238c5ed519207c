"""Robots for the scenarios' tests: reached over SSH with checked host keys, asked in the running system."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import testinfra
from waiting import patience, slowness, until

PROJECT = Path(__file__).resolve().parent.parent

MIB = 1024 * 1024
DEFAULTS = {
    "robot_stack_memory_budget_mib": 300,
    "sensor_service_memory_limit_mib": 32,
    "victoriametrics_memory_limit_mib": 64,
    "vmagent_memory_limit_mib": 32,
}
# What follows the engine.
WITH_PODMAN = {"robot_stack_memory_budget_mib": 150}
STACK_ROOT = "/var/lib/robot-stack"
HUB_PASSWORDS = "telemetry_hub_*/config/*/database_password"  # of one hub's database, or of the parts of a cluster
SERVICES = {
    "local": ("sensor_service", "victoriametrics"),
    "push": ("sensor_service", "vmagent"),
    "both": ("sensor_service", "victoriametrics", "vmagent"),
}


@dataclass
class Robot:
    """One robot of the scenario: what the inventory says of it, and a way to ask it."""

    name: str
    variables: dict[str, Any]
    host: Any

    def declared(self, variable: str) -> Any:
        defaults = {**DEFAULTS, **(WITH_PODMAN if self.engine == "podman" else {})}
        return self.variables.get(variable, defaults.get(variable))

    @property
    def engine(self) -> str:
        """The container engine that the inventory has chosen: docker or podman."""
        return str(self.variables.get("container_engine", "docker"))

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the robot's telemetry mode."""
        return SERVICES[str(self.variables.get("robot_stack_telemetry_mode", "local"))]

    def run(self, command: str) -> str:
        return str(self.host.check_output(command))

    def inspect(self, service: str) -> dict[str, Any]:
        """A service's container as the engine knows it. Docker is asked over its socket, for want of a command."""
        if self.engine == "podman":
            (one,) = json.loads(self.run(f"podman container inspect robot-stack-{service}"))
            return dict(one)
        code = (
            "import http.client as h, socket as s; c = h.HTTPConnection('engine'); c.sock = s.socket(s.AF_UNIX); "
            "c.sock.connect('/var/run/docker.sock'); "
            f"c.request('GET', '/containers/robot-stack-{service}/json'); print(c.getresponse().read().decode())"
        )
        found: dict[str, Any] = json.loads(self.run(f'python3 -c "{code}"'))
        return found

    def pid(self, service: str) -> int:
        """The process id of a service's container, as the engine knows it."""
        return int(self.inspect(service)["State"]["Pid"])

    def cgroup(self, pid: int) -> str:
        """The memory cgroup of a process, as a directory of the robot."""
        for line in self.run(f"cat /proc/{pid}/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                return f"/sys/fs/cgroup/memory{path}"
        return "/sys/fs/cgroup" + self.run(f"cat /proc/{pid}/cgroup").strip().split("::")[1]

    def limits(self, directory: str) -> tuple[int, int]:
        """Memory limit, and memory and swap together, as the kernel has them (bytes)."""
        if directory.startswith("/sys/fs/cgroup/memory"):
            words = self.run(f"cat {directory}/memory.limit_in_bytes {directory}/memory.memsw.limit_in_bytes")
            memory, both = (int(word) for word in words.split())
            return memory, both
        words = self.run(f"cat {directory}/memory.max {directory}/memory.swap.max")
        memory, swap = (int(word) for word in words.split())
        return memory, memory + swap

    def get(self, url: str) -> str:
        """The page at a URL of the robot's own loopback, with a hub's own password; robots have Python and no curl."""
        code = (
            "import base64 as b, pathlib as p, urllib.request as u; "
            f"q = u.Request({url!r}); "
            f"f = sorted(p.Path('{STACK_ROOT}').glob('{HUB_PASSWORDS}'), key=lambda f: f.stat().st_mtime); "
            "f and q.add_header('Authorization', "
            "'Basic ' + b.b64encode(b'hub:' + f[-1].read_bytes().strip()).decode()); "
            "print(u.urlopen(q, timeout=60).read().decode())"
        )
        return self.run(f'python3 -c "{code}"')

    def query_now(self, expression: str) -> list[dict[str, Any]]:
        """What the robot's VictoriaMetrics answers to a query."""
        answer = json.loads(self.get(f"http://127.0.0.1:8428/api/v1/query?query={quote(expression)}"))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The same, waiting for a database that has just been started, and for the first samples."""

        def answer() -> list[dict[str, Any]]:
            with contextlib.suppress(AssertionError):  # it does not listen yet
                return self.query_now(expression)
            return []

        return until(answer, f"{self.name} has samples of {expression}", patience(self))

    def started_at(self, service: str) -> str:
        found = self.inspect(service)
        return f"{found['State']['StartedAt']} {found['Id']}"


def inventories() -> list[str]:
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    return [str(PROJECT / "molecule" / "shared" / "inventory"), str(scenario / "inventory")]


def ansible_playbook(playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the product's playbooks against the scenario's robots, as an operator would."""
    argv = ["ansible-playbook", *(word for path in inventories() for word in ("-i", path)), playbook, *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=1800, check=False)


@pytest.fixture(scope="session")
def playbook() -> Any:
    return ansible_playbook


def inventory(pattern: str = "all") -> dict[str, dict[str, Any]]:
    """The machines of the scenario that match a pattern of Ansible's, each with its variables."""
    argv = ["ansible-inventory", *(word for path in inventories() for word in ("-i", path)), "--list"]
    argv += ["--limit", pattern]
    listed = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    found: dict[str, dict[str, Any]] = listed["_meta"]["hostvars"]
    return found


def connect(name: str, variables: dict[str, Any]) -> Robot:
    keys = PROJECT / ".testbed" / variables["testbed_fleet"]
    host = testinfra.get_host(
        f"ssh://operator@127.0.0.1:{variables['testbed_ssh_port']}",
        ssh_identity_file=str(keys / "id_ed25519"),
        ssh_extra_args=f"-o UserKnownHostsFile={keys}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes",
        timeout=10 * slowness(variables),
        controlpersist=60,
        sudo=True,
    )
    return Robot(name, variables, host)


@pytest.fixture(scope="session")
def robots() -> dict[str, Robot]:
    """Every machine of the scenario by its name, for tests that are about one, or about all together; hubs as well."""
    return {name: connect(name, variables) for name, variables in inventory().items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "robot" in metafunc.fixturenames:
        found = inventory("robots")
        metafunc.parametrize("robot", [connect(name, found[name]) for name in sorted(found)], ids=sorted(found))


def log_command(robot: Robot, service: str) -> str:
    """Return the command that prints a service's last words."""
    name = f"robot-stack-{service}"
    if robot.engine == "podman":
        return f"journalctl --no-pager --lines 40 --unit {name}"
    return f"docker logs --tail 20 {name}"


@pytest.fixture(autouse=True)
def _log_of_a_failed_service(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where a test of a robot fails, its services' last words are worth more than the assertion."""
    yield
    report = getattr(request.node, "failed_robot_test", False)
    robot = request.node.funcargs.get("robot")
    if report and robot is not None:
        for service in robot.services:
            print(robot.host.run(log_command(robot, service)).stdout)  # noqa: T201 (for who reads the log)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    if outcome.get_result().when == "call" and outcome.get_result().failed:
        item.failed_robot_test = True  # type: ignore[attr-defined]  # read by the fixture above
