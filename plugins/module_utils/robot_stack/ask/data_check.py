"""Whether a service still finds what it kept before: another version may answer its health page and see nothing of it.

VictoriaMetrics before v1.133 is such a one: it starts on the data of a later version, is healthy, and finds no series
but those that are scraped again. What a version says of itself is not.
"""

from __future__ import annotations

import time
from typing import Callable
from urllib.parse import urlencode

from ..spec.model import Service
from . import answers, http
from .prometheus import FRESH

# Targets have this series whatever they serve; what was scraped this long before a moment counts for it.
TARGETS = "count(last_over_time(up[10m]))"
# A version says this of itself, and its successor another: the only series that nobody scrapes again.
VERSIONS = "count(last_over_time(vm_app_version[10m]))"
# What came in later may not be searchable yet.
SETTLED_SECONDS = 30.0
# A fresh start searches its index for the first time.
PATIENCE_SECONDS = 30.0
INTERVAL_SECONDS = 0.5

Ask = Callable[..., "tuple[int, str]"]  # URL, user name, password


def series_at(service: Service, moment: float, query: str = TARGETS, ask: Ask = http.get) -> int | None:
    """Return how many series ``query`` counts at ``moment`` (seconds since 1970); None: no answer, or none to ask."""
    if not service.history_url:
        return None
    asked = urlencode({"query": query, "time": f"{moment:.3f}", **FRESH})
    status, body = _asked(service, f"/api/v1/query?{asked}", ask)
    result = answers.part(answers.parsed(body), "data", "result") if status == 200 else None
    if not isinstance(result, list):
        return None
    _, counted = answers.sample(answers.part(result[0], "value")) if result else (None, 0.0)
    return None if counted is None else int(counted)


def lost(
    service: Service,
    moment: float,
    before: int | None,
    query: str = TARGETS,
    ask: Ask = http.get,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Return "" where a healthy ``service`` finds what it found ``before``, else what is missing."""
    if not before:
        return ""
    deadline = clock() + PATIENCE_SECONDS
    while True:
        found = series_at(service, moment, query, ask)
        if found is not None and found >= before:
            return ""
        if clock() >= deadline:
            there = "does not answer queries" if found is None else f"finds {found}"
            return f"it is healthy and does not find what was kept before: {before} series had samples, it {there}"
        pause(INTERVAL_SECONDS)


def _asked(service: Service, path: str, ask: Ask) -> tuple[int, str]:
    return ask(f"{service.history_url}{path}", service.probe.username, http.password_of(service))
