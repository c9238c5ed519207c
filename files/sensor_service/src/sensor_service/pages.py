"""Reads pages of metrics that others wrote, in the Prometheus text format and what OpenMetrics adds to it.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format. Blanks and commas are taken as
Prometheus takes them, and a series is known by its name and its sorted labels. Histograms and summaries are taken
series by series, without their type: Prometheus stores the same, and no half of one can make a page invalid. A series
with a time stamp is refused, as node_exporter does.
"""

from __future__ import annotations

from .metric import COUNTER, GAUGE, UNKNOWN
from .output import identity, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# type in the file -> type that its series have on our page
KINDS = {
    "gauge": GAUGE,
    "counter": COUNTER,
    "untyped": UNKNOWN,
    "unknown": UNKNOWN,
    "histogram": UNKNOWN,
    "gaugehistogram": UNKNOWN,
    "summary": UNKNOWN,
    "info": GAUGE,
    "stateset": GAUGE,
}
BLANKS = " \t"
DIGITS = frozenset("0123456789")
LABEL = DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
NAME = LABEL | frozenset(":")
ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}


class Page:
    """A page as it was read: `samples` maps a metric's name to its series, `kinds` and `helps` tell of metrics."""

    __slots__ = ("helps", "kinds", "samples")

    def __init__(self) -> None:
        """Starts empty."""
        self.samples: dict[str, dict[str, str]] = {}
        self.kinds: dict[str, str] = {}
        self.helps: dict[str, str] = {}

    def kind(self, name: str) -> str:
        """Returns a metric's type; a counter of OpenMetrics is declared without the `_total` of its series."""
        return self.kinds.get(name) or self.kinds.get(_family(name)) or UNKNOWN

    def help(self, name: str) -> str:
        """Returns a metric's help text, "" where it has none."""
        return self.helps.get(name) or self.helps.get(_family(name)) or ""


def parse(text: str, room: int, fault: Callable[[int, str], None]) -> Page:
    """Returns what a page holds; `fault` is told the number of each line that is none, and why.

    Raises OverflowError beyond `room` series.
    """
    page = Page()
    for at, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(BLANKS + "\r")
        try:
            if line.startswith("#"):
                _describe(line, page)
            elif line:
                name, series, value = _series(line)
                samples = page.samples.setdefault(name, {})
                if series in samples:
                    raise ValueError(f"{series} is told twice, the first one counts")
                room -= 1
                if room < 0:
                    raise OverflowError
                samples[series] = number(value)
        except ValueError as error:
            fault(at, str(error))
    return page


def _family(name: str) -> str:
    return name.removesuffix("_total").removesuffix("_info")


def _describe(line: str, page: Page) -> None:
    """Keeps what a comment says of a metric. Raises ValueError for types that nobody knows."""
    words = line.split(None, 3)
    if len(words) < 4 or words[0] != "#":
        return
    if words[1] == "HELP":
        page.helps[words[2]] = _unescape_help(words[3])
    elif words[1] == "TYPE":
        kind = KINDS.get(words[3])
        if kind is None:
            raise ValueError("a type that the format does not know")
        page.kinds[words[2]] = kind


def _unescape_help(text: str) -> str:
    """Undoes the two escapes of a help text; any other backslash is one."""
    if "\\" not in text:
        return text
    return "\\".join([part.replace("\\n", "\n") for part in text.split("\\\\")])


def _series(line: str) -> tuple[str, str, float]:
    """Returns a line's metric, its series in normal form, and its value. Raises ValueError where it is none."""
    head, brace, _ = line.partition("{")
    name = head.rstrip(BLANKS)
    labels: dict[str, str] = {}
    if brace and _is_name(name, NAME):
        at = _labels(line, len(head) + 1, labels)
    else:
        name = line.replace("\t", " ").partition(" ")[0]
        at = len(name)
        if not _is_name(name, NAME):
            raise ValueError("no name of a metric")
    words = [word for word in line[at:].replace("\t", " ").split(" ") if word]
    exemplar = words[1:2] == ["#"] and words[2:3] and words[2].startswith("{")
    if len(words) != 1 and not exemplar:
        raise ValueError("not `name{labels} value`; time stamps are not taken")
    return name, identity(name, labels), _number(words[0])


def _is_name(text: str, characters: frozenset[str]) -> bool:
    return bool(text) and text[0] not in DIGITS and characters.issuperset(text)


def _number(word: str) -> float:
    """Returns a value, NaN and the infinities included. Raises ValueError for what Python alone takes for one."""
    if not word.isascii() or "_" in word:
        raise ValueError("not a number")
    try:
        return float(word)
    except ValueError:
        raise ValueError("not a number") from None


def _labels(line: str, at: int, labels: dict[str, str]) -> int:
    """Fills in the labels from behind the brace, and returns the place behind the closing one. Raises ValueError."""
    while True:
        at = _past_blanks(line, at)
        if line[at : at + 1] == "}":
            return at + 1
        equals = line.find("=", at)
        quote = line.find('"', equals)
        name = line[at:equals].rstrip(BLANKS)
        if equals < 0 or quote < 0 or line[equals + 1 : quote].strip(BLANKS) or not _is_name(name, LABEL):
            raise ValueError("malformed labels")
        if name in labels:
            raise ValueError("the same label twice")
        if name == "__name__":
            raise ValueError("the label __name__ is the series' own name")
        labels[name], at = _quoted(line, quote + 1)
        at = _past_blanks(line, at)
        if line[at : at + 1] == ",":
            at += 1
        elif line[at : at + 1] != "}":
            raise ValueError("malformed labels")


def _past_blanks(line: str, at: int) -> int:
    while line[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _quoted(line: str, at: int) -> tuple[str, int]:
    """Returns a label's value without its escapes, and the place behind its closing quote. Raises ValueError."""
    parts: list[str] = []
    while True:
        end = line.find('"', at)
        if end < 0:
            raise ValueError("a label's value has no end")
        escape = line.find("\\", at, end)
        if escape < 0:
            parts.append(line[at:end])
            return "".join(parts), end + 1
        char = ESCAPES.get(line[escape + 1])
        if char is None:
            raise ValueError("an escape that the format does not know")
        parts += (line[at:escape], char)
        at = escape + 2
