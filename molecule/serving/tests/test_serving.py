"""Inside their default limits the services serve dashboards at 1,000 series with churn, also after a power cut.

The database has a month behind it: one that has just begun needs less. It is asked for graphs over a day, a week and
all of the month, and judged while it is and afterwards.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import power
import pytest

from benchmarks import queries, rule
from benchmarks.queries import Query

PROJECT = Path(__file__).resolve().parents[3]

MIB = 1024 * 1024
SERVICES = ("sensor_service", "victoriametrics")
WARM_UP_SECONDS = 40
WINDOW_SECONDS = 30
DAYS = 30
ARTIFACTS = PROJECT / ".artifacts"


def ask(robot: Any, seconds: int, asked: Sequence[Query]) -> Any:
    questions = {
        "collector": "127.0.0.1:8428",
        "pages": ["127.0.0.1:9101"],
        "seconds": seconds,
        "queries": [query.asked() for query in asked],
    }
    words = base64.b64encode(json.dumps(questions).encode()).decode()
    return json.loads(robot.run(f"echo {words} | base64 -d | python3 /opt/load/ask.py"))


def counters(robot: Any, service: str) -> rule.Counters:
    directory = robot.cgroup(robot.pid(service))
    pairs = [line.split() for line in robot.run(f"cat {directory}/memory.stat").splitlines()]
    stat = {key: int(value) for key, value in pairs}
    first = directory.startswith("/sys/fs/cgroup/memory")
    events = robot.run(f"cat {directory}/{'memory.oom_control' if first else 'memory.events'}")
    killed = re.search(r"^oom_kill (\d+)$", events, re.M)
    used = int(robot.run(f"cat {directory}/{'memory.usage_in_bytes' if first else 'memory.current'}"))
    return rule.Counters(
        started_at=robot.started_at(service),
        limit=robot.limits(directory)[0],
        major_faults=stat["total_pgmajfault" if first else "pgmajfault"],
        oom_kills=int(killed[1]) if killed else 0,
        working_set=used - stat["total_inactive_file" if first else "inactive_file"],
    )


def judge(robot: Any, moment: str, asked: Sequence[Query]) -> list[str]:
    """Ask for half a minute or more, and return everything that speaks against the promise."""
    before = {service: counters(robot, service) for service in SERVICES}
    begun = time.monotonic()
    answers = ask(robot, WINDOW_SECONDS, asked)
    after = {service: counters(robot, service) for service in SERVICES}
    seconds = time.monotonic() - begun
    found = rule.of_answers(asked, answers)
    for service in SERVICES:
        limit = robot.declared(f"{service}_memory_limit_mib") * MIB
        found += rule.of_container(service, before[service], after[service], seconds, limit)
    ARTIFACTS.mkdir(exist_ok=True)
    kept = {
        "answers": answers,
        "containers": {
            service: {
                "working_set_mib": round(after[service].working_set / MIB, 1),
                "major_faults_per_minute": rule.faults_per_minute(before[service], after[service], seconds),
            }
            for service in SERVICES
        },
        "refused": rule.refusals(answers),
        "against": found,
    }
    (ARTIFACTS / f"serving-{moment}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return found


def only_value(robot: Any, expression: str) -> float:
    return float(robot.query(expression)[0]["value"][1])


def test_the_load_is_a_thousand_series_of_which_some_are_replaced_and_has_a_past(robot: Any) -> None:
    days = only_value(robot, '(now() - min(tfirst_over_time(load_messages_total{topic="t600"}[31d]))) / 86400')
    assert days == pytest.approx(DAYS, abs=0.5)
    assert only_value(robot, 'count({__name__=~"load_.*"} offset 30s)') >= robot.declared("load_series")
    assert only_value(robot, 'max_over_time(scrape_samples_scraped{job="load"}[1m])') == robot.declared("load_series")


def test_the_defaults_serve_dashboards_at_a_thousand_series(robot: Any) -> None:
    # a rate takes the watchdog a minute, and a graph shows what is older than 30 s
    assert robot.query("robot_stack_service_major_faults_per_minute"), "the watchdog has not looked twice"
    ask(robot, WARM_UP_SECONDS, queries.stated())
    assert judge(robot, "first", queries.stated()) == []
    seen = only_value(robot, 'count(last_over_time({__name__=~"load_.*"}[10m]))')
    assert seen > robot.declared("load_series") * 1.02, "series were replaced meanwhile"
    assert only_value(robot, "sum(vm_hourly_series_limit_rows_dropped_total)") == 0, "no series was refused"


@pytest.mark.parametrize("seconds", queries.FAR)
def test_graphs_over_weeks_are_answered_or_refused_and_harm_nobody(robot: Any, seconds: int) -> None:
    assert (
        judge(robot, f"over-{seconds}-s", [query for query in queries.far(DAYS) if query.range_seconds == seconds])
        == []
    )


def test_they_serve_as_before_afterwards(robot: Any) -> None:
    assert judge(robot, "afterwards", queries.stated()) == []


def test_they_serve_again_after_a_cold_boot(robot: Any) -> None:
    before = only_value(robot, "tfirst_over_time(node_load1[1h])")
    started = {service: robot.started_at(service) for service in SERVICES}
    power.cut(robot)
    for service in SERVICES:
        power.wait_until(robot, f"docker ps --format '{{{{.Names}}}}' | grep -x robot-stack-{service}")
    assert all(robot.started_at(service) != started[service] for service in SERVICES)
    ask(robot, WARM_UP_SECONDS, queries.stated())
    assert judge(robot, "after-cold-boot", queries.stated()) == []
    assert only_value(robot, "tfirst_over_time(node_load1[1h])") == before, "its history is still there"
