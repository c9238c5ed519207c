"""A playbook of the installed collection, run by ansible-runner from a private data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from install.stranger import COLLECTION, Stranger

SUMMARY = ("robotfleet.stack.summary", "robotfleet.stack.rollout")


class Job:
    """One run's artifacts."""

    def __init__(self, stranger: Stranger, playbook: str, fleet: Path, *extra: str, **more: str) -> None:
        """``extra`` are variables, as NAME=VALUE."""
        given: list[str | Path] = ["--cmdline", " ".join(f"-e {one}" for one in extra)] if extra else []
        folder = stranger.folder / "runner" / "-".join([fleet.name, playbook, *extra[:1]]).replace("/", "-")
        (folder / "project").mkdir(parents=True)
        (folder / "project" / "play.yml").write_text(f"- import_playbook: {COLLECTION}.{playbook}\n", encoding="utf-8")
        (folder / "inventory").symlink_to(fleet)
        done = stranger.run(
            *("ansible-runner", "run", folder, "--playbook", "play.yml", "--ident", "job"),
            *given,
            ANSIBLE_CALLBACKS_ENABLED=",".join(SUMMARY),
            **more,
        )
        self.shown, self.status = done.stdout, done.returncode
        self.artifacts = folder / "artifacts" / "job"

    def artifact(self, name: str) -> str:
        return (self.artifacts / name).read_text(encoding="utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.artifacts.glob("job_events/*.json")]
        return sorted(found, key=lambda event: int(event["counter"]))
