"""A hub's samples in a backup and back: made by its timer's service, cut off, refused, restored onto an empty host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import delivery
import telemetry
from hub_backups import DATA, JOB, ROOT, TIMER, UNIT, another_disk, backed_up, counted, found, record, refused
from waiting import until

FOLDER = "/srv/hub-backup"
DATABASE = "robot-stack-telemetry_hub_victoriametrics"
# Kills a backup's program and who looks after it while `latest` is being changed: its mark is gone by then.
# With a hundredth of a processor that takes seconds.
CUT_OFF = f"""
set -u
marked() {{ ls {FOLDER}/hub/*/latest/backup_complete.ignore >/dev/null 2>&1; }}
for attempt in $(seq 30); do
    systemctl start {UNIT} &
    starting=$!
    working() {{ kill -0 $starting 2>/dev/null; }}
    until docker inspect -f '{{{{.Args}}}}' robot-stack-{JOB} 2>/dev/null | grep -q snapshotName; do
        working || continue 2
    done
    docker update --cpus 0.01 robot-stack-{JOB} >/dev/null 2>&1
    while working; do
        if ! marked && docker pause robot-stack-{JOB} >/dev/null 2>&1; then
            marked && break
            kill -KILL "$(docker inspect -f '{{{{.State.Pid}}}}' robot-stack-{JOB})" # once it goes on
            systemctl kill --kill-who=main -s KILL {UNIT}
            exit 0
        fi
    done
    docker unpause robot-stack-{JOB} >/dev/null 2>&1
    wait
done
exit 1
"""


def whole(hub: Any) -> set[str]:
    """The backups whose writer came to its end."""
    return {Path(path).parent.name for path in hub.run(f"find {FOLDER} -name backup_complete.ignore").split()}


def nothing_left(hub: Any) -> None:
    assert json.loads(hub.get("http://127.0.0.1:8428/snapshot/list"))["snapshots"] == []
    assert hub.run(f"docker ps --all --quiet --filter name=robot-stack-{JOB}") == ""


def verified(playbook: Any) -> tuple[int, str]:
    done = playbook("playbooks/hub.yml", "-e", "hub_state=verified")
    return done.returncode, done.stdout


def test_between_two_backups_there_is_a_timer_and_nothing_else(hub: Any) -> None:
    assert hub.run(f"systemctl is-active {TIMER}; systemctl is-enabled {TIMER}").split() == ["active", "enabled"]
    assert hub.run(f"docker ps --all --quiet --filter name=robot-stack-{JOB}") == ""


def test_a_backup_is_made_and_told(hub: Any, known: str) -> None:
    telemetry.arrive(hub, "scout")
    assert backed_up(hub)["contents"]["rows"] > 300000
    assert whole(hub) == {"latest"}
    nothing_left(hub)
    until(lambda: hub.query_now('robot_stack_backup_last_result{hub="hub"} == 1'), "the hub has the metric")
    assert hub.run(f"stat -c %u:%a {FOLDER}").strip() == "70111:700"


def test_a_second_one_sends_what_is_new(hub: Any, known: str) -> None:
    first = record(hub)["uploaded"]
    telemetry.settled(hub, "scout")
    assert backed_up(hub)["uploaded"] < first / 2
    assert whole(hub) == {"latest", "previous"}


def test_one_that_is_cut_off_harms_no_other(hub: Any, playbook: Any, known: str) -> None:
    delivery.lay(hub, CUT_OFF.encode(), "/run/cut_off.sh")
    hub.run(f"rmdir {delivery.STAGING}")
    hub.run("bash /run/cut_off.sh")
    until(lambda: "failed" in hub.host.run(f"systemctl is-active {UNIT}").stdout, "systemd has seen it")
    assert whole(hub) == {"previous"}
    nothing_left(hub)
    code, told = verified(playbook)
    assert code == 2
    assert "it was cut off; the last one was made" in told
    backed_up(hub)
    assert whole(hub) == {"latest", "previous"}
    assert verified(playbook)[0] == 0


def test_a_full_folder_and_one_that_is_gone_are_told_and_the_hub_serves_on(hub: Any, known: str) -> None:
    hub.run(f"mount -t tmpfs -o size=8m,uid=70111,gid=70111,mode=0700 tmpfs {FOLDER}")
    try:
        refused(hub, "are free in /srv/hub-backup: the backup needs")
    finally:
        hub.run(f"umount {FOLDER}")
    hub.run(f"mv {FOLDER} {FOLDER}.away")
    try:
        refused(hub, "is not there: mount its disk, or make it: install -d")
    finally:
        hub.run(f"mv {FOLDER}.away {FOLDER}")
    telemetry.arrive(hub, "scout")
    assert whole(hub) == {"latest", "previous"}
    nothing_left(hub)


def test_an_empty_database_takes_no_backups_place_and_its_samples_come_back(
    hub: Any, robots: dict[str, Any], playbook: Any, known: str
) -> None:
    # what was under way when the snapshot was made is in none of its samples
    moment = backed_up(hub)["contents"]["newest"] / 1000 - 30
    before = counted(hub, moment)
    hub.run(
        f"systemctl stop robot-stack-watchdog.timer && docker stop {DATABASE} && rm -rf {DATA}"
        f" && install -d -o 70111 -g 70111 -m 0750 {DATA} && docker start {DATABASE}"
    )
    telemetry.arrive(hub, "scout")
    refused(hub, "the database (holds|begins).*was left as it is.*playbooks/hub_restore.yml")
    assert whole(hub) == {"latest", "previous"}
    another_disk(hub)  # but for the backups
    done = playbook("playbooks/hub_restore.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the database finds the newest sample of the backup" in done.stdout
    assert found(hub) == known
    assert counted(hub, moment) == before
    telemetry.drained(robots["scout"])
    telemetry.arrive(hub, "scout")
    assert hub.run(f"ls {ROOT}/jobs").count("telemetry_hub_restore") == 0


def test_samples_that_are_there_are_not_replaced_unasked(hub: Any, playbook: Any, known: str) -> None:
    containers = hub.run("docker ps --quiet")
    done = playbook("playbooks/hub_restore.yml")
    assert done.returncode != 0
    assert "add -e restore_replace=true" in done.stdout + done.stderr
    assert hub.run("docker ps --quiet") == containers


def test_samples_that_are_there_are_replaced_if_asked(hub: Any, playbook: Any, known: str) -> None:
    done = playbook("playbooks/hub_restore.yml", "-e", "restore_replace=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert found(hub) == known
    telemetry.arrive(hub, "scout")


def test_the_chain_goes_on_after_a_restore(hub: Any, known: str) -> None:
    chains = hub.run(f"ls {FOLDER}/hub")
    backed_up(hub)
    assert hub.run(f"ls {FOLDER}/hub") == chains
    assert len(chains.split()) == 1


def test_the_timer_makes_one_when_its_time_comes(hub: Any, known: str) -> None:
    before, drop_in = record(hub)["success_at"], f"/run/systemd/system/{TIMER}.d"
    lines = "[Timer]\\nOnCalendar=\\nOnCalendar=*:*:0/5\\nRandomizedDelaySec=0\\nAccuracySec=1s\\n"
    hub.run(f"mkdir -p {drop_in} && printf '{lines}' >{drop_in}/soon.conf && systemctl daemon-reload")
    hub.run(f"systemctl restart {TIMER}")
    try:
        until(lambda: record(hub)["success_at"] > before, "the timer has made a backup")
    finally:
        hub.run(f"rm -r {drop_in} && systemctl daemon-reload && systemctl restart {TIMER}")
    until(lambda: hub.host.run(f"systemctl is-active {UNIT}").stdout.strip() == "inactive", "the last one has ended")
    assert whole(hub) == {"latest", "previous"}


def test_switched_off_it_leaves_the_backups_and_nothing_else(hub: Any, playbook: Any, known: str) -> None:
    off = ("playbooks/hub.yml", "-e", '{"telemetry_hub_backup_enabled": false}')
    done = playbook(*off)
    assert done.returncode == 0, done.stdout
    assert f"start {JOB} no more (its backups stay)" in done.stdout
    assert hub.host.run(f"systemctl cat {TIMER}").rc != 0
    assert hub.run("find /etc/systemd/system -name 'robot-stack-*backup*'") == ""
    assert whole(hub) == {"latest", "previous"}
    assert "Nothing changed." in playbook(*off).stdout
