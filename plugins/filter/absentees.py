"""Who is asked for and is not there: a group that the inventory does not have, a name in --limit that nobody has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader
from jinja2 import pass_context

DOCUMENTATION = """
name: absentees
short_description: Say who of the wanted hosts is not there
description:
  - Returns a sentence for everybody who is asked for and is not in the inventory, so that a play can fail where it
    would otherwise do nothing, with the exit code 0.
  - That is a group without hosts, each part of C(--limit) that nobody fits (also one that excludes nobody), and a limit
    that leaves none of the group. Of several groups, hosts of any one of them are enough.
  - Where everybody is there, it says whether this process has a part of them only though the playbook must have all,
    as a slice of a sliced job of AWX has, or because of C(rollout_shard). It reads both from the variables.
options:
  _input:
    description: The variable C(groups), names of hosts by group.
    type: dict
    required: true
  group:
    description: The group that the playbook is for, or the groups.
    type: raw
    required: true
  limit:
    description: What C(--limit) says, the variable C(ansible_limit).
    type: str
    default: ''
  parts:
    description:
      - The ways in which the playbook may be divided. C(shard) means by C(rollout_shard), C(slice) by AWX.
    type: list
    elements: str
    default: []
positional: group, limit, parts
"""

EXAMPLES = """
there: "{{ {'all': ['scout'], 'robots': ['scout']} | robotfleet.stack.absentees('robots') }}"
# => []
"""

RETURN = """
_value:
  description: Sentences; none, everybody is there.
  type: list
  elements: str
"""

REST = "No host was contacted."
# One of these says that the run may be divided.
DIVIDING = ("rollout_shard", "awx_workflow_job_id", "tower_workflow_job_id")


def absentees(groups: Mapping[str, Sequence[str]], group: str | Sequence[str], limit: str = "") -> list[str]:
    """Return a sentence for everybody who is asked for and is not there. Raises OSError for a file of names."""
    asked = [group] if isinstance(group, str) else list(group)
    known = ", ".join(sorted(name for name in groups if name not in ("all", "ungrouped", *asked))) or "none"
    wanted = {host for name in asked for host in groups.get(name) or ()}
    if not wanted:
        words = "has no hosts" if asked[0] in groups else "is not there"
        told = f"Group {asked[0]} of the inventory {words}"
        if len(asked) > 1:
            told = f"Groups {' and '.join(asked)} of the inventory have no hosts"
        return [f"{told}; its other groups: {known}. {REST}"]
    if not limit:
        return []
    inventory = _inventory(groups)
    parts = _parts(limit)
    found = [
        f"--limit {limit}: nobody in the inventory is called {part.lstrip('!&')}. {REST}"
        for part in parts
        if not inventory.get_hosts(part.lstrip("!&"))
    ]
    left = {host.name for host in inventory.get_hosts(parts)}
    if not found and not wanted & left:
        which = " or ".join(asked)
        found.append(f"--limit {limit}: it leaves none of group {which} ({', '.join(sorted(wanted)[:8])}). {REST}")
    return found


def _parts(limit: str) -> list[str]:
    """Return the patterns of a limit; @FILE stands for those in its lines."""
    found = []
    for part in split_host_pattern(limit):
        if part.startswith("@"):
            lines = Path(part[1:]).expanduser().read_text(encoding="utf-8").splitlines()
            found += [pattern for line in lines if line.strip() for pattern in split_host_pattern(line.strip())]
        else:
            found.append(part)
    return found


def _inventory(groups: Mapping[str, Sequence[str]]) -> InventoryManager:
    """Return the inventory, as far as names of groups and hosts go: Ansible itself understands its patterns."""
    made = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        made.add_group(group)
        for host in hosts:
            made.add_host(host, group=group)
    return made


def undivided(variables: Mapping[str, Any], parts: Collection[str]) -> list[str]:
    """Return why a playbook that may be divided in these ways does not run where ``variables`` divide it otherwise."""
    if not any(variables.get(name) for name in DIVIDING):
        return []
    # here, and not for everybody: an Ansible that is too old for it is told so by the gate, in one sentence
    from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import awx, shards  # noqa: PLC0415 - the reason above

    shard, template = variables.get(shards.VARIABLE), awx.sliced(variables)
    found = []
    if shard and "shard" not in parts:
        found.append(
            f"{shards.VARIABLE}: {shard}: this playbook is not divided by it: site, preflight, verify and report are. "
            f"Run it without, or give each process a --limit of its own. {REST}"
        )
    if template and "slice" not in parts:
        found.append(awx.refusal(template))
    return found


@pass_context
def in_context(
    context: Any,
    groups: Mapping[str, Sequence[str]],
    group: str | Sequence[str],
    limit: str = "",
    parts: Collection[str] = (),
) -> list[str]:
    """Return what `absentees` does, else what `undivided` does for the variables in ``context``."""
    return absentees(groups, group, limit) or undivided(context, parts)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"absentees": in_context}
