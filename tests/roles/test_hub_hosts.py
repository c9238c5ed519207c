"""A hub is one host, two are a pair, three a cluster. All are judged before any is contacted, and they come in turn."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from declarations import PROJECT
from rendering import templar


def run(tmp_path: Path, playbook: str, *hosts: str, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a playbook for hub ``hosts`` that do not exist, each with the variables that follow its name."""
    inventory = tmp_path / "hosts.ini"
    declared = "[telemetry_hub:vars]\nrobot_stack_memory_budget_mib=600\n"
    inventory.write_text("[telemetry_hub]\n" + "".join(f"{host}\n" for host in hosts) + declared)
    argv = ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", *more]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False)


def hub(tmp_path: Path, *hosts: str) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "hub", *hosts, more=("--check",))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was said before any host was contacted; whitespace is one blank each."""
    assert done.returncode != 0
    assert "UNREACHABLE" not in done.stdout
    return " ".join(done.stdout.split())


PAIR = ("here.invalid", "there.invalid")
LIMIT = ("--limit", "telemetry_hub")
# As AWX gives a slice of a job (tests/waves/test_divided.py).
SLICE = ("-e", "awx_workflow_job_id=7", "-e", "awx_job_template_name=Deploy", "-e", "awx_workflow_job_name=Deploy")


CLUSTER = tuple(
    f"{name}.invalid telemetry_hub_cluster_address=10.0.0.{number} robot_stack_memory_budget_mib=816"
    for number, name in enumerate(("here", "there", "elsewhere"), 1)
)


def test_three_hosts_say_first_where_their_parts_talk(tmp_path: Path) -> None:
    told = refused(hub(tmp_path, *PAIR, CLUSTER[2]))
    assert "No host was contacted." in told
    assert "on 2 of 3 hosts" in told
    assert "telemetry_hub_cluster_address: (empty)" in told
    everywhere = CLUSTER[0].replace("10.0.0.1", "0.0.0.0")
    told = refused(hub(tmp_path, everywhere, *CLUSTER[1:]))
    assert "could read all samples and write any, without a password" in told


def test_three_hosts_are_a_cluster(tmp_path: Path) -> None:
    done = hub(tmp_path, *CLUSTER)
    assert "declares what cannot work" not in done.stdout
    reached = [f"fatal: [{host}.invalid]: UNREACHABLE" in done.stdout for host in ("here", "there", "elsewhere")]
    # where no image of a cluster is to be had, that is the end of it
    assert all(reached) or "-cluster for " in done.stdout + done.stderr, "all are asked before one is changed"


def test_one_of_three_is_judged_with_the_others_though_the_run_leaves_them_out(tmp_path: Path) -> None:
    other = CLUSTER[2].replace("10.0.0.3", "10.0.0.1")
    done = run(tmp_path, "hub", *CLUSTER[:2], other, more=("--check", "--limit", "there.invalid"))
    assert "here.invalid has it as well" in refused(done)


def test_what_all_hosts_of_a_cluster_know_is_not_changed_on_some(tmp_path: Path) -> None:
    more = ("--limit", "here.invalid,there.invalid", "-e", "telemetry_hub_authority_change=begin")
    assert "leaves out elsewhere.invalid" in refused(run(tmp_path, "hub", *CLUSTER, more=more))


def test_two_hosts_are_not(tmp_path: Path) -> None:
    told = hub(tmp_path, *PAIR).stdout
    assert "hosts (" not in told
    for host in PAIR:
        assert f"fatal: [{host}]: UNREACHABLE" in told, "both are asked for their secrets before one is changed"


def test_two_hosts_are_judged_together(tmp_path: Path) -> None:
    told = refused(hub(tmp_path, PAIR[0], "there.invalid telemetry_hub_retention=30d"))
    assert "1 fault on 1 of 2 hosts. No host was contacted." in told
    assert "here.invalid has another value" in told


def test_one_of_two_is_judged_with_the_other_one_though_the_run_leaves_it_out(tmp_path: Path) -> None:
    names = """telemetry_hub_names='["hub.invalid"]'"""
    hosts = (f"{PAIR[0]} {names}", f"{PAIR[1]} {names}")
    done = run(tmp_path, "hub", *hosts, more=("--check", "--limit", PAIR[0]))
    assert "is reached by this name and port as well" in refused(done)


@pytest.mark.parametrize(
    "written", ['{"telemetry_hub_secrets_renew": ["*"]}', '{"telemetry_hub_authority_change": "begin"}']
)
def test_what_both_hosts_know_is_not_changed_on_one(tmp_path: Path, written: str) -> None:
    told = refused(run(tmp_path, "hub", *PAIR, more=("--limit", PAIR[0], "-e", written)))
    assert "leaves out there.invalid" in told


def rollback(tmp_path: Path, *hosts: str, more: tuple[str, ...] = LIMIT) -> subprocess.CompletedProcess[str]:
    """Roll back hub ``hosts`` whose secrets hub.yml has left on this machine."""
    folder = tmp_path / ".telemetry_hub"
    (folder / "robots").mkdir(parents=True)
    made = ["ca.pem", "database.password", "reader.password", "robots/rover.invalid.password"]
    made += ["robots/scout.invalid.password", *(f"{host}.{kind}" for host in PAIR for kind in ("pem", "key"))]
    certificate = (PROJECT / "tests/roles/certificate.pem").read_text(encoding="utf-8")
    for name in made:
        (folder / name).write_text(certificate if name.endswith(".pem") else "made\n", encoding="utf-8")
    return run(tmp_path, "rollback", *hosts, more=more)


@pytest.mark.parametrize("limit", ["telemetry_hub", "here.invalid", "all"])
def test_a_hub_is_rolled_back_where_the_limit_holds_it(tmp_path: Path, limit: str) -> None:
    done = rollback(tmp_path, "here.invalid", more=("--limit", limit))
    assert done.returncode != 0
    assert "fatal: [here.invalid]: UNREACHABLE" in done.stdout


def test_without_a_limit_no_hub_is_rolled_back(tmp_path: Path) -> None:
    done = rollback(tmp_path, "here.invalid", *ROBOTS, more=())
    assert "fatal: [scout.invalid]: UNREACHABLE" in done.stdout
    assert "here.invalid" not in done.stdout


def test_a_fleet_of_hubs_alone_is_told_that_nobody_is_rolled_back(tmp_path: Path) -> None:
    told = refused(rollback(tmp_path, "here.invalid", more=()))
    assert "Group robots of the inventory is not there" in told


def test_a_pair_is_rolled_back_in_turn_and_the_second_is_left_where_the_first_fails(tmp_path: Path) -> None:
    told = rollback(tmp_path, *PAIR).stdout
    assert f"fatal: [{PAIR[0]}]: UNREACHABLE" in told
    assert f"fatal: [{PAIR[1]}]" not in told
    plays = yaml.safe_load((PROJECT / "playbooks/rollback.yml").read_text(encoding="utf-8"))
    (turns,) = [play for play in plays if "telemetry_hub" in play["hosts"] and "serial" in play]
    assert turns["serial"] == 1


def test_a_rollback_is_judged_before_any_host_is_contacted(tmp_path: Path) -> None:
    told = refused(rollback(tmp_path, "here.invalid telemetry_hub_vmauth_memory_limit_mb=64"))
    assert "did you mean telemetry_hub_vmauth_memory_limit_mib?" in told


@pytest.mark.parametrize("said", [("-e", "rollout_shard=1/2"), SLICE], ids=["a shard", "a slice of AWX"])
def test_who_knows_a_part_of_the_robots_rolls_no_hub_back(tmp_path: Path, said: tuple[str, ...]) -> None:
    told = refused(rollback(tmp_path, "here.invalid", *ROBOTS, more=(*LIMIT, *said)))
    assert "rollout_shard" in told


def test_a_backup_is_restored_to_one_host_that_is_named(tmp_path: Path) -> None:
    told = refused(run(tmp_path, "hub_restore", *PAIR))
    assert "this run is about here.invalid, there.invalid: write --limit" in told


BACKED_UP = (
    "telemetry_hub_backup_enabled=true telemetry_hub_backup_destination=fs:///srv/hub robot_stack_memory_budget_mib=912"
)


def restored(tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Restore the hosts of a cluster of four, the last of which has no storage."""
    last = "last.invalid telemetry_hub_cluster_address=10.0.0.4 telemetry_hub_vmstorage_enabled=false"
    hosts = [f"{host.rpartition(' ')[0]} {BACKED_UP}" for host in (*CLUSTER, f"{last} memory")]
    return run(tmp_path, "hub_restore", *hosts, more=more)


