#!/usr/bin/env python3
"""Run the unit tests under several versions of Python and of ansible-core, each in an environment of its own.

Without arguments, the oldest and the newest combination that this machine has a Python for (pyenv's count, selected or
not). With --all, every combination that it has one for. With --core 2.20, that one, under the Python that runs this
program. What is run and what is not is printed. Run it as `python -m tools.unit_matrix`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.lock import without

PROJECT = Path(__file__).resolve().parents[1]
# Every ansible-core from the oldest that is let in (meta/runtime.yml) to the newest, with the Pythons that it allows on
# a controller: docs.ansible.com, "ansible-core support matrix". The forge runs all of these.
SUPPORTED = {
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
CONTROLLERS = tuple((core, python) for core, pythons in SUPPORTED.items() for python in pythons)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Run the unit tests under several versions of Ansible.")
    parser.add_argument("--all", action="store_true", help="every combination that this machine has a Python for")
    parser.add_argument("--core", choices=SUPPORTED, help="this one, with this Python")
    parser.add_argument("tests", nargs="*", help="arguments of pytest; without any, all unit tests")
    asked = parser.parse_args()
    if asked.core:
        verdict = run(asked.core, sys.executable, asked.tests)
        return _tell([(asked.core, "{}.{}".format(*sys.version_info), verdict)])
    found = {python: place for _, python in CONTROLLERS if (place := interpreter(python))}
    able = [(core, python) for core, python in CONTROLLERS if python in found]
    if not able:
        sys.stderr.write(f"ERROR: this machine has no Python of {', '.join(sorted({p for _, p in CONTROLLERS}))}.\n")
        return 1
    chosen = able if asked.all else list(dict.fromkeys([able[0], able[-1]]))
    told = [
        (core, python, run(core, found[python], asked.tests) if (core, python) in chosen else _why_not(python, found))
        for core, python in CONTROLLERS
    ]
    return _tell(told)


def _why_not(python: str, found: dict[str, str]) -> str:
    return "not run (neither the oldest nor the newest)" if python in found else f"not run (no Python {python} here)"


def _tell(told: list[tuple[str, str, str]]) -> int:
    sys.stdout.write("\nUnit tests\n")
    for core, python, verdict in told:
        sys.stdout.write(f"  ansible-core {core}, Python {python}: {verdict}\n")
    return int(any(verdict == "FAILED" for _, _, verdict in told))


def interpreter(python: str) -> str:
    """Return a program that is this Python and can make environments; empty where there is none."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [shutil.which(f"python{python}"), *map(str, sorted(versions.glob(f"{python}.*/bin/python{python}")))]
    for place in filter(None, places):
        # A shim of pyenv for a version that is not selected is a program that fails.
        argv = [place, "-c", "import ensurepip, venv, sys; print('{}.{}'.format(*sys.version_info))"]
        if subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() == python:
            return str(place)
    return ""


def run(core: str, python: str, tests: list[str]) -> str:
    """Run the tests; return how it ended."""
    pins = PROJECT / "tests" / f"ansible-{core}.txt"
    folder = environment(core, python, pins)
    variables = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT / ".collections"),
        "ROBOT_STACK_PINS": str(pins) if pins.exists() else "",
    }
    shown: list[str | Path] = [folder / "bin" / "ansible", "--version"]
    told = subprocess.run(shown, env=variables, capture_output=True, text=True, check=True)
    sys.stdout.write(f"Unit tests with {told.stdout.splitlines()[0]}, {python}\n")
    sys.stdout.flush()
    argv: list[str] = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return "FAILED" if subprocess.run(argv, cwd=PROJECT, env=variables, check=False).returncode else "passed"


def environment(core: str, python: str, pins: Path) -> Path:
    """Return an environment with what requirements.txt pins; ``pins``, where it exists, names another Ansible."""
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    if pins.exists():
        text = without(text, {"ansible", "ansible-core"}) + pins.read_text(encoding="utf-8")
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    folder = PROJECT / ".cache" / "unit-matrix" / f"{version}-{core}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if not (folder / "ready").exists():
        sys.stdout.write(f"Installing ansible-core {core} and the test tools for Python {version} (some minutes).\n")
        sys.stdout.flush()
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        (folder / "requirements.txt").write_text(text, encoding="utf-8")
        pip: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", folder / "requirements.txt"], check=True)
        (folder / "ready").touch()
    return folder


if __name__ == "__main__":
    sys.exit(main())
