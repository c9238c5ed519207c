"""Plans what makes files of ours readable again: they are set aside, and made again from what is true. Pure."""

from __future__ import annotations

from ..records import state
from ..spec.model import Stack
from .observe import Observed
from .step import Step


def steps(stack: Stack, seen: Observed) -> list[Step]:
    """Return what makes the robot's records readable again."""
    found = []
    for name, why in sorted(seen.troubles.items()):
        if stack.state == "absent" and name != state.FILE:
            continue  # it is about to go
        path = f"{stack.budget.root}/{name}"
        words = f"set {path} aside, which cannot be read ({why}), and make it again from what runs here"
        if name != state.FILE:
            words = f"set {path} aside, of which not all can be read ({why}): what else was good here is not known"
        found.append(Step("records", name, words, request={"state": seen.state} if name == state.FILE else {}))
    return found
