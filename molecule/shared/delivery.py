"""What the tests of image delivery share: bytes on the wire, memory while loading, images that were changed."""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Archive, Images, Recipe
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.transfer import Sender
from login import ssh
from waiting import until

PROJECT = Path(__file__).resolve().parents[2]


FOLDER = PROJECT / ".artifacts" / "airgap"
MIB = 1024 * 1024
SENSOR = "robot-stack/sensor-service:0.1.0"
SENSOR_ONLY = ("--tags", "sensor_service")
STAGING = "/var/lib/robot-stack/staging"


def wire(robot: Any) -> int:
    """Bytes that the robot's network interface has carried, both ways together."""
    counters = "/sys/class/net/eth0/statistics"
    return sum(int(word) for word in robot.run(f"cat {counters}/rx_bytes {counters}/tx_bytes").split())


def deployed(robot: Any, playbook: Any, *arguments: str) -> tuple[int, str]:
    """Deploy to one robot; return the bytes on its wire and what the run said."""
    before = wire(robot)
    done = playbook("playbooks/site.yml", "--limit", robot.name, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return wire(robot) - before, done.stdout


def removed(robot: Any, playbook: Any) -> None:
    """Take the stack off; its engine stays, its images go."""
    done = playbook("playbooks/remove.yml", "--limit", robot.name)
    assert done.returncode == 0, done.stdout
    assert robot.run("docker images -q").split() == []


def changed_images(target: Path, mark: str) -> tuple[str, ...]:
    """Make a folder in which one file of the sensor service's application differs; return how a run is told of it."""
    project = target.with_suffix(".project")
    shutil.rmtree(project / "files", ignore_errors=True)
    shutil.copytree(PROJECT / "files" / "sensor_service", project / "files" / "sensor_service")
    file = project / "files" / "sensor_service" / "src" / "sensor_service" / "server.py"
    file.write_text(f'{file.read_text()}\nCHANGED = "{mark}"\n')
    shutil.copytree(FOLDER / "images", target, dirs_exist_ok=True)
    images = _images(context=project / "files" / "sensor_service")
    images.export(images.fingerprints({SENSOR: ["amd64"]}), target)
    return ("-e", f"robot_stack_images_directory={target}")


def archive(folder: Path | None = None) -> Archive:
    """The archive that a robot without any image is sent, from a folder or from this machine's engine."""
    return _images(folder).archive(SENSOR, "amd64")


def _images(folder: Path | None = None, context: Path = PROJECT / "files" / "sensor_service") -> Images:
    own = yaml.safe_load((PROJECT / "roles" / "sensor_service" / "vars" / "main.yml").read_text(encoding="utf-8"))
    recipe = Recipe(context, own["sensor_service_spec"]["image"]["bases"])
    return Images(lambda _words: None, folder, recipes={SENSOR: recipe})


def lay(robot: Any, content: bytes, path: str) -> None:
    """Put bytes into a file of the robot, outside of what the product does."""
    robot.run(f"mkdir -p -m 0700 {STAGING}")
    argv = ["docker", "exec", "-i", f"testbed-{robot.variables['testbed_fleet']}-{robot.name}", "tee", path]
    subprocess.run(argv, input=content, stdout=subprocess.DEVNULL, check=True)


def note(words: str) -> None:
    """Write a figure to where a person finds it after the scenario."""
    with (FOLDER / "figures.txt").open("a") as figures:
        figures.write(f"{words}\n")


def cpu_of_sending(robot: Any, path: Path) -> float:
    """Send a file through a connection of its own; return the seconds of CPU that this machine spent."""

    def run(command: str, content: bytes) -> tuple[int, str]:
        done = subprocess.run(
            [*ssh(robot), f"sudo sh -c {shlex.quote(command)}"], input=content, capture_output=True, check=False
        )
        return done.returncode, done.stderr.decode()

    before = cpu()
    Sender(run, "/var/lib/robot-stack", lambda _words: None).send(path, path.name, [])
    return cpu() - before


def cpu() -> float:
    """The CPU seconds of this process and of those that it has waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


# The whole robot without the service that is deployed: what the delivery itself needs. Two figures: what nobody else
# can have meanwhile (anonymous and kernel memory), and the working set, with page cache that can be given back.
SAMPLER = """
import json, pathlib, time
v1 = pathlib.Path("/sys/fs/cgroup/memory")
root = v1 if v1.is_dir() else v1.parent
service = root / "robotstack.slice/robotstack-sensor_service.slice"
def held(group):
    try:
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        if root == v1:
            kernel, usage = ((group / f"memory.{name}usage_in_bytes").read_text() for name in ("kmem.", ""))
            return int(stat["total_rss"]) + int(kernel), int(usage) - int(stat["total_inactive_file"])
        current = group / "memory.current"
        usage = int(current.read_text()) if current.exists() else int(stat["anon"]) + int(stat["file"])
        return int(stat["anon"]) + int(stat.get("kernel", stat["slab"])), usage - int(stat["inactive_file"])
    except OSError:
        return 0, 0
def used():
    return [whole - own for whole, own in zip(held(root), held(service))]
stop, first = pathlib.Path("/run/sampler.stop"), used()
pathlib.Path("/run/sampler.began").touch()
most = first
while not stop.exists():
    most = [max(pair) for pair in zip(most, used())]
    time.sleep(0.01)
result = pathlib.Path("/run/sampler.result.new")
result.write_text(json.dumps([later - earlier for earlier, later in zip(first, most)]))
result.rename("/run/sampler.result")
"""


@dataclass
class Rise:
    """How far memory rose above what it was at the start, in bytes."""

    unreclaimable: int = 0
    working_set: int = 0


@contextmanager
def memory_sampled(robot: Any) -> Iterator[Rise]:
    """Sample the memory of the whole robot; the answer is complete when the context ends."""
    found = Rise()
    robot.run("rm -f /run/sampler.stop /run/sampler.began /run/sampler.result")
    lay(robot, SAMPLER.encode(), "/run/sampler.py")
    robot.run("systemd-run --quiet --collect --unit=sampler python3 /run/sampler.py")
    until(lambda: robot.host.file("/run/sampler.began").exists, "the memory is sampled")
    try:
        yield found
    finally:
        robot.run("touch /run/sampler.stop")
        until(lambda: robot.host.file("/run/sampler.result").exists, "what was sampled is there")
    found.unreclaimable, found.working_set = json.loads(robot.run("cat /run/sampler.result"))
