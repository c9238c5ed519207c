"""A robot that an earlier version of this project deployed is taken over, and handed back: no sample is lost.

One that the last version deployed gets this one's program, and keeps each of its containers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
# The last commit before the project became a collection.
EARLIER = "5176552dab434a06a2b358883caa066ac3a083a1"
# The last commit that had landed before this one. A change that must make a container anew, or another file, is red
# here: tell users of it, and once it has landed, put its own commit here.
LAST = "976a2b002961740b83b1e0b07e3f5298c8b0be85"
FOLDER = PROJECT / ".artifacts" / "takeover"
# What a robot of then lacks. Samples stay; each service's container is made anew once.
STEPS = [
    "write /var/lib/robot-stack/watchdog/stack.json",
    "write /etc/tmpfiles.d/robot-stack.conf",
    "write /etc/systemd/system/robot-stack-watchdog.service",
    "update the watchdog (looks every 30 s)",
    "replace image robot-stack/sensor-service:0.1.0",
    "recreate container robot-stack-sensor_service: its image changes; it sees /, /proc, /sys of the robot no more",
    "have the watchdog look after sensor_service",
    "write /var/lib/robot-stack/victoriametrics/config/DIGEST/scrape.yml",
    "write /var/lib/robot-stack/victoriametrics/config/DIGEST/dashboards/robot.json",
    "write /var/lib/robot-stack/victoriametrics/config/DIGEST/dashboards/memory.json",
    "recreate container robot-stack-victoriametrics: settings, files or image differ from the spec it was made of",
]
# What a robot of the last version may lack: the watchdog's program, which comes with each version, and what it reads.
OF_THE_PROGRAM = re.compile(r"update the watchdog .*|write /var/lib/robot-stack/watchdog/\S+")


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def extracted(commit: str, target: Path) -> Path:
    """Take a version out of the history; return ``target``, in which it is then."""
    shallow = git("rev-parse", "--is-shallow-repository") == "true"
    assert not shallow, "this scenario takes earlier versions from the history: git fetch --unshallow"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    archive = FOLDER / f"{commit}.tar"
    git("archive", "--output", str(archive), commit)
    subprocess.run(["tar", "-x", "-C", str(target), "-f", str(archive)], check=True)
    return target


@pytest.fixture(scope="session")
def earlier() -> Path:
    """The earlier version, as a clone of it would have it."""
    return extracted(EARLIER, FOLDER / "earlier")


@pytest.fixture(scope="session")
def last() -> Path:
    """The last version, where Ansible finds it as the collection that it is."""
    return extracted(LAST, FOLDER / "last" / "ansible_collections" / "robotfleet" / "stack")


def run(project: Path, *arguments: str) -> str:
    """Run a playbook of ``project`` against the scenario's robot; return what it printed."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "inventory"
    inventories = ["-i", str(PROJECT / "molecule" / "shared" / "inventory"), "-i", str(scenario)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(project / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    if project.parts[-3:-2] == ("ansible_collections",):  # and not where Python finds this one
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(project.parents[2])
        environment["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] = "false"
    argv = ["ansible-playbook", *inventories, *arguments]
    done = subprocess.run(argv, cwd=project, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def steps(printed: str, verb: str) -> str:
    """What the summary says that was, or would be, done: one step a line."""
    return _named(re.findall(rf"^veteran {verb}: (.+)$", printed, re.MULTILINE))


def planned(printed: str) -> str:
    """The steps of a plan, as the summary lists them: one step a line."""
    return _named(re.findall(r"^  - (.+)$", printed.partition("what would be done:")[2], re.MULTILINE))


def _named(told: list[str]) -> str:
    """The same, whatever the sum of a configuration's files is."""
    return re.sub(r"/config/[0-9a-f]{16}/", "/config/DIGEST/", "\n".join(told))


def program(robot: Any) -> set[tuple[str, str]]:
    """The digests and paths of the modules that the robot's watchdog is made of."""
    lines = robot.run("cd /var/lib/robot-stack/watchdog && find robot_stack -name '*.py' -exec sha256sum {} +")
    found = {(digest, path) for digest, path in (line.split(maxsplit=1) for line in lines.splitlines())}
    assert any(path == "robot_stack/watchdog/look.py" for _, path in found), found
    return found


def sources(project: Path) -> set[tuple[str, str]]:
    """The same of a version's files."""
    folder = project / "plugins" / "module_utils"
    files = (folder / "robot_stack").rglob("*.py")
    return {(hashlib.sha256(file.read_bytes()).hexdigest(), str(file.relative_to(folder))) for file in files}


def running(robot: Any) -> dict[str, str]:
    return {service: robot.started_at(service) for service in robot.services}


def bound(robot: Any) -> dict[str, list[str]]:
    """What of the robot's files each container sees, and where."""
    found = {service: robot.inspect(service)["Mounts"] for service in robot.services}
    return {
        service: sorted(_named([f"{one['Source']}/ {one['Destination']}"]) for one in mounts if one["Type"] == "bind")
        for service, mounts in found.items()
    }


def samples(robot: Any) -> float:
    """When the first sample was taken that the database still finds."""
    return float(robot.query("tfirst_over_time(node_load1[1h])")[0]["value"][1])


def test_a_robot_of_an_earlier_version_is_taken_over_and_handed_back(robot: Any, earlier: Path) -> None:
    run(earlier, "playbooks/site.yml")
    first, then = samples(robot), bound(robot)
    expected = "\n".join(STEPS)

    assert planned(run(PROJECT, "playbooks/preflight.yml")) == expected
    assert steps(run(PROJECT, "playbooks/site.yml"), "changed") == expected
    assert samples(robot) == first
    assert "Nothing changed." in run(PROJECT, "playbooks/site.yml")
    run(PROJECT, "playbooks/verify.yml")
    assert bound(robot) != then

    run(earlier, "playbooks/site.yml")
    assert samples(robot) == first
    assert "Nothing changed." in run(earlier, "playbooks/site.yml")
    run(earlier, "playbooks/verify.yml")
    assert bound(robot) == then

    assert steps(run(PROJECT, "playbooks/site.yml"), "changed") == expected
    assert samples(robot) == first
    run(PROJECT, "playbooks/verify.yml")


def test_a_robot_of_the_last_version_keeps_its_containers(robot: Any, last: Path) -> None:
    run(last, "playbooks/site.yml")
    assert program(robot) <= sources(last), "it was the last version that ran"
    before = running(robot)
    told = steps(run(PROJECT, "playbooks/site.yml"), "changed").splitlines()
    assert program(robot) <= sources(PROJECT)
    assert [step for step in told if not OF_THE_PROGRAM.fullmatch(step)] == []
    assert running(robot) == before


def test_what_was_good_before_the_takeover_is_good_after_it(robot: Any, earlier: Path) -> None:
    """A version that passed the gate of the earlier project is one that a rollback finds."""
    run(earlier, "playbooks/site.yml")
    run(PROJECT, "playbooks/site.yml", "-e", '{"sensor_service_memory_limit_mib": 40}')
    run(PROJECT, "playbooks/rollback.yml")
    assert robot.limits(robot.cgroup(robot.pid("sensor_service")))[0] == 32 * 1024 * 1024


def test_the_new_version_removes_what_the_earlier_one_installed(robot: Any, earlier: Path) -> None:
    run(earlier, "playbooks/site.yml")
    run(PROJECT, "playbooks/remove.yml", "-e", "remove_engine=true", "-e", "remove_data=true")
    assert robot.host.run("pidof dockerd").rc != 0
    assert not robot.host.file("/var/lib/robot-stack").exists
    assert robot.run("systemctl list-units --all --no-legend 'robotstack*' 'robot-stack*'").strip() == ""
