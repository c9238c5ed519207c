"""One run of QEMU, as a process of this computer."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from testbed.machines import qemu
from testbed.machines.keeper import End
from testbed.machines.qmp import Monitor

ANSWER_SECONDS = 60.0
LOG = "qemu.log"


class QemuRun:
    """QEMU, started in the machine's folder; what it says goes to a log there."""

    def __init__(self, folder: Path, argv: list[str]) -> None:
        """Start it."""
        self._folder = folder
        self._monitor: Monitor | None = None
        (folder / qemu.MONITOR).unlink(missing_ok=True)
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.pid = self._process.pid

    def answers(self) -> bool:
        """Wait until the monitor answers; return whether it does."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self._monitor = Monitor(self._folder / qemu.MONITOR)
            except (OSError, ValueError):  # it does not listen yet
                time.sleep(0.1)
            else:
                return True
        return False

    def ended(self) -> End:
        """Wait for its end."""
        reason = self._monitor.why_it_ended() if self._monitor else ""
        return End(self._process.wait(), reason)

    def kill(self) -> None:
        """End it at once, where it still runs."""
        self._process.kill()
        self._process.wait()
