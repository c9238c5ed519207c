"""What a process that has a part of a run leaves behind: a file, from which the whole run can be told.

It is there from the beginning on, and says that the run has not ended until it has. Files come from other machines:
what is read of them is bounded, and of the right type, or not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.record_file import too_new

from .. import collection
from ..answers import printable, shape
from ..whole_file import whole
from .progress import Progress
from .shards import ShardError

FORMAT = 1
LARGEST_BYTES = 1 << 29
MOST_ROBOTS = 100_000
SUFFIX = ".json"


class ResultError(ValueError):
    """A file of results is of no use; the message says which, and why."""


@dataclass(frozen=True)
class Result:
    """One process' part of a run. `robots` are its own, `fleet` those of all; times are in seconds since 1970.

    `answers` are the module's, by robot; `unreachable` who did not answer, and with which words; `unwell` who failed or
    was not reached, by Ansible's own count; `rollout` is its progress (`Progress.told`), where there was one; `verdict`
    the canaries', and `token` the one of the verdict by which shards were let through. `attempt` tells the process that
    has begun the file from every other one. `declared` is the digest of what the gate has passed for the fleet, `tags`
    are those of the run and those that it skips, `check` is whether it was in check mode. Earlier versions wrote none.
    """

    run: str
    shard: str
    playbook: str
    fleet: list[str]
    robots: list[str]
    token: str = ""
    attempt: str = ""
    version: str = collection.VERSION
    declared: str = ""
    tags: list[list[str]] = field(default_factory=list)
    check: bool | None = None
    operator: dict[str, str] = field(default_factory=dict)
    begun_at: float = 0.0
    ended_at: float = 0.0  # 0: it has not
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    unwell: list[str] = field(default_factory=list)
    rollout: dict[str, Any] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)  # tasks beside robot_stack that changed something
    unclear: bool = False  # one of them failed half-way

    @property
    def progress(self) -> Progress | None:
        """The rollout, as far as this process has brought it."""
        return Progress.of(self.rollout) if self.rollout else None

    @property
    def reached(self) -> list[str]:
        """The robots that this process answers for: of the canaries' those whose turn it was."""
        progress = self.progress
        if progress is not None and progress.only_canaries:
            return [*progress.answers, *(name for name in self.answers if name not in progress.answers)]
        return self.robots


def folder(directory: str, beside: str, run: str) -> Path:
    """Return where a run's results are: in ``directory``, else in ``rollouts`` beside the inventory's folder.

    Raises `ShardError` where neither is there.
    """
    if directory:
        return Path(directory).expanduser().absolute() / run
    if not Path(beside).is_absolute():
        raise ShardError(
            "This inventory has no folder, so nothing is beside it: name where the results go with "
            "-e rollout_results_directory=DIRECTORY. No robot was contacted."
        )
    return Path(beside).parent / "rollouts" / Path(beside).name / run


def write(path: Path, result: Result) -> None:
    """Write the file, readable by its owner alone: an answer may hold a file's text. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"format": FORMAT, **{one.name: getattr(result, one.name) for one in fields(result)}}
    with whole(path, 0o600) as partial:
        partial.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")


def read_all(where: Path) -> list[Result]:
    """Return what the folder holds, by name. Raises `ResultError` for a file that is of no use."""
    return [read(path) for path in sorted(where.glob(f"[!.]*{SUFFIX}"))]


def read(path: Path) -> Result:
    """Return one file's result. Raises `ResultError`."""
    raw = _json(path)
    if not isinstance(raw, dict) or type(raw.get("format")) is not int:
        raise ResultError(f"{path} holds no results of a run")
    newer = too_new(raw, FORMAT)
    if newer:
        raise ResultError(f"{path} {newer}")
    odd = [one for one in ("run", "shard", "playbook") if not isinstance(raw.get(one), str)]
    odd += [one for one in ("fleet", "robots") if not _are_names(raw.get(one))]
    if odd:
        raise ResultError(f"{path} holds no results of a run: {', '.join(odd)} cannot be read")
    return _typed(path, raw)


