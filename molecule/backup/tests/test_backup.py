"""Samples go to the controller and come back: on a robot that was replaced, over others, never from a bad archive."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import delivery
import power
import pytest
from waiting import until

MIB = 1024 * 1024
PASSWORD = "not-a-secret-of-anybody"  # as in the inventory
DATA = "/var/lib/robot-stack/victoriametrics/data"
# Looks at every command line of the robot as fast as it can.
WATCHER = f"""
import os, pathlib, sys
wanted, seen = {PASSWORD!r}.encode(), pathlib.Path("/run/seen_in_argv")
while not os.path.exists("/run/watcher.stop"):
    for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes()
        except OSError:
            continue
        if wanted in words:
            seen.write_bytes(words)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def known(robots: dict[str, Any]) -> str:
    """What is found on the robot before anything is done to it."""
    robot = robots["keeper"]
    equip(robot)
    robot.run(f"python3 /run/on_robot.py write {int(time.time()) - 20000}")
    digest = str(robot.run("python3 /run/on_robot.py found")).strip()
    assert digest.startswith("100 ")
    # a backup notes what was scraped half a minute before it
    until(lambda: ask(robot, f"/api/v1/query?query=up&time={time.time() - 35:.0f}")["data"]["result"], "it has a past")
    return digest


def equip(robot: Any) -> None:
    delivery.lay(robot, PASSWORD.encode(), "/run/test_password")
    delivery.lay(robot, (Path(__file__).parents[1] / "on_robot.py").read_bytes(), "/run/on_robot.py")
    robot.run(f"rmdir {delivery.STAGING}")  # the helper makes it


def found(robot: Any) -> str:
    return str(robot.run("python3 /run/on_robot.py found")).strip()


def ask(robot: Any, path: str) -> Any:
    return json.loads(robot.run(f"python3 /run/on_robot.py ask '{path}'"))


def mark(robot: Any, name: str) -> None:
    robot.run(f"python3 /run/on_robot.py mark {name}")
    until(lambda: marked(robot, name), f"{name} was written and is found")


def marked(robot: Any, name: str) -> bool:
    return bool(ask(robot, f"/api/v1/series?match[]={name}")["data"])


