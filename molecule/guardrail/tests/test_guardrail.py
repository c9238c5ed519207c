"""A sensor service that leaks, hangs, burns, forks or floods, and a full disk: each stays where it belongs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from failures import answers, fail_by, kept, watched
from waiting import until as wait_for

SENSOR = "robot-stack-sensor_service"
KILLED = ("the kernel killed it for lack of memory", "it ended with exit code 137")
# Asks the database ten times a second and counts what it does not answer.
ASKER = """
import time, urllib.request as u
asked = failed = 0
while True:
    asked += 1
    try:
        u.urlopen('http://127.0.0.1:8428/api/v1/query?query=up', timeout=30).read()
    except Exception:
        failed += 1
    open('/run/asker.new', 'w').write(f'{asked} {failed}')
    __import__('os').replace('/run/asker.new', '/run/asker')
    time.sleep(0.1)
"""


def inspect(robot: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(robot.run(f"docker inspect {SENSOR}"))[0]
    return found


def cgroup(robot: Any, controller: str) -> str:
    """The sensor service's cgroup under a controller, as a directory of the robot."""
    for line in robot.run(f"cat /proc/{robot.pid('sensor_service')}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return f"/sys/fs/cgroup/{controllers}{path}"
        if not controllers:  # v2, last
            return f"/sys/fs/cgroup{path}"
    raise AssertionError(f"no cgroup for {controller}")


def looked_at(robot: Any) -> float:
    """When the watchdog's last look ended, in seconds since 1970; robots of the testbed share this machine's clock."""
    return float(robot.run("stat --format %.9Y /run/robot-stack/metrics/robot_stack.prom"))


def timestamps(robot: Any, job: str) -> list[int]:
    """When each sample of a job's `up` in the database was taken, in milliseconds."""
    text = robot.get(f'http://127.0.0.1:8428/api/v1/export?match={{__name__="up",job="{job}"}}'.replace('"', "%22"))
    return sorted(moment for line in text.splitlines() for moment in json.loads(line)["timestamps"])


@pytest.fixture
def bystander(robot: Any) -> Iterator[dict[str, str]]:
    """A program of the robot's own, and somebody who asks the database all the time."""
    robot.run("systemd-run --quiet --collect --unit bystander sleep 3600")
    robot.run(f'systemd-run --quiet --collect --unit asker python3 -c "{ASKER}"')
    yield {"pid": robot.run("systemctl show --property MainPID --value bystander").strip()}
    robot.run("systemctl stop bystander asker")


@pytest.fixture(autouse=True)
def _fresh_sensor(robot: Any) -> Iterator[None]:
    """What a fault left behind goes with the container's process."""
    yield
    robot.run(f"docker restart --time 1 {SENSOR}")
    wait_for(lambda: answers(robot), "the sensor service answers after a restart")
    answered = time.time()
    # a look that began later than this one finds it answering: until then, silence means that it is still starting
    wait_for(lambda: looked_at(robot) > answered, "the watchdog looks")
    answered = looked_at(robot)
    wait_for(lambda: looked_at(robot) > answered, "the watchdog looks again")


def test_a_leak_is_killed_at_its_limit_and_nothing_else_is(
    robot: Any, playbook: Any, bystander: dict[str, str]
) -> None:
    wait_for(lambda: robot.host.file("/run/asker").exists, "somebody asks the database")
    before, database = inspect(robot), robot.started_at("victoriametrics")
    engine, kills = robot.run("pidof -s dockerd"), watched(robot, "robot_stack_service_oom_kills_total")
    began = int(time.time() * 1000)
    fail_by(robot, "USR1")
    wait_for(lambda: inspect(robot)["RestartCount"] > before["RestartCount"], "the leak is killed and restarted")
    wait_for(lambda: answers(robot), "the sensor service serves again by itself")
    # the cause is memory; the engine's flag is not asked, it stays false where the end was told before its cause
    wait_for(lambda: watched(robot, "robot_stack_service_oom_kills_total") > kills, "the watchdog has counted it")
    # the effect ends at the sensor service
    assert robot.run("pidof -s dockerd") == engine
    assert robot.started_at("victoriametrics") == database
    assert robot.run("systemctl show --property MainPID --value bystander").strip() == bystander["pid"]
    wait_for(lambda: int(robot.run("cat /run/asker").split()[0]) > 50, "the database was asked often enough")
    assert robot.run("cat /run/asker").split()[1] == "0", "questions that it did not answer"
    # a scrape every 2 s; what came in last can be asked for a little later
    wait_for(lambda: timestamps(robot, "victoriametrics")[-1] > began + 20_000, "the database goes on scraping itself")
    moments = [moment for moment in timestamps(robot, "victoriametrics") if moment >= began]
    # scraped every 2 s; some that are late on a busy machine are not the leak's doing
    assert max(later - earlier for earlier, later in pairwise(moments)) < 10 * 2000
    judged = playbook("playbooks/verify.yml")
    assert judged.returncode != 0
    assert "sensor_service: killed" in judged.stdout
    assert f"OOM-killed {kills + 1:.0f} time" in judged.stdout
    assert kept(robot, "sensor_service")["oom_kills"] == kills + 1


def ceiling(robot: Any) -> str:
    """The cgroup above engine and services, as a directory of the robot."""
    return cgroup(robot, "memory").split("/robotstack-sensor_service.slice")[0]


def test_when_the_ceiling_is_reached_a_container_dies_and_the_engine_lives(
    robot: Any, playbook: Any, bystander: dict[str, str]
) -> None:
    before, database, engine = inspect(robot), robot.started_at("victoriametrics"), robot.run("pidof -s dockerd")
    assert "/robotstack.slice/robotstack-engine.slice/" in robot.cgroup(int(engine)), "it is below the ceiling itself"
    budget = robot.declared("robot_stack_memory_budget_mib") << 20
    ends = {name: kept(robot, name)["restarts"] for name in ("sensor_service", "victoriametrics")}
    # somebody has raised the container's own limit by hand: nothing but the ceiling is left to hold it
    robot.run(f"docker update --memory 450m --memory-swap 450m {SENSOR}")
    fail_by(robot, "USR1")
    wait_for(lambda: inspect(robot)["RestartCount"] > before["RestartCount"], "the leak is killed and restarted")
    first = ceiling(robot).startswith("/sys/fs/cgroup/memory")
    # it grew far beyond its declared 32 MiB, up to the budget of the whole stack
    peak = int(robot.run(f"cat {ceiling(robot)}/{'memory.max_usage_in_bytes' if first else 'memory.peak'}"))
    assert budget * 0.95 < peak < budget + (1 << 20)  # the kernel may overrun a limit by some pages
    assert robot.run("pidof -s dockerd") == engine
    assert robot.run("systemctl show --property MainPID --value bystander").strip() == bystander["pid"]
    wait_for(lambda: answers(robot), "the sensor service serves again by itself")
    wait_for(lambda: kept(robot, "sensor_service")["restarts"] > ends["sensor_service"], "a look has counted it")
    # by the kernel's signal; at a full ceiling the engine may miss the kernel's word on its cause
    assert kept(robot, "sensor_service")["last_failure"] in KILLED
    # cgroup v1 tells every container of what happened above them; only who was ended counts
    wait_for(
        lambda: (
            (kept(robot, "victoriametrics")["restarts"] > ends["victoriametrics"])
            == (robot.started_at("victoriametrics") != database)
        ),
        "the database's end is counted if it ended, and only then",
    )
    assert kept(robot, "victoriametrics")["oom_kills"] <= kept(robot, "victoriametrics")["restarts"]
    # the hand's work is told, and undone
    assert "Memory is 450.0 MiB, not 32.0 MiB" in playbook("playbooks/verify.yml").stdout
    assert playbook("playbooks/site.yml").returncode == 0
    assert inspect(robot)["HostConfig"]["Memory"] == 32 << 20


def test_a_service_that_hangs_is_restarted(robot: Any) -> None:
    wait_for(lambda: watched(robot, "robot_stack_service_up") == 1, "the watchdog has seen it answer")
    before, hangs = inspect(robot), watched(robot, "robot_stack_service_hangs_total")
    robot.run(f"kill -STOP {before['State']['Pid']}")
    wait_for(lambda: inspect(robot)["State"]["Pid"] not in (0, before["State"]["Pid"]), "it is another process")
    wait_for(lambda: answers(robot), "it answers again")
    assert inspect(robot)["Id"] == before["Id"]
    wait_for(lambda: watched(robot, "robot_stack_service_hangs_total") == hangs + 1, "the hang is counted")
    assert "runs and does not answer" in robot.run("journalctl --unit robot-stack-watchdog --no-pager")


def test_a_cpu_burner_stays_within_its_share(robot: Any) -> None:
    share = 0.5  # sensor_service_cpu_limit
    directory = cgroup(robot, "cpu")
    fail_by(robot, "USR2")
    began, first = time.monotonic(), cpu_seconds(robot)
    throttled = counter(robot, f"{directory}/cpu.stat", "nr_throttled")
    time.sleep(10)  # a share is of a time
    used, elapsed = cpu_seconds(robot) - first, time.monotonic() - began
    # the kernel held it back, and it got no more than its share of each period
    assert counter(robot, f"{directory}/cpu.stat", "nr_throttled") > throttled
    assert used / elapsed < share * 1.2
    assert robot.get("http://127.0.0.1:8428/health") == "OK"


def cpu_seconds(robot: Any) -> float:
    """What the sensor service's cgroup has used."""
    directory = cgroup(robot, "cpuacct")
    if robot.host.file(f"{directory}/cpuacct.usage").exists:
        return int(robot.run(f"cat {directory}/cpuacct.usage")) / 1e9
    return counter(robot, f"{directory}/cpu.stat", "usage_usec") / 1e6


def counter(robot: Any, path: str, name: str) -> int:
    return int(dict(line.split() for line in robot.run(f"cat {path}").splitlines())[name])


def test_a_fork_bomb_stays_within_its_processes(robot: Any) -> None:
    limit = 32  # sensor_service_pids_limit
    directory = cgroup(robot, "pids")
    refused = counter(robot, f"{directory}/pids.events", "max")
    fail_by(robot, "HUP")
    wait_for(lambda: counter(robot, f"{directory}/pids.events", "max") > refused, "the kernel refuses a fork")
    assert int(robot.run(f"cat {directory}/pids.max")) == limit
    assert int(robot.run(f"cat {directory}/pids.current")) <= limit
    assert robot.get("http://127.0.0.1:8428/health") == "OK"


def test_a_log_flood_stays_within_its_log(robot: Any) -> None:
    log = inspect(robot)["LogPath"]
    fail_by(robot, "WINCH")
    wait_for(lambda: robot.host.file(f"{log}.1").exists, "the log was full once, and began anew")
    oldest = robot.run(f"stat --format %i {log}.1")
    wait_for(lambda: robot.host.run(f"stat --format %i {log}.1").stdout not in ("", oldest), "and once more")
    # in one look, and without one that goes meanwhile: files change their names while it is full
    sizes = robot.host.run(f"find {log.rpartition('/')[0]} -name '*-json.log*' -printf '%s\\n'").stdout.split()
    assert sizes
    held = sum(int(size) for size in sizes)
    assert held <= 2 * 512 * 1024 + 64 * 1024  # two files of 512 KiB, each overrun by a line at most


def test_a_full_disk_stops_ingestion_cleanly_and_it_recovers(robot: Any) -> None:
    database = robot.started_at("victoriametrics")
    free = int(robot.run("stat --file-system --format '%a %S' /var/lib/robot-stack").split()[0]) * 4096
    robot.run(f"fallocate --length {free - (32 << 20)} /var/lib/robot-stack/filler")
    wait_for(lambda: "vm_storage_is_read_only 1" in own_metrics(robot), "it sees that the disk is full")
    go_on_scraping(robot)  # what was under way comes in
    stopped = timestamps(robot, "sensor_service")[-1]
    go_on_scraping(robot)
    assert timestamps(robot, "sensor_service")[-1] == stopped, "nothing came in after it"
    assert robot.started_at("victoriametrics") == database
    assert robot.query("count(up)"), "what was there can be asked for"
    robot.run("rm /var/lib/robot-stack/filler")
    wait_for(lambda: "vm_storage_is_read_only 0" in own_metrics(robot), "it sees the room")
    wait_for(lambda: timestamps(robot, "sensor_service")[-1] > stopped + 8000, "samples come in again")
    assert robot.started_at("victoriametrics") == database


def go_on_scraping(robot: Any) -> None:
    """Wait until the database has scraped each of its targets a few times more."""

    def scrapes() -> int:
        lines = [line for line in own_metrics(robot).splitlines() if line.startswith("vm_promscrape_scrapes_total")]
        return sum(int(line.split()[-1]) for line in lines)

    goal = scrapes() + 10
    wait_for(lambda: scrapes() >= goal, "it goes on scraping")


def own_metrics(robot: Any) -> str:
    page = robot.get("http://127.0.0.1:8428/metrics")
    return "\n".join(line.replace('{path="/victoria-metrics-data"}', "") for line in page.splitlines())
