#!/usr/bin/env python3
"""Take each protection of tests/protections.yml out, in a copy of what is committed, and see its scenario fail.

Usage: tools/protections.py [SCENARIO...]     needs what `make scenarios` has set up; all of them take an hour

A test that cannot fail proves nothing. Ends with a table; exit code 1 where a scenario stayed green. Output of the
scenarios: .artifacts/protections/SCENARIO.log. A scenario in which no test and no task failed, such as one that could
not begin, has shown nothing and counts as green.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
LOGS = PROJECT / ".artifacts" / "protections"
FAILED_TEST = re.compile(r"^FAILED \S+::(\w+)", re.M)
FAILED_TASK = re.compile(r"^TASK \[(.+?)\] \*+\n(?:(?!TASK \[).*\n)*?(?:fatal|failed): \[", re.M)


def without(protection: dict[str, str], project: Path) -> None:
    """Take one protection out of a copy of the project. Raises ValueError where its text is not there once."""
    file = project / "plugins" / protection["file"]
    text = file.read_text(encoding="utf-8")
    if text.count(protection["take"]) != 1:
        raise ValueError(f"{protection['file']} does not hold this once: {protection['take']}")
    file.write_text(text.replace(protection["take"], protection["with"]), encoding="utf-8")


def what_failed(log: str) -> str:
    """Return the tests that failed, else the task that did; "" for a scenario that passed."""
    tests = list(dict.fromkeys(FAILED_TEST.findall(log)))
    if tests:
        return ", ".join(tests)
    task = FAILED_TASK.search(log)
    return f"task: {task[1]}" if task else ""


def run(protection: dict[str, str]) -> str:
    """Run the scenario without the protection; return what failed."""
    scenario = protection["scenario"]
    with tempfile.TemporaryDirectory(prefix=f"without-{scenario}-") as folder:
        copy = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(copy)], check=True)
        (copy / ".testbed").mkdir()
        shutil.copytree(PROJECT / ".testbed" / "cache", copy / ".testbed" / "cache", symlinks=True)
        (copy / ".venv").symlink_to(PROJECT / ".venv")
        without(protection, copy)
        environment = {**os.environ, "MOLECULE_PROJECT_DIRECTORY": str(copy), "NO_COLOR": "1", "CI": "true"}
        log = LOGS / f"{scenario}.log"
        with log.open("w", encoding="utf-8") as output:
            argv = ["molecule", "test", "-s", scenario]
            done = subprocess.run(argv, cwd=copy, env=environment, stdout=output, stderr=output, check=False)
    return what_failed(log.read_text(encoding="utf-8")) if done.returncode else ""


def main() -> int:
    """Run as a program."""
    known = yaml.safe_load((PROJECT / "tests" / "protections.yml").read_text(encoding="utf-8"))
    wanted = sys.argv[1:] or [protection["scenario"] for protection in known]
    unknown = set(wanted) - {protection["scenario"] for protection in known}
    if unknown:
        sys.stderr.write(f"tests/protections.yml has nothing for {', '.join(sorted(unknown))}\n")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    rows, green = [], 0
    for protection in (protection for protection in known if protection["scenario"] in wanted):
        scenario, begun = protection["scenario"], time.monotonic()
        sys.stdout.write(f"Scenario {scenario} is running, without this: {protection['protection']}\n")
        sys.stdout.flush()
        failed = run(protection)
        green += not failed
        told = f"failed: {failed}" if failed else "NO TEST FAILED"
        rows.append(f"{scenario:21}{time.monotonic() - begun:4.0f} s  {told}\n")
    sys.stdout.write(f"\nWithout its protection\n{''.join(rows)}{len(rows) - green} failed, {green} did not\n")
    return 1 if green else 0


if __name__ == "__main__":
    sys.exit(main())
