"""Metrics that other programs of the robot leave in files, as node_exporter's collector of the same name takes them.

A program writes `NAME.prom` in the Prometheus text format under another name and renames it: half a file is never
seen. Each file has its own bounds and its own fault; the stack's own are read first, and need no room of the others'.
A line that is no series is a fault, and the others of its file count; a file beyond its bounds is left out.
"""

from __future__ import annotations

from .. import files, pages
from ..metric import foreign, gauge
from ..output import MAX_SERIES, Family, Part, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..output import Output
    from ..robot import Robot

MTIME = gauge("node_textfile_mtime_seconds", "When a file was last written, in seconds since 1970.")
FAILED = gauge("node_textfile_scrape_error", "1 while a file has a fault.")
# The stack's watchdog writes them.
OWN = ("robot_stack.prom", "filesystems.prom", "backups.prom", "series_shares.prom")
# Files of others, by name; what is beyond is not read. Nobody has as many.
MAX_FILES = 100
# Text of others' files together, in bytes. A page is in memory several times while it is made.
MAX_BYTES = 256 * 1024
# Lines of a file that are no series, before it is taken for no page at all: a log under the wrong name has thousands.
MAX_BAD_LINES = 100


class Room:
    """What files may hold yet: bytes of text, and series."""

    __slots__ = ("series", "size")

    def __init__(self) -> None:
        """Starts with all of it."""
        self.size = MAX_BYTES
        self.series = MAX_SERIES


def collect(robot: Robot, out: Output) -> None:
    """Reads every `*.prom` of the robot's text file directory. Absent without one."""
    if not robot.textfiles:
        return
    found = out.names(robot.textfiles, suffix=".prom")
    others = [name for name in found if name not in OWN]
    if len(others) > MAX_FILES:
        behind = len(others) - MAX_FILES - 1
        more = f" (and {behind} more)" if behind else ""
        out.fault(f"{robot.textfiles}/{others[MAX_FILES]}", f"left out, behind {MAX_FILES} files of others{more}")
    room = Room()
    for name in [*[name for name in OWN if name in found], *others[:MAX_FILES]]:
        out.parts.append(_part(robot, name, Room() if name in OWN else room, out))
    out.add(FAILED, int(bool(out.faults or any(part.faults for part in out.parts))))


def _part(robot: Robot, name: str, room: Room, out: Output) -> Part:
    """Returns what a file holds, which takes room, and what is wrong with it."""
    path = f"{robot.textfiles}/{name}"
    part = Part(path, {})
    try:
        text, written = files.regular_table(path)
        size = len(text.encode("utf-8", "replace"))
        if size > room.size:
            raise OverflowError(f"{MAX_BYTES} bytes")
        page = pages.parse(text, room.series, lambda line, reason: _bad_line(part, line, reason))
    except OverflowError as error:
        return _left_out(path, f"more than {str(error) or f'{MAX_SERIES} series'}, alone or with the files before it")
    except (OSError, ValueError) as error:
        return _left_out(path, describe(error))
    room.size -= size
    room.series -= sum([len(samples) for samples in page.samples.values()])
    out.add(MTIME, written, file=name)
    for metric, samples in page.samples.items():
        family = Family(foreign(metric, page.kind(metric), page.help(metric)))
        family.samples = samples
        part.families[metric] = family
    return part


def _bad_line(part: Part, line: int, reason: str) -> None:
    """Counts a line that is no series. Raises ValueError beyond MAX_BAD_LINES of them."""
    part.add_fault(f":{line}: {reason}")
    if part.faults > MAX_BAD_LINES:
        raise ValueError(f"more than {MAX_BAD_LINES} lines that are no series")


def _left_out(path: str, reason: str) -> Part:
    part = Part(path, {})
    part.add_fault(reason)
    return part
