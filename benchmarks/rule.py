"""What "it serves" means, in one place: the rule that the serving scenario, the floors and the comparison judge by.

A service serves inside its limit when, over a stated time after warm-up,
- every query was answered, and every query that must have data had some; one that nobody promised to answer may be
  refused with its reason instead;
- every page of metrics was answered;
- each container had fewer than 10 major faults a minute (it does not live by reading its own program text back);
- no container was killed or restarted, and each kernel limit is still the declared one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .queries import Query

MAJOR_FAULTS_PER_MINUTE = 10.0


@dataclass(frozen=True)
class Counters:
    """What the kernel and the engine say of one container at one moment. Memory in bytes."""

    started_at: str
    limit: int | None
    major_faults: int
    oom_kills: int
    working_set: int


def faults_per_minute(before: Counters, after: Counters, seconds: float) -> float:
    """Return the major faults a minute between two readings ``seconds`` apart."""
    return (after.major_faults - before.major_faults) * 60.0 / seconds


def of_container(name: str, before: Counters, after: Counters, seconds: float, limit: int | None) -> list[str]:
    """Return what speaks against a container that was declared to have ``limit`` bytes (None: no limit)."""
    if after.started_at != before.started_at:
        return [f"{name}: it was started again while it was asked ({before.started_at}, {after.started_at})"]
    found = []
    rate = faults_per_minute(before, after, seconds)
    if rate >= MAJOR_FAULTS_PER_MINUTE:
        found.append(f"{name}: {rate:.0f} major faults a minute, fewer than {MAJOR_FAULTS_PER_MINUTE:.0f} are accepted")
    if after.oom_kills > before.oom_kills:
        found.append(f"{name}: the kernel killed a process in it {after.oom_kills - before.oom_kills} times")
    if after.limit != limit:
        found.append(f"{name}: the kernel's limit is {after.limit}, declared are {limit} bytes")
    return found


def of_answers(queries: Sequence[Query], answers: Mapping[str, Any]) -> list[str]:
    """Return what speaks against the answers of `robot/ask.py` to ``queries``."""
    found = []
    for query, answer in zip(queries, answers["queries"]):
        if not answer["asked"]:
            found.append(f"never asked: {query.expr}")
        if answer["failed"]:
            found.append(f"failed {answer['failed']} of {answer['asked']}: {query.expr}: {answer['failures'][0]}")
        if answer["refused"] and not query.may_be_refused:
            found.append(f"refused {answer['refused']} of {answer['asked']}: {query.expr}: {answer['refusals'][0]}")
        if query.needs_data and answer["empty"]:
            found.append(f"without data {answer['empty']} of {answer['asked']}: {query.expr}")
    for page in answers["pages"]:
        if page["failed"] or not page["asked"]:
            found.append(f"page {page['address']}: failed {page['failed']} of {page['asked']}: {page['failures'][:1]}")
    return found


def refusals(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return what was refused, by query and range (h), with the reason that was given."""
    return {
        f"{answer['expr']} over {answer['range_seconds'] / 3600:g} h": answer["refusals"][0]
        for answer in answers["queries"]
        if answer["refused"]
    }
