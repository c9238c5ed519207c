"""Messages of the remote write protocol, also those that no honest agent sends. Standard library only.

Protobuf in a snappy block, as https://prometheus.io/docs/specs/prw/remote_write_spec/ has it. Sizes are bytes.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Mapping

KIB = 1024
MIB = 1024 * KIB


def varint(number: int) -> bytes:
    """Return ``number``, which is not negative, as protobuf writes it."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number: int, content: bytes) -> bytes:
    """Return a field that says its length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def label(name: str, text: str) -> bytes:
    """Return one label of a series."""
    return field(1, field(1, name.encode()) + field(2, text.encode()))


def sample(value: float, milliseconds: int) -> bytes:
    """Return one sample of a series."""
    return field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds))


def series(labels: Mapping[str, str], value: float, seconds: float | None = None) -> bytes:
    """Return a series with one sample, of now where no moment is given."""
    moment = int((time.time() if seconds is None else seconds) * 1000)
    return field(1, b"".join(label(*pair) for pair in sorted(labels.items())) + sample(value, moment))


def message(many: Iterable[Mapping[str, str]], value: float = 1.0) -> bytes:
    """Return a request with one sample of each series."""
    return b"".join(series(labels, value) for labels in many)


# What follows is legal protobuf. Each shape unpacks to far more memory than it has bytes; what a parser that allocates
# one structure for each element makes of it is said behind it.
def empty_labels(size: int) -> bytes:
    """One series with as many empty labels as fit: two bytes become a structure of 32."""
    return field(1, label("__name__", "wide") + b"\x0a\x00" * ((size - 64) // 2) + sample(1, int(time.time() * 1000)))


def empty_samples(size: int) -> bytes:
    """One series with as many empty samples as fit: two bytes become a sample, and a row."""
    return field(1, label("__name__", "deep") + b"\x12\x00" * ((size - 64) // 2))


def empty_series(size: int) -> bytes:
    """As many series as fit, each with an empty sample: four bytes become a series, a sample and a row."""
    return b"\x0a\x02\x12\x00" * (size // 4)


def empty_metadata(size: int) -> bytes:
    """As many empty descriptions of metrics as fit: two bytes become a structure of 64, and a row."""
    return b"\x1a\x00" * (size // 2)


def short_labels(size: int) -> bytes:
    """One series with as many labels of one character as fit; they are not left out, as empty ones are."""
    return field(1, b"\x0a\x06\x0a\x01a\x12\x01b" * ((size - 64) // 8) + sample(1, int(time.time() * 1000)))


def histogram(size: int) -> bytes:
    """A native histogram: each of its buckets becomes a series, with every label of the histogram."""
    half = (size - 96) // 2
    span = field(11, b"\x08\x00\x10" + varint(half))
    deltas = field(12, b"\x02" + b"\x00" * (half - 1))  # the first is 1, and no other differs from the one before
    labels = label("__name__", "squared") + b"\x0a\x00" * (half // 2)
    return field(1, labels + field(4, span + deltas))


SHAPES = {
    "labels": empty_labels,
    "samples": empty_samples,
    "series": empty_series,
    "metadata": empty_metadata,
    "short labels": short_labels,
    "histogram": histogram,
}


def packed(plain: bytes) -> bytes:
    """Return ``plain`` as a snappy block: what repeats takes three bytes of 64, and what does not stays as it is."""
    found, start, at = bytearray(varint(len(plain))), 0, 0
    while at < len(plain):
        offset, length = _repeated(plain, at)
        if length < 8:
            at += 1
            continue
        found += _literal(plain[start:at])
        for size in range(length, 0, -64):
            found += bytes([(min(size, 64) - 1) << 2 | 2]) + struct.pack("<H", offset)
        at += length
        start = at
    return bytes(found + _literal(plain[start:]))


def _repeated(plain: bytes, at: int) -> tuple[int, int]:
    """Return how far back the text at ``at`` is repeated, for how many bytes; only short periods are looked for."""
    for offset in (1, 2, 4, 8):
        if offset <= at and plain[at - offset : at - offset + 8] == plain[at : at + 8]:
            return offset, _length(plain, at, offset)
    return 0, 0


def _length(plain: bytes, at: int, offset: int) -> int:
    """Return for how many bytes the text at ``at`` equals that ``offset`` before it."""
    low, high = 0, len(plain) - at
    while low < high:  # what equals itself, shifted, equals itself in each beginning
        middle = (low + high + 1) // 2
        if plain[at : at + middle] == plain[at - offset : at - offset + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def unpacked(plain: bytes) -> bytes:
    """Return ``plain`` as a snappy block that leaves it as it is, which takes no time to make."""
    return varint(len(plain)) + _literal(plain)


def _literal(text: bytes) -> bytes:
    if not text:
        return b""
    size = len(text) - 1
    if size < 60:
        return bytes([size << 2]) + text
    return bytes([63 << 2]) + struct.pack("<I", size) + text
