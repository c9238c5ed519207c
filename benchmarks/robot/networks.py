"""What a container of one kind of network costs the robot beside the container itself: PSS of the engine's processes.

Runs on a robot with Docker, as root, in its standard library only: python3 networks.py IMAGE. Each way is tried in
turn, several times, because the engine itself grows while it works; what is told is the median of the differences.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 5
SETTLED_SECONDS = 3
NAME, INNER = "network-benchmark", "network-benchmark-inner"
ENGINE = ("dockerd", "containerd", "containerd-shim", "docker-proxy")
WAYS = {
    "host": ["--network", "host"],
    "none": ["--network", "none"],
    "bridge": ["--network", "bridge"],
    "bridge, one published port": ["--network", "bridge", "-p", "127.0.0.1:25990:9101"],
    "internal bridge": ["--network", INNER],
}


def docker(*words: str) -> None:
    """Have the engine do something. Raises CalledProcessError."""
    subprocess.run(["docker", *words], check=True, stdout=subprocess.DEVNULL)


def pss_mib() -> float:
    """Return the PSS of the engine's processes, in MiB."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip().startswith(ENGINE):
                rollup = (process / "smaps_rollup").read_text()
                found += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue  # it has ended meanwhile
    return found / 1024


def cost_mib(image: str, options: list[str]) -> float:
    """Return what the engine's processes have more, in MiB, while a container with ``options`` runs."""
    before = pss_mib()
    docker("run", "-d", "--name", NAME, "--entrypoint", "sleep", *options, image, "60")
    try:
        time.sleep(SETTLED_SECONDS)
        return pss_mib() - before
    finally:
        docker("rm", "-f", NAME)
        time.sleep(SETTLED_SECONDS)


def main() -> None:
    """Tell the median of each way, in MiB, as JSON."""
    docker("network", "create", "--internal", INNER)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    try:
        for _ in range(ROUNDS):
            for way, options in WAYS.items():
                found[way].append(cost_mib(sys.argv[1], options))
    finally:
        docker("network", "rm", INNER)
    told = {
        way: [round(statistics.median(many), 1), *(round(f(many), 1) for f in (min, max))]
        for way, many in found.items()
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
