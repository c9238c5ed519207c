"""What a process of a divided run keeps of itself, for the summary of the whole: filled in at the run's end."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..answers import shape
from . import results


class NotKeptError(RuntimeError):
    """The results of this process are not in their file; the message says why, and what that means."""


LISTENED_TO = ("rollout_plan", "rollout_shard", "rollout_gate")


class Keeper:
    """Listens to the tasks that plan and judge; where the run is no part of another it keeps nothing."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._path: Path | None = None
        self._attempt = ""
        self._rollout: dict[str, Any] = {}
        self._verdict: dict[str, Any] = {}

    def saw(self, action: str, result: Mapping[str, Any]) -> None:
        """Remember where the results go, how far the rollout has come, and what the canaries' verdict is."""
        if action not in LISTENED_TO:
            return
        if result.get("results"):
            self._path, self._attempt = Path(str(result["results"])), str(result.get("attempt") or "")
        told = {key: value for key, value in (result.get("rollout") or {}).items() if key != "plays"}
        self._rollout = told or self._rollout
        self._verdict = dict(result.get("verdict") or self._verdict)

    def keep(
        self,
        answers: dict[str, dict[str, Any]],
        unreachable: dict[str, str],
        unwell: Collection[str],
        others: tuple[list[str], bool],
    ) -> str:
        """Write the results of a run that ends; ``others`` as in `results.Result`. Return what is to be told of it.

        Raises `NotKeptError`, also where another attempt at the same part has begun since: the file is that one's.
        """
        if self._path is None:
            return ""
        try:
            begun = results.read(self._path)
            if begun.attempt != self._attempt:
                raise NotKeptError(
                    f"The results of this process are not kept: {self._path} is of another attempt at {begun.shard} of "
                    f"run {begun.run}, which has begun since. join.yml tells that one's results alone; if in doubt, "
                    "run this part once more, and nothing beside it."
                )
            ended = replace(
                begun,
                ended_at=time.time(),
                answers={name: _plain(answer) for name, answer in answers.items()},
                unreachable=unreachable,
                unwell=sorted(unwell),
                rollout=self._rollout,
                verdict=self._verdict,
                others=others[0],
                unclear=others[1],
            )
            results.write(self._path, ended)
        except (OSError, results.ResultError) as error:
            raise NotKeptError(f"The results of this process could not be kept: {error}") from error
        return f"The results of {ended.shard} of run {ended.run} are in {self._path}."


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer without Ansible's own records of errors and warnings, which are no plain data."""
    return {key: value for key, value in answer.items() if key not in shape.OF_ANSIBLE}
