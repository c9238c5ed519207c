"""A robot's own exporter, invented: a stated number of series, some of which get a new label value every so often.

    python3 load.py --listen 127.0.0.1:9300 --series 1000   # serve them

Every value follows from the series' number and the time alone, so that two collectors that read at the same moment
read the same. Of a hundred series 60 are gauges with one decimal that wander, 30 are counters, and 10 make one
histogram. benchmarks/past.py writes what it would have served before.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

# In this time every series has got a new label value once: 2 % of them a minute, evenly.
CHURN_SECONDS = 3000
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "+Inf")
HISTOGRAM_SERIES = len(BUCKETS) + 2
MODULES = 10
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


@dataclass(frozen=True)
class Identity:
    """What a series is called, but for its session; ``share`` (0 to 1) says when that changes."""

    metric: str
    labels: str
    share: float

    def name(self, changed: float) -> str:
        """Return name and labels at the time ``changed`` of the churn."""
        return f'{self.metric}{{{self.labels},session="{session(self.share, changed)}"}}'


def identities(series: int) -> Iterator[Identity]:
    """Yield who the series are, in the order of `samples`."""
    gauges, counters, histograms = shares(series)
    single = gauges + counters
    for number in range(gauges):
        labels = f'module="m{number % MODULES}",sensor="s{number}"'
        yield Identity("load_temperature_celsius", labels, number / single)
    for number in range(gauges, single):
        labels = f'module="m{number % MODULES}",topic="t{number}"'
        yield Identity("load_messages_total", labels, number / single)
    for position in range(histograms):
        number, share = single + position, position / histograms
        labels = f'module="m{number % MODULES}",service="v{number}"'
        for bound in BUCKETS:
            yield Identity("load_latency_seconds_bucket", f'{labels},le="{bound}"', share)
        yield Identity("load_latency_seconds_sum", labels, share)
        yield Identity("load_latency_seconds_count", labels, share)


def values(series: int, now: float) -> Iterator[str]:
    """Yield every value at the time ``now`` (seconds since 1970), in the order of `identities`."""
    gauges, counters, histograms = shares(series)
    single = gauges + counters
    yield from (gauge(number, now) for number in range(gauges))
    yield from (str(counter(number, now)) for number in range(gauges, single))
    for number in range(single, single + histograms):
        count = counter(number, now)
        yield from (str(count * rank // len(BUCKETS)) for rank in range(1, len(BUCKETS) + 1))
        yield f"{count * 0.04:.2f}"
        yield str(count)


def samples(series: int, now: float, churn: float | None = None) -> Iterator[tuple[str, str]]:
    """Yield name with labels, and value, of every series at the time ``now`` (seconds since 1970).

    ``churn``: the time by which labels change, where it is not that of the values.
    """
    changed = now if churn is None else churn
    return zip((one.name(changed) for one in identities(series)), values(series, now))


def page(series: int, now: float, churn: float | None = None) -> bytes:
    """Return what a scrape at ``now`` gets; ``churn`` as for `samples`."""
    lines, untold = [], dict(TYPES)
    for name, value in samples(series, now, churn):
        lines.append(untold.pop(name.partition("{")[0], ""))
        lines.append(f"{name} {value}\n")
    return "".join(lines).encode()


def churned(now: float, begun: float, past_churn: float) -> float:
    """Return the time of the churn at ``now``: all of it since ``begun``, the share ``past_churn`` of it before."""
    return past_churn * now + (1 - past_churn) * max(0.0, now - begun)


def handler(series: int, clock: Callable[[], float], past_churn: float) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers each request with a page."""
    begun = clock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer with the page of this moment."""
            now = clock()
            body = page(series, now, churned(now, begun, past_churn))
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


def serve(address: str, series: int, past_churn: float = 1.0) -> Server:
    """Return a server that listens on ``address`` (host:port); labels go on from where ``past_churn`` left them."""
    host, _, port = address.rpartition(":")
    return Server((host, int(port)), handler(series, time.time, past_churn))


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Serves synthetic series, with churn.")
    parser.add_argument("--listen", default="127.0.0.1:9300")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--past-churn", type=float, default=1.0, help="share of the churn that there was before")
    options = parser.parse_args()
    serve(options.listen, options.series, options.past_churn).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
