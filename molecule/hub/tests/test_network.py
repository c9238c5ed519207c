"""What of the hub the network sees, and what the kernel holds its services to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import entry_point
import yaml
from entry_point import Question
from promises import (  # noqa: F401 - tests of the robots
    test_nothing_but_ssh_listens_to_the_network,
    test_services_run_confined,
    test_the_kernel_caps_the_whole_stack_at_the_budget,
    test_the_kernel_limits_each_service_as_the_inventory_says,
)

MIB = 1024 * 1024
DEFAULTS = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "roles/telemetry_hub/defaults/main.yml").read_text(encoding="utf-8")
)
USERS = {
    "sensor_service": 70100,
    "telemetry_hub_victoriametrics": 70111,
    "telemetry_hub_vmauth": 70112,
    "telemetry_hub_vmalert": 70113,
}
INNER = (8425, 8426, 8428, 8880, 9101)  # health and metrics, tunnels, the database, alerts, the host's sensors


def test_nothing_but_ssh_and_the_entry_point_listens_to_the_network(hub: Any) -> None:
    addresses = [line.split()[4] for line in hub.run("ss -Hltun").splitlines()]
    assert {a.rsplit(":", 1)[1] for a in addresses if not a.startswith(("127.", "[::1]"))} == {"22", "8427"}
    inner = {a for a in addresses if a.startswith("127.0.0.1:")}
    assert inner >= {f"127.0.0.1:{port}" for port in INNER}, "what is not to be seen does run"


def test_a_robot_reaches_nothing_but_the_entry_point(scout: Any) -> None:
    code = (
        "import socket\n"
        f"for port in {(*INNER, 8427)}:\n"
        "    reached = socket.socket().connect_ex(('hub', port)) == 0\n"
        "    print(port, reached)\n"
    )
    lines = scout.run(f'printf %s "{code}" | python3 -').splitlines()
    assert [line for line in lines if line.endswith("True")] == ["8427 True"]
    assert len(lines) == len(INNER) + 1


def test_the_entry_point_does_not_speak_without_tls(scout: Any, authority: str, passwords: dict[str, str]) -> None:
    asked = Question("/api/v1/query?query=up", authority, "reader", passwords["reader"], base="http://hub:8427")
    answer = entry_point.ask(scout, asked)
    assert answer.status == 400
    assert "HTTP request to an HTTPS server" in answer.body


def test_the_kernel_limits_every_service_of_the_hub(hub: Any) -> None:
    for service in USERS:
        name = f"{service}_memory_limit_mib"
        limit = (hub.declared(name) or DEFAULTS[name]) * MIB
        assert hub.limits(hub.cgroup(hub.pid(service))) == (limit, limit), service


def test_the_kernel_caps_the_hub_at_its_budget(hub: Any) -> None:
    directory = hub.cgroup(hub.pid("telemetry_hub_victoriametrics"))
    ceiling = directory[: directory.index("/robotstack.slice")] + "/robotstack.slice"
    assert hub.limits(ceiling)[0] == hub.declared("robot_stack_memory_budget_mib") * MIB


def test_the_hubs_services_run_confined(hub: Any) -> None:
    for service, uid in USERS.items():
        lines = hub.run(f"cat /proc/{hub.pid(service)}/status").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["Uid"].split() == [str(uid)] * 4
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert hub.inspect(service)["HostConfig"]["ReadonlyRootfs"]
