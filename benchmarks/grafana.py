"""Grafana, the third part of the standard stack: only a registry has its image, so it is measured where one answers."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from .running import MIB, Program, Running, free_address

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "grafana/grafana:12.3.0"
PULL_SECONDS = 240
SETTLE_SECONDS = 30


def pulled(engine: DockerClient) -> str:
    """Have the image in the engine; return why that did not work, empty where it did."""
    if any(IMAGE in (image.tags or []) for image in engine.images.list()):
        return ""
    argv = ["docker", "pull", "--quiet", IMAGE]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PULL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"the registry had not sent {IMAGE} after {PULL_SECONDS} s"
    if done.returncode:
        sys.stderr.write(done.stderr)
        return f"{IMAGE} could not be pulled"
    return ""


def measure(engine: DockerClient) -> dict[str, Any]:
    """Return what Grafana holds half a minute after its start, asked for nothing; or why it was not measured."""
    failure = pulled(engine)
    if failure:
        return {"not_measured": failure}
    host, _, port = free_address().rpartition(":")
    spec = {
        "image": {"reference": IMAGE},
        "environment": {"GF_SERVER_HTTP_ADDR": host, "GF_SERVER_HTTP_PORT": port, "GF_LOG_MODE": "console"},
        "cpu_limit": 1.0,
        "pids_limit": 128,
        "user": "472:472",
        "data": [{"name": "data", "target": "/var/lib/grafana"}],
    }
    with Running(engine, Program("grafana", spec, None, f"{host}:{port}", "/api/health")) as running:
        for _ in range(SETTLE_SECONDS):
            running.counters()
            time.sleep(1)
        held = running.memory()
    size = engine.images.get(IMAGE).attrs["Size"] / MIB
    return {
        "working_set_mib": round(held.working_set, 1),
        "pss_mib": round(held.pss, 1),
        "peak_mib": round(held.peak, 1),
        "image_mib": round(size, 1),
    }
