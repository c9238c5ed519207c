"""More robots at once than the controller can have open files for: refused, before Ansible leaves any out."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.open_files import check, needed
from declarations import BIN, PROJECT


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


def test_a_run_is_refused_before_anything_is_contacted(tmp_path: Path) -> None:
    robots = [f"robot-{number} ansible_host=192.0.2.{number}" for number in range(1, 101)]
    (tmp_path / "hosts.ini").write_text("\n".join(["[robots]", *robots, ""]))
    run = [
        str(BIN / "ansible-playbook"),
        "-i",
        str(tmp_path / "hosts.ini"),
        "playbooks/preflight.yml",
        "--forks",
        "100",
    ]
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *run],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, told
    assert "forks: 100 robots are asked at once" in told
    assert "Write --forks 48" in told