def test_hosts_of_a_cluster_are_restored_together_and_all_or_none(tmp_path: Path) -> None:
    for more in (
        (),
        ("--limit", "here.invalid,there.invalid"),
        ("--limit", "here.invalid", "-e", "restore_replace=true"),
    ):
        told = restored(tmp_path, *more).stdout
        assert "TASK [Backup can be restored]" in told, told
        assert "fatal: [here.invalid]: UNREACHABLE" in told
        assert "TASK [Backup is shown]" not in told
        assert "last.invalid]: UNREACHABLE" not in told, "it has nothing to be restored"
    plays = yaml.safe_load((PROJECT / "playbooks/hub_restore.yml").read_text(encoding="utf-8"))
    (judging,) = [play for play in plays if "'state': 'checked'" in str(play)]
    assert (judging["any_errors_fatal"], judging["max_fail_percentage"]) == (True, 0)
    assert "'state': 'restored'" not in str(judging)


@pytest.mark.parametrize("said", ["restore_replace=true", "restore_backup=20261129T023000Z/latest"])
def test_what_is_one_hosts_is_done_to_no_other_of_a_cluster(tmp_path: Path, said: str) -> None:
    told = refused(restored(tmp_path, "-e", said))
    assert "here.invalid, there.invalid, elsewhere.invalid, last.invalid: write --limit" in told


