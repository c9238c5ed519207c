"""The backup of a cluster: each host's storage is a database of its own, in a place of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import cluster
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import destination
from declarations import PROJECT
from rendering import rendered_template, value

RULES = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
HOSTS: list[dict[str, Any]] = [
    {"inventory_hostname": name, "telemetry_hub_cluster_address": f"10.0.0.{number}"}
    for number, name in enumerate("abcd", 1)
]
BACKED_UP = {"telemetry_hub_backup_enabled": True, "telemetry_hub_backup_destination": "fs:///srv/backups/hub"}
ONE: dict[str, Any] = {"inventory_hostname": "a", "telemetry_hub_database_password": "databases", **BACKED_UP}


def of_host(place: int, **without: Any) -> dict[str, Any]:
    """Return the variables of a host of a cluster of four; what ``without`` says is of the last one."""
    hosts = [*HOSTS[:-1], {**HOSTS[-1], **without}]
    return {**ONE, **hosts[place], "telemetry_hub_cluster": cluster(hosts)}


@pytest.mark.parametrize("job", ["backup", "restore"])
def test_a_job_is_about_this_hosts_storage(job: str) -> None:
    written = of_host(1)
    spec, storage = value(f"telemetry_hub_{job}_spec", **written), value("telemetry_hub_vmstorage_spec", **written)
    assert (spec["job"]["database"], spec["job"]["place"]) == ("telemetry_hub_vmstorage", "b.vmstorage")
    assert spec["user"] == storage["user"], "whose files it reads and makes"
    assert "-storageDataPath=/victoria-metrics-data" in spec["command"]
    assert spec["enabled"] is True if job == "backup" else "enabled" not in spec


def test_who_restores_it_asks_the_storage_and_no_query() -> None:
    told, storage = value("telemetry_hub_database", **of_host(0)), value("telemetry_hub_vmstorage_spec", **of_host(0))
    assert told["name"] == storage["name"]
    assert (told["url"], told["username"]) == (storage["health"]["url"], storage["health"]["username"])
    assert told["history_url"] == storage.get("history_url", "") == ""
    assert [told["data"]] == [one["name"] for one in storage["data"]]
    assert told["stop_timeout_seconds"] == storage["stop_timeout_seconds"]


def test_one_hubs_database_is_asked_and_backed_up_as_ever() -> None:
    told, database = value("telemetry_hub_database", **ONE), value("telemetry_hub_victoriametrics_spec", **ONE)
    assert told == {
        "name": "telemetry_hub_victoriametrics",
        "data": "data",
        "user": database["user"],
        "url": database["health"]["url"],
        "history_url": database["history_url"],
        "username": "hub",
        "retention": "90d",
        "stop_timeout_seconds": 60,
    }
    job = value("telemetry_hub_backup_spec", **ONE)["job"]
    assert (job["database"], job["place"]) == ("telemetry_hub_victoriametrics", "a")


def test_backups_of_a_storage_have_a_place_that_tells_what_they_are() -> None:
    assert value("telemetry_hub_backup_place", **of_host(0)) == f"a{destination.STORAGE}"
    assert destination.stranger("a", "a.vmstorage")
    assert not destination.stranger("b.vmstorage", value("telemetry_hub_backup_place", **of_host(0)))


def test_a_host_without_a_storage_has_no_backup_and_restores_none() -> None:
    for off in (False, "false"):
        last = of_host(3, telemetry_hub_vmstorage_enabled=off)
        services = value("telemetry_hub_services", **last)
        assert "telemetry_hub_backup" not in services
        assert value("telemetry_hub_restoring", **last) == services
        assert value("telemetry_hub_own", **last) == services[1:]
    first = of_host(0, telemetry_hub_vmstorage_enabled=False)
    assert value("telemetry_hub_services", **first)[-1] == "telemetry_hub_backup"
    assert value("telemetry_hub_restoring", **first)[-1] == "telemetry_hub_restore"


def test_who_has_rules_tells_of_each_hosts_backups_though_its_own_is_off() -> None:
    written = {**of_host(0), "telemetry_hub_backup_enabled": False, "telemetry_hub_secrets_optional": True}
    groups = yaml.safe_load(rendered_template(RULES, **written))["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"] if "Backup" in rule["alert"]}
    assert set(rules) == {"TelemetryHubBackupOld", "TelemetryHubBackupFailed"}
    assert "max by (hub, database)" in rules["TelemetryHubBackupOld"]["expr"]
    one = {**ONE, "telemetry_hub_backup_enabled": False, "telemetry_hub_secrets_optional": True}
    assert "TelemetryHubBackup" not in rendered_template(RULES, **one)


@pytest.mark.parametrize("failing", ["hub-2", "none"])
def test_hosts_that_were_restored_are_named_where_another_one_failed(tmp_path: Path, failing: str) -> None:
    """They have their samples and do not run: nobody would be answered until somebody found out by himself."""
    plays = yaml.safe_load((PROJECT / "playbooks/hub_restore.yml").read_text(encoding="utf-8"))
    (judged,) = [play for play in plays if play["name"] == "Every host has its samples back"]
    restored = {"name": "Restored", "hosts": "telemetry_hub", "gather_facts": False, "any_errors_fatal": False}
    tasks = [{"ansible.builtin.assert": {"that": f"inventory_hostname != '{failing}'"}}]
    later = {"hosts": "telemetry_hub", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "deployed"}}]}
    (tmp_path / "hosts.ini").write_text("[telemetry_hub]\nhub-1\nhub-2\nhub-3\n")
    (tmp_path / "run.yml").write_text(yaml.safe_dump([{**restored, "tasks": tasks}, judged, later]))
    argv = ["ansible-playbook", "-i", "hosts.ini", "run.yml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    said = " ".join(done.stdout.split())
    assert (done.returncode == 0, '"msg": "deployed"' in said) == (failing == "none", failing == "none"), said
    if failing != "none":
        assert "hub-2: see above. hub-1, hub-3: restored, and not deployed yet." in said
        assert "playbooks/hub.yml --limit hub-1,hub-3, and then" in said
        assert "playbooks/hub_restore.yml --limit hub-2." in said
