#!/usr/bin/env python3
"""Run `ansible-test sanity` on the collection as it is built: what users get, and nothing of the project around it.

ansible-test takes a collection only from a folder of that name, and installs what it needs into environments of its
own. It fetches pip for them from the network; the pip that comes with Python does as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PLACE = PROJECT / ".cache" / "sanity"
LEFT_OUT = {
    "pylint": "ruff checks with pylint's rules; Ansible's own settings forbid the name _",
    "pslint": "there is no PowerShell",
}
PROGRAMS = {"shellcheck": "the program shellcheck is not installed here"}
BOOTSTRAP = "import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n"


def main() -> int:
    """Run as a program: the tests that are named, or all."""
    folder = collection()
    home = bootstrap()
    environment = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"}
    environment.pop("PYTHONPATH", None)  # it names the collection a second time
    argv = ["ansible-test", "sanity"]
    listed = subprocess.run(
        [*argv, "--list-tests"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    left_out = {**LEFT_OUT, **{name: why for name, why in PROGRAMS.items() if not shutil.which(name)}}
    tests = sys.argv[1:] or [name for name in listed.stdout.split() if name not in left_out]
    words = [word for name in tests for word in ("--test", name)]
    python = "{}.{}".format(*sys.version_info)
    argv += [*words, "--python", python, "--color", "no"]
    done = subprocess.run(argv, cwd=folder, env=environment, check=False)
    sys.stdout.write(f"\nansible-test sanity, Python {python}: {', '.join(tests)}\n")
    for name, why in sorted(left_out.items()):
        sys.stdout.write(f"not run: {name} ({why})\n")
    return done.returncode


def collection() -> Path:
    """Build the collection, and unpack it where ansible-test takes it for one. It asks git which files there are."""
    shutil.rmtree(PLACE / "dist", ignore_errors=True)
    argv = ["ansible-galaxy", "collection", "build", "--output-path", str(PLACE / "dist"), str(PROJECT)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    (archive,) = (PLACE / "dist").glob("*.tar.gz")
    folder = PLACE / "ansible_collections" / "robotfleet" / "stack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    shutil.copy(PROJECT / "galaxy.yml", folder)
    shutil.copytree(PROJECT / "tests" / "sanity", folder / "tests" / "sanity")
    for words in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


def bootstrap() -> Path:
    """Return a home in which ansible-test finds what it would fetch otherwise."""
    home = PLACE / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in ("24_2", "25_2"):
        (cache / f"get_pip_{version}.py").write_text(BOOTSTRAP, encoding="utf-8")
    return home


if __name__ == "__main__":
    sys.exit(main())
