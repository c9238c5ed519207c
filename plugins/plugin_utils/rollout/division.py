"""One process of a divided run finds out what is its own, and begins its file of results."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import awx, results
from .shards import CANARIES, NOBODY, VARIABLE, Shard, ShardError, parse, run_name
from .verdict import Rollout

KEEPER = "robotfleet.stack.summary"  # the callback that fills the file in at the end


@dataclass(frozen=True)
class Division:
    """This process' part of the run `run`; `path` is where its results go."""

    shard: Shard
    run: str
    path: Path

    @classmethod
    def of(cls, asked: Mapping[str, Any], variables: Mapping[str, Any], callbacks: Collection[str]) -> Division | None:
        """Return what ``asked`` (`shard`, `run`, `results_directory`) says; None: the run is not divided.

        ``callbacks`` are those that are enabled. Raises `ShardError`.
        """
        shard = parse(asked.get("shard"))
        if shard is None:
            return None
        if KEEPER not in callbacks:
            raise ShardError(
                f"{VARIABLE}: without the callback {KEEPER} nothing would remain of this process for the summary of "
                f"the whole run: name it in callbacks_enabled of ansible.cfg, or in ANSIBLE_CALLBACKS_ENABLED. {NOBODY}"
            )
        run = run_name(asked.get("run"), awx.told(variables, "workflow_job_id"))
        where = results.folder(
            str(asked.get("results_directory") or ""), str(variables.get("inventory_dir") or ""), run
        )
        return cls(shard, run, where / shard.file)

    def begin(
        self,
        playbook: str,
        fleet: Sequence[str],
        robots: Sequence[str],
        operator: Mapping[str, str],
        alike: Rollout,
        check: bool,
        token: str = "",
    ) -> str:
        """Write what is known at the beginning; an earlier attempt's results go. Raises `ShardError`.

        ``alike`` and ``check``, whether this is check mode, are what `join.yml` compares.

        Return what tells this attempt from every other one: only who knows it may fill the file in (`Keeper`).
        """
        begun = results.Result(
            self.run,
            self.shard.name,
            playbook,
            list(fleet),
            list(robots),
            token=token,
            declared=alike.declared,
            tags=[list(tags) for tags in alike.tags],
            check=check,
            attempt=uuid.uuid4().hex,
            operator=dict(operator),
            begun_at=time.time(),
        )
        try:
            results.write(self.path, begun)
        except OSError as error:
            raise ShardError(
                f"the results of this process cannot be written to {self.path}: {error}. {NOBODY}"
            ) from error
        return begun.attempt

    def verdict(self, given: Any) -> tuple[Any, str]:
        """Return the canaries' verdict, ``given`` as a variable or in their file, and where it is from.

        Raises `ShardError` where their file says that there is none yet.
        """
        if given:
            return given, "rollout_canaries_verdict"
        path = self.path.with_name(Shard().file)
        try:
            found = results.verdict(path)
        except results.ResultError as error:
            raise ShardError(f"{VARIABLE}: {error}. {NOBODY}") from error
        if found is None and path.exists():
            raise ShardError(
                f"{VARIABLE}: the canaries have not passed: {path} holds no verdict. Their process still runs, was cut "
                f"off, or stopped. When it is mended, run {VARIABLE}={CANARIES} again. {NOBODY}"
            )
        return found, str(path)
