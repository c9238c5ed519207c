"""A robot's own exporter, invented: a stated number of series, some of which get a new label value every so often.

    python3 load.py --listen 127.0.0.1:9300 --series 1000   # serve them
    python3 load.py --past 127.0.0.1:8428 --series 1000     # give VictoriaMetrics what it would have read before

Every value follows from the series' number and the time alone, so that two collectors that read at the same moment
read the same, and a page can be made for any moment of the past. Of a hundred series 60 are gauges with one decimal
that wander, 30 are counters, and 10 make one histogram.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import urlencode
from urllib.request import Request, urlopen

# In this time every series has got a new label value once: 2 % of them a minute, evenly.
CHURN_SECONDS = 3000
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "+Inf")
HISTOGRAM_SERIES = len(BUCKETS) + 2
MODULES = 10
PAST_HOURS = 7  # more than the longest graph of benchmarks/queries.py goes back
PAST_STEP_SECONDS = 15  # the product's scrape interval
# Labels changed less often in the past than they do now: seven hours of that are more than the product takes in a day.
PAST_CHURN_SHARE = 0.1
TYPES = {
    "load_temperature_celsius": "# TYPE load_temperature_celsius gauge\n",
    "load_messages_total": "# TYPE load_messages_total counter\n",
    "load_latency_seconds_bucket": "# TYPE load_latency_seconds histogram\n",
}


def shares(series: int) -> tuple[int, int, int]:
    """Return how many gauges, counters and histograms make up ``series`` series. Raises ValueError below 10."""
    if series < HISTOGRAM_SERIES:
        raise ValueError(f"the load has at least {HISTOGRAM_SERIES} series, not {series}")
    histograms = max(1, series // 10 // HISTOGRAM_SERIES)
    rest = series - histograms * HISTOGRAM_SERIES
    counters = rest // 3
    return rest - counters, counters, histograms


def session(share: float, now: float) -> int:
    """Return the value of the label that changes, for the series at ``share`` (0 to 1) of all: few change at once."""
    return int(now / CHURN_SECONDS + share) % 100_000


def noise(number: int, step: int) -> float:
    """Return what looks like chance, between 0 and 1, and is the same every time."""
    mixed = (number * 2654435761 + step * 40503 + 12345) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 13)) & 0xFFFF) / 0xFFFF


def gauge(number: int, now: float) -> str:
    """Return a temperature that wanders: a slow wave and a little noise, as a sensor with one decimal gives it."""
    return f"{20 + number % 40 + 5 * math.sin(now / 90 + number) + noise(number, int(now)):.1f}"


def counter(number: int, now: float) -> int:
    """Return a count that grows at a rate of its own, 1 to 50 a second, since the last change of session."""
    return int((now % 1_000_000) * (1 + number % 50))


def samples(series: int, now: float, churn: float | None = None) -> Iterator[tuple[str, str]]:
    """Yield name with labels, and value, of every series at the time ``now`` (seconds since 1970).

    ``churn``: the time by which labels change, where it is not that of the values.
    """
    changed = now if churn is None else churn
    gauges, counters, histograms = shares(series)
    single = gauges + counters
    for number in range(gauges):
        labels = f'module="m{number % MODULES}",sensor="s{number}",session="{session(number / single, changed)}"'
        yield f"load_temperature_celsius{{{labels}}}", gauge(number, now)
    for number in range(gauges, single):
        labels = f'module="m{number % MODULES}",topic="t{number}",session="{session(number / single, changed)}"'
        yield f"load_messages_total{{{labels}}}", str(counter(number, now))
    for position in range(histograms):
        number = single + position
        labels = f'module="m{number % MODULES}",service="v{number}",session="{session(position / histograms, changed)}"'
        count = counter(number, now)
        for rank, bound in enumerate(BUCKETS, start=1):
            yield f'load_latency_seconds_bucket{{{labels},le="{bound}"}}', str(count * rank // len(BUCKETS))
        yield f"load_latency_seconds_sum{{{labels}}}", f"{count * 0.04:.2f}"
        yield f"load_latency_seconds_count{{{labels}}}", str(count)


def page(series: int, now: float, churn: float | None = None) -> bytes:
    """Return what a scrape at ``now`` gets; ``churn`` as for `samples`."""
    lines, untold = [], dict(TYPES)
    for name, value in samples(series, now, churn):
        lines.append(untold.pop(name.partition("{")[0], ""))
        lines.append(f"{name} {value}\n")
    return "".join(lines).encode()


def handler(series: int, clock: Callable[[], float]) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers each request with a page."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer with the page of this moment."""
            body = page(series, clock())
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            """Say nothing: a line for every scrape helps nobody."""

    return Handler


class Server(ThreadingHTTPServer):
    """A server to which a collector that is killed in mid-scrape is nothing to talk about."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about connections that ended early, and about nothing else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(address: str, series: int) -> Server:
    """Return a server that listens on ``address`` (host:port)."""
    host, _, port = address.rpartition(":")
    return Server((host, int(port)), handler(series, time.time))


def moments(end: float) -> list[float]:
    """Return when the load was scraped in the hours before ``end``, oldest first (seconds since 1970)."""
    scrapes = PAST_HOURS * 3600 // PAST_STEP_SECONDS
    return [end - PAST_STEP_SECONDS * number for number in range(scrapes, 0, -1)]


def write_past(
    address: str, series: int, end: float, labels: Sequence[str], pause: float = 0.0, churn: float = PAST_CHURN_SHARE
) -> None:
    """Hand a database each scrape before ``end``, ``pause`` seconds apart, with the ``labels`` that a scrape adds.

    ``churn``: how much of the load's churn there was.

    One that has just begun looks small: it has no blocks to keep in its caches, and a graph over hours costs nothing.
    Source: https://docs.victoriametrics.com/victoriametrics/url-examples/ (/api/v1/import/prometheus)
    """
    for moment in moments(end):
        query = urlencode([("timestamp", int(moment * 1000)), *(("extra_label", label) for label in labels)])
        body = page(series, moment, end - (end - moment) * churn)
        with urlopen(Request(f"http://{address}/api/v1/import/prometheus?{query}", data=body), timeout=30):
            time.sleep(pause)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Serves synthetic series, with churn.")
    parser.add_argument("--listen", default="127.0.0.1:9300")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--past", metavar="ADDRESS", help="write the hours before into this VictoriaMetrics, and end")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two scrapes of the past")
    parser.add_argument("--label", action="append", default=["job=load"], help="NAME=VALUE on each sample of the past")
    parser.add_argument("--past-churn", type=float, default=PAST_CHURN_SHARE, help="share of the load's churn in it")
    options = parser.parse_args()
    if options.past:
        write_past(options.past, options.series, time.time(), options.label, options.pause, options.past_churn)
        return 0
    serve(options.listen, options.series).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
