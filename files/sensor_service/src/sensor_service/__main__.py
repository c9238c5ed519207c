"""Starts the service: settings from the environment, signals, exit codes. Nothing happens when this is imported."""

from __future__ import annotations

# `signal` is this module with enums around it, at 0.3 MiB.
import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import os
import sys

from .catalogue import COLLECTORS
from .config import ConfigurationError, Settings
from .listen import listen
from .robot import Robot
from .runner import Runner
from .scraper import Scraper
from .server import Bell, Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Exit code for wrong settings, as sysexits.h has it: restarting would not help.
WRONG_SETTINGS = 78


def log(line: str) -> None:
    """Writes one line to the container's log."""
    sys.stderr.write(f"sensor_service: {line}\n")
    sys.stderr.flush()


def build(settings: Settings) -> Server:
    """Returns the server that the settings describe, listening. Raises OSError where it cannot listen."""
    robot = Robot(settings.proc, settings.sys, settings.filesystems, settings.slice_name, settings.textfiles)
    bell = Bell()
    collectors = {name: COLLECTORS[name] for name in settings.collectors}
    runner = Runner(robot, collectors, settings.deadline, bell.ring)
    return Server(listen(settings.address), Scraper(runner, log), bell)


def main(environment: Mapping[str, str]) -> int:
    """Serves until SIGTERM or SIGINT, and returns the exit code."""
    try:
        settings = Settings(environment)
        server = build(settings)
    except ConfigurationError as error:
        log(str(error))
        return WRONG_SETTINGS
    except OSError as error:
        log(f"cannot listen on {settings.address[0]} port {settings.address[1]}: {error.strerror}")
        return 1
    for name in settings.unknown:
        log(f"{name} is not a setting of this version")
    # As process 1 of a container there are no default actions: without a handler the signals would be ignored.
    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, lambda *_: server.stop())
    log(f"listening on {settings.address[0]} port {settings.address[1]}")
    server.serve()
    return 0


if __name__ == "__main__":
    # Not sys.exit: it would wait for a worker that hangs in a read.
    os._exit(main(os.environ))
