"""A disk that fills up under a database: it takes no samples, keeps what it has, and goes on once there is room."""

from __future__ import annotations

import json
from typing import Any

from waiting import patience, until

ROOT = "/var/lib/robot-stack"
FILLER = f"{ROOT}/filler"
LEFT = 32 << 20  # less than victoriametrics_min_free_disk_mib anywhere


def test_a_full_disk_stops_ingestion_cleanly_and_it_recovers(robot: Any) -> None:
    seconds, database = patience(robot), robot.started_at("victoriametrics")
    free, size = map(int, robot.run(f"stat --file-system --format '%a %S' {ROOT}").split())
    robot.run(f"fallocate --length {free * size - LEFT} {FILLER}")
    until(lambda: "vm_storage_is_read_only 1" in own_metrics(robot), "it sees that the disk is full", seconds)
    go_on_scraping(robot)  # what was under way comes in
    stopped = timestamps(robot, "sensor_service")[-1]
    go_on_scraping(robot)
    assert timestamps(robot, "sensor_service")[-1] == stopped, "nothing came in after it"
    assert robot.started_at("victoriametrics") == database
    assert robot.query("count(up)"), "what was there can be asked for"
    robot.run(f"rm {FILLER}")
    until(lambda: "vm_storage_is_read_only 0" in own_metrics(robot), "it sees the room", seconds)
    until(lambda: timestamps(robot, "sensor_service")[-1] > stopped + 8000, "samples come in again", seconds)
    assert robot.started_at("victoriametrics") == database


def timestamps(robot: Any, job: str) -> list[int]:
    """Return when each sample of a job's `up` in the database was taken, in milliseconds."""
    text = robot.get(f'http://127.0.0.1:8428/api/v1/export?match={{__name__="up",job="{job}"}}'.replace('"', "%22"))
    return sorted(moment for line in text.splitlines() for moment in json.loads(line)["timestamps"])


def go_on_scraping(robot: Any) -> None:
    """Wait until the database has scraped each of its targets a few times more."""

    def scrapes() -> int:
        lines = [line for line in own_metrics(robot).splitlines() if line.startswith("vm_promscrape_scrapes_total")]
        return sum(int(line.split()[-1]) for line in lines)

    goal = scrapes() + 10
    until(lambda: scrapes() >= goal, "it goes on scraping", patience(robot))


def own_metrics(robot: Any) -> str:
    """Return the database's page of metrics, without the path of its data among the labels."""
    page = robot.get("http://127.0.0.1:8428/metrics")
    return "\n".join(line.replace('{path="/victoria-metrics-data"}', "") for line in page.splitlines())
