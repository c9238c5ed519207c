"""What happened to a service: kills, ends that nobody asked for, hangs; told once each."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import found
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import Event
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import failure_history, state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.state import ServiceRecord
from hypothesis import given
from hypothesis import strategies as st

OOM = [Event(10.0, "oom"), Event(10.5, "die", "137"), Event(11.0, "start")]
ENDED = [Event(20.0, "die", "2"), Event(20.5, "start")]
STOPPED = [Event(30.0, "kill", signal="15"), Event(30.1, "die", "0"), Event(31.0, "start")]
RECORD = ServiceRecord("c", deployed_at=1.0)


def after(
    events: list[Event], record: ServiceRecord = RECORD, restarts: int = 0, kills_inside: int = 0, kernel_kills: int = 0
) -> ServiceRecord:
    return failure_history.after(record, "c", events, restarts, 5.0, kills_inside, kernel_kills)


@pytest.mark.parametrize(
    ("events", "kills", "restarts", "at", "words"),
    [
        ([], 0, 0, 0.0, ""),
        (OOM, 1, 1, 10.5, "the kernel killed it for lack of memory"),
        (ENDED, 0, 1, 20.0, "it ended with exit code 2"),
        (OOM + ENDED, 1, 2, 20.0, "it ended with exit code 2"),
        (STOPPED, 0, 0, 0.0, ""),
        ([*STOPPED, Event(40.0, "die", "1")], 0, 1, 40.0, "it ended with exit code 1"),
        # a signal that asks for no end is no excuse for one
        ([Event(9.0, "kill", signal="1"), *ENDED], 0, 1, 20.0, "it ended with exit code 2"),
        # another container was killed, below the same limit: cgroup v1 tells all of them
        ([Event(10.0, "oom")], 0, 0, 0.0, ""),
        ([Event(10.0, "oom"), *ENDED], 0, 1, 20.0, "it ended with exit code 2"),
        # the engine may tell of the end first
        ([OOM[1], OOM[2], Event(11.5, "oom")], 1, 1, 11.5, "the kernel killed it for lack of memory"),
        ([Event(5.0, "die", "137"), Event(5.1, "start"), Event(40.0, "oom")], 0, 1, 5.0, "it ended with exit code 137"),
        # the kernel may tell more than once of what it then ends with one kill
        ([Event(9.9, "oom"), *OOM], 1, 1, 10.5, "the kernel killed it for lack of memory"),
    ],
)
def test_each_end_is_counted_with_its_cause(
    events: list[Event], kills: int, restarts: int, at: float, words: str
) -> None:
    found = after(events)
    assert (found.oom_kills, found.restarts, found.last_failure_at, found.last_failure) == (kills, restarts, at, words)


MUTE = [Event(10.5, "die", "137"), Event(11.0, "start")]  # the engine found no cause
KILL = [Event(30.0, "kill", signal="9"), Event(30.1, "die", "137"), Event(31.0, "start")]


@pytest.mark.parametrize(
    ("events", "told", "kills", "restarts", "cause"),
    [
        (MUTE, 0, 0, 1, state.KILLED),
        (MUTE, 1, 1, 1, state.OUT_OF_MEMORY),
        (MUTE, 3, 1, 1, state.OUT_OF_MEMORY),  # with its children
        (OOM, 1, 1, 1, state.OUT_OF_MEMORY),
        ([*MUTE, Event(11.5, "oom")], 1, 1, 1, state.OUT_OF_MEMORY),
        ([*MUTE, Event(15.0, "die", "137")], 2, 2, 2, state.OUT_OF_MEMORY),
        ([*MUTE, Event(15.0, "die", "137")], 1, 1, 2, state.OUT_OF_MEMORY),
        ([*MUTE, *ENDED], 1, 1, 2, state.ENDED),
        (ENDED, 1, 0, 1, state.ENDED),
        (KILL, 1, 0, 0, ""),
        ([], 1, 0, 0, ""),
    ],
)
def test_where_the_engine_found_no_cause_the_kernels_own_count_tells_it(
    events: list[Event], told: int, kills: int, restarts: int, cause: str
) -> None:
    found = after(events, kernel_kills=told)
    assert (found.oom_kills, found.restarts, found.cause) == (kills, restarts, cause)
    again = after(events, found)
    assert (again.oom_kills, again.restarts, again.cause) == (kills, restarts, cause)


def test_a_child_that_was_killed_leaves_the_service_running_and_is_counted() -> None:
    found = after([Event(10.0, "oom")], kills_inside=1)
    assert (found.oom_kills, found.restarts, found.last_failure_at) == (1, 0, 10.0)
    again = after([Event(10.0, "oom")], found, kills_inside=1)
    assert again == found
    ended = after([Event(10.0, "oom"), Event(10.5, "die", "137")], found)
    assert (ended.oom_kills, ended.restarts, ended.cause) == (1, 1, state.OUT_OF_MEMORY)


@given(st.lists(st.integers(0, len(OOM + ENDED + STOPPED)), max_size=4))
def test_looking_more_often_counts_nothing_twice(cuts: list[int]) -> None:
    events = OOM + ENDED + STOPPED
    record = RECORD
    for cut in [*sorted(cuts), len(events)]:
        # as the engine is asked: from shortly before the last failure on
        asked = [event for event in events[:cut] if event.time >= record.last_failure_at - failure_history.KILL_SECONDS]
        record = after(asked, record)
    assert record == after(events)


@pytest.mark.parametrize(
    ("seen_before", "now", "events", "restarts"),
    [
        (0, 2, [], 2),  # an engine that was restarted has forgotten its events, not its count
        (2, 2, [], 0),
        (2, 0, [], 0),  # a restart that was asked for sets the engine's count back
        (2, 1, [], 1),
        (0, 1, OOM, 1),  # told by both
        (0, 3, OOM, 3),
    ],
)
def test_the_engines_own_count_fills_what_its_events_miss(
    seen_before: int, now: int, events: list[Event], restarts: int
) -> None:
    found = after(events, ServiceRecord("c", engine_restarts=seen_before), now)
    assert (found.restarts, found.engine_restarts) == (restarts, now)
    assert bool(found.last_failure_at) == bool(restarts)


def test_a_new_container_begins_with_nothing() -> None:
    old = ServiceRecord("old", 1.0, 9, 3, 3, 3, 3, 99.0, "it died")
    assert failure_history.after(old, "c", [], 0, 5.0) == ServiceRecord("c", deployed_at=5.0)


def test_a_hang_is_a_failure_of_its_own() -> None:
    found = failure_history.hung(RECORD, "timed out", 50.0, 3)
    assert (found.hangs, found.last_failure_at, found.restarts) == (1, 50.0, 0)
    assert found.last_failure == "it ran and did not answer (timed out): it was restarted"


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (
            {"Action": "die", "timeNano": 1_500_000_000, "Actor": {"Attributes": {"exitCode": "137"}}},
            Event(1.5, "die", "137"),
        ),
        ({"Action": "kill", "timeNano": 0, "Actor": {"Attributes": {"signal": "9"}}}, Event(0.0, "kill", "", "9")),
        ({}, Event(0.0, "")),
    ],
)
def test_the_engines_messages_are_read(raw: dict[str, Any], event: Event) -> None:
    assert found.events([raw]) == (event,)
