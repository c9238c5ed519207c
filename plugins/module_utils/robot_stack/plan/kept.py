"""What shall stay, the stack's root and its backups, lies in nothing that goes, and the root where it is seen. Pure.

An engine's own store goes with the engine: when somebody removes it, and when a robot changes to another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..base.paths import inside, plain
from ..spec.model import Stack
from . import engine_removal
from .observe import Observed

# What ProtectHome=yes hides (watchdog/setup.py).
HIDDEN = ("/home", "/root", "/run/user")
ROOT, BACKUP = "robot_stack_root", "telemetry_hub_backup_destination"


def reasons(stack: Stack, seen: Observed) -> list[str]:
    """Return what lies where it would not stay, or would not be seen, and what to do."""
    found = [
        f"{variable} {written}{_leads(seen, path)} is in {store}, the container engine's own store, which goes with "
        f"the engine: {_moved(stack) if variable == ROOT else 'write another folder, and move what is there'}"
        for variable, written, path in _kept(stack)
        for store in _stores(seen)
        if inside(_real(seen, path), _real(seen, store))
    ]
    return found + _hidden(stack, seen)


def removal(stack: Stack, seen: Observed) -> list[str]:
    """Return what a removal of the engine would take along although it is to stay."""
    if not stack.remove_engine:
        return []
    return [
        f"remove_engine: the engine's own store, {store}, holds {variable} {written}, which stays: move that elsewhere "
        "first, or leave the engine"
        for variable, written, path in _kept(stack)
        if not (variable == ROOT and stack.remove_data)
        for store in _going(seen)
        if inside(_real(seen, path), _real(seen, store))
    ]


def _kept(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Yield each variable, what it says, and the path that this is."""
    yield ROOT, stack.budget.root, stack.budget.root
    for folder in dict.fromkeys(job.job.folder for job in stack.jobs):
        if folder:
            yield BACKUP, f"fs://{folder}", folder


def _stores(seen: Observed) -> list[str]:
    """Return where the engine keeps its own, and where the one before does."""
    return [store for store in (seen.store, seen.left.store if seen.left else "") if store]


def _going(seen: Observed) -> list[str]:
    """Return the stores that go when a removal takes the engine along."""
    own = [seen.store] if engine_removal.takes_store(seen) else []
    left = seen.left
    if left and seen.state.former_packages and inside(left.store, left.driver.usual_store):
        own.append(left.store)
    return own


def _hidden(stack: Stack, seen: Observed) -> list[str]:
    root = stack.budget.root
    real = _real(seen, root)
    if not any(inside(real, top) for top in HIDDEN):
        return []
    return [
        f"{ROOT} {root} leads to {real}, which the watchdog does not see, whose program is there: nothing would be "
        f"watched. {_moved(stack)}"
    ]


def _real(seen: Observed, path: str) -> str:
    return seen.lies.get(path, path)


def _leads(seen: Observed, path: str) -> str:
    real = _real(seen, path)
    return "" if plain(real) == plain(path) else f" (which leads to {real})"


def _moved(stack: Stack) -> str:
    root = stack.budget.root
    return (
        f"write another folder, such as /data/robot-stack. A stack that is there is moved: playbooks/remove.yml with "
        f"this root (data stays), then mv {root} to the new one on the robot, then playbooks/site.yml"
    )
