"""Start, cut or stop a machine of the testbed.

Usage: python -m testbed.machines start FOLDER    settings (machines.settings) come as JSON on standard input
       python -m testbed.machines cut FOLDER      its power is taken, and given back
       python -m testbed.machines stop FOLDER     it is switched off and removed

FOLDER is the robot's, with its keys, such as .testbed/FLEET/ROBOT. Prints what was done, if anything.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from testbed.machines import control
from testbed.machines.settings import parse


def main(arguments: list[str]) -> int:
    """Run as a program."""
    if len(arguments) != 2 or arguments[0] not in ("start", "cut", "stop", "keep"):
        sys.stderr.write(str(__doc__))
        return 2
    command, folder = arguments[0], Path(arguments[1]).absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was begun is ended
    try:
        if command == "keep":
            return control.run_keeper(folder)
        if command == "cut":
            control.cut(folder)
            sys.stdout.write("cut\n")
        elif command == "stop":
            sys.stdout.write("stopped\n" if control.stop(folder) else "")
        elif control.start(folder, parse(sys.stdin.read())):
            sys.stdout.write("started\n")
    except (control.MachineError, ValueError) as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
