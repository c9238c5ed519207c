"""The goals of a robot with Podman, and verdicts that follow from what was measured."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from benchmarks.tables import NOT_MEASURED
from benchmarks.whole_robot import goals
from benchmarks.whole_robot.course import AFTER_CUT, CUT, DASHBOARD, DEPLOYMENT, REST, UPDATE, WATCHDOG

HOLDS, DOES_NOT = "holds", "does not hold"


def at_rest(pss_mib: float) -> dict[str, Any]:
    return {"parts": [{"kind": "engine", "pss_mib": pss_mib}, {"kind": "service", "pss_mib": 40.0}]}


def phase(peak_mib: float, kills: int = 0) -> dict[str, Any]:
    return {"peak_mib": peak_mib, "current_mib": peak_mib - 1, "oom_kills": kills}


PODMAN: dict[str, Any] = {
    "series": 1234,
    "answers": {"asked": 90, "failed": 0, "refused": 1},
    "moments": {
        DASHBOARD: {"highest_of_looks": {"pss_mib": 60.0, "unreclaimable_mib": 45.0}},
        REST: at_rest(3.0),
        AFTER_CUT: at_rest(1.7),
    },
    "highest": {DEPLOYMENT: phase(120.0), UPDATE: phase(150.0), WATCHDOG: phase(150.0), CUT: phase(90.0)},
    "watchdog": {"looks": 240, "hours": 2.0},
    "unchanged": {"wall_seconds": 9.0, "robot_cpu_seconds": 2.0, "received_kb": 25.0},
    "update": {"layer_kb": 50.0, "received_kb": 100.0},
}
DOCKER: dict[str, Any] = {"unchanged": {"wall_seconds": 9.0, "robot_cpu_seconds": 2.0}}
PSS, UNRECLAIMABLE, ENGINE, SLICE, WALL, CPU, LAYER = range(7)


def verdicts(podman: dict[str, Any], docker: dict[str, Any] = DOCKER) -> list[str]:
    return [claim.verdict for claim in goals.claims_of({"podman": podman, "docker": docker})]


def test_at_its_edge_every_goal_holds() -> None:
    assert verdicts(PODMAN) == [HOLDS] * 7
    assert goals.table_of_goals({"podman": PODMAN, "docker": DOCKER}).count(f"| {HOLDS} |") == 7


def test_what_was_not_measured_is_no_goal_that_holds() -> None:
    assert verdicts({}, {}) == [NOT_MEASURED] * 7
    assert verdicts(PODMAN, {})[WALL : CPU + 1] == [NOT_MEASURED] * 2


@pytest.mark.parametrize(
    ("path", "value", "broken"),
    [
        (("moments", DASHBOARD, "highest_of_looks", "pss_mib"), 60.1, [PSS]),
        (("moments", DASHBOARD, "highest_of_looks", "unreclaimable_mib"), 45.1, [UNRECLAIMABLE]),
        (("series",), 999, [PSS, UNRECLAIMABLE]),
        (("moments", AFTER_CUT), at_rest(3.1), [ENGINE]),
        (("highest", DEPLOYMENT, "peak_mib"), 150.1, [SLICE]),
        (("highest", CUT, "peak_mib"), 150.1, [SLICE]),
        (("highest", WATCHDOG, "oom_kills"), 1, [SLICE]),
        (("highest", CUT, "oom_kills"), 1, [SLICE]),
        (("unchanged", "wall_seconds"), 9.1, [WALL]),
        (("unchanged", "robot_cpu_seconds"), 2.1, [CPU]),
        (("update", "layer_kb"), 50.1, [LAYER]),
    ],
)
def test_each_goal_is_broken_by_its_own_figure(path: tuple[str, ...], value: Any, broken: list[int]) -> None:
    podman = copy.deepcopy(PODMAN)
    last = podman
    for key in path[:-1]:
        last = last[key]
    last[path[-1]] = value
    assert [number for number, verdict in enumerate(verdicts(podman)) if verdict != HOLDS] == broken
    assert {verdicts(podman)[number] for number in broken} == {DOES_NOT}


def test_what_an_engines_package_starts_counts_until_the_robot_boots_again() -> None:
    podman = copy.deepcopy(PODMAN)
    podman["moments"][REST] = at_rest(7.8)
    claim = goals.claims_of({"podman": podman})[ENGINE]
    assert (claim.verdict, claim.measured) == (
        "holds once it has booted again",
        "7.8 MiB as it was installed, 1.7 MiB once the robot has booted again",
    )


@pytest.mark.parametrize("left_out", [DEPLOYMENT, UPDATE, WATCHDOG, CUT])
def test_a_course_that_was_not_gone_to_its_end_is_not_measured(left_out: str) -> None:
    podman = copy.deepcopy(PODMAN)
    del podman["highest"][left_out]
    assert verdicts(podman)[SLICE] == NOT_MEASURED


def test_how_long_the_watchdog_was_seen_is_said() -> None:
    measured = goals.claims_of({"podman": PODMAN})[SLICE].measured
    assert measured.startswith(
        "150.0 MiB, 0 kills, over deployment, an update, looks of the watchdog (240 looks, 2 hours"
    )