def test_a_host_without_a_storage_is_not_restored(tmp_path: Path) -> None:
    assert "last.invalid: no vmstorage runs there" in refused(restored(tmp_path, "--limit", "last.invalid"))


def test_one_host_is_not(tmp_path: Path) -> None:
    told = hub(tmp_path, "here.invalid").stdout
    assert "hosts (" not in told
    assert "UNREACHABLE" in told, "it went on, as far as to the host that does not exist"


def test_a_hub_without_backups_is_asked_for_none(tmp_path: Path) -> None:
    told = run(
        tmp_path, "hub", "here.invalid", more=("-e", "hub_state=planned")
    ).stdout  # secrets are not asked for first
    assert "which the gate has not seen" not in " ".join(told.split())
    assert "UNREACHABLE" in told, "it went on, as far as to the host that does not exist"


def test_what_cannot_work_is_refused_before_the_host_is_contacted(tmp_path: Path) -> None:
    done = hub(tmp_path, "here.invalid telemetry_hub_vmauth_memory_limit_mb=64 robot_stack_memory_budget_mib=300")
    assert done.returncode != 0
    assert "UNREACHABLE" not in done.stdout
    assert "2 faults on 1 of 1 host. No host was contacted." in done.stdout
    assert "did you mean telemetry_hub_vmauth_memory_limit_mib?" in done.stdout
    assert "raise it to at least 544" in done.stdout


@pytest.mark.parametrize("playbook", ["hub", "site", "preflight"])
def test_a_host_that_is_a_robot_as_well_is_refused(tmp_path: Path, playbook: str) -> None:
    done = run(tmp_path, playbook, "here.invalid", "[robots]", "here.invalid", more=("--check",))
    assert done.returncode != 0
    assert "UNREACHABLE" not in done.stdout
    assert "groups: robots, telemetry_hub" in done.stdout


def test_a_controller_without_a_network_has_its_images_from_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    host = f"here.invalid robot_stack_image_delivery=archive robot_stack_images_directory={folder}"
    assert "does not hold" in hub(tmp_path, host).stdout
    filled = run(tmp_path, "images", "here.invalid", more=("-e", f"images_directory={folder}"))
    assert filled.returncode == 0, filled.stdout
    told = hub(tmp_path, host).stdout
    assert "does not hold" not in told
    assert "UNREACHABLE" in told, "nothing but the host itself is missing"


ROBOTS = (
    "[robots]",
    *(f"{name}.invalid robot_stack_telemetry_mode=push" for name in ("rover", "scout")),
    "solo.invalid",
)


def remove(tmp_path: Path, *more: str, robots: tuple[str, ...] = ROBOTS) -> str:
    done = run(tmp_path, "remove", "here.invalid", *robots, more=more)
    assert done.returncode != 0, "none of these hosts exists"
    return " ".join(done.stdout.split())


def test_a_robot_is_not_removed_while_its_hub_would_let_it_in(tmp_path: Path) -> None:
    told = remove(tmp_path, "--limit", "scout.invalid")
    assert "leaves out the hub, here.invalid, which would still let in scout.invalid" in told
    assert "--limit 'scout.invalid,here.invalid'" in told
    assert "remove_login=false" in told
    assert "UNREACHABLE" not in told


