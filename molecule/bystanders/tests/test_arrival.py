"""Debian 13: one robot gets its engine from us, on the other somebody else's engine and containers run on."""

from __future__ import annotations

from typing import Any


def test_check_mode_works_on_both_and_touches_nothing_of_theirs(before: Any, theirs: Any, playbook: Any) -> None:
    done = playbook("playbooks/site.yml", "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert "- install docker.io" in done.stdout.partition("bare: what would be done:")[2].partition("shared:")[0]
    assert theirs() == before


def test_the_stack_arrives_and_nothing_of_theirs_changes(before: Any, theirs: Any, playbook: Any) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert theirs() == before  # the same processes since the same moment: nothing was restarted meanwhile either


def test_a_second_run_changes_nothing(before: Any, theirs: Any, playbook: Any) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert "Nothing changed." in done.stdout
    assert theirs() == before


def test_somebody_elses_engine_is_not_below_our_ceiling(shared: Any) -> None:
    for program in ("dockerd", "containerd"):
        assert "robotstack" not in shared.cgroup(int(shared.run(f"pidof -s {program}")))
    assert shared.run("systemctl list-units --all --no-legend --plain 'robotstack-engine*'").strip() == ""


def test_vmui_knows_no_engine_where_it_is_not_counted(shared: Any) -> None:
    query = 'container_memory_usage_bytes{service=~"sensor_service|engine"}'
    names = {series["metric"]["service"] for series in shared.query(query)}
    assert names == {"sensor_service"}


def test_our_own_engine_is_below_the_ceiling(robots: Any) -> None:
    bare = robots["bare"]
    for program in ("dockerd", "containerd"):
        pid = int(bare.run(f"pidof -s {program}"))
        assert "/robotstack.slice/robotstack-engine.slice/" in bare.cgroup(pid) + "/"
    assert {s["metric"]["service"] for s in bare.query('container_memory_usage_bytes{service="engine"}')} == {"engine"}


def test_verify_agrees(playbook: Any) -> None:
    done = playbook("playbooks/verify.yml")
    assert done.returncode == 0, done.stdout
