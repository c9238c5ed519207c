#!/usr/bin/env python3
"""Build the collection into dist/, and check it by installing it: what `make release` does. Nothing is published.

The fragments in changelogs/fragments become this version's part of CHANGELOG.md; commit that. What is in the archive
and not in git is an error, and so is a version that the changelog has already, while there are fragments.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
DIST = PROJECT / "dist"
MADE_BY_GALAXY = {"MANIFEST.json", "FILES.json"}
TOO_SMALL = "robots: {hosts: {scout: {ansible_host: 192.0.2.1, robot_stack_memory_budget_mib: 150}}}\n"


class ReleaseError(Exception):
    """What is built would be no release."""


def main() -> int:
    """Run as a program."""
    try:
        archive = release()
    except ReleaseError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    sys.stdout.write(f"{archive.relative_to(PROJECT)} is built, installs and works.\n")
    return 0


def release() -> Path:
    """Write the changelog, build, check; return the archive."""
    galaxy = yaml.safe_load((PROJECT / "galaxy.yml").read_text(encoding="utf-8"))
    changelog(str(galaxy["version"]))
    archive = DIST / f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    archive.unlink(missing_ok=True)
    run("ansible-galaxy", "collection", "build", "--output-path", DIST, PROJECT)
    unknown = sorted(content(archive) - known() - MADE_BY_GALAXY)
    if unknown:
        raise ReleaseError(f"not in git, but in {archive.name}: {', '.join(unknown)} (build_ignore in galaxy.yml)")
    with tempfile.TemporaryDirectory() as folder:
        check(archive, Path(folder))
    return archive


def changelog(version: str) -> None:
    """Make the fragments this version's part of CHANGELOG.md."""
    fragments = sorted((PROJECT / "changelogs" / "fragments").glob("*.y*ml"))  # antsibull-changelog takes .yml too
    known = yaml.safe_load((PROJECT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    run("antsibull-changelog", "lint", cwd=PROJECT)
    if version not in known:
        today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
        run("antsibull-changelog", "release", "--version", version, "--date", today, cwd=PROJECT)
    elif fragments:
        names = ", ".join(path.name for path in fragments)
        raise ReleaseError(f"version {version} is in CHANGELOG.md, and {names} is not: raise the version in galaxy.yml")


def known() -> set[str]:
    """Return the files that git knows, committed or not."""
    return set(filter(None, run("git", "-C", PROJECT, "ls-files", "-z").split("\0")))


def content(archive: Path) -> set[str]:
    """Return the names of the files in an archive."""
    with tarfile.open(archive) as members:
        return {member.name for member in members if member.isfile()}


def check(archive: Path, folder: Path) -> None:
    """Install into an empty folder; from another one, have a playbook read and an inventory refused."""
    (folder / "ansible.cfg").touch()
    (folder / "hosts.yml").write_text(TOO_SMALL, encoding="utf-8")
    collections = folder / "collections"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }
    install = ("ansible-galaxy", "collection", "install", archive, "-p", collections, "--no-deps", "--offline")
    playbook = ("ansible-playbook", "robotfleet.stack.preflight", "-i", folder / "hosts.yml")
    run(*install, cwd=folder, env=environment)
    run(*playbook, "--syntax-check", cwd=folder, env=environment)
    told = run(*playbook, cwd=folder, env=environment, expected=2)
    if "robot_stack_memory_budget_mib: 150" not in told or "No robot was contacted." not in told:
        raise ReleaseError(f"the installed inventory gate lets in what cannot work:\n{told}")


def run(*argv: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, expected: int = 0) -> str:
    """Run a program; return what it prints."""
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != expected:
        raise ReleaseError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
