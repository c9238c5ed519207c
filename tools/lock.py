#!/usr/bin/env python3
"""Lock what the controller and the tests need: `make lock`, after a change of a file that ends in .in.

Each requirements file names every package that is installed, those that others need included, for Python 3.11 to 3.14
on every platform, with the hashes of all its files: wheels and sources. pip refuses what has none of them. Packages
that are locked already keep their version unless --upgrade is given.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Lock:
    """A file in which people write what they want, and the oldest Python that it is for."""

    wanted: str
    python: str
    options: tuple[str, ...] = ()

    @property
    def locked(self) -> str:
        """Return the file that pip reads."""
        return self.wanted.removesuffix(".in") + ".txt"


LOCKS = (
    Lock("requirements.in", "3.11"),
    # Take the place of these two alone in requirements.txt (tools/unit_matrix.py).
    Lock("tests/ansible-2.19.in", "3.11", ("--no-deps",)),
    Lock("tests/ansible-2.20.in", "3.12", ("--no-deps",)),
    Lock("benchmarks/provision/requirements.in", "3.11"),
    Lock("tools/uv.in", "3.11"),  # what locks them
)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Lock the Python packages of the controller and the tests.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    asked = parser.parse_args()
    uv = _uv()
    for lock in LOCKS:
        write(uv, lock, ["--upgrade"] if asked.upgrade else [])
        sys.stdout.write(f"{lock.locked} is locked\n")
    return 0


def write(uv: Path, lock: Lock, more: list[str]) -> None:
    """Resolve and write one file; what is in it already is preferred."""
    target = PROJECT / lock.locked
    fixed = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
    python = ["--python-version", lock.python]
    argv: list[str | Path] = [
        uv,
        "pip",
        "compile",
        *fixed,
        *python,
        *lock.options,
        *more,
        lock.wanted,
        "--output-file",
        lock.locked,
    ]
    subprocess.run(argv, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    head = f"# Made by `make lock` from {lock.wanted}: change that one.\n"
    target.write_text(head + target.read_text(encoding="utf-8"), encoding="utf-8")


def entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each requirement of a locked file, its marker included, with its hashes."""
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = line.partition("#")[0].split("--hash=")
        if requirement.strip():
            yield requirement.strip(), [one.strip() for one in hashes]


def without(text: str, names: set[str]) -> str:
    """Return a locked file without the packages of these names."""
    kept = [entry for entry in entries(text) if entry[0].partition("==")[0] not in names]
    return "".join(" \\\n    ".join([name, *(f"--hash={one}" for one in hashes)]) + "\n" for name, hashes in kept)


def _uv() -> Path:
    """Return the program that resolves, installed by its own locked file."""
    pinned = PROJECT / "tools" / "uv.txt"
    folder = PROJECT / ".cache" / "lock" / hashlib.sha256(pinned.read_bytes()).hexdigest()[:8]
    program = folder / "bin" / "uv"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", pinned], check=True)
    return program


if __name__ == "__main__":
    sys.exit(main())
