"""A leak, a hang, a conmon and a container that somebody ends: each is mended on the robot, and counted once.

What burns, forks or floods goes on, and stays within what the kernel and the journal allow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from failures import answers, fail_by, kept, watched
from quadlet import SLICE, conmon, events, process, unit
from waiting import patience, until

SENSOR = "sensor_service"
MIB = 1024 * 1024
BURNT_SECONDS = 10  # a share is of a time
MINUTE = 60  # in which the journal takes so many lines
# By how much the journal multiplies that on a robot of this size, for the room that it has (systemd's burst_modulate)
MORE = 2


@pytest.fixture(autouse=True)
def _others(robot: Any) -> Iterator[None]:
    """Whatever happens to the sensor service, nothing happens to anybody else."""
    until(lambda: answers(robot) and watched(robot, "robot_stack_service_up") == 1, "it serves", patience(robot))
    before = robot.started_at("victoriametrics"), robot.run("cat /proc/sys/kernel/random/boot_id")
    yield
    assert (robot.started_at("victoriametrics"), robot.run("cat /proc/sys/kernel/random/boot_id")) == before
    assert robot.get("http://127.0.0.1:8428/health") == "OK"


def serves_anew(robot: Any, before: int) -> bool:
    """Whether it answers, and as another process than ``before``."""
    return answers(robot) and process(robot, SENSOR) not in (0, before)


def counted(robot: Any, what: str, before: dict[str, Any]) -> None:
    """Wait until the watchdog has counted one of ``what``; it has counted nothing else."""
    until(lambda: kept(robot, SENSOR)[what] > before[what], f"one of the {what} is counted", patience(robot))
    after = kept(robot, SENSOR)
    grown = {name: after[name] - before[name] for name in ("restarts", "oom_kills", "hangs", "starts")}
    also = {"restarts": 1} if what == "oom_kills" else {}
    assert grown == {**dict.fromkeys(grown, 0), what: 1, **also}


def test_a_leak_is_killed_at_its_limit_and_serves_again(robot: Any) -> None:
    before, pid, kills = kept(robot, SENSOR), robot.pid(SENSOR), events(robot, SENSOR)["oom_kill"]
    fail_by(robot, "USR1")
    until(lambda: serves_anew(robot, pid), "it is killed, and serves again by itself", patience(robot))
    counted(robot, "oom_kills", before)
    assert events(robot, SENSOR)["oom_kill"] == kills + 1
    said = robot.run("dmesg | grep 'Memory cgroup out of memory'").splitlines()
    assert len(said) == kills + 1, "the kernel killed nothing else"


def test_one_that_hangs_is_restarted_by_the_watchdog(robot: Any) -> None:
    before, pid = kept(robot, SENSOR), robot.pid(SENSOR)
    robot.run(f"kill -STOP {pid}")
    until(lambda: serves_anew(robot, pid), "the watchdog restarts it", patience(robot))
    counted(robot, "hangs", before)


def test_a_conmon_that_is_killed_leaves_no_process_behind_and_the_service_starts_again(robot: Any) -> None:
    before, pid, between = kept(robot, SENSOR), robot.pid(SENSOR), conmon(robot, SENSOR)
    assert between
    robot.run(f"kill -KILL {between}")
    until(lambda: serves_anew(robot, pid), "systemd starts it again", patience(robot))
    assert robot.host.run(f"test -d /proc/{pid}").rc != 0, "the container went with it"
    counted(robot, "restarts", before)


def test_a_container_that_is_removed_is_made_again_of_its_unit(robot: Any) -> None:
    pid = robot.pid(SENSOR)
    robot.run(f"podman rm --force --time 1 robot-stack-{SENSOR}")
    until(lambda: serves_anew(robot, pid), "it is there again", patience(robot))


def test_one_that_somebody_pauses_runs_on(robot: Any) -> None:
    before, pid = kept(robot, SENSOR), robot.pid(SENSOR)
    robot.run(f"podman pause robot-stack-{SENSOR}")
    counted(robot, "starts", before)
    until(lambda: answers(robot), "it serves", patience(robot))
    assert robot.pid(SENSOR) == pid, "it was not restarted"


def test_when_the_ceiling_is_reached_the_one_that_grows_is_killed(robot: Any) -> None:
    """Somebody has taken its own limit from it, in the kernel: nothing but the ceiling is left to hold it."""
    before, pid, kills = kept(robot, SENSOR), robot.pid(SENSOR), events(robot, SENSOR)["oom_kill"]
    budget = robot.declared("robot_stack_memory_budget_mib") * MIB
    robot.run(f"echo max >{robot.cgroup(pid)}/memory.max")
    fail_by(robot, "USR1")
    until(lambda: serves_anew(robot, pid), "it is killed, and serves again by itself", patience(robot))
    peak = int(robot.run(f"cat /sys/fs/cgroup/{SLICE}/memory.peak"))
    assert budget * 0.95 < peak < budget + MIB, "the kernel may overrun a limit by some pages"
    assert events(robot, SENSOR)["oom_kill"] == kills + 1
    counted(robot, "oom_kills", before)
    limit = robot.declared("sensor_service_memory_limit_mib") * MIB
    assert robot.limits(robot.cgroup(robot.pid(SENSOR))) == (limit, limit), "its next life has its own limit again"


@pytest.fixture
def unwatched(robot: Any) -> Iterator[None]:
    """The watchdog, which may take a busy service for one that hangs, looks away; what a fault has left goes."""
    robot.run("systemctl stop robot-stack-watchdog.timer")
    yield
    robot.run(f"systemctl restart {unit(SENSOR)}; systemctl start robot-stack-watchdog.timer")


def counters(robot: Any, path: str) -> tuple[float, dict[str, int]]:
    """Return the robot's own time in seconds, and what a file of a cgroup counts at that moment."""
    uptime, *lines = robot.run(f"cat /proc/uptime {path}").splitlines()
    return float(uptime.split()[0]), {name: int(count) for name, count in map(str.split, lines)}


