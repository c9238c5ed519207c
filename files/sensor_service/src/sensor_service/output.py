"""Where collectors put their values: series, kept as finished text, and faults.

A label value is escaped, a value formatted and a duplicate dropped here and nowhere else. What reads the robot's files
here (`read`, `text`, `names` and so on) never raises: one attribute's failure costs that attribute, and names it.
"""

from __future__ import annotations

import errno

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .metric import Metric

    Found = TypeVar("Found")

# What one collector may put out. A machine with more network interfaces or sensors than this is not a robot, and
# the answer to it must not be an ever larger page.
MAX_SERIES = 2000
# What is remembered of a collector's faults: enough to log the first ones.
MAX_FAULTS = 8
# Of an attribute that is left out.
LATE = "it took too long, and is left out for some minutes"
# A file full of rubbish need not fill the log.
MAX_REASON = 120


class Family:
    """One metric and its series: `samples` maps `name{labels}` to the value's text."""

    __slots__ = ("metric", "samples")

    def __init__(self, metric: Metric) -> None:
        """Starts without series."""
        self.metric = metric
        self.samples: dict[str, str] = {}


class Part:
    """What one file of somebody else's holds: its name, its families, and what is wrong with it.

    `faults` counts what is wrong; only the first of it is kept, since a file of rubbish has a fault in every line.
    """

    __slots__ = ("_first", "families", "faults", "name")

    def __init__(self, name: str, families: dict[str, Family]) -> None:
        """Starts without faults."""
        self.name = name
        self.families = families
        self.faults = 0
        self._first = ""

    def add_fault(self, reason: str) -> None:
        """Counts one thing that is wrong; `:LINE: reason` where it is a line's."""
        self.faults += 1
        self._first = self._first or reason[:MAX_REASON]

    def fault(self) -> str:
        """Returns the first of its faults, and how many more there are; "" where there is none."""
        if not self.faults:
            return ""
        more = f" (and {self.faults - 1} more)" if self.faults > 1 else ""
        mark = "" if self._first[:1] == ":" else ": "
        return f"{self.name}{mark}{self._first}{more}"