def restore(playbook: Any, folder: Path, *arguments: str) -> tuple[int, str]:
    done = playbook("playbooks/restore.yml", "-e", f"backup_directory={folder}", *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_backup_is_an_archive_and_its_digest_and_leaves_nothing_on_the_robot(
    robot: Any, playbook: Any, folder: Path, known: str
) -> None:
    before = [robot.started_at(service) for service in ("sensor_service", "victoriametrics")]
    delivery.lay(robot, WATCHER.encode(), "/run/watcher.py")
    robot.run(f"rmdir {delivery.STAGING}")
    robot.run("systemd-run --quiet --unit=argv python3 /run/watcher.py")
    with delivery.memory_sampled(robot) as rise:
        robot.run(f"rmdir {delivery.STAGING}")
        done = playbook("playbooks/backup.yml", "-e", f"backup_directory={folder}", "-vvv")
    assert done.returncode == 0, done.stdout
    (archive,) = (folder / "keeper").glob("*.tar.gz")
    check = ["sha256sum", "--check", f"{archive.name}.sha256"]
    assert subprocess.run(check, cwd=archive.parent, capture_output=True, check=False).returncode == 0
    assert archive.stat().st_size > 4 * MIB, "more than one piece"
    assert "backing up, 4.2 MB of" in done.stdout
    listed = subprocess.run(["tar", "tzf", archive], capture_output=True, text=True, check=True).stdout.split()
    assert "robot-stack-backup.json" in listed
    assert any(name.startswith("data/small/") and name.endswith("values.bin") for name in listed)
    assert archive.stat().st_mode & 0o077 == 0
    # the robot: nobody was restarted, no snapshot, no copy, little memory
    assert [robot.started_at(service) for service in ("sensor_service", "victoriametrics")] == before
    process = str(robot.run("docker inspect -f '{{.State.Pid}}' robot-stack-victoriametrics")).strip()
    key = str(robot.run(f"cat /proc/{process}/root/proc/sys/kernel/random/boot_id")).strip()
    assert ask(robot, f"/snapshot/list?authKey={key}")["snapshots"] == []
    assert robot.run(f"find {DATA}/snapshots {DATA}/data/*/snapshots -mindepth 1 -type f") == ""
    assert robot.host.run(f"ls {delivery.STAGING}").rc != 0
    assert rise.unreclaimable < 50 * MIB, rise
    # the login: in no command line of the robot, in nothing that was said
    robot.run("touch /run/watcher.stop")
    assert robot.host.run("cat /run/seen_in_argv").stdout == ""
    assert PASSWORD not in done.stdout
    assert found(robot) == known


def test_a_damaged_archive_is_refused_before_any_robot_is_touched(
    robot: Any, playbook: Any, folder: Path, known: str, tmp_path: Path
) -> None:
    (archive,) = (folder / "keeper").glob("*.tar.gz")
    damaged = tmp_path / archive.name
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    (tmp_path / f"{archive.name}.sha256").write_bytes((folder / "keeper" / f"{archive.name}.sha256").read_bytes())
    before = robot.started_at("victoriametrics")
    code, told = restore(playbook, folder, "-e", f"restore_archive={damaged}", "-e", "restore_replace=true")
    assert code != 0
    assert "is damaged" in told
    assert "no robot was touched" in told
    assert (robot.started_at("victoriametrics"), found(robot)) == (before, known)


def test_samples_that_are_there_are_not_replaced_unless_that_is_asked_for(
    robot: Any, playbook: Any, folder: Path, known: str
) -> None:
    before = robot.started_at("victoriametrics")
    code, told = restore(playbook, folder)
    assert code != 0
    assert "holds samples already" in told
    assert "restore_replace=true" in told
    assert robot.host.run(f"ls {delivery.STAGING}").rc != 0, "nothing was sent"
    assert (robot.started_at("victoriametrics"), found(robot)) == (before, known)


def test_a_replaced_robot_gets_stack_and_samples(robot: Any, playbook: Any, folder: Path, known: str) -> None:
    subprocess.run(["docker", "rm", "-f", "-v", "testbed-backup-keeper"], check=True, capture_output=True)
    made = playbook("testbed/create.yml")
    assert made.returncode == 0, made.stdout
    power.wait_until(robot, "test ! -e /var/lib/robot-stack")
    code, told = restore(playbook, folder)
    assert code == 0, told
    assert "targets that had samples at" in told
    equip(robot)
    assert found(robot) == known
    again = playbook("playbooks/site.yml")
    assert "Nothing changed." in again.stdout, again.stdout
    verified = playbook("playbooks/verify.yml")
    assert verified.returncode == 0, verified.stdout
    assert robot.host.run(f"ls {delivery.STAGING}").stdout == ""


def test_samples_are_replaced_where_that_is_asked_for(robot: Any, playbook: Any, folder: Path, known: str) -> None:
    mark(robot, "written_after_the_backup")
    code, told = restore(playbook, folder, "-e", "restore_replace=true")
    assert code == 0, told
    assert found(robot) == known
    assert not marked(robot, "written_after_the_backup")
    assert robot.run(f"find {DATA} -maxdepth 1 -name '.robot-stack-*' -o -maxdepth 1 -name restore-in-progress") == ""


def test_what_the_database_cannot_read_is_taken_out_again(
    robot: Any, playbook: Any, folder: Path, known: str, tmp_path: Path
) -> None:
    """The digest is right, the samples are not: the database refuses to start on them."""
    (archive,) = (folder / "keeper").glob("*.tar.gz")
    broken = tmp_path / archive.name
    with gzip.open(archive) as raw, tarfile.open(fileobj=raw) as good, tarfile.open(broken, "w:gz") as bad:
        for member in good:
            content = good.extractfile(member)
            if content is None:
                bad.addfile(member)
                continue
            words = content.read()
            bad.addfile(member, io.BytesIO(bytes(len(words)) if member.name.endswith("metaindex.bin") else words))
    digest = subprocess.run(["sha256sum", broken.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    (tmp_path / f"{broken.name}.sha256").write_text(digest.stdout)
    mark(robot, "written_before_the_restore")
    code, told = restore(playbook, folder, "-e", f"restore_archive={broken}", "-e", "restore_replace=true")
    assert code != 0
    assert "what was there was put back" in told
    power.wait_until(robot, "python3 /run/on_robot.py ask /health")
    assert found(robot) == known
    assert marked(robot, "written_before_the_restore")
    run = playbook("playbooks/site.yml")
    assert "Nothing changed." in run.stdout, run.stdout
