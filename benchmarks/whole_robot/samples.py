"""Whether samples arrive, and an open dashboard: asked through a tunnel, as an operator's browser asks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from benchmarks import queries
from benchmarks.queries import Query
from benchmarks.trial import ROBOT

from .robot import FailedError
from .variants import Variant

LOAD = '{__name__=~"load_.+"}'
ENOUGH_SAMPLES = 12  # of a series: three minutes at the default interval
ENOUGH_SERIES = 900  # of 1,000, of which some are replaced by new ones meanwhile
PATIENCE_SECONDS = 2400  # an emulated robot that is slow, not one that is broken
PAUSE_SECONDS = 5
DASHBOARD_SECONDS = 120
WARM_UP_SECONDS = 60  # what opened the page is not yet what an open page costs
ENDING_SECONDS = 300


def value(address: str, expression: str) -> float | None:
    """Return the only value that an expression has now; None where there is none, or nobody who answers.

    Raises FailedError where the question is refused: it would be again.
    """
    try:
        with urlopen(f"http://{address}/api/v1/query?query={quote(expression)}", timeout=60) as answer:
            result = json.loads(answer.read())["data"]["result"]
    except HTTPError as error:
        if error.code in (400, 422):
            raise FailedError(f"{expression}: {error.read()[:300].decode(errors='replace')}") from error
        return None
    except (OSError, HTTPException, ValueError, KeyError):
        return None
    return float(result[0]["value"][1]) if result else None


def lines_of(address: str, path: str, pattern: str) -> int:
    """Return how many lines of a page match; 0 where nobody answers."""
    try:
        with urlopen(f"http://{address}{path}", timeout=60) as answer:
            return len(re.findall(pattern, answer.read().decode(errors="replace"), re.MULTILINE))
    except (OSError, HTTPException):
        return 0


def until(what: Callable[[], bool], words: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so. Raises FailedError where it is not in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise FailedError(f"not within {seconds:g} s: {words}")
        time.sleep(PAUSE_SECONDS)


def wait_for(variant: Variant, here: str) -> int | None:
    """Wait until some minutes of the load's samples are there; return how many series the database holds.

    None for what has no database to ask: its page has to show them. Raises FailedError.
    """
    if variant.page:
        page = variant.page
        until(
            lambda: lines_of(here, page.path, page.pattern) >= page.least,
            f"{variant.name}: {page.least} lines of {page.path} match {page.pattern}",
        )
        return None
    enough = f"count(count_over_time({LOAD}[1h]) >= {ENOUGH_SAMPLES})"
    until(
        lambda: (value(here, enough) or 0) >= ENOUGH_SERIES,
        f"{variant.name}: {ENOUGH_SERIES} series of the load with {ENOUGH_SAMPLES} samples each",
    )
    count = value(here, 'count({__name__!=""})')
    return None if count is None else int(count)


def wait_for_new(variant: Variant, here: str, since: int) -> None:
    """Wait until the series of the load have a sample of after ``since`` (Unix time, s). Raises FailedError."""
    until(
        lambda: (value(here, f"count(timestamp({LOAD}) > {since})") or 0) >= ENOUGH_SERIES,
        f"{variant.name}: {ENOUGH_SERIES} series of the load with a sample since its boot",
    )


def questions(variant: Variant) -> list[Query]:
    """Return what an open dashboard asks, as the variant understands it."""
    asked = queries.stated()
    return asked if variant.is_product else [query.in_promql() for query in asked]


def dashboard(variant: Variant, here: str, look: Callable[[], dict[str, Any]]) -> tuple[list[Any], dict[str, Any]]:
    """Have a dashboard open; return the looks once it was warm, and how it was answered. Raises FailedError."""
    asking = subprocess.Popen(
        [sys.executable, str(ROBOT / "ask.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    rest: str | None = json.dumps(queries.questions(here, [], questions(variant), DASHBOARD_SECONDS))
    looks: list[dict[str, Any]] = []
    begun = time.monotonic()
    try:
        while True:
            try:
                answers = json.loads(asking.communicate(rest, timeout=PAUSE_SECONDS)[0])
                break
            except subprocess.TimeoutExpired:
                rest = None  # it was sent with the first call
            if WARM_UP_SECONDS <= time.monotonic() - begun <= DASHBOARD_SECONDS:
                looks.append(look())
            if time.monotonic() - begun > DASHBOARD_SECONDS + ENDING_SECONDS:
                raise FailedError(f"{variant.name}: the dashboard was not answered")
    except ValueError as error:
        raise FailedError(f"{variant.name}: what asks as a dashboard does has told nothing: {error}") from error
    finally:
        asking.kill()
        asking.communicate()
    return looks, summed_up(answers)


def summed_up(answers: dict[str, Any]) -> dict[str, Any]:
    """Return how often was asked, and what came of it. Raises FailedError where nothing was answered."""
    asked = answers["queries"]
    total = {name: sum(query[name] for query in asked) for name in ("asked", "failed", "refused", "empty")}
    failures = [failure for query in asked for failure in query["failures"]]
    if total["asked"] <= total["failed"] + total["refused"] + total["empty"]:
        raise FailedError(f"no query of the dashboard was answered with data: {failures[:1]}")
    return {**total, "failures": failures[:3]}
