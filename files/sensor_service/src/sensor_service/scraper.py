"""One scrape from beginning to end: collect, encode, and take its time."""

from __future__ import annotations

import time

from . import exposition, foreign, process
from .collectors import textfile
from .histogram import Histogram
from .metric import gauge
from .output import MAX_SERIES, Output, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .output import Family
    from .runner import Result, Runner

SUCCESS = gauge("sensor_collector_success", "1 if a collector answered in time and without a fault.")
DURATION = gauge("sensor_collector_duration_seconds", "Time that a collector took; of one that hangs, time so far.")
# How old a good scrape may be, in seconds, to stand as proof of health.
FRESH_SECONDS = 60.0
# For how long a collector has answered before that is told, in seconds: a loose wire fails in every second scrape.
CALM_SECONDS = 300.0
# Subjects of faults that are told of a collector until it recovers: file names that change each time fill no log.
MAX_TOLD = 64


class Scraper:
    """Makes pages of metrics. One scrape at a time: whoever asks while it runs shares its result.

    `log` is given one line when a collector begins to fail, when something else of it fails, too, and when it has been
    well for some minutes, not one a scrape: robots keep their logs on flash storage.
    """

    def __init__(
        self,
        runner: Runner,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        start: process.Start | None = None,
    ) -> None:
        """Prepares; nothing is read before the first scrape."""
        self._runner = runner
        self._log = log
        self._clock = clock
        self._start = start or process.Start()
        self._duration = Histogram(
            "sensor_scrape_duration_seconds",
            "Time from the start of a collection until its text was complete, up to the scrape before this one.",
        )
        self._errors: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}
        self._well: dict[str, float] = {}  # since when those answer of which something was told
        self._series: dict[str, set[str]] = {}
        self._begun = 0.0
        self._good_at: float | None = None
        self.running = False

    def start(self, timeout: float) -> None:
        """Begins a scrape for who gives up after `timeout` seconds; who joins it later shares its end, too."""
        self._begun = self._clock()
        self.running = True
        self._runner.start(timeout)

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
        self._duration.put(own)
        process.put(own, self._start.seconds())
        ours = {
            family.metric.name: family for family in exposition.merge([*(r.families for r in results), own.families])
        }
        others = _others(results, ours, self._missing(results))
        reports = Output()
        self._report(results, reports)
        self._good_at = self._clock() if any(result.families or result.parts for result in results) else None
        families = exposition.merge([ours, reports.families, others])
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

    def reason(self, name: str) -> str:
        """Returns why a collector failed in the last scrape, "" where it did not."""
        return self._errors.get(name, "")

    def _missing(self, results: list[Result]) -> set[str]:
        """Returns the series that collectors which fail now have told since they last answered without a fault."""
        missing: set[str] = set()
        for result in results:
            told = {series for family in result.families.values() for series in family.samples}
            before = self._series.get(result.name)
            if result.error and before:
                missing |= before - told
                told |= before
            if len(told) <= MAX_SERIES:
                self._series[result.name] = told
        return missing

    def _report(self, results: list[Result], own: Output) -> None:
        for result in results:
            own.add(SUCCESS, 0 if result.error else 1, collector=result.name)
            own.add(DURATION, round(result.seconds, 6), collector=result.name)
            self._errors.pop(result.name, None)
            if result.error:
                self._errors[result.name] = result.error
                self._well.pop(result.name, None)
                self._tell(result)
            elif result.name in self._told:
                self._recover(result.name)

    def _recover(self, name: str) -> None:
        """Logs that a collector answers again, once it has for a while; what it fails with then is told anew."""
        now = self._clock()
        if now - self._well.setdefault(name, now) >= CALM_SECONDS:
            del self._told[name], self._well[name]
            self._log(f"{name}: answers again")

    def _tell(self, result: Result) -> None:
        """Logs the faults whose subjects were not told since the collector began to fail."""
        told = self._told.setdefault(result.name, set())
        new = [fault for subject, fault in result.faults.items() if subject not in told]
        if new and len(told) < MAX_TOLD:
            self._log(f"{result.name}: {listed(new, 0 if told else result.more)}")
            told.update(result.faults)


def _others(results: list[Result], ours: dict[str, Family], missing: set[str]) -> dict[str, Family]:
    """Returns what files of others add to our page; their faults become their collector's."""
    found: dict[str, Family] = {}
    for result in results:
        if not result.parts:
            continue
        found = foreign.admit(result.parts, ours, (SUCCESS, DURATION, textfile.FAILED), missing)
        result.faults.update({part.name: part.fault() for part in result.parts if part.faults})
        result.error = listed(list(result.faults.values()), result.more)
        if result.faults:
            ours[textfile.FAILED.name].samples[textfile.FAILED.name] = "1"
    return found
