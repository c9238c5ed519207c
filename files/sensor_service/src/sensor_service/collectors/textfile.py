"""Metrics that other programs of the robot leave in files, as node_exporter's collector of the same name takes them.

A program writes `NAME.prom` in the Prometheus text format under another name and renames it: half a file is never
seen. Gauges, counters and untyped series without time stamps are taken; a line that is no such series is a fault, and
the others of its file count. https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import os

from .. import files
from ..metric import COUNTER, GAUGE, UNKNOWN, Metric, gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

MTIME = gauge("node_textfile_mtime_seconds", "When a file was last written, in seconds since 1970.")
KINDS = {"gauge": GAUGE, "counter": COUNTER, "untyped": UNKNOWN}
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:")
MORE = LETTERS | frozenset("0123456789")


def collect(robot: Robot, out: Output) -> None:
    """Reads every `*.prom` of the robot's text file directory. Absent without one. Raises OSError."""
    if not robot.textfiles:
        return
    for name in files.names(robot.textfiles):
        if not name.endswith(".prom"):
            continue
        path = f"{robot.textfiles}/{name}"
        try:
            page = files.table(path)
            out.add(MTIME, os.stat(path).st_mtime, file=name)  # noqa: PTH116 - pathlib costs memory
        except (OSError, ValueError) as error:
            out.fault(path, error)
            continue
        _take(page, path, out)


def _take(page: str, path: str, out: Output) -> None:
    kinds: dict[str, str] = {}
    helps: dict[str, str] = {}
    metrics: dict[str, Metric] = {}
    for number, line in enumerate(page.splitlines(), 1):
        try:
            if line.startswith("#"):
                _describe(line, kinds, helps)
            elif line.strip():
                series, value = _series(line.strip())
                name = series.partition("{")[0]
                if name not in metrics:
                    metrics[name] = _metric(name, kinds.get(name, UNKNOWN), helps.get(name, ""))
                out.sample(metrics[name], series, value, {})
        except ValueError as error:
            out.fault(f"{path}:{number}", error)


def _describe(line: str, kinds: dict[str, str], helps: dict[str, str]) -> None:
    """Keeps what a comment says of a family. Raises ValueError for types that are not taken."""
    words = line.split(None, 3)
    if len(words) < 4 or words[0] != "#":
        return
    if words[1] == "HELP":
        helps[words[2]] = words[3]
    elif words[1] == "TYPE":
        if words[3] not in KINDS:
            raise ValueError(f"type {words[3]} is not taken")
        kinds[words[2]] = KINDS[words[3]]


def _metric(name: str, kind: str, text: str) -> Metric:
    if kind == COUNTER and not name.endswith("_total"):
        kind = UNKNOWN  # OpenMetrics has no such counters
    return Metric(name, kind, text, unit="")


def _series(line: str) -> tuple[str, float]:
    """Returns the series as it stands in the line, and its value. Raises ValueError where it is none."""
    end = 0
    while end < len(line) and line[end] in MORE:
        end += 1
    if end == 0 or line[0] not in LETTERS:
        raise ValueError("no name of a metric")
    if line[end : end + 1] == "{":
        end = _labels_end(line, end + 1)
    words = line[end:].split()
    if len(words) != 1 or not line[end].isspace():
        raise ValueError("not `name{labels} value`; time stamps are not taken")
    return line[:end], files.parse_float(words[0])


def _labels_end(line: str, at: int) -> int:
    """Returns the place behind the closing brace. Raises ValueError where the labels are malformed."""
    while line[at : at + 1] != "}":
        start = at
        while at < len(line) and line[at] in MORE and line[at] != ":":
            at += 1
        if at == start or line[start].isdigit() or line[at : at + 2] != '="':
            raise ValueError("malformed labels")
        at = _quoted_end(line, at + 2)
        if line[at : at + 1] == ",":
            at += 1
        elif line[at : at + 1] != "}":
            raise ValueError("malformed labels")
    return at + 1


def _quoted_end(line: str, at: int) -> int:
    while line[at : at + 1] != '"':
        if at >= len(line):
            raise ValueError("a label's value has no end")
        if line[at] == "\\" and line[at + 1 : at + 2] not in ("\\", '"', "n"):
            raise ValueError("an escape that the format does not know")
        at += 2 if line[at] == "\\" else 1
    return at + 1
