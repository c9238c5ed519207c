"""The work of the usual role, as a pyinfra deploy.

pyinfra 3.10's docker.container knows whether a container is there and runs; settings that have changed since do not
reach it. What the kernel enforces is read back at the end, as the role does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyinfra import config, host
from pyinfra.api.exceptions import PyinfraError
from pyinfra.facts.docker import DockerContainer, DockerContainers, DockerImage
from pyinfra.facts.server import Command, LinuxDistribution
from pyinfra.operations import apt, docker, files, server, systemd

config.SUDO = True

PROJECT = Path(__file__).resolve().parents[3]
ROLE = PROJECT / "benchmarks" / "provision" / "usual" / "roles" / "telemetry"
ARCHIVES = PROJECT / ".cache" / "provision" / "images"
DASHBOARDS = PROJECT / "roles" / "victoriametrics" / "files" / "dashboards"
MIB = 1024 * 1024
ROOT = {"user": "root", "group": "root", "mode": "644"}
DIRECTORY, DATA, METRICS = host.data.directory, host.data.data_directory, host.data.metrics_directory
SENSOR, DATABASE = host.data.sensor_address, host.data.victoriametrics_address
DATABASE_CONFIG = f"{DIRECTORY}/victoriametrics"


def template(source: str, target: str, mode: str = "644", **variables: Any) -> Any:
    """Install a file made of one of the usual role's templates."""
    return files.template(
        name=f"Install {target}",
        src=str(ROLE / "templates" / source),
        dest=target,
        jinja_env_kwargs={"trim_blocks": True},
        **{**ROOT, "mode": mode},
        **variables,
    )


def check(condition: bool, words: str) -> None:
    """End the deploy where something is not as it must be."""
    if not condition:
        raise PyinfraError(f"{host.name}: {words}")


def lines_of(command: str) -> list[str]:
    """Return what a command of the robot prints."""
    return (host.get_fact(Command, command=command) or "").splitlines()


def when_any_changed(operations: list[Any]) -> Any:
    """Return a condition: one of ``operations`` changed something."""
    return lambda: any(operation.did_change() for operation in operations)


# The robot is fit for the stack.
about = " ".join(lines_of("cat /proc/self/cgroup; df --output=avail -k /var/lib/docker | tail -n 1"))
check(host.get_fact(LinuxDistribution)["name"] == "Debian", "no Debian")
check(":memory:" in about or "0::" in about, "no memory controller")
check(
    host.data.memory_budget_mib + host.data.memory_reserve_mib <= host.data.robot_memory_mib, "the budget does not fit"
)
check(int(about.split()[-1]) > host.data.min_free_disk_mib * 1024, "no room on the disk")

# The engine.
apt.packages(
    name="Install the container engine",
    packages=["curl", "docker.io"],
    no_recommends=True,
    update=True,
    cache_time=86400,
)
for path, mode in ((DATABASE_CONFIG, "755"), (DATA, "750"), (METRICS, "755")):
    files.directory(name=f"Create {path}", path=path, mode=mode)
if lines_of(f"stat -c %u:%g {DATA} || true") != ["70101:70101"]:
    server.shell(name=f"Give {DATA} to VictoriaMetrics", commands=[f"chown 70101:70101 {DATA}"])
daemon = files.put(
    name="Configure the container engine", src=str(ROLE / "files/daemon.json"), dest="/etc/docker/daemon.json", **ROOT
)
slices = [
    template("slice.j2", f"/etc/systemd/system/{item['name']}", item=dict(item.items())) for item in host.data.slices
]
drop_ins = [
    template("engine.conf.j2", f"/etc/systemd/system/{unit}.service.d/telemetry.conf")
    for unit in ("containerd", "docker")
]
systemd.daemon_reload(name="Reload systemd", _if=when_any_changed([daemon, *slices, *drop_ins]))
for unit in ("containerd.service", "docker.service"):
    systemd.service(
        name=f"Restart {unit}", service=unit, restarted=True, _if=when_any_changed([daemon, *slices, *drop_ins])
    )
if lines_of("systemctl is-enabled telemetry.slice; systemctl is-active telemetry.slice; true") != ["enabled", "active"]:
    server.shell(name="Enable and start telemetry.slice", commands=["systemctl enable --now telemetry.slice"])
systemd.service(name="Enable and start the engine", service="docker.service", running=True, enabled=True)

# The services.
for service in host.data.services:
    archive = service["archive"]
    if not host.get_fact(DockerImage, object_id=service["image"]):
        files.put(name=f"Copy {archive}", src=str(ARCHIVES / archive), dest=f"{DIRECTORY}/{archive}")
        server.shell(name=f"Load {archive}", commands=[f"docker load -i {DIRECTORY}/{archive}"])
