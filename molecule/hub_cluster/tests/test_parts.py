"""Which part is where, what the kernel holds each of them to, and what the network sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from promises import (  # noqa: F401 - tests of the robots
    test_nothing_but_ssh_listens_to_the_network,
    test_the_kernel_limits_each_service_as_the_inventory_says,
)

MIB = 1024 * 1024
DEFAULTS = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "roles/telemetry_hub/defaults/main.yml").read_text(encoding="utf-8")
)
USERS = {
    "telemetry_hub_vmstorage": 70111,
    "telemetry_hub_vmauth": 70112,
    "telemetry_hub_vmalert": 70113,
    "telemetry_hub_vminsert": 70114,
    "telemetry_hub_vmselect": 70115,
    "telemetry_hub_vmagent": 70116,
}
INNER = (8425, 8426, 8429, 8480, 8481, 8482, 9101)


def parts(host: Any) -> list[str]:
    return [part for part in USERS if host.name != "three" or part != "telemetry_hub_vmalert"]


def test_each_host_runs_its_parts_and_no_other(hubs: dict[str, Any]) -> None:
    for host in hubs.values():
        running = host.run("docker ps --format '{{.Names}}'").split()
        wanted = {"robot-stack-sensor_service", *(f"robot-stack-{part}" for part in parts(host))}
        assert set(running) == wanted, host.name


def test_the_kernel_limits_every_part_and_caps_each_host_at_its_budget(hubs: dict[str, Any]) -> None:
    for host in hubs.values():
        for part in parts(host):
            limit = DEFAULTS[f"{part}_memory_limit_mib"] * MIB
            directory = host.cgroup(host.pid(part))
            assert host.limits(directory) == (limit, limit), (host.name, part)
        ceiling = directory[: directory.index("/robotstack.slice")] + "/robotstack.slice"
        assert host.limits(ceiling)[0] == host.declared("robot_stack_memory_budget_mib") * MIB


def test_every_part_runs_confined(hubs: dict[str, Any]) -> None:
    for host in hubs.values():
        for part in parts(host):
            lines = host.run(f"cat /proc/{host.pid(part)}/status").splitlines()
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            assert status["Uid"].split() == [str(USERS[part])] * 4
            assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
            assert host.inspect(part)["HostConfig"]["ReadonlyRootfs"]


def test_parts_talk_on_the_named_address_and_everything_else_is_on_loopback(hubs: dict[str, Any]) -> None:
    for host in hubs.values():
        named = host.variables["testbed_parts_address"]
        addresses = [line.split()[4] for line in host.run("ss -Hltun").splitlines()]
        seen = {address for address in addresses if not address.startswith(("127.", "[::1]"))}
        assert {address for address in seen if address.startswith(f"{named}:")} == {f"{named}:8400", f"{named}:8401"}
        rest = {address.rsplit(":", 1)[1] for address in seen if not address.startswith(f"{named}:")}
        assert rest == {"22", "8427"}, host.name
        assert {f"127.0.0.1:{port}" for port in INNER} <= set(addresses), "what is not to be seen does run"


def test_a_robot_reaches_nothing_but_the_entry_points(hubs: dict[str, Any], fleet: dict[str, Any]) -> None:
    for host in hubs.values():
        places = [(host.name, port) for port in (*INNER, 8400, 8401, 8427)]
        places += [(host.variables["testbed_parts_address"], port) for port in (8400, 8401, 8427, 22)]
        code = (
            "import socket\n"
            f"for place in {places}:\n"
            "    asked = socket.socket()\n"
            "    asked.settimeout(2)\n"
            "    print(*place, asked.connect_ex(place) == 0)\n"
        )
        lines = fleet["scout"].run(f'printf %s "{code}" | python3 -').splitlines()
        assert [line for line in lines if line.endswith("True")] == [f"{host.name} 8427 True"]
        assert len(lines) == len(places)
