"""More robots at once than the controller can have open files for: refused, before Ansible leaves any out."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.open_files import check, needed
from declarations import BIN, PROJECT

ROBOTS = 100
# Robots that pull: nothing is built or sent for them here.
PULLED = f"""robot_stack_image_delivery: pull
robot_stack_image_digests:
  robot-stack/sensor-service:0.1.0: sha256:{"a" * 64}
  victoriametrics/victoria-metrics:v1.148.8: sha256:{"b" * 64}
"""


@pytest.mark.parametrize(
    ("forks", "robots", "limit", "refused"),
    [
        (25, 1000, 1024, False),
        (240, 1000, 1024, False),
        (241, 1000, 1024, True),
        (500, 240, 1024, False),  # never more than there are robots
        (500, 1000, 1_048_576, False),
        (500, 1000, resource.RLIM_INFINITY, False),
        (5, 5, 60, True),
    ],
)
def test_forks_are_held_against_the_limit_on_open_files(forks: int, robots: int, limit: int, refused: bool) -> None:
    assert bool(check(forks, robots, limit)) is refused


def test_the_refusal_says_what_would_do() -> None:
    told = check(300, 1000, 1024)
    assert "ulimit -n 1264" in told
    assert "--forks 240" in told
    assert check(240, 1000, 1024) == "", "what it proposes passes"
    assert check(300, 1000, needed(300)) == ""
    assert "--forks 1," in check(5, 5, 10)


def fleet_asked(
    tmp_path: Path, open_files: int, declared: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Ask ROBOTS robots at once, none of which exists, with so many open files at most."""
    robots = [f"robot-{number} ansible_host=192.0.2.{number}" for number in range(1, ROBOTS + 1)]
    (tmp_path / "hosts.ini").write_text("\n".join(["[robots]", *robots, ""]))
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "robots.yml").write_text(declared)
    run = [str(BIN / "ansible-playbook"), "-i", str(tmp_path / "hosts.ini"), "playbooks/preflight.yml"]
    return subprocess.run(
        ["/bin/sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh", *run, "--forks", str(ROBOTS)],
        cwd=PROJECT,
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_a_run_is_refused_before_anything_is_contacted(tmp_path: Path) -> None:
    done = fleet_asked(tmp_path, 256)
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, told
    assert f"forks: {ROBOTS} robots are asked at once" in told
    assert "Write --forks 48" in told


# Ends when as many have come as there are robots, or after a while; 255 is ssh's own failure.
SSH = """#!/bin/sh
case "$*" in *192.0.2.*) ;; *) exit 255 ;; esac
: >"{there}/$$"
for _ in $(seq 60); do
    [ "$(ls "{there}" | wc -l)" -ge {robots} ] && break
    sleep 2
done
exit 255
"""


def test_with_files_enough_nobody_is_left_out_though_all_are_asked_at_once(tmp_path: Path) -> None:
    there, ssh = tmp_path / "there", tmp_path / "ssh"
    there.mkdir()
    ssh.write_text(SSH.format(there=there, robots=ROBOTS))
    ssh.chmod(0o755)
    done = fleet_asked(tmp_path, needed(ROBOTS), PULLED, ANSIBLE_SSH_EXECUTABLE=str(ssh), ANSIBLE_SSH_RETRIES="0")
    assert len(list(there.iterdir())) == ROBOTS, done.stdout + done.stderr
    silent = set(re.findall(r"^fatal: \[(robot-\d+)\]: UNREACHABLE", done.stdout, re.MULTILINE))
    assert silent == {f"robot-{number}" for number in range(1, ROBOTS + 1)}
    assert "Too many open files" not in done.stdout + done.stderr
