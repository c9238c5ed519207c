"""The boot file of a Raspberry Pi: its firmware gives the first line of it to the kernel, and reads no other."""

from __future__ import annotations


class CmdlineTxt:
    """See `protocol.BootFile`."""

    places = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")  # the new path stands before the old one

    def line(self, text: str) -> str:
        """Return the first line."""
        return text.partition("\n")[0]

    def with_line(self, text: str, line: str) -> str:
        """Return ``text`` with another first line, which ends."""
        _, newline, rest = text.partition("\n")
        return line + (newline or "\n") + rest


CMDLINE_TXT = CmdlineTxt()
