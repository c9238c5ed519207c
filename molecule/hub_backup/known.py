"""Runs on the hub: writes samples that are known, and says what is found of them. The login is the hub's own."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import random
import sys
import urllib.request

SERIES, SAMPLES, STEP = 50, 6000, 60
CONFIGURATIONS = pathlib.Path("/var/lib/robot-stack/telemetry_hub_victoriametrics/config")


def ask(path: str, content: bytes | None = None) -> bytes:
    secret = max(CONFIGURATIONS.glob("*/database_password"), key=lambda path: path.stat().st_mtime)
    request = urllib.request.Request("http://127.0.0.1:8428" + path, data=content)
    login = base64.b64encode(b"hub:" + secret.read_bytes().strip()).decode()
    request.add_header("Authorization", f"Basic {login}")
    return bytes(urllib.request.urlopen(request, timeout=60).read())


def write(first: int) -> None:
    """Random values: about as large on disk as samples can be."""
    for number in range(SERIES):
        values = random.Random(number)
        moments = [(first + STEP * index) * 1000 for index in range(SAMPLES)]
        line = {
            "metric": {"__name__": "known", "number": str(number)},
            "values": [values.random() for _ in moments],
            "timestamps": moments,
        }
        ask("/api/v1/import", json.dumps(line).encode())
    ask("/internal/force_flush")
    ask("/internal/force_merge")


def found() -> str:
    """How many samples there are, and a digest of all of them."""
    samples: dict[str, list[tuple[int, float]]] = {}
    for line in ask("/api/v1/export?match[]=known").splitlines():
        raw = json.loads(line)
        samples.setdefault(raw["metric"]["number"], []).extend(zip(raw["timestamps"], raw["values"]))
    kept = sorted((number, sorted(pairs)) for number, pairs in samples.items())
    return f"{sum(len(pairs) for _, pairs in kept)} {hashlib.sha256(json.dumps(kept).encode()).hexdigest()}"


if sys.argv[1] == "write":
    write(int(sys.argv[2]))
else:
    sys.stdout.write(found())
