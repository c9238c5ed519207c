"""Which services a run may touch: what a role says that is run on its own, or what `--tags` and `--skip-tags` say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

# Ansible's own words for everything, and the parts that come with every service.
WHOLE = frozenset({"all", "tagged", "robot_stack", "memory_cgroup", "container_engine"})


def scope(
    asked: Sequence[str], names: Sequence[str], variables: Mapping[str, Any], task_tags: Collection[str] = ()
) -> list[str] | None:
    """Return the services in scope; empty: all of the robot. None: the run's tags are about something else.

    ``names`` are the robot's services. One that it does not have counts: `--tags vmagent` must not touch all of a robot
    without one. ``task_tags`` are those that the play gave the task, such as the hub's: they mean all of it.
    """
    if asked:
        return list(asked)
    wanted = list(variables.get("ansible_run_tags") or ["all"])
    left_out = {name for name in variables.get("ansible_skip_tags") or [] if name in names}
    named = [tag for tag in wanted if tag in names or f"{tag}_memory_limit_mib" in variables]
    whole = WHOLE | (set(task_tags) - {"always"})
    if not named and not whole.intersection(wanted):
        return None
    if not left_out:
        return named
    return [name for name in named or names if name not in left_out] or None
