"""How many robots Ansible may ask at once, by the files that the controller may have open.

Ansible keeps pipes to each of its workers. Beyond the limit on open files it cannot start one: that robot fails,
and in the next task robots are left out without a word (ansible#82471).
"""

from __future__ import annotations

# Measured: docs/scale.md, "Forks". 100 forks had 412 files open with ansible-core 2.21.
FOR_EACH = 4
FOR_ITSELF = 64  # 12 were measured; callbacks and inventories have theirs


def needed(forks: int) -> int:
    """Return how many open files a run with ``forks`` workers needs."""
    return FOR_ITSELF + FOR_EACH * forks


def check(forks: int, robots: int, limit: int) -> str:
    """Return what is wrong with asking so many of ``robots`` at once below a ``limit`` of open files, or nothing."""
    workers = min(forks, robots)
    if limit < 0 or needed(workers) <= limit:  # negative: there is no limit (resource.RLIM_INFINITY)
        return ""
    most = max(1, (limit - FOR_ITSELF) // FOR_EACH)
    files = needed(workers)
    return (
        f"forks: {workers} robots are asked at once, which takes about {files} open files, and this controller "
        f"may have {limit} open (ulimit -n). Beyond that Ansible leaves robots out of a task without a word. "
        f"Write --forks {most}, or raise the limit first: ulimit -n {files}. No robot was contacted."
    )
