"""Prometheus' own programs and libraries, as tests ask them what they think of a page."""

from __future__ import annotations

import subprocess

from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser

from files.sensor_service.tests.conftest import HERE

PROMTOOL = HERE.parents[2] / ".testbed/cache/promtool/promtool"


def parse_openmetrics(page: str) -> list[Metric]:
    """A page in OpenMetrics as prometheus_client reads it. Raises ValueError."""
    return list(openmetrics_parser.text_string_to_metric_families(page))  # type: ignore[no-untyped-call]  # the parser ships no types


def promtool(page: str) -> tuple[bool, list[str]]:
    """Whether promtool can read a page in the text format, and what it remarks."""
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page.encode(), capture_output=True, check=False)
    return done.returncode in (0, 3), done.stderr.decode().splitlines()  # 3: it can, and has something to say
