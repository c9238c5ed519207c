"""Stands in for QEMU in tests: a monitor that answers, and an end such as the robot would ask for. No machine.

Each start appends its kernel line to ``starts``. SIGUSR1 is a reboot of the robot, SIGUSR2 its shutdown. With a file
``broken`` in its folder it complains and ends; with ``mute`` it never answers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def main(argv: list[str]) -> int:
    if argv == ["--version"] or "stdio" in argv:
        sys.stdout.write("QEMU emulator version 0 (fake)\n")  # no kernel's words: KVM "does not work"
        return 0
    value = dict(zip(argv, argv[1:]))
    with Path("starts").open("a") as starts:
        starts.write(f"{value['-append']}\n")
    with Path(value["-chardev"].partition("path=")[2]).open("a") as console:
        console.write("the kernel says something\n")
    if Path("broken").exists():
        sys.stderr.write("Could not set up host forwarding rule\n")
        return 1
    if Path("mute").exists():
        signal.pause()
    monitor = socket.socket(socket.AF_UNIX)
    monitor.bind(value["-qmp"].partition(":")[2].partition(",")[0])
    monitor.listen()
    keeper, _ = monitor.accept()

    def ends(reason: str) -> Any:
        def end(*_: Any) -> None:
            event = {"event": "SHUTDOWN", "data": {"guest": True, "reason": reason}}
            keeper.sendall(f"{json.dumps(event)}\n".encode())
            os._exit(0)

        return end

    signal.signal(signal.SIGUSR1, ends("guest-reset"))
    signal.signal(signal.SIGUSR2, ends("guest-shutdown"))
    keeper.sendall(b'{"QMP": {}}\n')
    keeper.recv(1024)
    keeper.sendall(b'{"event": "RESUME"}\n{"return": {}}\n')
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
