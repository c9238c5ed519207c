"""A database in a limit that it cannot serve in is judged so; that it was not killed does not make it ok."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import power

from benchmarks import queries

PROJECT = Path(__file__).resolve().parents[3]

LOAD_SECONDS = 45
PATIENCE_SECONDS = 900
THRASHES = ("victoriametrics: thrashing (", "major faults a minute, 10 are accepted")
ANSWERS = """python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8428/health", timeout=10)'"""


def ask_for_dashboards(robot: Any) -> None:
    """What an open dashboard asks; that it goes unanswered is the point."""
    questions = {
        "collector": "127.0.0.1:8428",
        "pages": [],
        "seconds": LOAD_SECONDS,
        "queries": [query.asked() for query in queries.stated()],
    }
    words = base64.b64encode(json.dumps(questions).encode()).decode()
    robot.run(f"echo {words} | base64 -d | python3 /opt/load/ask.py")


def test_the_gate_refuses_it_for_more_series(playbook: Any) -> None:
    done = playbook("playbooks/site.yml", "-e", "victoriametrics_expected_series=1000")
    assert done.returncode != 0
    assert "victoriametrics_memory_limit_mib" in done.stdout
    assert "was measured to serve" in done.stdout


def test_a_limit_that_is_too_small_to_serve_in_is_judged_thrashing(robot: Any, playbook: Any) -> None:
    # with its program text in nobody's cache, as on a robot that was switched on
    power.cut(robot)
    power.wait_until(robot, "docker inspect robot-stack-victoriametrics")
    deadline = time.monotonic() + PATIENCE_SECONDS
    judged = ""
    while not all(words in judged for words in THRASHES):
        assert time.monotonic() < deadline, judged
        ask_for_dashboards(robot)
        # what is worse than thrashing, that it does not even answer, ends soon after nobody asks anymore
        power.wait_until(robot, ANSWERS)
        # the roles alone, as in converge.yml, asked to change nothing
        done = playbook("molecule/thrash/converge.yml", "-e", "robot_stack_state=verified")
        judged = done.stdout
    assert done.returncode != 0
    # and it was neither killed nor found wanting in any other way
    state = robot.run("docker inspect -f '{{.RestartCount}} {{.State.OOMKilled}}' robot-stack-victoriametrics")
    assert state.strip() == "0 false"