scrape = template(
    "scrape.yml.j2",
    f"{DATABASE_CONFIG}/scrape.yml",
    telemetry_robot_name=host.data.get("telemetry_robot_name", host.name),
    telemetry_victoriametrics_address=DATABASE,
    telemetry_sensor_address=SENSOR,
    telemetry_victoriametrics_own_metrics=host.data.victoriametrics_own_metrics,
)
dashboards = [
    files.put(name=f"Install {found.name}", src=str(found), dest=f"{DATABASE_CONFIG}/dashboards/{found.name}", **ROOT)
    for found in sorted(DASHBOARDS.glob("*.json"))
]
for service in host.data.services:
    docker.container(
        name=f"Run {service['name']}",
        container=service["name"],
        image=service["image"],
        networks=["host"],
        env_vars=service["environment"],
        mounts=service["mounts"],
        restart_policy="unless-stopped",
        user=service["user"],
        cpus=service["cpus"],
        memory=f"{service['memory_limit_mib']}m",
        extra_args=[
            f"--memory-swap={service['memory_limit_mib']}m",
            f"--cgroup-parent=telemetry-{service['name']}.slice",
            *service["arguments"],
            "--oom-score-adj=500",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges:true",
        ],
        command=" ".join(service["command"]),
    )
server.shell(
    name="Restart VictoriaMetrics",
    commands=["docker restart victoriametrics"],
    _if=when_any_changed([scrape, *dashboards]),
)

# The watchdog.
looked_after = [{"name": service["name"], "url": service["url"]} for service in host.data.services]
variables = {"telemetry_services": looked_after, "telemetry_metrics_directory": METRICS}
watchdog = [
    template("telemetry-watchdog.py.j2", "/usr/local/sbin/telemetry-watchdog", "755", **variables),
    template("tmpfiles.conf.j2", "/etc/tmpfiles.d/telemetry.conf", **variables),
    template("telemetry-watchdog.service.j2", "/etc/systemd/system/telemetry-watchdog.service"),
    template("telemetry-watchdog.timer.j2", "/etc/systemd/system/telemetry-watchdog.timer"),
]
timer = "telemetry-watchdog.timer"
systemd.service(
    name="Restart the watchdog's timer",
    service=timer,
    restarted=True,
    daemon_reload=True,
    _if=when_any_changed(watchdog),
)
systemd.service(name="Enable and start the watchdog's timer", service=timer, running=True, enabled=True)


def verify(containers: dict[str, dict[str, Any]]) -> None:
    """Check that everything is as declared: health, limits in the kernel, memory."""
    total = 0
    for service in host.data.services:
        pid = containers[service["name"]]["State"]["Pid"]
        limit, pss, code = lines_of(
            f'path=$(awk -F: \'$2 == "memory" || $1 == "0" {{ print $3; exit }}\' /proc/{pid}/cgroup); '
            'cat "/sys/fs/cgroup/memory$path/memory.limit_in_bytes" 2>/dev/null '
            '|| cat "/sys/fs/cgroup$path/memory.max"; '
            f"awk '/^Pss:/ {{ print $2 * 1024 }}' /proc/{pid}/smaps_rollup; "
            f"curl -fsS --max-time 5 -o /dev/null -w '%{{http_code}}\\n' {service['url']}"
        )
        check(code == "200", f"{service['name']} is not healthy")
        check(int(limit) == service["memory_limit_mib"] * MIB, f"{service['name']} has another limit in the kernel")
        total += int(pss)
    (own,) = lines_of(f"curl -fsS http://{DATABASE}/metrics | grep ^vm_available_memory_bytes")
    check(int(own.split()[1]) == host.data.services[1]["memory_limit_mib"] * MIB, "VictoriaMetrics found another limit")
    query = "query=max by (service) (max_over_time(telemetry_memory_working_set_bytes[1d]))"
    answer = lines_of(f"curl -fsS --get --data-urlencode '{query}' http://{DATABASE}/api/v1/query")
    check(json.loads("".join(answer))["status"] == "success", "no peaks")
    check(len(host.get_fact(DockerContainers)) == len(containers), "other containers are here")
    limit, *engine = lines_of(
        "cat /sys/fs/cgroup/memory/telemetry.slice/memory.limit_in_bytes 2>/dev/null "
        "|| cat /sys/fs/cgroup/telemetry.slice/memory.max; "
        "for pid in $(pidof dockerd containerd containerd-shim-runc-v2); do "
        "awk '/^Pss:/ { print $2 * 1024 }' /proc/$pid/smaps_rollup; done"
    )
    check(int(limit) == host.data.memory_budget_mib * MIB, "the whole stack has another limit in the kernel")
    check(total + sum(map(int, engine)) <= host.data.memory_budget_mib * MIB, "the stack is over its budget")


# Facts are read before operations run: on a first deployment there is nothing to verify yet.
found_containers = {
    service["name"]: (host.get_fact(DockerContainer, object_id=service["name"]) or [{}])[0]
    for service in host.data.services
}
if all(found_containers.values()):
    verify(found_containers)
