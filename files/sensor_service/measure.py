"""Measures what the sensor service costs, in its image, as it runs on a robot.

    .venv/bin/python files/sensor_service/measure.py [--image NAME] [--scrapes N] [--json]

Starts the image on the Raspberry Pi fixture with every collector, in a container of 32 MiB without swap, read-only and
without capabilities, and scrapes it. Exits with 1 where a target is missed. Run as root: PSS of another user's process
is root's to read. CPU time is that of the container's cgroup, beside what the service says of itself.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import docker

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from files.sensor_service.tests import robots  # noqa: E402 (its folder is known only now)

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MIB = 1024 * 1024
IMAGE = "robot-stack/sensor-service:0.1.0"
PORT = 19191
LIMIT = "32m"
TARGETS = {"pss_mib": 16.0, "cpu_ms_per_scrape_per_50_series": 1.3, "image_mib": 40.0}


def start(engine: DockerClient, image: str, root: Path) -> Container:
    """Starts the service on a fixture robot."""
    return engine.containers.run(
        image,
        detach=True,
        network_mode="host",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit=LIMIT,
        memswap_limit=LIMIT,
        pids_limit=32,
        environment={
            "SENSOR_SERVICE_LISTEN_ADDRESS": f"127.0.0.1:{PORT}",
            "SENSOR_SERVICE_FILESYSTEMS": "/=/host/fs/0",
            "SENSOR_SERVICE_SIMULATED": "true",
        },
        volumes={
            str(root / "proc"): {"bind": "/host/proc", "mode": "ro"},
            str(root / "sys"): {"bind": "/host/sys", "mode": "ro"},
            "/": {"bind": "/host/fs/0", "mode": "ro"},
        },
    )


def scrape() -> str:
    """Returns one page."""
    with urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as answer:
        page: bytes = answer.read()
    return page.decode()


def wait_until_ready() -> None:
    """Waits for the first page. Raises TimeoutError."""
    for _ in range(200):
        try:
            scrape()
            return
        except (URLError, ConnectionError):
            time.sleep(0.05)
    raise TimeoutError("the service does not answer")


def statistics(container: Container) -> dict[str, Any]:
    """Returns what the engine reads from the container's cgroup."""
    answer = container.stats(stream=False, one_shot=True)
    if not isinstance(answer, dict):
        raise TypeError("the engine streams where it should answer once")
    return answer


def cpu_seconds(container: Container) -> float:
    """Returns the CPU time of a container, threads that have ended included."""
    return int(statistics(container)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def own_cpu_seconds(page: str) -> float:
    """Returns what the service itself says of its CPU time: a check of the kernel's figure."""
    for line in page.splitlines():
        if line.startswith("process_cpu_seconds_total "):
            return float(line.split()[1])
    raise ValueError("a page without process_cpu_seconds_total")


def pss_bytes(pid: int) -> int:
    """Returns the proportional share of memory of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("smaps_rollup without Pss")


def memory(container: Container) -> dict[str, float]:
    """Returns the container's working set and peak as Docker counts them, in MiB."""
    stats = statistics(container)["memory_stats"]
    inactive = stats["stats"].get("total_inactive_file", stats["stats"].get("inactive_file", 0))
    found = {"working_set_mib": (stats["usage"] - inactive) / MIB}
    if "max_usage" in stats:  # cgroup v1 only
        found["peak_with_page_cache_mib"] = stats["max_usage"] / MIB
    return found


def measure(image: str, scrapes: int) -> dict[str, float]:
    """Returns the figures by name; the name ends in the unit."""
    engine = docker.from_env()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        container = start(engine, image, robots.raspberry_pi(Path(directory) / "robot"))
        try:
            wait_until_ready()
            for _ in range(20):  # the first ones fill caches and free lists
                page = scrape()
            series = sum(1 for line in page.splitlines() if not line.startswith("#"))
            failed = [
                line for line in page.splitlines() if line.startswith("sensor_collector_success") and line[-1] != "1"
            ]
            container.reload()
            pid = container.attrs["State"]["Pid"]
            before, begun = cpu_seconds(container), time.monotonic()
            own_before = own_cpu_seconds(scrape())
            for _ in range(scrapes - 1):
                page = scrape()
            spent, lasted = cpu_seconds(container) - before, time.monotonic() - begun
            own_spent = own_cpu_seconds(page) - own_before
            idle_before = cpu_seconds(container)
            time.sleep(3)
            figures = {
                "series": series,
                "failed_collectors": len(failed),
                "page_kib": len(page) / 1024,
                "pss_mib": pss_bytes(pid) / MIB,
                **memory(container),
                "cpu_ms_per_scrape": spent / scrapes * 1000,
                "cpu_ms_per_scrape_per_50_series": spent / scrapes * 1000 / series * 50,
                "cpu_ms_per_scrape_by_its_own_metric": own_spent / (scrapes - 1) * 1000,
                "wall_ms_per_scrape": lasted / scrapes * 1000,
                "cpu_ms_idle_for_3_s": (cpu_seconds(container) - idle_before) * 1000,
                "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
                "image_mib": engine.images.get(image).attrs["Size"] / MIB,
            }
        finally:
            container.remove(force=True)
    engine.close()
    return figures


def main() -> int:
    """Prints the figures beside the targets; returns 1 where one is missed."""
    parser = argparse.ArgumentParser(description="Measures the sensor service in its image.")
    parser.add_argument("--image", default=IMAGE)
    parser.add_argument("--scrapes", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("PSS of another user's process is root's to read: run this as root")
    figures = measure(options.image, options.scrapes)
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        for name, value in figures.items():
            target = f"  (target: at most {TARGETS[name]:g})" if name in TARGETS else ""
            sys.stdout.write(f"{name:34} {value:10.2f}{target}\n")
    missed = [name for name, target in TARGETS.items() if figures[name] > target]
    return 1 if missed or figures["failed_collectors"] else 0


if __name__ == "__main__":
    sys.exit(main())
