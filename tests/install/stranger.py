"""Somebody who has installed the collection, and has nothing else of the project: no clone, no ansible.cfg of ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ansible_collections
import pytest
from declarations import BIN, PROJECT

COLLECTION = "robotfleet.stack"
HOSTS = """
robots:
  hosts:
    scout: {ansible_host: 192.0.2.1}
"""
TOO_SMALL = "robot_stack_memory_budget_mib: 150\n"
# The controller needs no engine for robots that pull; nothing is asked of the registry before a robot is reached.
PULLED = """
robot_stack_image_delivery: pull
robot_stack_registry: registry.example.org
robot_stack_image_digests:
  robot-stack/sensor-service:0.1.0: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  victoriametrics/victoria-metrics:v1.148.8: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  victoriametrics/vmagent:v1.148.8: sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
"""


@dataclass(frozen=True)
class Stranger:
    """A home, a working folder with an empty ansible.cfg, and a folder of installed collections."""

    folder: Path
    collections: Path
    programs: Path = BIN

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def installed(self) -> Path:
        """Where the collection is once it is installed."""
        return self.collections / "ansible_collections" / "robotfleet" / "stack"

    def run(self, *argv: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program with nothing of this test's environment."""
        for path in (self.work, self.folder / "home"):
            path.mkdir(parents=True, exist_ok=True)
        (self.work / "ansible.cfg").touch()
        environment = {
            "PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
            **variables,
        }
        return subprocess.run(
            argv, cwd=self.work, env=environment, capture_output=True, text=True, check=False, timeout=900
        )

    def install(self, what: str | Path) -> None:
        """Install the collection; what it depends on is there already, as the network is not asked in a test."""
        community = self.collections / "ansible_collections" / "community"
        community.mkdir(parents=True, exist_ok=True)
        (community / "crypto").symlink_to(_place_of("community/crypto"))
        self.install_alone(what)

    def install_alone(self, what: str | Path) -> None:
        """Install the collection, and nothing that it depends on."""
        done = self.run(
            "ansible-galaxy", "collection", "install", str(what), "-p", self.collections, "--no-deps", "--offline"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def inventory(self, variables: str, hosts: str = HOSTS, name: str = "fleet") -> Path:
        """Return the folder of an inventory of the stranger's own."""
        fleet = self.folder / "inventories" / name
        (fleet / "group_vars").mkdir(parents=True, exist_ok=True)
        (fleet / "hosts.yml").write_text(hosts.lstrip("\n"), encoding="utf-8")
        (fleet / "group_vars" / "robots.yml").write_text(variables.lstrip("\n"), encoding="utf-8")
        return fleet


def environment_with(name: str, python: str, *packages: str) -> Path:
    """Return the programs of an environment that has these packages of the index, made once and kept in .cache."""
    folder = PROJECT / ".cache" / name
    if not (folder / "ready").exists():
        subprocess.run([python, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        # What Python compiles is compiled when it is used: for all of Ansible that takes longer than the download.
        argv: list[str | Path] = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
        argv += ["--quiet", "--no-compile", *packages]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{' '.join(packages)} cannot be had here: {done.stderr.strip()[-200:]}")
        (folder / "ready").touch()
    return folder / "bin"


def _place_of(collection: str) -> Path:
    for base in map(Path, ansible_collections.__path__):
        if (base / collection / "MANIFEST.json").exists():
            return base / collection
    raise FileNotFoundError(f"{collection} is not installed; the package `ansible` brings it")


def copy_of_the_project(target: Path) -> Path:
    """Copy what belongs to the project (as git has it, with today's changes) to ``target``."""
    argv = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source = PROJECT / name
        if source.is_symlink() or not source.is_file():  # a removed file is still listed until it is committed
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name)
    return target


def build(source: Path, target: Path) -> Path:
    """Return the collection's archive, built from the folder ``source``."""
    target.mkdir(parents=True, exist_ok=True)
    argv: list[str | Path] = [BIN / "ansible-galaxy", "collection", "build", "--output-path", target, source]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=target)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = target.glob("*.tar.gz")
    return archive


def content_of(folder: Path) -> dict[str, str]:
    """Return the digest of each file, but for the byte code that Python itself keeps where it may."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
