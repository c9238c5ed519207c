"""An action plugin whose robot is not trusted: what its commands print, and why they fail, is printable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from . import printable

MOST_OUTPUT = 64 << 20  # characters: what a command may print that is more than a message, such as an answer


class RobotAction(ActionBase):
    """What stands between Ansible and a robot; every command to it goes through here, those of modules too."""

    def _low_level_execute_command(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        with printable_errors():
            done: dict[str, Any] = super()._low_level_execute_command(*arguments, **options)
        # Bytes that are no text are asked for with this, and are never shown.
        raw = options.get("encoding_errors") == "surrogateescape"
        for name in ("stderr",) if raw else ("stdout", "stderr"):
            # a terminal, which su and some sudoers want, ends lines in its own way
            done[name] = printable.block(done[name].replace("\r\n", "\n"), MOST_OUTPUT)
            done[f"{name}_lines"] = done[name].splitlines()
        return done


@contextmanager
def printable_errors() -> Iterator[None]:
    """Have what a connection says of its failure, which may be the robot's own words, printable."""
    try:
        yield
    except AnsibleConnectionFailure as error:
        raise AnsibleConnectionFailure(printable.block(str(error), printable.LONGEST_LINE)) from None
