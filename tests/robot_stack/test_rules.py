"""The recording rules say what the judge says, whatever is read: by its word, or by the numbers where there is none."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
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
OF_THE_NUMBERS = ('robot="2",service="s"', "ok")


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
        record=ServiceRecord(
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


def promtool(folder: Path, inputs: list[dict[str, str]], expected: list[dict[str, Any]]) -> str:
    """Apply the rules to ``inputs``; return what promtool has to say, "" where it finds what is expected."""
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{MINUTES}m",
        "tests": [{"interval": f"{MINUTES}m", "input_series": inputs, "promql_expr_test": expected}],
    }
    (folder / "tests.yml").write_text(json.dumps(tests))
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    argv = [str(PROMTOOL), "test", "rules", str(folder / "tests.yml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[:4000]


def without_verdicts(page: str) -> str:
    """The page as the first version of this project had it."""
    return "\n".join(line for line in page.splitlines() if "_verdict" not in line)


@pytest.mark.parametrize("told", [str, without_verdicts], ids=["its own word", "an earlier version"])
def test_the_recording_rules_come_to_the_judges_verdict(tmp_path: Path, told: Callable[[str], str]) -> None:
    rng = random.Random(1)
    inputs, services, engines, stacks = [], [], [], []
    for robot in range(CASES):
        one, whole = reading("s", rng), engine_reading(rng)
        inputs += series(told(metrics_page.text([one], whole, BUDGET, NOW)), robot)
        services.append((f'robot="{robot}",service="s"', judge.service(one, whole.swap_total, NOW).verdict))
        engines.append((f'robot="{robot}"', judge.engine(whole, BUDGET).verdict))
        stacks.append((f'robot="{robot}"', judge.stack(whole, BUDGET).verdict))
    assert {verdict for _, verdict in services} == set(judge.VERDICTS) - {"over budget"}  # that one is the stack's
    assert {verdict for _, verdict in [*engines, *stacks]} == {"ok", "over budget", "unlimited"}
    expected = [
        expectation("robot_stack:service_verdict", services),
        expectation("robot_stack:engine_verdict", engines),
        expectation("robot_stack:stack_verdict", stacks),
    ]
    assert promtool(tmp_path, inputs, expected) == ""


def a_page(**changed: Any) -> str:
    """The page of a robot on which all is well, but for what is changed in its service's reading."""
    calm = readback.Reading(
        "s",
        50 * MIB,
        status="running",
        container="c",
        limits=cgroup.Limits(50 * MIB, 0),
        smallest=(50 * MIB, "/x"),
        below_ceiling=True,
    )
    whole = readback.EngineReading(
        None, cgroup.Usage(1, 0, MIB, 0, 0, 0), 300 * MIB, cgroup.Usage(1, 0, MIB, 0, 0, 0), 0
    )
    return metrics_page.text([replace(calm, **changed)], whole, BUDGET, NOW)


def test_a_robots_own_word_counts_more_than_its_numbers(tmp_path: Path) -> None:
    """What it judges by need not be among what it exports, such as the limit that a program itself has found."""
    page = a_page(evidence=60.0 * MIB)
    expected = [
        expectation("robot_stack:service_verdict", [('robot="1",service="s"', "unlimited"), OF_THE_NUMBERS]),
        expectation("robot_stack:stack_verdict", [('robot="1"', "ok"), ('robot="2"', "ok")]),
    ]
    inputs = series(page, 1) + series(without_verdicts(page), 2)
    assert promtool(tmp_path, inputs, expected) == ""


@pytest.mark.parametrize("word", ["7", "-1", "NaN", "+Inf"])
def test_a_word_that_is_none_is_not_taken_for_a_verdict(tmp_path: Path, word: str) -> None:
    page = re.sub(r"(_verdict\S*) \d", rf"\1 {word}", a_page())
    assert f" {word}\n" in page
    expected = [
        expectation("robot_stack:service_verdict", [OF_THE_NUMBERS]),
        expectation("robot_stack:engine_verdict", [('robot="2"', "ok")]),
        expectation("robot_stack:stack_verdict", [('robot="2"', "ok")]),
    ]
    assert promtool(tmp_path, series(page, 2), expected) == ""


@pytest.mark.parametrize("told", [str, without_verdicts], ids=["its own word", "an earlier version"])
def test_a_verdict_that_nobody_renews_is_none_and_others_keep_theirs(
    tmp_path: Path, told: Callable[[str], str]
) -> None:
    looked = f"robot_stack_watchdog_last_look_timestamp_seconds {int(NOW)}"
    page = told(a_page())
    assert looked in page
    old, late = (page.replace(looked, looked.replace(str(int(NOW)), str(int(NOW) - age))) for age in (1201, 1199))
    expected = [
        expectation("robot_stack:service_verdict", [OF_THE_NUMBERS]),
        expectation("robot_stack:engine_verdict", [('robot="2"', "ok")]),
        expectation("robot_stack:stack_verdict", [('robot="2"', "ok")]),
    ]
    assert promtool(tmp_path, series(old, 1) + series(late, 2), expected) == ""


def test_whatever_one_robot_says_of_itself_others_keep_their_verdicts(tmp_path: Path) -> None:
    """Labels of its own are further series: twenty of them count, and no rule fails for all."""
    page = a_page()
    (word,) = [line for line in page.splitlines() if line.startswith("robot_stack_service_verdict{")]
    lies = [word.replace("}", f',lie="{number}"}}').replace(" 0", " 6") for number in range(100)]
    inputs = series("\n".join([*page.splitlines(), *lies]), 1) + series(page, 2)
    counted = {
        "expr": "count by (robot) (robot_stack:service_verdict)",
        "eval_time": f"{MINUTES}m",
        "exp_samples": [{"labels": '{robot="1"}', "value": 20}, {"labels": '{robot="2"}', "value": 1}],
    }
    assert promtool(tmp_path, inputs, [counted]) == ""


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
