"""Inside their default limits the services serve dashboards at 1,000 series with churn, also after a power cut.

The database has a past of some hours: one that has just begun needs less.
"""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import power

from benchmarks import queries, rule

PROJECT = Path(__file__).resolve().parents[3]

MIB = 1024 * 1024
SERVICES = ("sensor_service", "victoriametrics")
WARM_UP_SECONDS = 45
WINDOW_SECONDS = 60
# The database has done what was left to do with its past.
PAGE = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8428/metrics').read().decode())"
MERGED = f"""test "$(python3 -c "{PAGE}" | awk '/^vm_active_merges/ {{ n += $2 }} END {{ print n }}')" = 0"""
ARTIFACTS = PROJECT / ".artifacts"


def ask(robot: Any, seconds: int) -> Any:
    questions = {
        "collector": "127.0.0.1:8428",
        "pages": ["127.0.0.1:9101"],
        "seconds": seconds,
        "queries": [query.asked() for query in queries.stated()],
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


def judge(robot: Any, moment: str) -> list[str]:
    """Warm up, ask for a minute, and return everything that speaks against the promise."""
    ask(robot, WARM_UP_SECONDS)
    before = {service: counters(robot, service) for service in SERVICES}
    begun = time.monotonic()
    answers = ask(robot, WINDOW_SECONDS)
    after = {service: counters(robot, service) for service in SERVICES}
    seconds = time.monotonic() - begun
    found = rule.of_answers(queries.stated(), answers)
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
        "against": found,
    }
    (ARTIFACTS / f"serving-{moment}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return found


def only_value(robot: Any, expression: str) -> float:
    return float(robot.query(expression)[0]["value"][1])


def test_the_load_is_a_thousand_series_of_which_some_are_replaced_and_has_a_past(robot: Any) -> None:
    series = robot.declared("load_series")
    labels = f"--label instance=127.0.0.1:9300 --label robot={robot.name}"  # as a scrape has them: the series go on
    # VictoriaMetrics counts what is imported and what is scraped apart, and takes 3,000 in an hour: little churn
    options = f"--pause 0.02 --past-churn 0.02 {labels}"
    robot.run(f"python3 /opt/load/load.py --past 127.0.0.1:8428 --series {series} {options}")
    hours = only_value(robot, "(now() - min(tfirst_over_time(load_temperature_celsius[1d]))) / 3600")
    assert hours > max(query.range_seconds for query in queries.stated()) / 3600
    assert only_value(robot, 'count({__name__=~"load_.*"} offset 30s)') >= robot.declared("load_series")
    power.wait_until(robot, MERGED)  # no robot takes in so much at once
    assert only_value(robot, 'max_over_time(scrape_samples_scraped{job="load"}[1m])') == robot.declared("load_series")


def test_the_defaults_serve_dashboards_at_a_thousand_series(robot: Any) -> None:
    # a rate takes the watchdog a minute, and a graph shows what is older than 30 s
    assert robot.query("robot_stack_service_major_faults_per_minute"), "the watchdog has not looked twice"
    assert judge(robot, "first") == []
    seen = only_value(robot, 'count(last_over_time({__name__=~"load_.*"}[10m]))')
    assert seen > robot.declared("load_series") * 1.02, "series were replaced meanwhile"
    assert only_value(robot, "sum(vm_hourly_series_limit_rows_dropped_total)") == 0, "no series was refused"


def test_they_serve_again_after_a_cold_boot(robot: Any) -> None:
    before = only_value(robot, "tfirst_over_time(node_load1[1h])")
    started = {service: robot.started_at(service) for service in SERVICES}
    power.cut(robot)
    for service in SERVICES:
        power.wait_until(robot, f"docker ps --format '{{{{.Names}}}}' | grep -x robot-stack-{service}")
    assert all(robot.started_at(service) != started[service] for service in SERVICES)
    assert judge(robot, "after-cold-boot") == []
    assert only_value(robot, "tfirst_over_time(node_load1[1h])") == before, "its history is still there"
