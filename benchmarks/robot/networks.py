"""What a container of one kind of network costs the robot beside the container itself: PSS of the engine's processes.

Runs on a robot with Docker or Podman, as root, in its standard library only: python3 networks.py IMAGE [docker|podman].
Each way is tried in turn, several times, because an engine that is a daemon grows while it works; what is told is the
median of the differences, and which processes came with the container. A way that the engine refuses is told with its
reason. What the kernel keeps for a network (namespace, interfaces, rules) is in no process, and not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROUNDS = 5
SETTLED_SECONDS = 3
NAME, INNER, INNER_SILENT = "network-benchmark", "network-benchmark-inner", "network-benchmark-silent"
PORT = ["-p", "127.0.0.1:25990:9101"]


@dataclass(frozen=True)
class Engine:
    """A program, the beginnings of its processes' names, the networks that it makes first, and the ways to run one."""

    program: str
    processes: tuple[str, ...]
    networks: dict[str, list[str]]
    ways: dict[str, list[str]]
    removal: tuple[str, ...] = ("rm", "-f")


WAYS = {
    "host": ["--network", "host"],
    "none": ["--network", "none"],
    "bridge": ["--network", "bridge"],
    "bridge, one published port": ["--network", "bridge", *PORT],
    "internal bridge": ["--network", INNER],
}
DOCKER = Engine("docker", ("dockerd", "containerd", "docker-proxy"), {INNER: ["--internal"]}, dict(WAYS))
# Its names are served on every network that somebody makes, unless told otherwise; on its default bridge they are not.
PODMAN = Engine(
    "podman",
    ("conmon", "netavark", "aardvark-dns", "pasta", "passt", "slirp4netns", "rootlessport"),
    {INNER: ["--internal"], INNER_SILENT: ["--internal", "--disable-dns"]},
    {
        **WAYS,
        "internal bridge, no names": ["--network", INNER_SILENT],
        "pasta": ["--network", "pasta"],
        "pasta, one published port": ["--network", "pasta", *PORT],
        "slirp4netns": ["--network", "slirp4netns"],
        "slirp4netns, one published port": ["--network", "slirp4netns", *PORT],
    },
    ("rm", "-f", "-t", "0"),
)
ENGINES = {engine.program: engine for engine in (DOCKER, PODMAN)}


class RefusedError(Exception):
    """The engine did not do it, for the reason that it told."""


@dataclass
class Found:
    """What one way cost in each round (MiB), the processes that came with its container, or why there was none."""

    costs: list[float] = field(default_factory=list)
    processes: Counter[str] = field(default_factory=Counter)
    refusal: str = ""

    def summary(self) -> dict[str, Any]:
        """Return plain values: [median, least, most] in MiB and the processes, or the refusal."""
        if self.refusal:
            return {"refused": self.refusal}
        spread = [round(of(self.costs), 1) for of in (statistics.median, min, max)]
        return {"mib": spread, "processes": dict(sorted(self.processes.items()))}


def command(engine: Engine, *words: str) -> str:
    """Have the engine do something; return what it printed. Raises RefusedError."""
    done = subprocess.run([engine.program, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    return done.stdout.strip()


def _pss(rollup: str) -> int:
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def pss_kib(processes: tuple[str, ...], proc: Path = Path("/proc")) -> list[tuple[str, int]]:
    """Return name and PSS (KiB) of each process whose name begins with one of ``processes``.

    Raises PermissionError for one that may not be read: what is left out would look cheap.
    """
    found = []
    for process in proc.glob("[0-9]*"):
        try:
            name = (process / "comm").read_text().strip()
            if name == "exe":  # a Go program that started itself once more: rootlessport
                name = (process / "cmdline").read_text().split("\0")[0]
            if name.startswith(processes):
                rollup = (process / "smaps_rollup").read_text()
                found.append((name, _pss(rollup)))
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue  # it has ended meanwhile
    return found


def measure(engine: Engine, image: str, options: list[str], found: Found, proc: Path) -> None:
    """Add to ``found`` what the engine's processes have more while a container with ``options`` runs.

    Raises RefusedError, also for an engine of which no process came with the container: its names are others then.
    """
    before = pss_kib(engine.processes, proc)
    command(engine, "run", "-d", "--name", NAME, "--entrypoint", "sleep", *options, image, "60")
    try:
        time.sleep(SETTLED_SECONDS)
        during = pss_kib(engine.processes, proc)
    finally:
        command(engine, *engine.removal, NAME)
    time.sleep(SETTLED_SECONDS)
    more = Counter(name for name, _ in during) - Counter(name for name, _ in before)
    if not more:
        raise RefusedError(f"none of {', '.join(engine.processes)} came with the container")
    found.processes |= more
    found.costs.append((sum(kib for _, kib in during) - sum(kib for _, kib in before)) / 1024)


def measure_all(engine: Engine, image: str, proc: Path = Path("/proc")) -> dict[str, Found]:
    """Return what was found of each way. Raises RefusedError where one that has worked fails, or the host's network."""
    found = {way: Found() for way in engine.ways}
    for _ in range(ROUNDS):
        for way, options in engine.ways.items():
            if found[way].refusal:
                continue
            try:
                measure(engine, image, options, found[way], proc)
            except RefusedError as error:
                subprocess.run([engine.program, *engine.removal, NAME], capture_output=True, check=False)
                if way == "host" or found[way].costs:
                    raise
                found[way].refusal = str(error)
    return found


def at_rest(engine: Engine, proc: Path = Path("/proc")) -> dict[str, Any]:
    """Return what the engine's processes have without a container of ours, in MiB, and their names."""
    found = pss_kib(engine.processes, proc)
    names = Counter(name for name, _ in found)
    return {"mib": round(sum(kib for _, kib in found) / 1024, 1), "processes": dict(sorted(names.items()))}


def main() -> None:
    """Tell the engine's version, what it has at rest, and what was found of each way, as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image", help="any that has the program sleep")
    parser.add_argument("engine", nargs="?", choices=sorted(ENGINES), default="docker")
    given = parser.parse_args()
    engine, made = ENGINES[given.engine], []
    told: dict[str, Any] = {"version": command(engine, "--version"), "at rest": at_rest(engine)}
    try:
        for name, options in engine.networks.items():
            command(engine, "network", "create", *options, name)
            made.append(name)
        found = measure_all(engine, given.image)
    except RefusedError as error:
        sys.exit(f"{engine.program}: {error}")
    finally:
        for name in made:
            command(engine, "network", "rm", name)
    told.update({way: one.summary() for way, one in found.items()})
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
