"""The recording rules come to the judge's verdict, whatever is read."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, procfs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import readback
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import verdict as judge
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.state import ServiceRecord
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import metrics as metrics_page
from declarations import PROJECT
from robot_stack.robots import MIB, parameters

from benchmarks import past

RULES = PROJECT / "roles/robot_stack/files/rules/memory_budget.yml"
PROMTOOL = PROJECT / ".testbed/cache/promtool/promtool"
BUDGET = parse.parse(parameters()).budget
# promtool's clock starts at 0; later than the day for which a kill counts
MINUTES = 2000
NOW = MINUTES * 60.0
CASES = 400


def reading(name: str, rng: random.Random) -> Any:
    """A reading in which each rule holds now and then, its threshold included."""
    limit = rng.choice([32, 50]) * MIB
    limits = rng.choice([None, *[cgroup.Limits(limit, rng.choice([0, 0, 0, None, MIB]))] * 8])
    held = rng.choice([0.1, 0.5, 0.8, 0.79, 0.81, 1.0])
    return readback.Reading(
        name,
        limit,
        status=rng.choice(["running"] * 9 + ["exited"]),
        container="c",
        limits=limits,
        smallest=(rng.choice([limit] * 9 + [limit - 4096]), "/x"),
        usage=cgroup.Usage(limit, 0, int(limit * held), 0, 0, 0, rng.choice([None, 0.0, 10.0, 10.5])),
        memory=ServiceRecord(
            "c",
            oom_kills=1,
            last_failure_at=rng.choice(
                [0.0, 0.0, 0.0, 1.0, NOW - 86400, NOW - 86399, NOW - 5, NOW + 86399, NOW + 86400]
            ),
            last_failure="it died",
        ),
        faults_per_minute=rng.choice([None, 0.0, 10.0, 10.1, 400.0]),
        below_ceiling=rng.choice([True] * 9 + [False]),
        healthy=rng.choice([None] * 9 + ["timed out"]),
    )


def engine_reading(rng: random.Random) -> Any:
    def usage(mib: int) -> Any:
        return rng.choice([None, cgroup.Usage(1, 0, mib * MIB, 0, 0, 0)])

    return readback.EngineReading(
        share=procfs.Share(90 * MIB, rng.choice([60, 128, 129]) * MIB),
        usage=usage(rng.choice([60, 128, 129])),
        limit_of_stack=rng.choice([300 * MIB, 300 * MIB, 300 * MIB, None, 299 * MIB]),
        stack_usage=usage(rng.choice([100, 240, 300, 301])),
        swap_total=rng.choice([0, MIB]),
    )


def series(page: str, robot: int) -> list[dict[str, str]]:
    """The page as promtool wants it: one constant series for each line, told apart by robot."""
    found = []
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        name, value = line.rsplit(" ", 1)
        labels = f'robot="{robot}"'
        name = name.replace("{", "{" + labels + ",") if "{" in name else f"{name}{{{labels}}}"
        found.append({"series": name, "values": f"{value} {value}"})
    return found


def expectation(rule: str, samples: list[tuple[str, str]]) -> dict[str, Any]:
    labelled = [
        {"labels": f"{rule}{{{labels}}}", "value": float(judge.VERDICTS.index(verdict))} for labels, verdict in samples
    ]
    return {"expr": rule, "eval_time": f"{MINUTES}m", "exp_samples": labelled}


def test_the_recording_rules_come_to_the_judges_verdict(tmp_path: Path) -> None:
    rng = random.Random(1)
    inputs, services, engines, stacks = [], [], [], []
    for robot in range(CASES):
        one, whole = reading("s", rng), engine_reading(rng)
        inputs += series(metrics_page.text([one], whole, BUDGET, NOW), robot)
        services.append((f'robot="{robot}",service="s"', judge.service(one, whole.swap_total, NOW).verdict))
        engines.append((f'robot="{robot}"', judge.engine(whole, BUDGET).verdict))
        stacks.append((f'robot="{robot}"', judge.stack(whole, BUDGET).verdict))
    assert {verdict for _, verdict in services} == set(judge.VERDICTS) - {"over budget"}  # that one is the stack's
    assert {verdict for _, verdict in [*engines, *stacks]} == {"ok", "over budget", "unlimited"}
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{MINUTES}m",
        "tests": [
            {
                "interval": f"{MINUTES}m",
                "input_series": inputs,
                "promql_expr_test": [
                    expectation("robot_stack:service_verdict", services),
                    expectation("robot_stack:engine_verdict", engines),
                    expectation("robot_stack:stack_verdict", stacks),
                ],
            }
        ],
    }
    (tmp_path / "tests.yml").write_text(json.dumps(tests))
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(tmp_path / "tests.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


def test_the_page_is_accepted_by_promtool() -> None:
    rng = random.Random(2)
    page = metrics_page.text([reading("a", rng), reading("b", rng)], engine_reading(rng), BUDGET, NOW)
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_says_what_the_judge_says() -> None:
    rng = random.Random(3)
    for _ in range(CASES):
        one, whole = reading("s", rng), engine_reading(rng)
        page = metrics_page.text([one], whole, BUDGET, NOW).splitlines()
        for name, verdict in (
            ('robot_stack_service_verdict{service="s"}', judge.service(one, whole.swap_total, NOW).verdict),
            ("robot_stack_engine_verdict", judge.engine(whole, BUDGET).verdict),
            ("robot_stack_stack_verdict", judge.stack(whole, BUDGET).verdict),
        ):
            assert f"{name} {judge.VERDICTS.index(verdict)}" in page


def test_no_panel_of_the_robot_reads_more_than_two_metrics_of_a_month_at_once() -> None:
    """Operands are worked out at the same time, each with all samples of its series: a month of a dozen is too much."""
    for path in (PROJECT / "roles/victoriametrics/files/dashboards").glob("*.json"):
        page = json.loads(path.read_text())
        for expr in (expr for row in page["rows"] for panel in row["panels"] for expr in panel["expr"]):
            assert len(past.METRIC.findall(expr)) <= 2, expr
            assert " or " not in expr, expr