def test_both_hosts_of_a_pair_are_told(tmp_path: Path) -> None:
    more = ("--limit", "scout.invalid,here.invalid")
    told = refused(run(tmp_path, "remove", *PAIR, *ROBOTS, more=more))
    assert "leaves out the hub, there.invalid, which would still let in scout.invalid" in told


@pytest.mark.parametrize("limit", [(), ("--limit", "scout.invalid,telemetry_hub"), ("--limit", "all:!rover.invalid")])
def test_the_hub_is_told_before_the_robot_is_asked(tmp_path: Path, limit: tuple[str, ...]) -> None:
    told = remove(tmp_path, *limit)
    assert "fatal: [here.invalid]: UNREACHABLE" in told
    assert "fatal: [scout.invalid]" not in told


def test_no_robot_is_asked_where_a_pair_cannot_be_told(tmp_path: Path) -> None:
    done = run(tmp_path, "remove", *PAIR, *ROBOTS)
    assert done.returncode != 0
    for host in PAIR:
        assert f"fatal: [{host}]: UNREACHABLE" in done.stdout
    assert "fatal: [scout.invalid]" not in done.stdout


def test_a_hub_in_a_file_of_names_is_in_the_limit(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("scout.invalid\nhere.invalid\n", encoding="utf-8")
    told = remove(tmp_path, "--limit", f"@{names}")
    assert "leaves out the hub" not in told
    assert "fatal: [here.invalid]: UNREACHABLE" in told


@pytest.mark.parametrize(
    "more",
    [
        ("--limit", "scout.invalid", "-e", "remove_login=false"),
        ("--limit", "scout.invalid", "--tags", "sensor_service"),
        ("--limit", "solo.invalid"),
    ],
)
def test_who_keeps_its_login_or_has_none_asks_no_hub(tmp_path: Path, more: tuple[str, ...]) -> None:
    told = remove(tmp_path, *more)
    assert f"fatal: [{more[1]}]: UNREACHABLE" in told
    assert "here.invalid" not in told


SHARES = '{"telemetry_hub_series_shares": {"scout.invalid": 1500}}'
BACKUP = '{"telemetry_hub_backup_enabled": true, "telemetry_hub_backup_destination": "fs:///srv/hub-backup"}'


@pytest.mark.parametrize(
    ("playbook", "more"),
    [
        ("remove", ("--limit", "scout.invalid,telemetry_hub")),
        ("hub_restore", ("-e", BACKUP, "-e", "robot_stack_memory_budget_mib=700")),
    ],
)
def test_a_robots_share_stops_neither_its_removal_nor_a_restore(
    tmp_path: Path, playbook: str, more: tuple[str, ...]
) -> None:
    done = run(tmp_path, playbook, "here.invalid", *ROBOTS, more=(*more, "-e", SHARES))
    told = " ".join(done.stdout.split())
    assert "is no robot that sends to this hub" not in told
    assert "here.invalid]: UNREACHABLE" in told, "it went on, as far as to the host that does not exist"


def test_a_restore_can_be_checked_before_there_are_secrets() -> None:
    plays = yaml.safe_load((PROJECT / "playbooks/hub_restore.yml").read_text(encoding="utf-8"))
    asking = [play for play in plays if "telemetry_hub_database_secret" in str(play)]
    assert len(asking) == 2
    assert all(play["vars"]["telemetry_hub_secrets_optional"] for play in asking)


def test_the_list_of_the_entry_point_is_without_robots_that_leave() -> None:
    lists = yaml.safe_load((PROJECT / "playbooks/vars/hub_robots.yml").read_text(encoding="utf-8"))
    hosts: dict[str, dict[str, Any]] = {
        name: {"inventory_hostname": name, "robot_stack_telemetry_mode": mode}
        for name, mode in (("rover", "both"), ("scout", "push"), ("solo", "local"))
    }
    template = trust_as_template(lists["telemetry_hub_robots"])

    def listed(*leaving: str) -> Any:
        known = {"groups": {"robots": list(hosts)}, "hostvars": hosts, "telemetry_hub_leaving": list(leaving)}
        return templar(**known).template(template)

    assert listed() == ["rover", "scout"]
    assert listed("scout") == ["rover"]
    assert listed("rover", "scout") == []
