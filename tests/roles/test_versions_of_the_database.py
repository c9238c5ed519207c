"""A version that somebody declares is given the flags that it knows: with another one it would not start."""

from __future__ import annotations

import pytest

from benchmarks import product


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("v1.136.23", False),
        ("v1.140.0", False),
        ("v1.99.0-enterprise", False),
        ("v1.141.0", True),
        ("v1.148.8", True),
        ("v1.148.8-scratch", True),
        ("v2.0.0", True),
        ("latest", True),
        ("1", True),
    ],
)
def test_samples_ahead_of_the_clock_are_held_by_versions_that_can(version: str, known: bool) -> None:
    """The flag came with v1.141.0: https://docs.victoriametrics.com/victoriametrics/changelog/"""
    command = product.service("victoriametrics", victoriametrics_version=version)["command"]
    assert ("-futureRetention=100y" in command) == known
    assert not [flag for flag in command if flag.startswith("-futureRetention") and not known]
