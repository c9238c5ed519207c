"""A database that the kernel holds below what it works with is judged by how long it waits: cgroup v2 alone tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from failures import kept
from waiting import patience, until

MIB = 1024 * 1024
DATABASE = "victoriametrics"
ASKED = """python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8428/health", timeout=4)'"""
# Of the last minute, in percent: 10 are accepted. What has waited for so much of it is still above when it is judged.
STALLED, STALLING = 20.0, 50.0
THRASHES = (f"{DATABASE}: thrashing (", f"emulated {DATABASE}: it waited for memory in ")


@pytest.fixture
def group(robot: Any) -> Iterator[str]:
    """The cgroup of its container, and what it is given above it goes again."""
    found = str(robot.cgroup(robot.pid(DATABASE)))
    yield found
    robot.host.run(f"echo max >{found}/memory.high")


def held(robot: Any, group: str) -> int:
    """What it cannot give back, in bytes."""
    stat = dict(line.split() for line in robot.run(f"cat {group}/memory.stat").splitlines())
    return int(stat["anon"]) + int(stat["kernel"])


def stalled(robot: Any, group: str, span: str) -> float:
    """The share of a time (avg10, avg60) in which something of it waited for memory, in percent."""
    some = robot.run(f"cat {group}/memory.pressure").splitlines()[0]
    return float(dict(word.split("=") for word in some.split()[1:])[span])


def test_a_database_below_its_working_set_is_judged_thrashing(robot: Any, playbook: Any, group: str) -> None:
    started, kills = robot.started_at(DATABASE), kept(robot, DATABASE)["oom_kills"]
    high = held(robot, group) + 8 * MIB  # with room for some of its program text, and for less with each look
    told = ""

    def waits() -> bool:
        nonlocal high
        answers = robot.host.run(ASKED).rc == 0
        if not answers:  # or the watchdog would restart it
            high += 4 * MIB
        elif stalled(robot, group, "avg10") < STALLING:
            high -= MIB
        robot.run(f"echo {high} >{group}/memory.high")
        return answers and stalled(robot, group, "avg60") > STALLED

    def is_judged_so() -> bool:
        nonlocal told
        until(waits, "it answers, and waits for memory", patience(robot))
        told = " ".join(playbook("playbooks/verify.yml").stdout.split())  # Ansible breaks long lines
        return all(words in told for words in THRASHES)

    until(is_judged_so, "it is judged thrashing", patience(robot))
    robot.run(f"echo max >{group}/memory.high")
    until(lambda: stalled(robot, group, "avg10") < 10, "it waits no more", patience(robot))
    assert robot.host.run(ASKED).rc == 0
    assert (robot.started_at(DATABASE), kept(robot, DATABASE)["oom_kills"]) == (started, kills), "it was not killed"
