"""What of our own files on the robot could not be believed: told by each call, healed by one that changes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..apply.apply import ServiceFailedError
from ..plan.observe import Observed
from ..records import good_versions, record_file, samples, state
from .context import Call

ANEW = {
    state.FILE: "what is true on this robot {} its place",
    f"{samples.DIRECTORY}/{samples.FILE}": "the watchdog's next look {} its place",
}
GOOD = "the good versions that can be read {} its place"


def told(call: Call, seen: Observed, aside: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each file: what is wrong with it, and what was done. ``aside``: None, nothing was yet."""
    found = []
    for name in _names(seen):
        words = "; ".join(problem.words for problem in seen.record_problems if problem.name == name)
        anew = ANEW.get(name, GOOD)
        if aside is None:
            done = f"site.yml keeps it aside, and {anew.format('takes')}"
        else:
            kept = f"it was kept aside as {aside[name]}, and " if name in aside else ""
            done = f"{kept}{anew.format('took')}"
        found.append(f"{_path(call, name)} {words}: {done}")
    return found


def heal(call: Call, seen: Observed) -> list[str]:
    """Keep aside what could not be believed, and write anew what can be said; return `told`. Raises OSError."""
    root, names, aside = call.roots.path(call.stack.budget.root), _names(seen), {}
    good = good_versions.load(root)
    for name in names:
        path = call.roots.path(_path(call, name))
        if os.path.lexists(path):
            aside[name] = record_file.set_aside(path, call.clock())
    if state.FILE in names:
        state.save(seen.state, root)
    if set(good_versions.FILES) & set(names):
        good_versions.save(good, root)
    return told(call, seen, aside)


def in_result(call: Call, result: dict[str, Any], found: list[str]) -> dict[str, Any]:
    """Return ``result`` with what was ``found``: a verification fails by it, a change and its check count it."""
    if not found:
        return result
    result = {**result, "records": found}
    if call.stack.state == "verified":
        words = [str(result["msg"])] if result.get("msg") else []
        return {**result, "failed": True, "msg": "; ".join([*words, *found])}
    if call.stack.state != "planned" and not result.get("refusals"):
        result["changed"] = True
    return result


def in_error(error: ServiceFailedError, found: list[str]) -> ServiceFailedError:
    """Return ``error`` with what was ``found`` below it."""
    return error.in_other_words("\n".join([str(error), *found]))


def _names(seen: Observed) -> list[str]:
    return list(dict.fromkeys(problem.name for problem in seen.record_problems))


def _path(call: Call, name: str) -> str:
    return name if name.startswith("/") else f"{call.stack.budget.root}/{name}"
