"""What all processes of a divided run must have in common, each found out by itself; and where their results differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import collection
from ..inventory_gate import word
from .results import Result
from .verdict import Rollout, digest, tags_in_words


def found(run: str, fleet: Sequence[str], sizes: tuple[int, ...], variables: Mapping[str, Any]) -> Rollout:
    """Return what this process knows of the whole run; the gate has seen ``fleet``, and given its word, before."""
    images = (variables.get("ansible_facts") or {}).get("robot_stack_images") or {}
    declared = {
        "robots": word.passed(fleet),
        "images": sorted(word.digest(image) for image in images.values()),  # each machine has folders of its own
        "project": collection.digest(),
    }
    run_tags, skipped = (_tags(variables.get(name)) for name in ("ansible_run_tags", "ansible_skip_tags"))
    return Rollout(run, digest(list(fleet)), digest(declared), sizes, (run_tags, skipped))


def _tags(raw: Iterable[Any] | None) -> tuple[str, ...]:
    """Return tags in one order: Ansible makes them of a set, so that each process has another one."""
    return tuple(sorted({*map(str, raw or ())}))


def unlike(parts: Sequence[Result]) -> list[str]:
    """Return where parts were not asked the same thing, a sentence each; what an earlier version did not write is left.

    A part is compared with the first one that knows the same of itself.
    """
    return [
        *_differing(parts, "version", "is of version {mine} of this project, and {other} of {others}", "Install one"),
        *_differing(parts, "check", "ran {mine}, and {other} {others}", "Give --check to all, or to none"),
        *_differing(parts, "tags", "ran with the tags {mine}, and {other} with {others}", "Give all the same tags"),
        *_differing(
            parts,
            "declared",
            "is about another declaration than {other}: the inventory, the variables given with -e, the images or this "
            "project were not the same",
            "Make them the same on every machine",
        ),
    ]


def _differing(parts: Sequence[Result], field: str, words: str, remedy: str) -> list[str]:
    known = [part for part in parts if getattr(part, field) not in ("", None, [])]
    sentences = []
    for part in known[1:]:
        mine, others = (getattr(one, field) for one in (part, known[0]))
        if mine != others:
            said = words.format(mine=_said(mine), other=known[0].shard, others=_said(others))
            sentences.append(f"{part.shard} {said}. {remedy}, and run the parts that differ again")
    return sentences


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "in check mode" if value else "without check mode"
    return tags_in_words(value) if isinstance(value, list) else str(value)
