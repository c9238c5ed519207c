"""What is held against a change, and what is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, procfs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import gate, readback
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.samples import Sample
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.robots import MIB, parameters, service

NOW = 10_000.0
CHANGED_AT = NOW - 70
STACK = parse.parse(parameters(service(), service("victoriametrics", 50)))


def reading(name: str, limit: int, held: int = 4, **record: Any) -> readback.Reading:
    return readback.Reading(
        name,
        limit * MIB,
        status="running",
        container="c",
        limits=cgroup.Limits(limit * MIB, 0),
        smallest=(limit * MIB, "/x"),
        usage=cgroup.Usage(held * MIB, 0, held * MIB, 0, 0, 0),
        below_ceiling=True,
        record=state.ServiceRecord(container="c", **{"deployed_at": NOW - 60, **record}),
    )


def engine(held: int = 60) -> readback.EngineReading:
    usage = cgroup.Usage(held * MIB, 0, held * MIB, 0, 0, 0)
    return readback.EngineReading(procfs.Share(90 * MIB, 60 * MIB), usage, 300 * MIB, usage, 0)


def judged(*readings: readback.Reading, changed: tuple[str, ...] = ("sensor_service",), **more: Any) -> dict[str, str]:
    stack = dataclasses.replace(STACK, **more)
    found = gate.objections(stack, readings, engine(), changed, CHANGED_AT, NOW)
    return {one.subject: one.why for one in found}


def test_a_robot_that_is_well_passes() -> None:
    assert judged(reading("sensor_service", 32), reading("victoriametrics", 50)) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "exited"}, "down"),
        ({"healthy": "HTTP 503"}, "down"),
        ({"limits": cgroup.Limits(64 * MIB, 0)}, "unlimited"),
        ({"faults_per_minute": 11.0}, "thrashing"),
    ],
)
def test_one_that_is_not_does_not(change: dict[str, Any], words: str) -> None:
    bad = dataclasses.replace(reading("sensor_service", 32), **change)
    assert judged(bad)["sensor_service"].startswith(words)


def test_a_kill_since_the_deployment_is_held_against_it() -> None:
    killed = reading("sensor_service", 32, oom_kills=1, last_failure_at=NOW - 5, last_failure="killed for memory")
    assert judged(killed)["sensor_service"].startswith("killed")


def test_tight_passes_only_where_that_is_allowed() -> None:
    tight = reading("sensor_service", 32, held=28)
    assert judged(tight)["sensor_service"].startswith("tight")
    assert judged(tight, accept_tight=True) == {}


@pytest.mark.parametrize(("seconds_ago", "counts"), [(3600, False), (5, True), (-7200, False)])
def test_what_another_service_suffered_before_the_change_is_not_the_changes_fault(
    seconds_ago: int, counts: bool
) -> None:
    known: dict[str, Any] = {
        "restarts": 1,
        "last_failure_at": NOW - seconds_ago,
        "last_failure": "it ended",
        "deployed_at": 5.0,
    }
    for changed in (("sensor_service",), ()):  # a lower ceiling changes no service
        found = judged(reading("sensor_service", 32), reading("victoriametrics", 50, **known), changed=changed)
        assert ("victoriametrics" in found) is counts


@pytest.mark.parametrize(("before", "after", "thrashes"), [(9000, 0, False), (9000, 100, True), (0, 100, True)])
def test_major_faults_before_the_change_are_not_the_changes_fault(before: int, after: int, thrashes: bool) -> None:
    """A ceiling is raised because a service thrashes: that must not be refused for the thrashing that it ends."""
    counted = [(NOW - 200, 0), (CHANGED_AT, before), (NOW - 30, before + after // 2), (NOW, before + after)]
    sampled = tuple(Sample(time, 1.0, faults) for time, faults in counted)
    database = dataclasses.replace(reading("victoriametrics", 50), faults_per_minute=2700.0, sampled=sampled)
    found = judged(database, changed=())
    assert found.get("victoriametrics", "").startswith("thrashing") is thrashes


@pytest.mark.parametrize(("seconds_ago", "counts"), [(59, False), (60, True)])
def test_waiting_for_memory_counts_once_the_kernel_looks_back_no_further_than_the_change(
    seconds_ago: int, counts: bool
) -> None:
    waits = reading("victoriametrics", 50)
    waits = dataclasses.replace(waits, usage=cgroup.Usage(4 * MIB, 0, 4 * MIB, 0, 0, 0, 20.0))
    found = gate.objections(STACK, [waits], engine(), (), NOW - seconds_ago, NOW)
    assert bool(found) is counts


def test_peaks_and_engine_must_fit_the_budget() -> None:
    peaks = reading("sensor_service", 32, peak_bytes=250 * MIB)
    assert "the services' peaks (250.0 MiB) and the engine (60.0 MiB) are more" in judged(peaks)["stack"]
    assert judged(reading("sensor_service", 32, peak_bytes=240 * MIB)) == {}
