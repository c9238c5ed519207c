"""A database that the kernel holds below what it works with is judged by how long it waits: cgroup v2 alone tells."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from failures import kept
from waiting import patience, until

DATABASE = "victoriametrics"
ASKED = """python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8428/health", timeout=60)'"""
STALLED = 20.0  # of the last minute, in percent: 10 are accepted, and it is still above when it is judged
THRASHES = (f"{DATABASE}: thrashing (", f"emulated {DATABASE}: it waited for memory in ")
UNIT = "pressure"
# In turns: five seconds in which it is asked for its page and may have less than it cannot give back, and four in which
# it catches up, so that it is slow, but answers the watchdog.
PRESSURE = r"""
while sleep 0.2; do
  timeout 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8428; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' >/dev/null
done &
while :; do
  awk '$1 == "anon" || $1 == "kernel" {{held += $2}} END {{print held - 262144}}' \
    {group}/memory.stat >{group}/memory.high
  sleep 5
  echo max >{group}/memory.high
  sleep 4
done
"""


@pytest.fixture
def pressed(robot: Any) -> Iterator[str]:
    """The cgroup of its container, while it is held below what it needs."""
    group = str(robot.cgroup(robot.pid(DATABASE)))
    free = shlex.quote(f"ExecStopPost=bash -c 'echo max >{group}/memory.high'")
    script = shlex.quote(PRESSURE.format(group=group))
    robot.run(f"systemd-run --collect --quiet --unit {UNIT} --property {free} bash -c {script}")
    yield group
    robot.host.run(f"systemctl stop {UNIT}")


def stalled(robot: Any, group: str, span: str) -> float:
    """The share of a time (avg10, avg60) in which something of it waited for memory, in percent."""
    some = robot.run(f"cat {group}/memory.pressure").splitlines()[0]
    return float(dict(word.split("=") for word in some.split()[1:])[span])


def test_a_database_below_its_working_set_is_judged_thrashing(robot: Any, playbook: Any, pressed: str) -> None:
    started, kills = robot.started_at(DATABASE), kept(robot, DATABASE)["oom_kills"]

    def is_judged_so() -> bool:
        until(lambda: stalled(robot, pressed, "avg60") > STALLED, "it waits for memory", patience(robot))
        told = " ".join(playbook("playbooks/verify.yml").stdout.split())  # Ansible breaks long lines
        return all(words in told for words in THRASHES)

    until(is_judged_so, "it is judged thrashing", patience(robot))
    robot.run(f"systemctl stop {UNIT}")
    until(lambda: stalled(robot, pressed, "avg10") < 10, "it waits no more", patience(robot))
    assert robot.host.run(ASKED).rc == 0
    assert (robot.started_at(DATABASE), kept(robot, DATABASE)["oom_kills"]) == (started, kills), "it was not killed"