def verdict(path: Path) -> Any:
    """Return the canaries' verdict that ``path`` holds; None: no file, or no verdict in it. Raises `ResultError`."""
    if not path.exists():
        return None
    return read(path).verdict or None


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise ResultError(f"{path} is larger than {LARGEST_BYTES >> 20} MiB")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise error if isinstance(error, ResultError) else ResultError(f"{path} cannot be read: {error}") from error


def _are_names(raw: Any) -> bool:
    return isinstance(raw, list) and len(raw) <= MOST_ROBOTS and all(isinstance(name, str) for name in raw)


def _typed(path: Path, raw: Mapping[str, Any]) -> Result:
    answers = _mapping(raw.get("answers"))
    silent = _mapping(raw.get("unreachable"))
    return Result(
        run=printable.line(raw["run"], 80),
        shard=printable.line(raw["shard"], 80),
        playbook=printable.line(raw["playbook"], 80),
        fleet=_names(raw["fleet"]),
        robots=_names(raw["robots"]),
        token=str(raw.get("token") or ""),
        attempt=str(raw.get("attempt") or ""),
        version=printable.line(str(raw.get("version") or ""), 80),
        declared=printable.line(str(raw.get("declared") or ""), 80),
        tags=_both(raw.get("tags")),
        check=raw["check"] if isinstance(raw.get("check"), bool) else None,
        operator={
            printable.line(key): printable.line(str(value)) for key, value in _mapping(raw.get("operator")).items()
        },
        begun_at=_moment(raw.get("begun_at")),
        ended_at=_moment(raw.get("ended_at")),
        answers={printable.line(name): shape.read("robot_stack", answers[name]) for name in answers},
        unreachable={printable.line(name): printable.line(str(words)) for name, words in silent.items()},
        unwell=_names(raw.get("unwell")),
        rollout=_progress(path, _mapping(raw.get("rollout"))),
        verdict=dict(_mapping(raw.get("verdict"))),
        others=_names(raw.get("others")),
        unclear=raw.get("unclear") is True,
    )


def _progress(path: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a progress as it is told; what a later version has in it beside that is left out."""
    if not raw:
        return {}
    said = {one.name: raw[one.name] for one in fields(Progress) if one.name in raw}
    good = _are_counts(said.get("sizes")) and bool(said["sizes"])
    if not good or not _are_names(said.get("hosts")) or not isinstance(said.get("answers"), Mapping):
        raise ResultError(f"{path} holds no results of a run: rollout cannot be read")
    return replace(
        Progress.of({**said, "wave": 1, "failed": _names(said.get("failed"))}),
        hosts=tuple(_names(said["hosts"])),
        wave=said["wave"] if _are_counts([said.get("wave")]) else 1,
        answers={printable.line(name): printable.line(str(word), 80) for name, word in said["answers"].items()},
        stopped=printable.line(str(said.get("stopped") or "")),
    ).told()


def _are_counts(raw: Any) -> bool:
    return isinstance(raw, list) and len(raw) <= MOST_ROBOTS and all(type(one) is int and one > 0 for one in raw)


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _names(raw: Any) -> list[str]:
    return [printable.line(name, 255) for name in raw] if _are_names(raw) else []


def _both(raw: Any) -> list[list[str]]:
    """Return the tags of a run and those that it skips; nothing where they are not told."""
    good = isinstance(raw, list) and len(raw) == 2 and all(map(_are_names, raw))
    return [_names(tags) for tags in raw] if good else []


def _moment(raw: Any) -> float:
    good = isinstance(raw, (int, float)) and not isinstance(raw, bool) and 0 <= raw <= printable.LARGEST
    return float(raw) if good else 0.0


def named(names: Sequence[str], most: int = 8) -> str:
    """Return names in words, the first ones of many."""
    more = len(names) - most
    return ", ".join([*names[:most], *([f"and {more} more"] if more > 0 else [])])
