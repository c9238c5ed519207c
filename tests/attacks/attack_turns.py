"""A day and a month turn while samples come in and graphs are drawn: nothing is missing, refused, or killed.

VictoriaMetrics puts a sample where the sample's own time belongs: into the partition of its month, and each series into
that partition's index of its day. So samples on both sides of a midnight, handed over one scrape after the other, open
there what a robot's open when its clock reaches it, and the limits are a robot's. A month leaves once all of it is
beyond the retention: here since that became shorter, and not since time went by.

What this does **not** show is what VictoriaMetrics does at a midnight by its clock and not by its samples: it fills the
next day's index in the hour before, and counts a day's series anew. Containers share this machine's clock, and a Go
program asks the kernel for it, so that no library can tell it another.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from attacks.alone import Alone
from attacks.containers import until

DATABASE_8428 = ("victoriametrics", 8428, "victoriametrics_listen_address")
SERIES = 1000  # what the default limit is for
RENEWED = 5  # each fifth has another name on the day that begins, as sessions have
STEP = 15  # seconds
SCRAPES = 40  # before midnight, and as many from it on
OLD_DAYS = 100  # a month that is older than the default retention, and within another one
DROP_SECONDS = 300  # it looks once a minute
# Each series once, in each scrape: a window of one step holds one sample of it.
EACH_SCRAPE = f"count(count_over_time(turning[{STEP}s]))"


def first_of_next_month() -> datetime:
    """Return the midnight with which it begins (UTC, as partitions have it)."""
    return (datetime.now(timezone.utc).replace(day=1) + timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )


def scrape(moment: int, midnight: int) -> bytes:
    """Return what is read at ``moment`` (s), in Prometheus' text format."""
    day = int(moment >= midnight)
    return "".join(
        f'turning{{number="{number}",session="{day if number % RENEWED == 0 else 0}"}} {moment % 97} {moment * 1000}\n'
        for number in range(SERIES)
    ).encode()


def graph(database: Alone, expression: str, begin: int, end: int) -> dict[int, float]:
    """Return a graph's points by their moment (s). Raises AssertionError where it is not answered."""
    span = f"start={begin}&end={end}&step={STEP}&nocache=1"
    answer = database.ask(f"/api/v1/query_range?query={quote(expression)}&{span}")
    assert answer.status == 200, answer
    found = json.loads(answer.body)["data"]["result"]
    return {int(moment): float(value) for series in found for moment, value in series["values"]}


def stored(database: Alone, begin: int, end: int) -> Counter[int]:
    """Return how many samples there are, by their moment (s); one that is there twice counts twice."""
    answer = database.ask(f"/api/v1/export?match[]=turning&start={begin}&end={end}")
    assert answer.status == 200, answer
    lines = [json.loads(line) for line in answer.body.splitlines()]
    return Counter(moment // 1000 for line in lines for moment in line["timestamps"])


def months(database: Alone) -> set[str]:
    """Return the months that it has a folder for."""
    return {path.name for path in (database.folder / "data" / "data" / "small").glob("2*")}


def hand_over(database: Alone, moment: int, midnight: int) -> None:
    """Have it take a scrape, and show it."""
    taken = database.ask("/api/v1/import/prometheus", scrape(moment, midnight))
    assert taken.status == 204, taken
    assert database.ask("/internal/force_flush").status == 200


@pytest.mark.parametrize("days", [0, 10], ids=["a month", "a day"])
def test_a_turn_costs_no_sample_and_no_answer(days: int) -> None:
    turn = first_of_next_month() + timedelta(days=days)
    midnight = int(turn.timestamp())
    moments = [midnight + STEP * number for number in range(-SCRAPES, SCRAPES)]
    complete = dict.fromkeys(moments, float(SERIES))
    with Alone(*DATABASE_8428, variables={"victoriametrics_accepts_writes": True}) as database:
        for moment in moments:
            hand_over(database, moment, midnight)
            drawn = graph(database, EACH_SCRAPE, moments[0], moment)
            assert drawn == {at: complete[at] for at in moments if at <= moment}
        of_the_day = graph(database, 'count(turning{session="1"})', midnight, moments[-1])
        assert set(of_the_day.values()) == {SERIES / RENEWED}, "those that are new are found by their day"
        assert not graph(database, 'count(turning{session="1"})', moments[0], midnight - 1)
        assert stored(database, moments[0], moments[-1]) == complete
        assert database.ended() == ""
        database.stop()
        expected = {f"{at:%Y_%m}" for at in (turn - timedelta(seconds=1), turn)}
        assert len(expected) == (1 if days else 2)
        assert months(database) >= expected, "each month's samples have a folder of their own"
        with Alone(*DATABASE_8428, past=database) as again:
            assert stored(again, moments[0], moments[-1]) == complete, "they are on the disk"
            assert graph(again, EACH_SCRAPE, moments[0], moments[-1]) == complete


def test_a_month_that_leaves_costs_the_others_nothing() -> None:
    now = int(time.time()) // STEP * STEP
    old = now - OLD_DAYS * 86_400
    leaving = f"{datetime.fromtimestamp(old, timezone.utc):%Y_%m}"
    longer = {"victoriametrics_accepts_writes": True, "victoriametrics_retention": f"{2 * OLD_DAYS}d"}
    with Alone(*DATABASE_8428, variables=longer) as writer:
        for moment in (old, now):
            hand_over(writer, moment, now)
        assert stored(writer, old, now) == {old: SERIES, now: SERIES}
        writer.stop()
        assert leaving in months(writer)
        taken = [now]
        with Alone(*DATABASE_8428, variables={"victoriametrics_accepts_writes": True}, past=writer) as database:

            def left() -> bool:
                moment = int(time.time()) // STEP * STEP
                if moment > taken[-1]:
                    hand_over(database, moment, now)
                    taken.append(moment)
                graph(database, EACH_SCRAPE, now, moment)
                return leaving not in months(database) and len(taken) > 2

            until(left, f"{leaving} leaves, and samples come in meanwhile", seconds=DROP_SECONDS)
            assert stored(database, old, taken[-1]) == dict.fromkeys(taken, SERIES)
            assert database.ended() == ""
