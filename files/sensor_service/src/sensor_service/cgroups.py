"""What a control group says about memory, for cgroup v1 and v2 alike.

Formats: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html. Facts bear one set of names
in both versions; a fact that the kernel does not tell is missing, never zero. Bytes: usage, working_set (usage without
inactive_file, as Docker shows it), peak, limit (0 is none, as cAdvisor has it), anonymous, kernel. Counts: oom_kills,
major_faults. Seconds: waiting, stalled.
"""

from __future__ import annotations

from . import files
from .collectors import pressure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Version 1 says "no limit" with the largest multiple of a page that fits 63 bits.
NO_LIMIT = 1 << 62


def is_v2(root: str) -> bool:
    """Returns whether the cgroup file system at `root` is the unified hierarchy."""
    return files.exists(f"{root}/cgroup.controllers")


def facts_v1(path: str, fault: Callable[[str, BaseException], None]) -> dict[str, float]:
    """Returns the facts of a cgroup below the v1 memory hierarchy: bytes and counts, children included.

    oom_kills is the exception: version 1 counts them for the cgroup alone, and forgets them with it.
    What cannot be read is told to `fault` and left out.
    """
    found: dict[str, float] = {}
    _number(found, "usage", f"{path}/memory.usage_in_bytes", fault)
    _number(found, "peak", f"{path}/memory.max_usage_in_bytes", fault)
    _number(found, "limit", f"{path}/memory.limit_in_bytes", fault)
    _number(found, "kernel", f"{path}/memory.kmem.usage_in_bytes", fault)
    keys = {"total_rss": "anonymous", "total_inactive_file": "inactive", "total_pgmajfault": "major_faults"}
    _keyed(found, keys, f"{path}/memory.stat", fault)
    _keyed(found, {"oom_kill": "oom_kills"}, f"{path}/memory.oom_control", fault)
    return _completed(found)


def facts_v2(path: str, fault: Callable[[str, BaseException], None]) -> dict[str, float]:
    """Returns the facts of a cgroup of the unified hierarchy: bytes, counts and seconds, children included.

    What cannot be read is told to `fault` and left out.
    """
    found: dict[str, float] = {}
    _number(found, "usage", f"{path}/memory.current", fault)
    _number(found, "peak", f"{path}/memory.peak", fault)
    _number(found, "limit", f"{path}/memory.max", fault)
    keys = {"anon": "anonymous", "kernel": "kernel", "inactive_file": "inactive", "pgmajfault": "major_faults"}
    _keyed(found, keys, f"{path}/memory.stat", fault)
    _keyed(found, {"oom_kill": "oom_kills"}, f"{path}/memory.events", fault)
    _pressure(found, f"{path}/memory.pressure", fault)
    return _completed(found)


def _number(found: dict[str, float], name: str, path: str, fault: Callable[[str, BaseException], None]) -> None:
    try:
        raw = files.attribute(path)
        if raw is not None:
            found[name] = 0 if raw == b"max" else files.parse_integer(raw)
    except (OSError, ValueError) as error:
        fault(path, error)


def _keyed(
    found: dict[str, float], keys: dict[str, str], path: str, fault: Callable[[str, BaseException], None]
) -> None:
    """Takes the `key value` lines that `keys` names."""
    try:
        text = files.optional_table(path) or ""
        for key, name in keys.items():
            value = files.value_of(text, key)
            if value is not None:
                found[name] = files.parse_integer(value)
    except (OSError, ValueError) as error:
        fault(path, error)


def _pressure(found: dict[str, float], path: str, fault: Callable[[str, BaseException], None]) -> None:
    try:
        totals = pressure.totals(files.optional_table(path) or "")
    except (OSError, ValueError) as error:
        fault(path, error)
        return
    for kind, name in (("some", "waiting"), ("full", "stalled")):
        if kind in totals:
            found[name] = totals[kind]


def _completed(found: dict[str, float]) -> dict[str, float]:
    inactive = found.pop("inactive", None)
    if "usage" in found and inactive is not None:
        # the two are read one after the other, and the kernel settles them now and then only
        found["working_set"] = max(found["usage"] - inactive, 0)
    if found.get("limit", 0) >= NO_LIMIT:
        found["limit"] = 0
    return found
