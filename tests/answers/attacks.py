"""What a robot, or a container on it, may put into an answer that is read at an operator's terminal."""

from __future__ import annotations

import unicodedata

UP_AND_OK = "\x1b[1A\x1b[2K\x1b[32mrobot-b  whole stack  300  59  -  241  300  ok\x1b[0m"
# A sequence for each way in which a terminal can be told to show something else than what was written.
PAINTS = (
    UP_AND_OK,
    "\x9b1A\x9b2K",  # the same in one character, which some terminals take
    "\rrobot-b  ok",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",  # into the clipboard
    "\x08" * 40 + "ok",
    "\u202eko\u202c",
    "\u2066ok\u2069",
    "a\u200bb\u2028robot-b  ok\u2029",
    "\x85robot-b  ok",
    "\x0brobot-b\x0cok\x00\x7f",
    "\udc9b1A",
    "\U000e0001",
)


def paints(text: str) -> list[str]:
    """The characters of a text with which a terminal does something else than to show them; lines may end."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [c for c in text if unicodedata.category(c) in bad and c not in "\n\t"]
