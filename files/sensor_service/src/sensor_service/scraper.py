"""One scrape from beginning to end: collect, encode, and take its time."""

from __future__ import annotations

import time

from . import exposition, process
from .histogram import Histogram
from .metric import gauge
from .output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .runner import Result, Runner

SUCCESS = gauge("sensor_collector_success", "1 if a collector answered in time and without a fault.")
DURATION = gauge("sensor_collector_duration_seconds", "Time that a collector took; of one that hangs, time so far.")
# How old a good scrape may be, in seconds, to stand as proof of health.
FRESH_SECONDS = 60.0


class Scraper:
    """Makes pages of metrics. One scrape at a time: whoever asks while it runs shares its result.

    `log` is given one line when a collector begins to fail and one when it recovers, not one a scrape: robots keep
    their logs on flash storage.
    """

    def __init__(
        self,
        runner: Runner,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        started: float | None = None,
    ) -> None:
        """Prepares; nothing is read before the first scrape."""
        self._runner = runner
        self._log = log
        self._clock = clock
        self._started = time.time() if started is None else started
        self._duration = Histogram(
            "sensor_scrape_duration_seconds",
            "Time from the start of a collection until its text was complete, up to the scrape before this one.",
        )
        self._errors: dict[str, str] = {}
        self._begun = 0.0
        self._good_at: float | None = None
        self.running = False

    def start(self) -> None:
        """Begins a scrape."""
        self._begun = self._clock()
        self.running = True
        self._runner.start()

    def next_check(self) -> float:
        """Returns when, by the monotonic clock, `finish` should be called at the latest."""
        return self._runner.next_check()

    def finish(self, formats: set[bool]) -> dict[bool, bytes] | None:
        """Returns the page in each format asked for (True is OpenMetrics), None while collectors are at work.

        This scrape's own duration is known only after its text is complete: it appears on the next page.
        """
        results = self._runner.finish()
        if results is None:
            return None
        own = Output()
        self._report(results, own)
        groups = [result.families for result in results]
        self._good_at = self._clock() if any(groups) else None
        self._duration.put(own)
        process.put(own, self._started)
        families = exposition.merge([*groups, own.families])
        pages = {openmetrics: exposition.render(families, openmetrics) for openmetrics in formats}
        self._duration.observe(self._clock() - self._begun)
        self.running = False
        return pages

    def healthy(self) -> bool:
        """Returns whether a scrape in the last minute got series from at least one collector."""
        return self._good_at is not None and self._clock() - self._good_at <= FRESH_SECONDS

    def failing(self) -> list[str]:
        """Returns the names of the collectors that failed in the last scrape."""
        return list(self._errors)

    def _report(self, results: list[Result], own: Output) -> None:
        for result in results:
            own.add(SUCCESS, 0 if result.error else 1, collector=result.name)
            own.add(DURATION, round(result.seconds, 6), collector=result.name)
            before = self._errors.pop(result.name, "")
            if result.error:
                self._errors[result.name] = result.error
            if bool(result.error) != bool(before):
                self._log(f"{result.name}: {result.error or 'answers again'}")
