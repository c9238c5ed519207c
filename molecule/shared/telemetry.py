"""What a hub got of a robot, sample by sample, and what the robot knows that it read. For tests of what is sent."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import BYTES_PER_SAMPLE
from waiting import PATIENCE_SECONDS, until

PLANNED_BYTES_PER_SAMPLE = BYTES_PER_SAMPLE  # with which preflight reckons
STORAGE = "http://127.0.0.1:8428"  # VictoriaMetrics, on a robot that keeps its samples and on a hub
SENT = '__name__!~".*:.*|ALERTS.*"'  # what robots send, without what the hub's rules make of it
AGENT = "http://127.0.0.1:8429"
# What vmagent adds to every scrape, which the target did not say.
ADDED = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
         "scrape_series_added", "scrape_timeout_seconds", "scrape_response_size_bytes")  # fmt: skip
Window = tuple[float, float]  # seconds since 1970, both within
Series = dict[tuple[tuple[str, str], ...], dict[int, float]]  # labels -> moment (ms) -> value


class DuplicateError(AssertionError):
    """A sample is there twice."""


def exported(machine: Any, match: str, window: Window) -> Series:
    """Return every sample that ``machine`` has of the series that match. Raises DuplicateError."""
    start, end = window
    machine.get(f"{STORAGE}/internal/force_flush")
    page = machine.get(f"{STORAGE}/api/v1/export?match[]={quote(match)}&start={start:.3f}&end={end:.3f}")
    found: Series = {}
    for line in page.splitlines():
        raw = json.loads(line)
        moments = raw["timestamps"]
        samples = found.setdefault(tuple(sorted(raw["metric"].items())), {})
        again = [moment for moment in moments if moment in samples]
        if again or len(set(moments)) != len(moments):
            raise DuplicateError(f"{raw['metric']}: {len(moments)} samples at {len(set(moments))} moments")
        samples.update(zip(moments, raw["values"]))
    return found


@dataclass(frozen=True)
class Ledger:
    """Every sample that a machine has of one robot, within a window."""

    series: Series

    def of_job(self, job: str) -> Series:
        """Return the series of one job."""
        return {labels: samples for labels, samples in self.series.items() if dict(labels).get("job") == job}

    def named(self, job: str, name: str) -> dict[int, float]:
        """Return the samples of the one series of a job that has this name."""
        (found,) = [samples for labels, samples in self.of_job(job).items() if dict(labels)["__name__"] == name]
        return found

    def given(self, job: str) -> dict[int, int]:
        """Return, by moment (ms), how many samples the target gave to vmagent, as far as the machine was told."""
        return {moment: int(value) for moment, value in self.named(job, "scrape_samples_scraped").items()}

    def arrived(self, job: str) -> Counter[int]:
        """Return, by moment (ms), how many samples of the target there are."""
        found: Counter[int] = Counter()
        for labels, samples in self.of_job(job).items():
            if dict(labels)["__name__"] not in ADDED:
                found.update(samples.keys())
        return found

    def incomplete(self, job: str) -> dict[int, tuple[int, int]]:
        """Return the scrapes of which not every sample is there: moment -> given, arrived."""
        there = self.arrived(job)
        return {at: (number, there[at]) for at, number in self.given(job).items() if there[at] != number}

    def answers(self) -> list[tuple[int, int]]:
        """Return moment (ms) and number of each answer of the sensor service, which counts them; vmagent alone asks."""
        counted = self.named("sensor_service", "sensor_scrape_duration_seconds_count")
        return [(moment, int(counted[moment])) for moment in sorted(counted)]

    def lost_answers(self) -> list[tuple[int, int]]:
        """Return each gap in the answers' numbers, as the moment (ms) before it and how many are missing.

        Where the count begins again, the sensor service was started again, and nobody knows what it had counted to.
        An answer that came too late for vmagent, which says so (`up` is 0), was never a sample.
        """
        late = [moment for moment, up in self.named("sensor_service", "up").items() if up == 0]
        found = [
            (before, later - number - 1 - sum(before < moment < after for moment in late))
            for (before, number), (after, later) in zip(self.answers(), self.answers()[1:])
        ]
        return [(before, missing) for before, missing in found if missing > 0]

    def silences(self, seconds: float) -> list[tuple[float, float]]:
        """Return from when until when (seconds since 1970) no scrape of the sensor service is there for so long."""
        moments = [moment / 1000 for moment, _ in self.answers()]
        return [(before, after) for before, after in zip(moments, moments[1:]) if after - before > seconds]


def ledger(machine: Any, robot: str, window: Window) -> Ledger:
    """Return what ``machine`` has of ``robot``."""
    return Ledger(exported(machine, f'{{robot="{robot}",{SENT}}}', window))


def ledger_of_jobs(machine: Any, robot: str, jobs: tuple[str, ...], window: Window) -> Ledger:
    """Return what ``machine`` has of a robot's ``jobs``, and of nothing else that it sends."""
    return Ledger(exported(machine, f'{{robot="{robot}",{SENT},job=~"{"|".join(jobs)}"}}', window))


def agent(robot: Any, metric: str, url: str = "1:secret-url") -> float:
    """Return one of vmagent's metrics about the hub's queue (or another one's)."""
    for line in robot.get(f"{AGENT}/metrics").splitlines():
        name, _, labels = line.partition("{")
        if name == metric and (f'url="{url}"' in labels or f"/{url[0]}_" in labels):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def hand_over(robot: Any, lines: str) -> None:
    """Give the agent samples in Prometheus' text format, as a program on the robot may."""
    words = base64.b64encode(lines.encode()).decode()
    code = (
        "import base64, sys, urllib.request as u; "
        f"u.urlopen('{AGENT}/api/v1/import/prometheus', data=base64.b64decode(sys.stdin.read()), timeout=30)"
    )
    robot.run(f'echo {words} | python3 -c "{code}"')


