"""Two processes that share nothing but a folder roll out at once, after the canaries; their results are one run."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

LIMIT = {"sensor_service_memory_limit_mib": 36}
NEVER_HEALTHY = {"victoriametrics_flags_extra": {"loggerTimezone": "No/Such"}}
STOPPED = "not reached: second, third: the rollout stopped in wave 1"


@pytest.fixture
def run(tmp_path: Path, playbook: Any) -> Any:
    def run_(name: str, shard: str = "", **variables: Any) -> Any:
        asked = {"rollout_run": "one", "rollout_results_directory": str(tmp_path), **variables}
        return playbook(
            f"playbooks/{name}.yml", "-e", json.dumps({**asked, **({"rollout_shard": shard} if shard else {})})
        )

    return run_


def containers(robots: dict[str, Any]) -> dict[str, str]:
    return {name: robot.started_at("victoriametrics") for name, robot in robots.items()}


def limits(robots: dict[str, Any]) -> dict[str, int]:
    return {name: robot.inspect("sensor_service")["HostConfig"]["Memory"] >> 20 for name, robot in robots.items()}


def test_a_bad_version_never_leaves_the_canaries(robots: dict[str, Any], run: Any) -> None:
    before = containers(robots)
    canaries = run("site", "canaries", **NEVER_HEALTHY)
    assert canaries.returncode != 0
    assert "victoriametrics: its container ended" in canaries.stdout
    assert STOPPED in canaries.stdout
    for shard in ("1/2", "2/2"):
        refused = run("site", shard, **NEVER_HEALTHY)
        assert refused.returncode != 0
        assert "the canaries have not passed" in " ".join(refused.stdout.split())
    after = containers(robots)
    assert {name: after[name] for name in ("second", "third")} == {name: before[name] for name in ("second", "third")}
    joined = run("join")
    assert joined.returncode != 0
    assert "first failed: " in joined.stdout
    assert STOPPED in joined.stdout
    assert "2 robots are in none of them: second, third" in " ".join(joined.stdout.split())


def test_two_processes_at_once_are_one_rollout(robots: dict[str, Any], run: Any) -> None:
    canaries = run("site", "canaries", **LIMIT)
    assert canaries.returncode == 0, canaries.stdout
    assert "the canaries have passed: the shards may begin" in canaries.stdout
    assert limits(robots) == {"first": 36, "second": 32, "third": 32}
    with ThreadPoolExecutor(2) as both:
        shards = list(both.map(lambda shard: run("site", shard, **LIMIT), ("1/2", "2/2")))
    assert [shard.returncode for shard in shards] == [0, 0], shards[0].stdout + shards[1].stdout
    assert limits(robots) == dict.fromkeys(robots, 36)
    joined = run("join")
    assert joined.returncode == 0, joined.stdout
    assert "changed, and passed the gate: first, second, third" in joined.stdout
    assert len(re.findall(r"whole stack .* ok$", joined.stdout, re.M)) == len(robots)


def test_a_report_of_two_processes_is_one(robots: dict[str, Any], run: Any, tmp_path: Path) -> None:
    for shard in ("1/2", "2/2"):
        assert run("report", shard, **LIMIT).returncode == 0
    joined = run("join", report_directory=str(tmp_path / "report"))
    assert joined.returncode == 0, joined.stdout
    data = json.loads((tmp_path / "report" / "performance-budget-report.json").read_text(encoding="utf-8"))
    assert {name: robot["state"] for name, robot in data["robots"].items()} == dict.fromkeys(robots, "measured")
    assert all(robot["history"]["moments"] for robot in data["robots"].values())


def test_the_next_undivided_run_goes_on_from_there(robots: dict[str, Any], playbook: Any) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert limits(robots) == dict.fromkeys(robots, 32)
