"""Asks a collector what an open dashboard asks, for a stated time, and tells how it answered.

    python3 ask.py < questions.json > answers.json

Questions: {"collector": "127.0.0.1:8428", "pages": ["127.0.0.1:9101"], "seconds": 60, "refresh_seconds": 5,
"workers": 4, "timeout_seconds": 30, "headers": {"Authorization": ...},
"queries": [{"expr": ..., "range_seconds": 1800, "points": 300}, ...]}.
Every refresh asks all queries at once with a browser's few connections, as a page of graphs does. Beside it each page
(a /metrics) is read once a second.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]


@dataclass
class Answers:
    """How often something was asked, what was refused, failed or had no data, and how long it took (ms)."""

    asked: int = 0
    empty: int = 0
    refusals: list[str] = field(default_factory=list)  # with the reason: it asks for more than a bound allows
    failures: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def summary(self) -> Json:
        """Return plain numbers; the slowest and the middle time are missing where nothing was answered."""
        times = sorted(self.took)
        spread = (
            {
                "median_ms": round(statistics.median(times), 2),
                "p95_ms": round(times[math.ceil(0.95 * len(times)) - 1], 2),
                "slowest_ms": round(times[-1], 2),
            }
            if times
            else {}
        )
        return {"asked": self.asked, "empty": self.empty, "failed": len(self.failures), "failures": self.failures[:3],
                "refused": len(self.refusals), "refusals": self.refusals[:1], **spread}  # fmt: skip


class RefusedError(OSError):
    """The answer is HTTP 422: what was asked for is beyond a bound, and the body says which."""


def fetch(address: str, path: str, timeout: float, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a page. Raises OSError or HTTPException; anything but 200 is an OSError."""
    connection = HTTPConnection(address, timeout=timeout)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            kind = RefusedError if answer.status == 422 else OSError
            raise kind(f"HTTP {answer.status}: {body[:400].decode(errors='replace')}")
        return body
    finally:
        connection.close()


def ask(questions: Json, query: Json, timeout: float, answers: Answers) -> None:
    """Ask one range query and write down how it went."""
    end = time.time()
    words = {
        "query": query["expr"],
        "start": f"{end - query['range_seconds']:.3f}",
        "end": f"{end:.3f}",
        "step": f"{query['range_seconds'] / query['points']:.3f}",
    }
    answers.asked += 1
    begun = time.monotonic()
    try:
        page = f"/api/v1/query_range?{urlencode(words)}"
        answer = json.loads(fetch(questions["collector"], page, timeout, questions.get("headers")))
        if answer.get("status") != "success" or answer.get("isPartial"):
            raise OSError(f"{answer.get('status')}: {answer.get('error', 'a partial answer')}")
        answers.empty += not answer["data"]["result"]
        answers.took.append((time.monotonic() - begun) * 1000)
    except RefusedError as error:
        answers.refusals.append(str(error))
    except (OSError, HTTPException, ValueError, KeyError) as error:
        answers.failures.append(f"{type(error).__name__}: {error}")


def read_page(address: str, timeout: float, answers: Answers) -> None:
    """Read one page of metrics and write down how it went."""
    answers.asked += 1
    begun = time.monotonic()
    try:
        answers.empty += not fetch(address, "/metrics", timeout)
        answers.took.append((time.monotonic() - begun) * 1000)
    except (OSError, HTTPException) as error:
        answers.failures.append(f"{type(error).__name__}: {error}")


def read_pages(addresses: list[str], until: float, timeout: float, answers: dict[str, Answers]) -> None:
    """Read every page once a second until the moment ``until`` (monotonic)."""
    while time.monotonic() < until:
        for address in addresses:
            read_page(address, timeout, answers[address])
        time.sleep(1)


def run(questions: Json) -> Json:
    """Ask for the stated time; return the answers to each query and of each page."""
    begun = time.monotonic()
    until, timeout = begun + questions["seconds"], questions.get("timeout_seconds", 30)
    queries: list[Json] = questions["queries"]
    answers = [Answers() for _ in queries]
    pages = {address: Answers() for address in questions.get("pages", [])}
    reader = threading.Thread(target=read_pages, args=(list(pages), until, timeout, pages))
    reader.start()
    with ThreadPoolExecutor(questions.get("workers", 4)) as browser:
        while time.monotonic() < until:
            refreshed = time.monotonic()
            list(browser.map(lambda n: ask(questions, queries[n], timeout, answers[n]), range(len(queries))))
            pause = min(until, refreshed + questions.get("refresh_seconds", 5)) - time.monotonic()
            time.sleep(max(0.0, pause))
    reader.join()
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "queries": [{**query, **found.summary()} for query, found in zip(queries, answers)],
        "pages": [{"address": address, **found.summary()} for address, found in pages.items()],
    }


def main() -> int:
    """Run as a program."""
    json.dump(run(json.load(sys.stdin)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
