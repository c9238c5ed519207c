"""Services that only hosts outside of the play have: their groups' variables speak of them all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError

from ..inventory_gate.declaration import Catalogue
from . import specs
from .declared import LISTED, Declaration, role_of


def roles_elsewhere(
    known: Catalogue, declarations: Sequence[Declaration], variables: Mapping[str, Any], loader: Any
) -> list[specs.Role]:
    """Return somebody else's roles that hosts outside of the play list; looked for only where a limit has no owner."""
    names = {name for declaration in declarations for name in declaration.variables.keys() - known.names}
    if not any(name.endswith("_memory_limit_mib") for name in names):
        return []
    played = {declaration.name for declaration in declarations}
    found: dict[str, specs.Role] = {}
    for host in (variables.get("groups") or {}).get("all") or []:
        if host not in played:
            for role in _listed(variables["hostvars"][host], dict(variables), loader, known):
                found[role.name] = role
    return list(found.values())


def _listed(hosts: Mapping[str, Any], variables: dict[str, Any], loader: Any, known: Catalogue) -> list[specs.Role]:
    try:
        listed = hosts.get(LISTED) or []
    except AnsibleError:  # told where that host has its turn
        return []
    roles = []
    for entry in listed if isinstance(listed, (list, tuple)) else []:
        try:
            role = role_of(str(entry), variables, loader, known, {})
        except specs.RoleError:
            continue
        roles += [role] if role is not None else []
    return roles
