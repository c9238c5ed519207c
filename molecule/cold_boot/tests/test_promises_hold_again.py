"""After the boot: what holds on every robot holds again. Runs after test_cold_boot.py, by its name."""

from __future__ import annotations

from promises import (
    test_nothing_but_ssh_listens_to_the_network,
    test_services_run_confined,
    test_the_kernel_caps_the_whole_stack_at_the_budget,
    test_the_kernel_limits_each_service_as_the_inventory_says,
    test_victoriametrics_believes_in_its_limit,
)

__all__ = [
    "test_nothing_but_ssh_listens_to_the_network",
    "test_services_run_confined",
    "test_the_kernel_caps_the_whole_stack_at_the_budget",
    "test_the_kernel_limits_each_service_as_the_inventory_says",
    "test_victoriametrics_believes_in_its_limit",
]
