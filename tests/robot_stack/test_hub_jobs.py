"""A job on a hub: what is deployed for it, what keeps it from its work, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import lock
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import calendar, systemd
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import backup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import setup as jobs_setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import job_record, state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.job_record import JobRecord
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import SpecError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import backups
from robot_stack.fake_engine import FakeEngine
from robot_stack.hub_backups import DATA, DATABASE, JOB, Database, answering, declared
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import IMAGE, USER, Robot, parameters

UNITS = "etc/systemd/system"
TIMER, UNIT = f"robot-stack-{JOB}.timer", f"robot-stack-{JOB}.service"


@pytest.fixture
def hub(robot: Robot, fake: FakeEngine, request: pytest.FixtureRequest) -> Iterator[Database]:
    folder = robot.root / "srv/backup"
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder, *(int(number) for number in USER.split(":")))
    if os.geteuid():  # files that shall be root's are ours
        request.getfixturevalue("any_owner")
    for name in (DATABASE, JOB):
        fake.images[f"{name}:1"] = IMAGE
    with answering(Database(robot.root / DATA)) as database:
        yield database


def services(hub: Database, **job: Any) -> list[dict[str, Any]]:
    return declared(hub.url, "fs:///srv/backup", **job)


def settings(robot: Robot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((robot.root / ROOT / f"jobs/{JOB}.json").read_text())
    return found


def test_a_job_is_ready_and_does_not_run(robot: Robot, fake: FakeEngine, operator: Operator, hub: Database) -> None:
    result = operator.call(*services(hub))
    assert not result.get("failed"), result
    assert list(fake.containers) == [f"robot-stack-{DATABASE}"]
    assert list(result["services"]) == [DATABASE]
    assert (result["declared"]["sum_mib"], result["budget"]["limits_mib"]) == (128 + 64 + 48, 64 + 48)
    assert ["systemctl", "enable", "--quiet", TIMER] in operator.systemctl
    unit, timer = ((robot.root / UNITS / name).read_text() for name in (UNIT, TIMER))
    assert "OnCalendar=*-*-* 02:30:00\n" in timer
    assert "Persistent=true\n" in timer
    assert f"jobs/run.py /{ROOT}/jobs {JOB}\n" in unit
    assert result["backups"] == [f"backups of {DATABASE}: none was made yet"]


def test_its_container_is_confined_and_sees_no_network(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    host = settings(robot)["request"]["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (48 << 20, 48 << 20)
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["RestartPolicy"]["Name"] == "no"
    binds = {mount["Target"]: (mount["Source"], mount["ReadOnly"]) for mount in host["Mounts"]}
    assert binds["/victoria-metrics-data"] == (f"/{DATA}", True)
    assert binds["/backups"] == ("/srv/backup", False)


def test_the_password_stays_in_the_databases_file(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    top = robot.root / ROOT / "jobs"
    assert not [path for path in top.rglob("*") if path.is_file() and "hunter2" in path.read_text()]
    path = robot.root / settings(robot)["database"]["password_path"].lstrip("/")
    assert path.read_text() == "hunter2"


def test_it_finds_the_password_of_a_database_that_was_replaced_without_it(
    robot: Robot, operator: Operator, hub: Database
) -> None:
    operator.call(*services(hub))
    database, job = services(hub)
    database["files"] = [{**database["files"][0], "content": "changed"}]
    for declared_ in ([database, job], [database]):  # by tags; and as a version to go back to names no job
        assert operator.call(*declared_, scope=[DATABASE]).get("failed", False) is False
    path = robot.root / settings(robot)["database"]["password_path"].lstrip("/")
    assert path.read_text() == "changed"
    assert operator.call(database, job)["plan"] == []


def test_a_password_that_is_gone_is_a_failure_that_is_remembered(
    robot: Robot, operator: Operator, hub: Database
) -> None:
    operator.call(*services(hub))
    (robot.root / settings(robot)["database"]["password_path"].lstrip("/")).unlink()
    said: list[str] = []
    assert backup.run(robot.root / ROOT / "jobs", JOB, robot.roots, said.append, patience=0) == 1
    record = job_record.load(robot.root / ROOT, DATABASE)
    assert f"the password of {DATABASE} cannot be read" in record.failure
    assert said == [f"no backup was made: {record.failure}"]
    assert f'robot_stack_backup_last_result{{database="{DATABASE}"}} 0\n' in backups.text(
        robot.root / ROOT, robot.root / UNITS
    )


def test_a_second_run_changes_nothing(operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    again = operator.call(*services(hub))
    assert (again["changed"], again["plan"]) == (False, [])
    assert operator.call(*services(hub), state="verified").get("failed", False) is False


def test_check_mode_shows_it_and_makes_nothing(robot: Robot, operator: Operator, hub: Database) -> None:
    result = operator.call(*services(hub), check=True)
    assert f"write /{UNITS}/{TIMER}" in result["plan"]
    assert not (robot.root / UNITS / TIMER).exists()


def test_what_was_changed_by_hand_is_drift(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    (robot.root / UNITS / TIMER).write_text("[Timer]\n")
    result = operator.call(*services(hub), state="verified")
    assert f"drift: write /{UNITS}/{TIMER}" in result["msg"]


def test_a_timer_that_was_stopped_is_started(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    robot.units[TIMER] = {"ActiveState": "inactive", "SubState": "dead"}
    result = operator.call(*services(hub))
    assert [line for line in result["plan"] if line.startswith(f"start the timer of {JOB}")]
    assert operator.call(*services(hub))["plan"] == []


def test_one_that_is_no_longer_declared_goes_and_its_backups_stay(
    robot: Robot, operator: Operator, hub: Database
) -> None:
    operator.call(*services(hub))
    kept = robot.root / "srv/backup/hub/20260101T000000Z/latest"
    kept.mkdir(parents=True)
    result = operator.call(services(hub)[0])
    assert f"start {JOB} no more (its backups stay)" in result["plan"]
    assert ["systemctl", "disable", "--quiet", "--now", TIMER] in operator.systemctl
    assert not [path for path in (robot.root / UNITS).iterdir() if JOB in path.name and not path.name.endswith("slice")]
    assert list((robot.root / ROOT / "jobs").iterdir()) == []
    assert kept.is_dir()
    assert operator.call(services(hub)[0])["plan"] == []


def test_one_that_shall_not_run_for_a_while_has_no_timer(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    result = operator.call(*services(hub), stopped=[JOB])
    assert f"start {JOB} no more (its backups stay)" in result["plan"]
    assert not (robot.root / UNITS / TIMER).exists()
    assert operator.call(*services(hub), stopped=[JOB])["plan"] == []
    operator.call(*services(hub))
    assert (robot.root / UNITS / TIMER).exists()


def test_a_run_with_a_scope_leaves_other_jobs_alone(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    assert operator.call(services(hub)[0], scope=[DATABASE])["plan"] == []
    assert (robot.root / UNITS / TIMER).exists()


def test_its_image_stays_for_as_long_as_it_is_to_be_done(
    robot: Robot, fake: FakeEngine, operator: Operator, hub: Database
) -> None:
    fake.images[f"{JOB}:1"] = {**IMAGE, "Id": "sha256:job"}
    operator.call(*services(hub))
    known = state.load(robot.root / ROOT)
    state.save(replace(known, images=[f"{DATABASE}:1", f"{JOB}:1"]), robot.root / ROOT)
    # as where a failed run goes back to a version, or a restore takes its place: neither names the job
    changed = {**services(hub)[0], "pids_limit": 33}
    assert operator.call(changed, scope=[DATABASE])["changed"]
    assert f"{JOB}:1" in fake.images
    operator.call(changed)
    assert f"{JOB}:1" not in fake.images
    assert state.load(robot.root / ROOT).images == [f"{DATABASE}:1"]


def test_a_hub_with_a_job_passes_and_is_rolled_back_to_what_passed(
    robot: Robot, fake: FakeEngine, operator: Operator, hub: Database
) -> None:
    def judged(*declared_: dict[str, Any]) -> dict[str, Any]:
        told = operator.call(*declared_)
        return operator.call(*declared_, state="proven", sent=False, fresh=told["fresh"])

    def calendar_of_the_timer() -> str:
        return (robot.root / UNITS / TIMER).read_text().partition("OnCalendar=")[2].splitlines()[0]

    first, second = services(hub), services(hub, calendar="*-*-* 04:00:00")
    second[0]["memory_limit_mib"] = first[0]["memory_limit_mib"] + 8
    for declared_ in (first, second):
        assert judged(*declared_)["proven"] is True
        again = operator.call(*declared_)
        assert (again["plan"], again["proven"]) == ([], True), "nothing is judged once more"
    assert calendar_of_the_timer() == "*-*-* 04:00:00"
    back = operator.call(*second, state="restored")
    assert not back.get("failed"), back
    memory = fake.containers[f"robot-stack-{DATABASE}"]["HostConfig"]["Memory"]
    assert memory == first[0]["memory_limit_mib"] * 1024 * 1024
    assert calendar_of_the_timer() == "*-*-* 02:30:00"
    assert settings(robot)["job"]["database"] == DATABASE
    assert "there is none to go back to" in operator.call(*second, state="restored")["msg"]


def test_a_restore_is_a_job_without_a_timer(robot: Robot, operator: Operator, hub: Database) -> None:
    declared_ = services(hub, kind="restore", calendar="")
    operator.call(*declared_, scope=[JOB])
    host = settings(robot)["request"]["HostConfig"]
    binds = {mount["Target"]: (mount["Source"], mount["ReadOnly"]) for mount in host["Mounts"]}
    assert binds["/victoria-metrics-data"] == (f"/{DATA}/.robot-stack-new", False)
    assert binds["/backups"] == ("/srv/backup", True)
    assert not (robot.root / UNITS / TIMER).exists()
    assert "backups" not in operator.call(*declared_)
    assert f"forget job {JOB}" in operator.call(declared_[0])["plan"]


def test_a_removal_takes_units_and_program_and_no_backup(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    (robot.root / "srv/backup/hub").mkdir()
    operator.call(*services(hub), state="absent", remove_data=True)
    assert not (robot.root / UNITS / TIMER).exists()
    assert not (robot.root / ROOT / "jobs").exists()
    assert (robot.root / "srv/backup/hub").is_dir()


def test_a_robot_without_jobs_has_nothing_of_them(robot: Robot, operator: Operator, hub: Database) -> None:
    result = operator.call(services(hub)[0])
    assert not (robot.root / ROOT / "jobs").exists()
    assert "backups" not in result
    assert backups.text(robot.root / ROOT, robot.root / UNITS) == ""


@pytest.mark.parametrize(("mode", "remedy"), [(None, "mount its disk, or make it: install -d"), (0o777, "install -d")])
def test_a_folder_that_is_not_there_or_others_is_refused(
    robot: Robot, operator: Operator, hub: Database, mode: int | None, remedy: str
) -> None:
    folder = robot.root / "srv/backup"
    folder.rmdir() if mode is None else folder.chmod(mode)
    result = operator.call(*services(hub))
    assert result["failed"]
    assert remedy in result["msg"]
    assert "telemetry_hub_backup_destination fs:///srv/backup" in result["msg"]
    assert not (robot.root / ROOT / "jobs").exists()


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"destination": "fs:///var/lib/robot-stack/backup"}, "outside of"),
        ({"destination": "fs:///var/lib"}, "outside of"),
        ({"destination": "/srv/backup"}, "neither fs:///PATH nor s3://BUCKET/PREFIX"),
        ({"destination": "s3://bucket"}, "neither fs:///PATH nor s3://BUCKET/PREFIX"),
        ({"place": "../other"}, "no plain name"),
        ({"database": "another"}, "no service with data"),
        ({"kind": "compaction"}, "none of backup, restore"),
    ],
)
def test_a_job_that_cannot_work_is_refused(job: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words.replace("(", r"\(")):
        parse.parse(parameters(*declared("http://127.0.0.1:1", **{"destination": "fs:///srv/backup", **job})))


def test_in_a_bucket_it_has_a_network_and_no_folder(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*declared(hub.url, "s3://bucket/fleet"))
    host = settings(robot)["request"]["HostConfig"]
    assert host["NetworkMode"] == "host"
    assert "/backups" not in [mount["Target"] for mount in host["Mounts"]]


def test_a_failed_backup_fails_the_verification_and_says_why(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    record = JobRecord(run_at=1_767_225_600.0, success_at=1_767_139_200.0, failure="no space left", words="it")
    job_record.save(record, robot.root / ROOT, DATABASE)
    result = operator.call(*services(hub), state="verified")
    assert result["failed"]
    assert f"the backup of {DATABASE} failed 2026-01-01 00:00:00 UTC: no space left" in result["msg"]
    assert operator.call(*services(hub))["backups"][0] in result["msg"]


def test_a_record_that_cannot_be_read_fails_the_verification(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    job_record.path(robot.root / ROOT, DATABASE).write_text("{")
    result = operator.call(*services(hub), state="verified")
    assert f"record-{DATABASE}.json is not JSON: the next backup keeps it aside" in result["msg"]
    assert result["failed"]


def test_a_deployment_waits_for_a_job_and_the_watchdog_does_not(
    robot: Robot, operator: Operator, hub: Database
) -> None:
    operator.call(*services(hub))
    with lock.at_work(robot.roots, 0):
        with pytest.raises(lock.BusyError, match="systemctl stop"):
            operator.call(*services(hub))
        with lock.held(robot.roots, 0, beside_jobs=True):
            pass
    with lock.held(robot.roots, 0), pytest.raises(lock.BusyError, match="another run"), lock.at_work(robot.roots, 0):
        pass
    operator.call(*services(hub))


def test_the_program_runs_on_a_hub_by_itself(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    assert "jobs.backup import main" in (robot.root / ROOT / "jobs/run.py").read_text()
    top = robot.root / ROOT / "watchdog"
    code = f"import sys; sys.path.insert(0, {str(top)!r}); import robot_stack.jobs.backup"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_metrics_tell_of_a_success_and_of_a_failure(robot: Robot, operator: Operator, hub: Database) -> None:
    operator.call(*services(hub))
    root = robot.root / ROOT
    before = backups.text(root, robot.root / UNITS)
    assert f'robot_stack_backup_last_success_timestamp_seconds{{database="{DATABASE}"}} 0\n' in before
    assert "last_result" not in before
    job_record.save(JobRecord(run_at=9.0, success_at=9.0, uploaded=7), root, DATABASE)
    assert f'robot_stack_backup_last_result{{database="{DATABASE}"}} 1\n' in backups.text(root, robot.root / UNITS)
    job_record.save(JobRecord(run_at=10.0, success_at=9.0, failure="no"), root, DATABASE)
    assert f'robot_stack_backup_last_result{{database="{DATABASE}"}} 0\n' in backups.text(root, robot.root / UNITS)


def test_what_a_job_reads_anew_does_not_make_its_backups_younger(
    robot: Robot, operator: Operator, hub: Database
) -> None:
    """Each further robot changes what the database reads, and with it where its password is."""
    operator.call(*services(hub))
    os.utime(robot.root / UNITS / TIMER, (5000, 5000))
    (robot.root / ROOT / job_record.FOLDER / f"{JOB}.json").touch()
    told = backups.text(robot.root / ROOT, robot.root / UNITS)
    assert f'robot_stack_backup_enabled_timestamp_seconds{{database="{DATABASE}"}} 5000\n' in told
    (robot.root / UNITS / TIMER).unlink()
    assert "} 5000\n" not in backups.text(robot.root / ROOT, robot.root / UNITS)


@pytest.mark.parametrize("asked", ["x", "daily: exit 1: x"])
def test_what_systemd_has_against_a_calendar_is_told(asked: str) -> None:
    said = f"Failed to parse calendar specification '{asked}': Invalid argument"

    def refuses(argv: Sequence[str]) -> str:
        return systemd.run(["sh", "-c", f'echo "{said}" >&2; echo a hint >&2; exit 1', *argv])

    def is_mute(_: object) -> str:
        raise CommandError("systemd-analyze: exit 1: ")

    assert calendar.objection(asked, refuses) == said
    assert calendar.objection(asked, is_mute) == "systemd does not understand it"
    assert calendar.objection("x", lambda _: "Next elapse: tomorrow") == ""


def test_units_have_plain_names() -> None:
    assert jobs_setup.unit_name("a", "timer") == "robot-stack-a.timer"
    assert Path(jobs_setup.unit_paths("a")[0]).parent == Path("/etc/systemd/system")
