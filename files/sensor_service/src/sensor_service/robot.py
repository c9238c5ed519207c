"""Where the robot's facts are read from. Every root is a parameter, so that a fixture tree can stand for a robot."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Robot:
    """The roots that collectors read below.

    `proc` and `sys` are paths of the robot's `/proc` and `/sys`; `filesystems` maps a path on the robot to the path
    at which this process sees it; `textfiles` is a directory of metrics that others write, or ""; `slice_name` is the
    systemd slice above the stack's containers; `now` returns seconds since 1970.
    """

    __slots__ = ("filesystems", "now", "proc", "slice_name", "sys", "textfiles")

    def __init__(
        self,
        proc: str,
        sys: str,
        filesystems: dict[str, str] | None = None,
        slice_name: str = "robotstack.slice",
        textfiles: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """Takes the roots as they are: what is not there reads as absent hardware."""
        self.proc = proc
        self.sys = sys
        self.filesystems = filesystems or {}
        self.slice_name = slice_name
        self.textfiles = textfiles
        self.now = now
