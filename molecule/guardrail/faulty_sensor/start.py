"""The sensor service, with a fault for each of four signals.

SIGUSR1 leaks memory, SIGUSR2 burns CPU, SIGHUP forks without end, SIGWINCH floods the log. Only modules that the image
has are imported.
"""

import _signal  # type: ignore[import-not-found]  # the image has no `signal`; typeshed does not know its core
import _thread
import os
import sys
import time

sys.path.insert(0, "/app")

from sensor_service.__main__ import main


def leak() -> None:
    """Take 2 MiB more, 20 times a second, and write to all of it."""
    kept = []
    while True:
        kept.append(b"x" * (2 << 20))
        time.sleep(0.05)


def burn() -> None:
    """Keep two processors busy: this process, and a child."""
    os.fork()
    while True:
        pass


def bomb() -> None:
    """Fork, and let every child fork."""
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.1)


def flood() -> None:
    """Write as much as the log takes."""
    line = b"nothing to say " * 60 + b"\n"
    while True:
        os.write(2, line)


FAULTS = {_signal.SIGUSR1: leak, _signal.SIGUSR2: burn, _signal.SIGHUP: bomb, _signal.SIGWINCH: flood}
for number in FAULTS:
    _signal.signal(number, lambda received, _: _thread.start_new_thread(FAULTS[received], ()))
os._exit(main(os.environ))