class Output:
    """Collects the series and the faults of one collector in one scrape.

    `families` maps a metric's name to its `Family`, in the order of first use; `faults` holds what went wrong, as
    text, and `more` counts what was too much to keep. A collector with a fault counts as failed, and what it could
    read is still put out. `parts` holds what others wrote, which gives way to our own where the two differ.
    `at` is the attribute that is being read; those in `left_out` are not.
    """

    __slots__ = ("_room", "at", "families", "faults", "left_out", "more", "parts")

    def __init__(self, left_out: frozenset[str] = frozenset()) -> None:
        """Starts empty."""
        self.left_out = left_out
        self.at = ""
        self.families: dict[str, Family] = {}
        self.faults: list[str] = []
        self.more = 0
        self.parts: list[Part] = []
        self._room = MAX_SERIES

    def add(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Adds one series, unless its value stands for none. Empty labels are left out.

        Of two equal series the first one counts, the other is a fault.
        Raises OverflowError beyond MAX_SERIES series.
        """
        self.sample(metric, metric.name, value, labels)

    def read(self, metric: Metric, path: str, divisor: int = 1, times: int = 1, /, **labels: str) -> None:
        """Adds the integer that a file holds, divided by `divisor` (1000 for thousandths) or multiplied by `times`.

        Adds nothing where the hardware is absent, and a fault where the file cannot be read or holds no integer.
        """
        value = self.integer(path)
        if value is not None:
            self.sample(metric, metric.name, value * times if divisor == 1 else value / divisor, labels)

    def ask(self, read: Callable[[str], Found], path: str) -> Found:
        """Returns what `read` finds at `path`. Raises as it does, and TimeoutError where `path` is left out."""
        if path in self.left_out:
            raise TimeoutError(errno.ETIMEDOUT, LATE, path)
        self.at = path
        try:
            return read(path)
        finally:
            self.at = ""

    def attribute(self, path: str) -> bytes | None:
        """Returns one attribute, None where it is absent or cannot be read, which is a fault."""
        try:
            return self.ask(files.attribute, path)
        except OSError as error:
            self.fault(path, error)
            return None

    def text(self, path: str) -> str:
        """Returns one attribute as text for a label, "" where it is absent or cannot be read, which is a fault."""
        return (self.attribute(path) or b"").decode("utf-8", "replace")

    def integer(self, path: str) -> int | None:
        """Returns the integer in a file, None where it is absent, and where it is none, which is a fault."""
        try:
            return self.ask(files.integer, path)
        except (OSError, ValueError) as error:
            self.fault(path, error)
            return None

    def cell(self, path: str) -> int | None:
        """Returns a number of the device tree, None where it is absent, and where it is none, which is a fault."""
        try:
            return self.ask(files.cell, path)
        except (OSError, ValueError) as error:
            self.fault(path, error)
            return None

    def names(self, path: str, prefix: str = "", suffix: str = "") -> list[str]:
        """Returns the sorted names in a directory, [] where it is absent or cannot be read, which is a fault."""
        try:
            return files.names(path, prefix, suffix)
        except OSError as error:
            self.fault(path, error)
            return []

    def directories(self, path: str) -> list[str]:
        """Returns the sorted directories in a directory, [] where there are none; a failure is a fault."""
        try:
            return files.directories(path)
        except OSError as error:
            self.fault(path, error)
            return []

    def link(self, path: str) -> str:
        """Returns what a symbolic link says, "" where it is absent or cannot be read, which is a fault."""
        try:
            return files.link(path)
        except OSError as error:
            self.fault(path, error)
            return ""

    def sample(self, metric: Metric, name: str, value: float, labels: dict[str, str]) -> None:
        """Adds one series whose name differs from its metric's, as a histogram's do. Raises OverflowError as `add`."""
        if value < metric.lowest:
            return
        family = self.families.get(metric.name)
        if family is None:
            family = self.families[metric.name] = Family(metric)
        name = identity(name, labels)
        if name in family.samples:
            self.fault(name, "told twice, the first one counts")
            return
        if self._room == 0:
            raise OverflowError(f"more than {MAX_SERIES} series")
        self._room -= 1
        family.samples[name] = number(value)

    def fault(self, subject: str, error: BaseException | str) -> None:
        """Records that something could not be read: the collector has failed, its other series stay."""
        if len(self.faults) == MAX_FAULTS:
            self.more += 1
            return
        reason = error if isinstance(error, str) else describe(error)
        self.faults.append(f"{subject}: {reason[:MAX_REASON]}")


def listed(faults: list[str], more: int = 0) -> str:
    """Returns the first MAX_FAULTS faults in one line, and how many more there are, besides `more`."""
    more += max(0, len(faults) - MAX_FAULTS)
    return "; ".join(faults[:MAX_FAULTS]) + (f" (and {more} more)" if more else "")


def identity(name: str, labels: dict[str, str]) -> str:
    """Returns a series as text, the same for equal series: labels sorted by name, empty ones left out."""
    items = sorted(labels.items()) if len(labels) > 1 else labels.items()
    pairs = ",".join([f'{label}="{escape(text)}"' for label, text in items if text])
    return f"{name}{{{pairs}}}" if pairs else name


def describe_whole(error: BaseException) -> str:
    """Returns an error's reason in one line, behind the name of the file, where it has one."""
    name = getattr(error, "filename", None)
    return f"{name}: {describe(error)}" if name else describe(error)


def describe(error: BaseException) -> str:
    """Returns an error's reason in one line, without the file name that an OSError repeats."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return reason if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {reason}"


def escape(value: str) -> str:
    """Returns a label's value with backslash, quote and line feed escaped, the same in both formats.

    Bytes of a file's name that are no text are told by number: as question marks, two names would be one series.
    """
    if not value.isascii():
        value = value.encode("utf-8", "backslashreplace").decode()
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
