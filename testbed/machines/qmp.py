"""QEMU's monitor (QMP): whether QEMU runs, and why it ends. https://www.qemu.org/docs/master/interop/qmp-spec.html"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST_LINE = 1 << 20
ANSWER_SECONDS = 60.0


class Monitor:
    """A connection to the monitor of a QEMU that runs. Raises OSError or ValueError where it does not answer."""

    def __init__(self, path: Path) -> None:
        """Connect, and wait until QEMU answers."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            _connect(self._socket, path)
            self._lines = self._socket.makefile("rb")
            self._next()  # its greeting
            self._socket.sendall(b'{"execute": "qmp_capabilities"}\n')
            while "return" not in self._next():
                pass
        except BaseException:
            self._socket.close()
            raise

    def why_it_ended(self) -> str:
        """Wait for QEMU's end; return its reason, such as guest-reset or guest-shutdown, "" where it said none."""
        self._socket.settimeout(None)
        reason = ""
        for said in self._events():
            if said.get("event") == "SHUTDOWN":
                reason = str(said.get("data", {}).get("reason", ""))
        self._socket.close()
        return reason

    def _events(self) -> Iterator[dict[str, Any]]:
        try:
            while True:
                yield self._next()
        except (OSError, ValueError):  # QEMU is gone
            return

    def _next(self) -> dict[str, Any]:
        line = self._lines.readline(LARGEST_LINE)
        if not line:
            raise ConnectionResetError("QEMU closed its monitor")
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError(f"no message of QEMU's monitor: {line[:80]!r}")
        return said


def _connect(connection: socket.socket, path: Path) -> None:
    """Connect to a socket whose path may be longer than an address of a socket can be."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
