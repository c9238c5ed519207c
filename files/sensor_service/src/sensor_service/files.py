"""Bounded reads of `/proc` and `/sys`. The only file of this package that touches the robot's file systems.

Absent hardware is told from broken hardware here: the first reads as None, the second raises.
"""
# pathlib costs more memory than this whole package
# ruff: noqa: PTH115

from __future__ import annotations

import errno
import os

# stat(2): the bits of a mode that tell what a file is (the module `stat` costs memory)
_FILE_TYPE = 0o170000
_REGULAR = 0o100000
# No attribute of sysfs is longer than a page; what is longer is not an attribute.
ATTRIBUTE_BYTES = 4096
# The longest table in use, /proc/1/mounts of a machine with many containers, is far below this.
TABLE_BYTES = 256 * 1024
# A number of the device tree.
CELL_BYTES = 4
# The widest integer that the kernel prints has 20 digits.
INTEGER_BYTES = 24

# The kernel's own "not supported": not of the C library, but drivers let it through.
ENOTSUPP = 524
# The kernel's ways to say "there is no such value (now)": no file, no device behind it, not supported, sensor off or in
# the hands of somebody else (a core that is off, a converter that samples into a buffer).
ABSENT = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENODEV,
        errno.ENXIO,
        errno.ENODATA,
        errno.EOPNOTSUPP,
        errno.EINVAL,
        errno.EAGAIN,
        errno.EBUSY,
        errno.ENETDOWN,  # a Wi-Fi card whose interface is down
        errno.ESHUTDOWN,  # or whose firmware starts anew
        ENOTSUPP,
    }
)


def table(path: str) -> str:
    """Returns the text of a whole file, such as `/proc/meminfo`.

    Raises OSError, with the file's name, where it cannot be read, its absence included, and ValueError beyond
    TABLE_BYTES.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _rest(descriptor, path)
    finally:
        os.close(descriptor)


def regular_table(path: str) -> tuple[str, float]:
    """Returns the text of a file of somebody else's, and when it was written, in seconds since 1970.

    Raises as `table`, and ValueError for what is no regular file: a pipe would wait for its writer, for ever.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if status.st_mode & _FILE_TYPE != _REGULAR:
            raise ValueError("not a regular file")
        return _rest(descriptor, path), status.st_mtime
    finally:
        os.close(descriptor)


def _rest(descriptor: int, path: str) -> str:
    # /proc hands out about a page at a time: only an empty read is the end.
    parts = []
    room = TABLE_BYTES
    while part := _read(descriptor, 16384, path):
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise ValueError(f"longer than {TABLE_BYTES} bytes")
    return b"".join(parts).decode("utf-8", "replace")


def _read(descriptor: int, size: int, path: str) -> bytes:
    """Reads, and gives an error the name of the file: the kernel's have none here."""
    try:
        return os.read(descriptor, size)
    except OSError as error:
        error.filename = path
        raise


def optional_table(path: str) -> str | None:
    """Returns the text of a whole file, None where it is absent. Raises as `table` does for the rest."""
    try:
        return table(path)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def value_of(text: str, key: str) -> str | None:
    """Returns what stands behind `key` in a table of `key value` lines, None where it has no such line."""
    start = f"{key} "
    if not text.startswith(start):
        start = f"\n{start}"
    _, found, rest = text.partition(start)
    return rest.partition("\n")[0] if found else None


def attribute(path: str) -> bytes | None:
    """Returns one attribute of sysfs without surrounding blanks, None where it is absent. Raises OSError."""
    raw = _attribute(path)
    return None if raw is None else raw.strip(b" \t\n\0")


def cell(path: str) -> int | None:
    """Returns a property of the device tree that is one number of 32 bits, None where it is absent.

    Raises OSError where it cannot be read and ValueError where it holds anything else.
    """
    raw = _attribute(path)
    if raw is not None and len(raw) != CELL_BYTES:
        raise ValueError(f"not {CELL_BYTES} bytes")
    return None if raw is None else int.from_bytes(raw, "big")


def _attribute(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    try:
        return _read(descriptor, ATTRIBUTE_BYTES, path)
    except OSError as error:
        # It was opened, so no right is missing: a graphics card that sleeps.
        if error.errno in ABSENT or error.errno == errno.EPERM:
            return None
        raise
    finally:
        os.close(descriptor)


def text(path: str) -> str:
    """Returns one attribute as text for a label, "" where it is absent. Raises OSError."""
    return (attribute(path) or b"").decode("utf-8", "replace")


def integer(path: str) -> int | None:
    """Returns the integer that an attribute holds, None where it is absent.

    Raises OSError where it cannot be read and ValueError where it holds anything but one integer.
    """
    raw = attribute(path)
    # such as `<unknown>`, which the kernel prints where it has no number
    return None if raw is None or raw[:1] == b"<" else parse_integer(raw)


def parse_integer(raw: bytes | str) -> int:
    """Returns the decimal integer in `raw`. Raises ValueError, also for integers wider than the kernel's."""
    if len(raw) > INTEGER_BYTES:
        raise ValueError("not an integer of the kernel's width")
    return int(raw)


def parse_float(raw: bytes | str) -> float:
    """Returns the finite number in `raw`. Raises ValueError, also for infinities and NaN."""
    value = float(raw)
    if value - value != 0:
        raise ValueError("not a finite number")
    return value


def names(path: str, prefix: str = "", suffix: str = "") -> list[str]:
    """Returns the sorted names in a directory that start and end so, [] where it is absent. Raises OSError.

    One after the other: in a directory of others there may be any number of files that are not asked for.
    """
    try:
        with os.scandir(path) as entries:
            found = [entry.name for entry in entries if entry.name.startswith(prefix) and entry.name.endswith(suffix)]
        return sorted(found)
    except OSError as error:
        if error.errno in ABSENT:
            return []
        raise


def directories(path: str) -> list[str]:
    """Returns the sorted names of the directories in a directory, [] where it is absent. Raises OSError."""
    try:
        with os.scandir(path) as entries:
            return sorted([entry.name for entry in entries if entry.is_dir(follow_symlinks=False)])
    except OSError as error:
        if error.errno in ABSENT:
            return []
        raise


def link(path: str) -> str:
    """Returns what a symbolic link says, "" where it is absent or no link. Raises OSError."""
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in ABSENT:
            return ""
        raise


def exists(path: str) -> bool:
    """Returns whether there is anything at `path`."""
    return os.access(path, os.F_OK)


def digits(name: str, prefix: str) -> str:
    """Returns the number at the end of names such as `cpu12`, "" where the rest is no plain number."""
    rest = name[len(prefix) :] if name.startswith(prefix) else ""
    return rest if rest.isascii() and rest.isdigit() else ""