@pytest.mark.usefixtures("unwatched")
def test_one_that_burns_cpu_stays_within_its_share(robot: Any) -> None:
    group, share = robot.cgroup(robot.pid(SENSOR)), 0.5  # sensor_service_cpu_limit
    quota, period = map(int, robot.run(f"cat {group}/cpu.max").split())
    assert quota / period == share
    fail_by(robot, "USR2")
    began, first = counters(robot, f"{group}/cpu.stat")

    def burnt() -> bool:
        return counters(robot, f"{group}/cpu.stat")[0] > began + BURNT_SECONDS

    until(burnt, "it burns for a while", patience(robot))
    ended, last = counters(robot, f"{group}/cpu.stat")
    assert last["nr_throttled"] > first["nr_throttled"], "the kernel has held it back"
    assert (last["usage_usec"] - first["usage_usec"]) / 1e6 / (ended - began) < share * 1.2


@pytest.mark.usefixtures("unwatched")
def test_one_that_forks_without_end_stays_within_its_processes(robot: Any) -> None:
    group, limit = robot.cgroup(robot.pid(SENSOR)), 32  # sensor_service_pids_limit
    _, before = counters(robot, f"{group}/pids.events")
    fail_by(robot, "HUP")

    def refused() -> bool:
        return counters(robot, f"{group}/pids.events")[1]["max"] > before["max"]

    until(refused, "the kernel refuses a fork", patience(robot))
    most, current = map(int, robot.run(f"cat {group}/pids.max {group}/pids.current").split())
    assert most == limit
    assert current <= limit


@pytest.mark.usefixtures("unwatched")
def test_one_that_floods_its_log_is_cut_off_by_the_journal(robot: Any) -> None:
    """The journal counts conmon's lines as the unit's, and tells how many it has dropped once the minute is over."""
    burst = int(robot.run(f"systemctl show --property LogRateLimitBurst --value {unit(SENSOR)}"))
    began = int(robot.run("date +%s"))
    fail_by(robot, "WINCH")
    dropped = f"journalctl --quiet --no-pager --identifier systemd-journald --since @{began} --output cat"
    words = f"Suppressed .* {unit(SENSOR)}"
    until(lambda: robot.host.run(f"{dropped} | grep -q '{words}'").rc == 0, "lines are dropped", patience(robot))
    until(lambda: int(robot.run("date +%s")) > began + MINUTE, "a minute is over", patience(robot))
    span = f"--since @{began} --until @{began + MINUTE}"
    lines = f"journalctl --quiet --no-pager --unit {unit(SENSOR)} {span} --output cat | grep -c 'nothing to say'"
    # at its beginning the minute before it may have ended: two at most have a part in this one
    assert 0 < int(robot.run(lines)) <= 2 * MORE * burst
