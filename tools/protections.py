#!/usr/bin/env python3
"""Take each protection of tests/protections.yml out, in a copy of what is committed, and see what attacks it succeed.

Usage: tools/protections.py [NAME...]     needs what `make scenarios` has set up; all of them take more than an hour

A NAME is a scenario, or a file of attacks as tests/protections.yml has it. A test that cannot fail proves nothing. Ends
with a table; exit code 1 where one stayed green. Output: .artifacts/protections/NAME.log. Where no test and no task
failed, as in a run that could not begin, nothing was shown, and that counts as green.
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
MACHINES = "machines"  # disks of gigabytes, which no scenario writes to
FAILED_TEST = re.compile(r"^FAILED \S+::(\w+)", re.M)
FAILED_TASK = re.compile(r"^TASK \[(.+?)\] \*+\n(?:(?!TASK \[).*\n)*?(?:fatal|failed): \[", re.M)


def without(protection: dict[str, str], project: Path) -> None:
    """Take one protection out of a copy of the project. Raises ValueError where its text is not there once."""
    file = place(protection, project)
    text = file.read_text(encoding="utf-8")
    if text.count(protection["take"]) != 1:
        raise ValueError(f"{protection['file']} does not hold this once: {protection['take']}")
    file.write_text(text.replace(protection["take"], protection["with"]), encoding="utf-8")


def place(protection: dict[str, str], project: Path) -> Path:
    """Return the file that holds a protection: below roles/, or else below plugins/."""
    named = protection["file"]
    return project / named if named.startswith("roles/") else project / "plugins" / named


def name_of(protection: dict[str, str]) -> str:
    """Return the scenario, or the file of attacks below tests/, that turns red without it."""
    return protection.get("scenario") or protection["attack"]


def command(protection: dict[str, str], project: Path) -> list[str]:
    """Return what runs the scenario or the attacks in a copy of the project. Attacks need root."""
    if "scenario" in protection:
        return ["molecule", "test", "-s", protection["scenario"]]
    as_root = [] if os.getuid() == 0 else ["sudo"]
    found = [f"PATH={os.environ['PATH']}", f"PYTHONPATH={project / '.collections'}"]  # the copy's, not .venv's own
    pytest = ["python", "-m", "pytest", "-q", "-o", "python_files=attack_*.py", f"tests/{protection['attack']}"]
    return [*as_root, "env", *found, *pytest]


def what_failed(log: str) -> str:
    """Return the tests that failed, else the task that did; "" for a scenario that passed."""
    tests = list(dict.fromkeys(FAILED_TEST.findall(log)))
    if tests:
        return ", ".join(tests)
    task = FAILED_TASK.search(log)
    return f"task: {task[1]}" if task else ""


def run(protection: dict[str, str]) -> str:
    """Run what attacks it without the protection; return what failed."""
    name = Path(name_of(protection)).stem
    with tempfile.TemporaryDirectory(prefix=f"without-{name}-") as folder:
        Path(folder).chmod(0o755)  # attacks act as other users
        copy = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(copy)], check=True)
        cache = copy / ".testbed" / "cache"
        cache.parent.mkdir()
        shutil.copytree(PROJECT / ".testbed" / "cache", cache, symlinks=True, ignore=shutil.ignore_patterns(MACHINES))
        (PROJECT / ".testbed" / "cache" / MACHINES).mkdir(exist_ok=True)
        (cache / MACHINES).symlink_to(PROJECT / ".testbed" / "cache" / MACHINES)
        (copy / ".venv").symlink_to(PROJECT / ".venv")
        collections = copy / ".collections" / "ansible_collections" / "robotfleet"
        collections.mkdir(parents=True)
        (collections / "stack").symlink_to(copy)
        without(protection, copy)
        environment = {**os.environ, "MOLECULE_PROJECT_DIRECTORY": str(copy), "NO_COLOR": "1", "CI": "true"}
        log = LOGS / f"{name}.log"
        with log.open("w", encoding="utf-8") as output:
            argv = command(protection, copy)
            done = subprocess.run(argv, cwd=copy, env=environment, stdout=output, stderr=output, check=False)
    return what_failed(log.read_text(encoding="utf-8")) if done.returncode else ""


def main() -> int:
    """Run as a program."""
    known = yaml.safe_load((PROJECT / "tests" / "protections.yml").read_text(encoding="utf-8"))
    wanted = sys.argv[1:] or [name_of(protection) for protection in known]
    unknown = set(wanted) - {name_of(protection) for protection in known}
    if unknown:
        sys.stderr.write(f"tests/protections.yml has nothing for {', '.join(sorted(unknown))}\n")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    rows, green = [], 0
    for protection in (protection for protection in known if name_of(protection) in wanted):
        name, begun = name_of(protection), time.monotonic()
        sys.stdout.write(f"{name} is running, without this: {protection['protection']}\n")
        sys.stdout.flush()
        failed = run(protection)
        green += not failed
        told = f"failed: {failed}" if failed else "NO TEST FAILED"
        rows.append(f"{name:33}{time.monotonic() - begun:4.0f} s  {told}\n")
    sys.stdout.write(f"\nWithout its protection\n{''.join(rows)}{len(rows) - green} failed, {green} did not\n")
    return 1 if green else 0


if __name__ == "__main__":
    sys.exit(main())
