"""Measures what the sensor service costs, in its image, as it runs on a robot.

    .venv/bin/python files/sensor_service/measure.py [--image NAME] [--against NAME] [--rounds N] [--scrapes N] [--json]

Starts the image on the Raspberry Pi fixture with every collector, in a container that is shown what the role shows
it, of 32 MiB without swap, read-only and without capabilities, and scrapes it. Exits with 1 where a target is missed.
Run as root: PSS of another user's process is root's to read. CPU time is that of the container's cgroup, beside what
the service says of itself. `--against` measures another image in turns with the first, and tells the ratio: on a busy
machine, only that says which is the dearer one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import docker
import yaml
from docker.types import Mount

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from files.sensor_service.tests import robots  # noqa: E402 (its folder is known only now)

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MIB = 1024 * 1024
IMAGE = "robot-stack/sensor-service:0.1.0"
PORT = 19191
USER = "70100:70100"
WATCHDOG_SERIES = 30
LIMIT = "32m"
TARGETS = {"pss_mib": 16.0, "cpu_ms_per_scrape_per_50_series": 1.3, "image_mib": 40.0}


def make_robot(root: Path) -> Path:
    """Makes the fixture robot, with a page of metrics as large as the watchdog's of two services."""
    robots.raspberry_pi(root)
    page = "".join(
        f"# HELP robot_stack_example_{number}_bytes Bytes.\n# TYPE robot_stack_example_{number}_bytes gauge\n"
        f'robot_stack_example_{number}_bytes{{service="victoriametrics"}} 33554432\n'
        for number in range(WATCHDOG_SERIES)
    )
    folder = root / "run/robot-stack/metrics"
    folder.mkdir(parents=True)
    (folder / "robot_stack.prom").write_text(page, encoding="utf-8")
    return root


def mounts(root: Path) -> list[Mount]:
    """Returns what the role shows to the container, of the fixture robot."""
    role = yaml.safe_load((HERE.parents[1] / "roles/sensor_service/vars/main.yml").read_text(encoding="utf-8"))
    shown = [(path, f"/host{path}") for path in role["sensor_service_kernel_figures"]]
    shown.append(("/run/robot-stack/metrics", "/host/textfiles"))
    return [
        Mount(target, str(root / path.lstrip("/")), type="bind", read_only=True)
        for path, target in shown
        if (root / path.lstrip("/")).exists()
    ]


def start(engine: DockerClient, image: str, root: Path) -> Container:
    """Starts the service on a fixture robot."""
    return engine.containers.run(
        image,
        detach=True,
        user=USER,
        network_mode="host",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit=LIMIT,
        memswap_limit=LIMIT,
        pids_limit=32,
        environment={
            "SENSOR_SERVICE_LISTEN_ADDRESS": f"127.0.0.1:{PORT}",
            "SENSOR_SERVICE_TEXTFILES": "/host/textfiles",
            "SENSOR_SERVICE_SIMULATED": "true",
        },
        mounts=mounts(root),
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


def process_memory(pid: int) -> dict[str, float]:
    """Returns a process's proportional share of memory, and what is its alone, in MiB."""
    found = {"pss_mib": 0.0, "uss_mib": 0.0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        words = line.split()
        if words[0] == "Pss:":
            found["pss_mib"] += int(words[1]) / 1024
        elif words[0] in ("Private_Clean:", "Private_Dirty:"):
            found["uss_mib"] += int(words[1]) / 1024
    return found


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
        container = start(engine, image, make_robot(Path(directory) / "robot"))
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
                **process_memory(pid),
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


def in_turns(images: list[str], rounds: int, scrapes: int) -> list[dict[str, float]]:
    """Returns each image's figures, the medians of its rounds; the images take turns."""
    found: list[list[dict[str, float]]] = [[] for _ in images]
    for _ in range(rounds):
        for image, told in zip(images, found, strict=True):
            told.append(measure(image, scrapes))
    return [{name: median([one[name] for one in told]) for name in told[0]} for told in found]


def main() -> int:
    """Prints the figures beside the targets; returns 1 where one is missed."""
    parser = argparse.ArgumentParser(description="Measures the sensor service in its image.")
    parser.add_argument("--image", default=IMAGE)
    parser.add_argument("--against", help="another image, measured in turns")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--scrapes", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("PSS of another user's process is root's to read: run this as root")
    images = [options.image, *([options.against] if options.against else [])]
    figures, *others = in_turns(images, options.rounds, options.scrapes)
    if options.json:
        sys.stdout.write(json.dumps([figures, *others] if others else figures, indent=2) + "\n")
    else:
        for name, value in figures.items():
            other = "".join(f"{one[name]:10.2f}  x {value / (one[name] or 1):.2f}" for one in others)
            target = f"  (target: at most {TARGETS[name]:g})" if name in TARGETS else ""
            sys.stdout.write(f"{name:36} {value:10.2f}{other}{target}\n")
    missed = [name for name, target in TARGETS.items() if figures[name] > target]
    return 1 if missed or figures["failed_collectors"] else 0


if __name__ == "__main__":
    sys.exit(main())
