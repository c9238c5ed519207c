"""`--tags SERVICE` touches no other service, whether a robot has it or not; tags about something else touch none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import UNCHANGED, Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import scope as scopes
from declarations import BIN, PROJECT

ROLES = {f"{name}_memory_limit_mib": 1 for name in ("sensor_service", "victoriametrics", "vmagent")}
NAMES = ["sensor_service", "victoriametrics", "lidar_driver"]
TASK = ["always", "robot_stack", "memory_cgroup", "container_engine"]


def scope(
    *tags: str, skipped: tuple[str, ...] = (), asked: tuple[str, ...] = (), task: tuple[str, ...] = ()
) -> list[str] | None:
    variables = {**ROLES, "ansible_run_tags": list(tags), "ansible_skip_tags": list(skipped)}
    return scopes.scope(asked, NAMES, {**variables, "robot_stack_memory_budget_mib": 300}, [*TASK, *task])


@pytest.mark.parametrize("tags", [("all",), ("robot_stack",), ("container_engine",), ("memory_cgroup", "always")])
def test_tags_that_name_no_service_leave_everything_in_scope(tags: tuple[str, ...]) -> None:
    assert scope(*tags) == []


def test_a_service_is_the_scope() -> None:
    assert scope("victoriametrics") == ["victoriametrics"]


def test_somebody_elses_service_is_the_scope_though_no_task_bears_its_name() -> None:
    assert scope("lidar_driver") == ["lidar_driver"]


def test_a_service_that_this_robot_does_not_have_is_the_scope_all_the_same() -> None:
    assert scope("vmagent") == ["vmagent"]


def test_a_role_that_is_run_on_its_own_has_said_its_scope() -> None:
    assert scope("victoriametrics", asked=("sensor_service",)) == ["sensor_service"]


@pytest.mark.parametrize("tags", [("camera_driver",), ("always",), ("untagged",), ("camera_driver", "always")])
def test_tags_about_something_else_touch_nothing(tags: tuple[str, ...]) -> None:
    assert scope(*tags) is None


@pytest.mark.parametrize("tags", [("telemetry_hub",), ("telemetry_hub", "camera_driver")])
def test_a_tag_that_the_play_gave_the_task_means_all_of_it(tags: tuple[str, ...]) -> None:
    assert scope(*tags, task=("telemetry_hub",)) == []
    assert scope(*tags) is None


def test_a_service_that_is_skipped_is_left_alone() -> None:
    assert scope("all", skipped=("victoriametrics",)) == ["sensor_service", "lidar_driver"]
    assert scope("lidar_driver", "victoriametrics", skipped=("victoriametrics",)) == ["lidar_driver"]


def test_nothing_is_left_where_the_only_service_is_skipped() -> None:
    assert scope("victoriametrics", skipped=("victoriametrics",)) is None


def test_a_skipped_tag_that_is_no_service_changes_nothing() -> None:
    assert scope("all", skipped=("camera_driver",)) == []


def test_tags_about_something_else_connect_to_nobody(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("robots: {hosts: {scout: {ansible_host: 192.0.2.1, robot_stack_image_delivery: pull}}}\n")
    trace, ssh = tmp_path / "trace", tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho \"$@\" >> '{trace}'\nexit 255\n")
    ssh.chmod(0o755)
    references = ("robot-stack/sensor-service:0.1.0", "victoriametrics/victoria-metrics:v1.148.8")
    digests = json.dumps({"robot_stack_image_digests": dict.fromkeys(references, f"sha256:{'0' * 64}")})
    codes = {}
    for tags in ("their_service", "sensor_service"):
        done = subprocess.run(
            [BIN / "ansible-playbook", "-i", inventory, "playbooks/site.yml", "--tags", tags, "-e", digests],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_SSH_EXECUTABLE": str(ssh)},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        codes[tags] = (done.returncode == 0, trace.exists())
    assert codes == {"their_service": (True, False), "sensor_service": (False, True)}


def test_a_wave_goes_on_over_robots_that_were_skipped() -> None:
    progress = Progress(hosts=("a", "b"), sizes=(2,))
    skipped = {"changed": False, "skipped": True}
    decision = gate.answered(progress, {"a": skipped, "b": skipped})
    assert (decision.judge, decision.progress.stopped) == ([], "")
    assert decision.progress.answers == {"a": UNCHANGED, "b": UNCHANGED}
