"""Files that anybody may have written: read in bounds, through no link, and without waiting for anything."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 32 << 20


class UnreadableError(OSError):
    """A file is there, and is not one that can be read."""


def text(path: Path, largest: int = LARGEST_BYTES) -> str | None:
    """Return what a file holds, None where there is none. Raises `UnreadableError`."""
    try:
        handle = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnreadableError(f"{path} is no regular file")
        try:
            content = file.read(largest + 1)
        except OSError as error:
            raise UnreadableError(f"{path}: {error.strerror}") from error
    if len(content) > largest:
        raise UnreadableError(f"{path} is larger than {largest >> 10} KiB")
    return content.decode("utf-8", "replace")


def names_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder, sorted; none where there is none, or nobody may look."""
    with suppress(OSError):
        return sorted(entry.name for entry in os.scandir(folder))
    return []
