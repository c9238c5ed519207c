"""Which run a result belongs to: one computer, one commit. A run can be made in pieces; two runs are never mixed."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from typing import Any

from .archive import PROJECT

# What is measured, and what measures it. Pages and tests may change while a run goes on.
MEASURED = (
    "plugins", "roles", "playbooks", "files", "ansible.cfg", "testbed", "molecule/shared/exporter.yml",
    "benchmarks/robot", "benchmarks/queries.py", "benchmarks/running.py", "benchmarks/whole_robot",
    ":!benchmarks/whole_robot/tables.py", ":!benchmarks/whole_robot/goals.py",
)  # fmt: skip


class MixedError(ValueError):
    """What is kept already was measured otherwise; the message says how, and what to do."""


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """Run git in the project."""
    return subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)


def head() -> str:
    """Return the commit that is checked out. Raises MixedError where this is no clone."""
    found = git("rev-parse", "--short=12", "HEAD")
    if found.returncode:
        raise MixedError("this is no clone: a run is that of a commit")
    return found.stdout.strip()


def differs(commit: str) -> list[str]:
    """Return the files of what is measured that are others here than in a commit. Raises MixedError."""
    found = git("diff", "--name-only", commit, "--", *MEASURED)
    if found.returncode:
        raise MixedError(f"git cannot compare with {commit}: {found.stderr.strip()}")
    return found.stdout.split()


def joined(kept: dict[str, Any], machine: dict[str, Any], anew: bool) -> dict[str, Any]:
    """Return the run that results belong to from now on: that of what is ``kept`` already, or a new one.

    ``machine`` is this computer (results.machine()). Raises MixedError.
    """
    known = kept.get("run")
    if known and not anew:
        if kept.get("machine") != machine:
            raise MixedError(
                f"run {known['id']} was begun on another computer ({kept.get('machine')}; this one is {machine}): "
                "begin a new run with --new, which drops what was measured there"
            )
        if changed := differs(known["commit"]):
            raise MixedError(
                f"run {known['id']} measures commit {known['commit']}, and {', '.join(changed[:5])} changed since: "
                "check it out again, or begin a new run with --new, which drops what was measured before"
            )
        return dict(known)
    commit = head()
    if changed := differs(commit):
        raise MixedError(f"a run is that of a commit: commit {', '.join(changed[:5])} first")
    now = datetime.now(timezone.utc)
    return {"id": f"{now:%Y-%m-%dT%H:%MZ}-{commit}", "commit": commit, "date": now.date().isoformat()}
