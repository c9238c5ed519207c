"""In an empty folder, with pip and the built archive and nothing else: the collection works on a robot.

Pipelining is off and callbacks are Ansible's own, as with an empty ansible.cfg. The tests build upon each other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from install.runner import Job
from install.stranger import COLLECTION, Stranger, build, content_of, copy_of_the_project

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
KEYS = PROJECT / ".testbed" / "installed"
MIB = 1024 * 1024
HOSTS = "robots: {hosts: {stranger: }}\n"
VARIABLES = {
    "ansible_host": "127.0.0.1",
    "ansible_user": "operator",
    "ansible_become": True,
    "ansible_ssh_private_key_file": str(KEYS / "id_ed25519"),
    "ansible_ssh_common_args": f"-o UserKnownHostsFile={KEYS}/known_hosts -o StrictHostKeyChecking=yes",
    "robot_stack_memory_total_mib": 500,
    "sensor_service_simulated": True,
    "rollout_soak_seconds": 0,
}
ROLE_ALONE = f"""
- hosts: robots
  gather_facts: false
  roles:
    - role: {COLLECTION}.sensor_service
"""
SUMMARY = {"ANSIBLE_CALLBACKS_ENABLED": f"{COLLECTION}.summary"}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """Somebody who has built the collection and installed it."""
    folder = tmp_path_factory.mktemp("stranger")
    somebody = Stranger(folder, folder / "collections")
    somebody.install(build(copy_of_the_project(folder / "project"), folder / "dist"))
    return somebody


@pytest.fixture(scope="module")
def fleet(stranger: Stranger) -> Path:
    """The stranger's inventory."""
    return stranger.inventory(json.dumps({**VARIABLES, "ansible_port": 22291}), HOSTS)


@pytest.fixture(autouse=True)
def _nothing_is_written_into_the_installed_folder(stranger: Stranger) -> Iterator[None]:
    before = content_of(stranger.collections)
    yield
    assert content_of(stranger.collections) == before
    assert [path.name for path in stranger.work.iterdir()] == ["ansible.cfg"]


def run(stranger: Stranger, fleet: Path, playbook: str, *words: str, **variables: str) -> str:
    """Run a playbook that must succeed, by its full name, or from a file; return what it prints."""
    named = playbook if playbook.startswith("/") else f"{COLLECTION}.{playbook}"
    done = stranger.run("ansible-playbook", named, "-i", fleet, *words, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    # Ansible's own warning of the interpreter that it has found is not ours to mend.
    assert [line for line in done.stderr.splitlines() if line and "discovered Python interpreter" not in line] == []
    return done.stdout


def test_preflight_says_what_would_be_done_and_changes_nothing(robot: Any, stranger: Stranger, fleet: Path) -> None:
    told = run(stranger, fleet, "preflight", **SUMMARY)
    assert "start sensor_service" in told or "create container robot-stack-sensor_service" in told
    assert "Nothing was changed." in told
    assert "robot-stack" not in robot.run("ls /var/lib")


def test_a_role_alone_brings_its_service_inside_its_limit(robot: Any, stranger: Stranger, fleet: Path) -> None:
    play = stranger.folder / "mine.yml"
    play.write_text(ROLE_ALONE, encoding="utf-8")
    run(stranger, fleet, str(play))
    assert robot.limits(robot.cgroup(robot.pid("sensor_service"))) == (32 * MIB, 32 * MIB)
    assert "robot-stack-victoriametrics" not in robot.run("docker ps --all --format '{{.Names}}'")


def test_site_brings_the_rest_and_programs_can_read_what_it_prints(robot: Any, stranger: Stranger, fleet: Path) -> None:
    sensor = robot.started_at("sensor_service")
    words = ("-e", json.dumps({"rollout_soak_seconds": 1}))
    # this callback is the package ansible's, which a stranger may have beside the collection
    posix = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "true"}
    checked = stranger.run(
        "ansible-playbook", f"{COLLECTION}.site", "-i", fleet, *words, "--check", "--diff", **posix, **SUMMARY
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "stranger" in json.loads(checked.stdout)["stats"]
    assert "PLAN (MiB) *" in checked.stderr
    assert "create container robot-stack-victoriametrics" in checked.stderr
    done = stranger.run("ansible-playbook", f"{COLLECTION}.site", "-i", fleet, *words, **posix, **SUMMARY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["stats"]["stranger"]["changed"] == 1
    assert "MEMORY (MiB) *" in done.stderr
    assert robot.limits(robot.cgroup(robot.pid("victoriametrics"))) == (64 * MIB, 64 * MIB)
    assert robot.started_at("sensor_service") == sensor


def test_a_second_run_changes_nothing(stranger: Stranger, fleet: Path) -> None:
    assert "changed=0" in run(stranger, fleet, "site")


def test_verify_measures_the_robot(stranger: Stranger, fleet: Path) -> None:
    table = run(stranger, fleet, "verify", **SUMMARY).partition("MEMORY (MiB)")[2]
    assert [line.split()[-1] for line in table.splitlines() if " whole stack " in f" {line} "] == ["ok"]


def test_a_report_lies_beside_the_inventory(stranger: Stranger, fleet: Path) -> None:
    run(stranger, fleet, "report")
    page = fleet.parent / "reports" / fleet.name / "performance-budget-report.md"
    assert "stranger" in page.read_text(encoding="utf-8")


def test_a_backup_lies_beside_the_inventory(robot: Any, stranger: Stranger, fleet: Path) -> None:
    assert robot.query("up"), "there are samples"
    run(stranger, fleet, "backup")
    assert len(list((fleet.parent / "backups" / fleet.name / "stranger").glob("*.tar.gz"))) == 1


def test_ansible_runner_verifies_and_its_events_hold_the_figures(stranger: Stranger, fleet: Path) -> None:
    job = Job(stranger, "verify", fleet)
    assert (job.status, job.artifact("rc"), job.artifact("status")) == (0, "0", "successful")
    assert "MEMORY (MiB) *" in job.artifact("stdout")
    (answer,) = [
        event["event_data"]["res"]
        for event in job.events
        if event["event"] == "runner_on_ok" and event["event_data"]["task_action"] == f"{COLLECTION}.robot_stack"
    ]
    assert answer["services"]["sensor_service"]["kernel_limit_mib"] == 32
    assert answer["budget"]["verdict"] == "ok"
