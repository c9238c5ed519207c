"""Root asks what a container serves: the program that asks is a process of its own, and the kernel counts its memory.

The container answers without end, or byte by byte. Asking ends within its time, in little memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterable

import pytest
from robot_stack.hostile import DRIPS, FLOODS, Hostile

ASKED = """
import resource, sys
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
status, words = http.get(sys.argv[1], timeout=2.0)
print(status, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
GROWTH_MIB = 16
CEILING = 1 << 30  # bytes of address space: without the protection, no more of this machine is taken
PATIENCE_SECONDS = 60


def grown(answer: Iterable[bytes]) -> int:
    """Return by how many MiB the program grew that got ``answer``. Raises AssertionError where it gets no end."""
    with Hostile(answer) as hostile:
        process = subprocess.Popen(
            [sys.executable, "-c", ASKED, f"{hostile.url}/health"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        resource.prlimit(process.pid, resource.RLIMIT_AS, (CEILING, CEILING))
        try:
            said, wrong = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError("it still waits for its answer") from None
    assert process.returncode == 0, wrong.decode()[-500:]
    status, mib = said.split()
    assert status == b"0", "no answer, and not a healthy one"
    return int(mib)


@pytest.mark.parametrize("answer", FLOODS)
def test_an_answer_without_end_takes_no_memory(answer: Iterable[bytes]) -> None:
    assert grown(answer) < GROWTH_MIB


@pytest.mark.parametrize("answer", DRIPS)
def test_an_answer_byte_by_byte_holds_nobody(answer: Iterable[bytes]) -> None:
    assert grown(answer) < GROWTH_MIB
