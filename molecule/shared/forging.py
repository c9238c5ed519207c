"""A robot's agent that says more than it may: samples in the remote write protocol, sent with the robot's own login."""

from __future__ import annotations

import base64
import json
import struct
import time
from typing import Any

from waiting import until

NOBODY_TAKES_IT = "503"
SEND = """
import base64, json, ssl, sys, urllib.error, urllib.request
asked = json.load(sys.stdin)
words = base64.b64encode((asked["user"] + ":" + asked["password"]).encode()).decode()
headers = {"Authorization": "Basic " + words, "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
request = urllib.request.Request(asked["url"], base64.b64decode(asked["message"]), headers)
trusted = ssl.create_default_context(cadata=asked["authority"])
try:
    print(urllib.request.urlopen(request, timeout=60, context=trusted).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def message(labels: dict[str, str], value: float) -> str:
    """Return one sample in the remote write protocol, as base64: protobuf in a snappy block without compression."""

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128, "one byte says how long it is"
        return bytes([number << 3 | 2, len(content)]) + content

    def varint(number: int) -> bytes:
        return (bytes([number & 127 | 128]) + varint(number >> 7)) if number > 127 else bytes([number])

    pairs = b"".join(
        field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in sorted(labels.items())
    )
    sample = field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(int(time.time() * 1000)))
    plain = field(1, pairs + sample)
    snappy = varint(len(plain)) + bytes([60 << 2, len(plain) - 1]) + plain
    return base64.b64encode(snappy).decode()


def write_as_another(robot: Any, other: str, hub: str, name: str, authority: str, password: str) -> str:
    """Have ``robot`` send a sample called ``name`` to a host of the hub as if it were the ``other``; return the status.

    It says so in the sample, and in the address, where an entry point adds what it knows.
    """
    url = f"https://{hub}:8427/api/v1/write?extra_label=robot%3D{other}"
    forged = message({"__name__": name, "robot": other}, 7)
    asked = {"user": robot.name, "password": password, "authority": authority, "message": forged, "url": url}
    words, program = (base64.b64encode(text.encode()).decode() for text in (json.dumps(asked), SEND))
    run = f"echo {words} | base64 -d | python3 -c \"import base64; exec(base64.b64decode('{program}'))\""
    said: list[str] = []

    def is_answered() -> bool:
        said.append(str(robot.run(run)).strip())
        return said[-1] != NOBODY_TAKES_IT  # an agent would try again as well

    until(is_answered, f"{hub} takes it, or refuses it")
    return said[-1]
