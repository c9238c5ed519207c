"""The robots of this benchmark: made, given their stacks by those who will be measured, and removed again."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .contenders import (
    CACHE,
    HERE,
    INVENTORY,
    PRODUCT,
    PROJECT,
    ROLE_TUNED,
    SUMS,
    WITH_PYINFRA,
    all_of_them,
    environment,
    ports,
)
from .measure import on_robot

if TYPE_CHECKING:
    from docker import DockerClient

# What the script compares: everything that the usual role writes.
FILES = (
    "find /etc/telemetry/victoriametrics /etc/docker/daemon.json /etc/systemd/system/telemetry*"
    " /etc/systemd/system/*.service.d /etc/tmpfiles.d/telemetry.conf /usr/local/sbin/telemetry-watchdog"
    " -type f -exec sha256sum {} +"
)


def make(engine: DockerClient) -> None:
    """Have all robots with their stacks; what is there already stays."""
    _playbook("testbed/create.yml")
    _converge(PRODUCT)  # first: it builds the images that the others get as archives
    archives(engine)
    _converge(ROLE_TUNED)
    _converge(WITH_PYINFRA)  # on the same robots; it has a note of its own of when apt was last asked
    SUMS.mkdir(parents=True, exist_ok=True)
    for robot in ports()["usual"]:
        (SUMS / f"{robot}.sums").write_text(on_robot(engine, robot, ["sh", "-c", FILES]), encoding="utf-8")


def remove() -> None:
    """Remove the robots, their keys and what was prepared for them."""
    _playbook("testbed/destroy.yml")
    shutil.rmtree(CACHE, ignore_errors=True)


def archives(engine: DockerClient) -> None:
    """Lay down the images as the usual role, and pyinfra, copy them."""
    folder = CACHE / "images"
    folder.mkdir(parents=True, exist_ok=True)
    listed = {
        "sensor-service.tar.gz": "robot-stack/sensor-service:0.1.0",
        "victoria-metrics.tar.gz": "victoriametrics/victoria-metrics:v1.148.8",
    }
    for name, image in listed.items():
        if not (folder / name).exists():
            with gzip.open(folder / name, "wb", compresslevel=6) as archive:
                for chunk in engine.images.get(image).save(named=True):
                    archive.write(chunk)


def _converge(name: str) -> None:
    contender = next(found for found in all_of_them() if found.name == name)
    robots = list(ports()[contender.robots])
    sockets = CACHE / "ssh"
    sockets.mkdir(parents=True, exist_ok=True)
    _run(contender.argv(robots), contender.folder, environment(contender, sockets))


def _playbook(path: str) -> None:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    _run([program, "-i", str(INVENTORY), path], PROJECT, None)


def _run(argv: list[str], folder: Path, env: dict[str, str] | None) -> None:
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} (in {folder.relative_to(HERE.parents[1])}):\n{done.stdout}{done.stderr}")
