"""A histogram of durations, kept as one list of counts."""

from __future__ import annotations

from .metric import HISTOGRAM, Metric
from .output import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .output import Output

# From a scrape on a fast machine to one that ran into the default deadline with time to spare.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Histogram:
    """Counts durations in seconds by size."""

    __slots__ = ("_counts", "_metric", "_sum")

    def __init__(self, name: str, text: str) -> None:
        """Names the histogram; it starts empty."""
        self._metric = Metric(name, HISTOGRAM, text)
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one duration."""
        self._sum += seconds
        for position, bound in enumerate(BUCKETS):
            if seconds <= bound:
                self._counts[position] += 1
                return
        self._counts[-1] += 1

    def put(self, out: Output) -> None:
        """Puts the buckets (each holds those below it), the sum and the count into `out`."""
        name = self._metric.name
        below = 0
        for bound, count in zip((*BUCKETS, float("inf")), self._counts):
            below += count
            out.sample(self._metric, f"{name}_bucket", below, {"le": number(bound)})
        out.sample(self._metric, f"{name}_sum", round(self._sum, 6), {})
        out.sample(self._metric, f"{name}_count", below, {})
