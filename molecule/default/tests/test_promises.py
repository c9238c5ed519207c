"""What every robot promises; see molecule/shared/promises.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "shared"))

from promises import (
    test_nothing_but_ssh_listens_to_the_network,
    test_services_run_confined,
    test_the_kernel_caps_the_whole_stack_at_the_budget,
    test_the_kernel_limits_each_service_as_the_inventory_says,
    test_the_robots_history_knows_every_limit,
    test_the_robots_own_series_are_in_victoriametrics,
    test_victoriametrics_believes_in_its_limit,
)

__all__ = [
    "test_nothing_but_ssh_listens_to_the_network",
    "test_services_run_confined",
    "test_the_kernel_caps_the_whole_stack_at_the_budget",
    "test_the_kernel_limits_each_service_as_the_inventory_says",
    "test_the_robots_history_knows_every_limit",
    "test_the_robots_own_series_are_in_victoriametrics",
    "test_victoriametrics_believes_in_its_limit",
]
