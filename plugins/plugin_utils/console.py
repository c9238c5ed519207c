"""What a person at the terminal is told while a run goes on, and at its end.

Where Ansible's output is for programs (the callbacks json, minimal and the like), words for people go to standard
error: they must not get into what a program reads.
"""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

from .answers import printable

# ansible-runner shows people what its own callback, awx_display, lets through.
FOR_PEOPLE = ("default", "ansible.builtin.default", "awx_display", "robotfleet.stack.display")


def for_programs() -> bool:
    """Return whether standard output is read by programs."""
    return str(constants.DEFAULT_STDOUT_CALLBACK) not in FOR_PEOPLE


def say(who: str, words: str) -> None:
    """Tell what goes on with ``who``: a robot, or the controller."""
    tell(f"{who}: {words}")


def tell(words: str, bad: bool = False) -> None:
    """Tell what the whole run is about to do, or why it stops."""
    colour = constants.COLOR_ERROR if bad else constants.COLOR_CHANGED
    Display().display(f"  {printable.line(words)}", color=colour, stderr=for_programs())


def show(display: Display, text: str, colour: str | None = None) -> None:
    """Print a line of what is told at the end of a run."""
    display.display(printable.block(text), color=colour, stderr=for_programs())


def banner(display: Display, heading: str) -> None:
    """Print a heading as Ansible's own are."""
    if for_programs():
        display.display(f"\n{heading} ".ljust(80, "*"), stderr=True)
    else:
        display.banner(heading)
