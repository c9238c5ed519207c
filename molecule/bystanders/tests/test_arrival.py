"""Debian 13: one robot gets its engine from us, on the other somebody else's engine and containers run on."""

from __future__ import annotations

import json
from typing import Any

SETTINGS = "/etc/docker/daemon.json"
INFO = """
import http.client as h, socket as s
c = h.HTTPConnection("engine")
c.sock = s.socket(s.AF_UNIX)
c.sock.connect("/var/run/docker.sock")
c.request("GET", "/info")
print(c.getresponse().read().decode())
"""


def test_check_mode_works_on_both_and_touches_nothing_of_theirs(
    before: Any, theirs: Any, bare_before: Any, bare_theirs: Any, playbook: Any
) -> None:
    done = playbook("playbooks/site.yml", "--check", "--diff")
    assert done.returncode == 0, done.stdout
    planned = done.stdout.partition("bare: what would be done:")[2].partition("shared:")[0]
    assert "- install docker.io" in planned
    kept = "keeping its owner's data-root, insecure-registries, runtimes and in place of its owner's log-driver"
    assert f"- write {SETTINGS}, {kept}" in planned
    assert theirs() == before
    assert bare_theirs() == bare_before


def test_the_stack_arrives_and_nothing_of_theirs_changes(
    before: Any, theirs: Any, bare_lost: Any, playbook: Any
) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert theirs() == before  # the same processes since the same moment: nothing was restarted meanwhile either
    assert bare_lost() == []


def test_a_second_run_changes_nothing(before: Any, theirs: Any, bare_lost: Any, playbook: Any) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout
    assert theirs() == before
    assert bare_lost() == []


def test_our_own_engine_does_what_somebody_wanted_of_one(bare: Any) -> None:
    told = json.loads(bare.host.check_output("python3 -c %s", INFO))
    assert told["DockerRootDir"] == "/mnt/ssd"
    assert "theirs" in told["Runtimes"]
    assert "registry.example.org:5000" in told["RegistryConfig"]["IndexConfigs"]
    assert "NO_PROXY=registry.example.org" in bare.run("systemctl show -p Environment docker.service")


def test_somebody_elses_engine_is_not_below_our_ceiling(shared: Any) -> None:
    for program in ("dockerd", "containerd"):
        assert "robotstack" not in shared.cgroup(int(shared.run(f"pidof -s {program}")))
    assert shared.run("systemctl list-units --all --no-legend --plain 'robotstack-engine*'").strip() == ""


def test_vmui_knows_no_engine_where_it_is_not_counted(shared: Any) -> None:
    query = 'container_memory_usage_bytes{service=~"sensor_service|engine"}'
    names = {series["metric"]["service"] for series in shared.query(query)}
    assert names == {"sensor_service"}


def test_our_own_engine_is_below_the_ceiling(bare: Any) -> None:
    for program in ("dockerd", "containerd"):
        pid = int(bare.run(f"pidof -s {program}"))
        assert "/robotstack.slice/robotstack-engine.slice/" in bare.cgroup(pid) + "/"
    assert {s["metric"]["service"] for s in bare.query('container_memory_usage_bytes{service="engine"}')} == {"engine"}


def test_verify_agrees(playbook: Any) -> None:
    done = playbook("playbooks/verify.yml")
    assert done.returncode == 0, done.stdout
