"""Containers that an engine of ours would not find any more, with the settings that are declared. Pure."""

from __future__ import annotations

from .observe import Observed


def reasons(seen: Observed) -> list[str]:
    """Return what would run on unseen: nobody could stop it, and what takes its place would share its data."""
    if not (seen.engine.stranding and seen.containers):
        return []
    names, settings = ", ".join(sorted(seen.containers)), ", ".join(seen.engine.stranding)
    return [
        f"with {settings} its container engine would begin with another store, and not find {names}, which would run "
        "on unseen: take the settings back, or move the stack: playbooks/remove.yml -e remove_engine=true with the "
        "settings as they were (the services' data stays), then playbooks/site.yml with the new ones"
    ]
