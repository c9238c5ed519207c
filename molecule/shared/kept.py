"""Samples that a change must not alter: what is written by hand before it, and what was scraped."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from waiting import patience, until

DATABASE = "http://127.0.0.1:8428"


def write(robot: Any, name: str) -> None:
    """Write a sample of 42, and have it on disk. A database that is busy refuses it for now (503)."""
    code = (
        "import urllib.request as u; "
        f"u.urlopen('{DATABASE}/api/v1/import/prometheus', b'{name} 42\\n'); "
        f"u.urlopen('{DATABASE}/internal/force_flush')"
    )
    until(lambda: robot.host.run(f'python3 -c "{code}"').rc == 0, f"{name} is written", patience(robot))


def value(robot: Any, name: str) -> str:
    """Return the last value of a series, within an hour."""
    (series,) = robot.query(f"last_over_time({name}[1h])")
    return str(series["value"][1])


def history(robot: Any, moment: float, seconds: float = 60) -> str:
    """Return every sample of the scrapes in the time before a moment (seconds since 1970)."""
    selector = quote('{__name__=~"up|scrape_samples_scraped"}')
    text = robot.get(f"{DATABASE}/api/v1/export?match[]={selector}&start={moment - seconds:.0f}&end={moment:.0f}")
    return "\n".join(sorted(text.splitlines()))
