"""Where collectors put their values: series, kept as finished text, and faults.

A label value is escaped, a value formatted and a duplicate dropped here and nowhere else.
"""

from __future__ import annotations

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .metric import Metric

# What one collector may put out. A machine with more network interfaces or sensors than this is not a robot, and
# the answer to it must not be an ever larger page.
MAX_SERIES = 2000
# What is remembered of a collector's faults: enough to log the first ones.
MAX_FAULTS = 8
# A file full of rubbish need not fill the log.
MAX_REASON = 120


class Family:
    """One metric and its series: `samples` maps `name{labels}` to the value's text."""

    __slots__ = ("metric", "samples")

    def __init__(self, metric: Metric) -> None:
        """Starts without series."""
        self.metric = metric
        self.samples: dict[str, str] = {}


class Output:
    """Collects the series and the faults of one collector in one scrape.

    `families` maps a metric's name to its `Family`, in the order of first use; `faults` holds what went wrong, as
    text. A collector with a fault counts as failed, and what it could read is still put out.
    """

    __slots__ = ("_room", "families", "faults")

    def __init__(self) -> None:
        """Starts empty."""
        self.families: dict[str, Family] = {}
        self.faults: list[str] = []
        self._room = MAX_SERIES

    def add(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Adds one series. Empty labels are left out; of two equal series the first one counts.

        Raises OverflowError beyond MAX_SERIES series.
        """
        self.sample(metric, metric.name, value, labels)

    def read(self, metric: Metric, path: str, divisor: int = 1, times: int = 1, /, **labels: str) -> None:
        """Adds the integer that a file holds, divided by `divisor` (1000 for thousandths) or multiplied by `times`.

        Adds nothing where the hardware is absent, and a fault where the file cannot be read or holds no integer.
        """
        try:
            value = files.integer(path)
        except (OSError, ValueError) as error:
            self.fault(path, error)
            return
        if value is not None:
            self.sample(metric, metric.name, value * times if divisor == 1 else value / divisor, labels)

    def sample(self, metric: Metric, name: str, value: float, labels: dict[str, str]) -> None:
        """Adds one series whose name differs from its metric's, as a histogram's do. Raises OverflowError as `add`."""
        family = self.families.get(metric.name)
        if family is None:
            family = self.families[metric.name] = Family(metric)
        if labels:
            pairs = ",".join([f'{label}="{escape(text)}"' for label, text in labels.items() if text])
            if pairs:
                name = f"{name}{{{pairs}}}"
        if name in family.samples:
            return
        if self._room == 0:
            raise OverflowError(f"more than {MAX_SERIES} series")
        self._room -= 1
        family.samples[name] = number(value)

    def fault(self, subject: str, error: BaseException | str) -> None:
        """Records that something could not be read: the collector has failed, its other series stay."""
        if len(self.faults) < MAX_FAULTS:
            reason = error if isinstance(error, str) else describe(error)
            self.faults.append(f"{subject}: {reason[:MAX_REASON]}")


def describe(error: BaseException) -> str:
    """Returns an error's reason in one line, without the file name that an OSError repeats."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return reason if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {reason}"


def escape(value: str) -> str:
    """Returns a label's value with backslash, quote and line feed escaped, the same in both formats."""
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value


def number(value: float) -> str:
    """Returns a value's text, the same in both formats: `42`, `0.5`, `NaN`, `+Inf`, `-Inf`."""
    if value - value == 0:  # false for NaN and the infinities, without importing math
        return repr(+value)  # the plus makes a bool an integer
    if value > 0:
        return "+Inf"
    return "-Inf" if value < 0 else "NaN"
