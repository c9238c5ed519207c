"""The watchdog's pages beside its verdicts: promtool has nothing to say of them, whatever their labels are made of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import job_record
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.job_record import Contents, JobRecord
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.shut_out import ShutOut, User
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import backups, filesystems, shares
from robot_stack.operating import ROOT
from robot_stack.robots import Robot, write
from robot_stack.test_rules import PROMTOOL
from robot_stack.test_shares import SHARES


def of_filesystems(robot: Robot) -> str:
    """Three file systems: the root, one from a server whose name needs escapes, one that is not there."""
    share = r'//nas/a"b\134c\040d /mnt cifs rw 0 0'
    write(robot.root / "proc/1/mounts", f"/dev/mmcblk0p2 / ext4 rw 0 0\n{share}\n")
    return filesystems.text(["/", "/mnt/share", "/gone"], robot.roots)


def of_backups(robot: Robot) -> str:
    """Three databases: one was backed up, one could not be, of one none was tried."""
    root = robot.root / ROOT
    for name in ("whole", "failed", "new"):
        settings = {"format": 1, "job": {"kind": "backup", "database": name}}
        write(root / job_record.FOLDER / f"{name}_backup.json", json.dumps(settings))
    done = JobRecord(run_at=9.0, success_at=9.0, uploaded=7, contents=Contents(5, 1, 2))
    job_record.save(done, root, "whole")
    job_record.save(JobRecord(run_at=9.0, failure="no"), root, "failed")
    return backups.text(root, robot.root / "etc/systemd/system")


def of_shares(_: Robot) -> str:
    """Three users: one within his share, one whose name needs escapes, one who is shut out."""
    out = ShutOut(1, {"rogue": User(times=1, at=1.0, until=9.0, series=500)})
    return shares.text({"scout-01": 80, 'a"b\\c\nd é': 7, "rogue": 500}, out, SHARES)


@pytest.mark.usefixtures("any_owner")
@pytest.mark.parametrize(
    ("page", "names", "labels"),
    [(of_filesystems, 6, 3), (of_backups, 5, 3), (of_shares, 3, 3)],
    ids=["filesystems", "backups", "series_shares"],
)
def test_promtool_says_nothing_of_a_page(robot: Robot, page: Callable[[Robot], str], names: int, labels: int) -> None:
    assert PROMTOOL.exists(), "run testbed/promtool, as `make unit` does"
    text = page(robot)
    told = [line.partition("{") for line in text.splitlines() if not line.startswith("#")]
    assert len({name for name, _, _ in told}) == names, "each metric of the page is on it"
    assert len({rest.rpartition("}")[0] for _, _, rest in told}) == labels
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
