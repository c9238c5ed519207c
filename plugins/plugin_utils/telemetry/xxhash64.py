"""XXH64 of a few bytes: how vmagent names the folder of a queue after its URL. Python's standard library has none.

Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
MASK = (1 << 64) - 1


def xxh64(data: bytes) -> int:
    """Return the 64-bit hash of ``data``, with seed 0."""
    position, length = 0, len(data)
    if length >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while position + 32 <= length:
            lanes = [_round(lane, _word(data, position + 8 * n, 8)) for n, lane in enumerate(lanes)]
            position += 32
        value = sum(_left(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * P1 + P4) & MASK
    else:
        value = P5
    return _finished(value + length & MASK, data[position:])


def _finished(value: int, rest: bytes) -> int:
    position = 0
    while position + 8 <= len(rest):
        value = (_left(value ^ _round(0, _word(rest, position, 8)), 27) * P1 + P4) & MASK
        position += 8
    if position + 4 <= len(rest):
        value = (_left(value ^ _word(rest, position, 4) * P1 & MASK, 23) * P2 + P3) & MASK
        position += 4
    for byte in rest[position:]:
        value = _left(value ^ byte * P5 & MASK, 11) * P1 & MASK
    for shift, factor in ((33, P2), (29, P3)):
        value = (value ^ value >> shift) * factor & MASK
    return value ^ value >> 32


def _round(lane: int, word: int) -> int:
    return _left((lane + word * P2) & MASK, 31) * P1 & MASK


def _left(value: int, turn: int) -> int:
    return (value << turn | value >> (64 - turn)) & MASK


def _word(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "little")
