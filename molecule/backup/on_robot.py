"""Runs on the robot: writes samples that are known, and says what is found of them. The login comes from a file."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import random
import sys
import time
import urllib.request

SERIES, SAMPLES, STEP = 100, 8000, 2
LOGIN = "fleet:" + pathlib.Path("/run/test_password").read_text().strip()


def ask(path: str, content: bytes | None = None) -> bytes:
    request = urllib.request.Request("http://127.0.0.1:8428" + path, data=content)
    request.add_header("Authorization", "Basic " + base64.b64encode(LOGIN.encode()).decode())
    return bytes(urllib.request.urlopen(request, timeout=60).read())


def write(first: int) -> None:
    """Random values: about as large on disk as samples can be."""
    values = random.Random(first)
    for number in range(SERIES):
        moments = [(first + STEP * index) * 1000 for index in range(SAMPLES)]
        line = {
            "metric": {"__name__": "known", "number": str(number)},
            "values": [values.random() for _ in moments],
            "timestamps": moments,
        }
        ask("/api/v1/import", json.dumps(line).encode())
        time.sleep(0.1)  # 500,000 samples a second are more than a database in 50 MiB takes, and than a robot makes
    ask("/internal/force_flush")


def found() -> str:
    """How many series there are, and a digest of every sample."""
    lines = [json.loads(line) for line in ask("/api/v1/export?match[]=known").splitlines()]
    samples: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        samples.setdefault(line["metric"]["number"], []).extend(zip(line["timestamps"], line["values"]))
    kept = sorted((number, sorted(pairs)) for number, pairs in samples.items())
    return f"{len(kept)} {hashlib.sha256(json.dumps(kept).encode()).hexdigest()}"


if sys.argv[1] == "write":
    write(int(sys.argv[2]))
elif sys.argv[1] == "mark":
    ask("/api/v1/import/prometheus", f"{sys.argv[2]} 1\n".encode())
    ask("/internal/force_flush")
elif sys.argv[1] == "found":
    sys.stdout.write(found())
else:
    sys.stdout.write(ask(sys.argv[2]).decode())
