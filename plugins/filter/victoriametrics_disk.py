"""How much disk VictoriaMetrics grows into: the robot gate asks for it before the first sample is written."""

from __future__ import annotations

import math
from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.durations import seconds

DOCUMENTATION = """
name: victoriametrics_disk
short_description: MiB of disk that VictoriaMetrics needs in the end
description:
  - What the samples of all series occupy at the end of their retention, the index, and what must stay free, because
    VictoriaMetrics takes no sample where less is.
  - Samples leave the disk by whole months, when the last of a month is older than the retention. Until then, up to 31
    days more than the retention are there.
positional: scrape_interval, retention, min_free_mib
options:
  _input:
    description: Active time series that this robot is expected to have.
    type: int
    required: true
  scrape_interval:
    description: How often each of them gets a sample, such as C(15s).
    type: str
    required: true
  retention:
    description: How long a sample is kept, such as C(30d).
    type: str
    required: true
  min_free_mib:
    description: What must stay free.
    type: int
    required: true
"""

EXAMPLES = """
disk_mib: "{{ 1000 | robotfleet.stack.victoriametrics_disk('15s', '30d', 512) }}"
"""

RETURN = """
_value:
  description: MiB.
  type: int
"""

MIB = 1024 * 1024
BYTES_PER_SAMPLE = 2  # 1.3 to 1.6 were measured, before the last days are merged
INDEX_MIB = 32
# A partition is a month, and goes when its last sample is past its retention: its first one is a month older by then.
# Source: https://docs.victoriametrics.com/victoriametrics/#retention
LONGEST_MONTH_SECONDS = 31 * 86_400


def disk_mib(series: int, scrape_interval: str, retention: str, min_free_mib: int) -> int:
    """Return the MiB that ``series`` series occupy in the end, with ``min_free_mib`` beside them."""
    samples: float = series * (seconds(retention) + LONGEST_MONTH_SECONDS) / seconds(scrape_interval)
    return math.ceil(samples * BYTES_PER_SAMPLE / MIB) + INDEX_MIB + min_free_mib


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter under its name."""
        return {"victoriametrics_disk": disk_mib}