def pending(robot: Any, url: str = "1:secret-url") -> float:
    """Return the size of the robot's backlog for a hub, in bytes."""
    return agent(robot, "vmagent_remotewrite_pending_data_bytes", url)


def drained(robot: Any, seconds: float = PATIENCE_SECONDS, url: str = "1:secret-url") -> None:
    """Wait until the robot's backlog for a hub has been sent. Raises AssertionError."""
    calm = 0

    def sent() -> bool:
        nonlocal calm
        calm = calm + 1 if pending(robot, url) < 64 * 1024 else 0
        return calm > 3  # a queue that was on disk is empty for a moment between two blocks

    until(sent, f"{robot.name} sends its backlog", seconds)


def scraped(robots: Iterable[Any], rounds: int) -> None:
    """Wait until each robot's agent has read all of its targets so many times more. Raises AssertionError."""

    def scrapes(robot: Any) -> float:
        lines = [line for line in robot.get(f"{AGENT}/metrics").splitlines() if line.startswith("vm_promscrape_")]
        counted = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
        done = sum(value for name, value in counted.items() if name.startswith("vm_promscrape_scrapes_total"))
        return done / max(1, counted['vm_promscrape_targets{type="static_configs", status="up"}'])

    goals = [(robot, scrapes(robot) + rounds) for robot in robots]
    for robot, goal in goals:
        until(partial(lambda robot, goal: scrapes(robot) >= goal, robot, goal), f"{robot.name} scrapes {rounds} times")


def settled(machine: Any, *robots: str, scrapes: int = 4) -> float:
    """Return a moment from before which nothing is under way any more: ``machine`` has the next scrapes."""
    moment = time.time()

    def later(robot: str) -> bool:
        found = exported(machine, f'up{{robot="{robot}",job="sensor_service"}}', (moment, time.time() + 60))
        return sum(len(samples) for samples in found.values()) >= scrapes

    for robot in robots:
        until(partial(later, robot), f"what {robot} scrapes now arrives at {machine.name}")
    return moment


def arrive(machine: Any, robot: str) -> None:
    """Wait until fresh samples of the robot are at ``machine``. Raises AssertionError."""
    query = f'count(timestamp(up{{robot="{robot}"}}) > time() - 5)'

    def fresh() -> bool:
        try:
            page = machine.get(f"{STORAGE}/api/v1/query?query={quote(query)}&nocache=1&latency_offset=1s")
        except AssertionError:  # a database that was just started does not listen yet
            return False
        return bool(json.loads(page)["data"]["result"])

    until(fresh, f"samples of {robot} arrive at {machine.name}")


def cut(robot: Any, hub: str) -> None:
    """Take the way to the hub from the robot, as dead Wi-Fi does: what is under way is never answered."""
    robot.run(f"ip route replace blackhole $(getent ahostsv4 {hub} | cut -d' ' -f1 | head -n 1)")


def mend(robot: Any, hub: str) -> None:
    """Give it back."""
    robot.run(f"ip route del blackhole $(getent ahostsv4 {hub} | cut -d' ' -f1 | head -n 1)")


def mend_all(robot: Any) -> None:
    """Give back the ways to all hubs, also to one that is away, whose name nobody knows then."""
    robot.run("ip route flush type blackhole")


# Twice a second: working sets (bytes) of vmagent and of the whole stack, kills, and vmagent's own page.
SAMPLER = """
import json, pathlib, re, time, urllib.request
v1 = pathlib.Path("/sys/fs/cgroup/memory")
root = v1 if v1.is_dir() else v1.parent
stack = root / "robotstack.slice"
agent = stack / "robotstack-vmagent.slice"
buffer = pathlib.Path("/var/lib/robot-stack/vmagent/buffer")
wanted = ("vmagent_remotewrite_pending_data_bytes", "vm_persistentqueue_bytes_dropped_total",
          "vm_persistentqueue_bytes_written_total", "vm_persistentqueue_blocks_written_total",
          "vmagent_remotewrite_bytes_sent_total", "vmagent_remotewrite_rows_pushed_after_relabel_total")
def working_set(group):
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    usage = group / ("memory.usage_in_bytes" if root == v1 else "memory.current")
    return int(usage.read_text()) - int(stat.get("total_inactive_file", stat["inactive_file"]))
def page():
    found = {}
    try:
        text = urllib.request.urlopen("http://127.0.0.1:8429/metrics", timeout=5).read().decode()
    except OSError:
        return found
    for line in text.splitlines():
        name, _, labels = line.partition("{")
        if name in wanted and ("1:secret-url" in labels or "/1_" in labels):
            found[name] = float(line.rsplit(" ", 1)[1])
    return found
with open("/run/telemetry.sampled", "w") as out:
    while not pathlib.Path("/run/telemetry.stop").exists():
        try:
            groups = {"agent": working_set(agent), "stack": working_set(stack)}
        except (OSError, ValueError):
            groups = {}
        disk = sum(path.lstat().st_blocks * 512 for path in buffer.rglob("*"))
        out.write(json.dumps({"time": time.time(), "disk": disk, **groups, **page()}) + chr(10))
        out.flush()
        time.sleep(0.5)
"""
