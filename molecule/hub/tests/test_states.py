"""What is done with a hub beside installing it: plan, compare, roll back, remove, come back to samples that stayed."""

from __future__ import annotations

import json
from typing import Any

import telemetry

ALERTS = "telemetry_hub_vmalert"
DATABASE = "telemetry_hub_victoriametrics"
MIB = 1024 * 1024
NAMES = ("scout", "rover")


def runs(hub: Any) -> set[str]:
    return set(hub.run("docker ps --filter name=robot-stack- --format '{{.Names}} {{.ID}}'").splitlines())


def test_a_plan_and_a_comparison_leave_it_alone(hub: Any, playbook: Any) -> None:
    before = runs(hub)
    for state in ("planned", "verified"):
        done = playbook("playbooks/hub.yml", "-e", f"hub_state={state}")
        assert done.returncode == 0, done.stdout
    assert runs(hub) == before


def test_a_limit_that_was_changed_by_hand_is_told_and_healed(hub: Any, playbook: Any) -> None:
    hub.run(f"docker update --memory 96m --memory-swap 96m robot-stack-{ALERTS}")
    told = playbook("playbooks/hub.yml", "-e", "hub_state=verified")
    assert told.returncode == 2
    assert f"recreate container robot-stack-{ALERTS}: Memory is 96.0 MiB, not 64.0 MiB" in told.stdout
    assert playbook("playbooks/hub.yml").returncode == 0
    assert playbook("playbooks/hub.yml", "-e", "hub_state=verified").returncode == 0


def test_a_change_that_passed_is_rolled_back_and_every_sample_is_there(
    hub: Any, robots: dict[str, Any], playbook: Any
) -> None:
    def limit() -> int:
        return int(hub.limits(hub.cgroup(hub.pid(DATABASE)))[0]) // MIB

    for name in NAMES:
        telemetry.arrive(hub, name)
    began, was = telemetry.settled(hub, *NAMES), limit()
    raised = playbook("playbooks/hub.yml", "-e", json.dumps({f"{DATABASE}_memory_limit_mib": was + 32}))
    assert raised.returncode == 0, raised.stdout
    back = ("playbooks/rollback.yml", "--limit", "telemetry_hub")
    shown = playbook(*back, "--check")
    assert f"Memory is {was + 32}.0 MiB, not {was}.0 MiB" in shown.stdout
    assert limit() == was + 32, "it passed, and nothing has changed since"
    done = playbook(*back)
    assert done.returncode == 0, done.stdout
    assert limit() == was
    for name in NAMES:
        telemetry.arrive(hub, name)
        telemetry.drained(robots[name])
    ended = telemetry.settled(hub, *NAMES)
    for name in NAMES:
        assert telemetry.ledger(hub, name, (began, ended)).lost_answers() == []
    again = playbook(*back)
    assert again.returncode != 0
    assert "there is none to go back to" in " ".join(again.stdout.split())
    assert limit() == was


def test_removed_and_installed_again_it_has_every_sample(hub: Any, robots: dict[str, Any], playbook: Any) -> None:
    for name in NAMES:
        telemetry.arrive(hub, name)
    began = telemetry.settled(hub, *NAMES)
    gone = playbook("playbooks/hub.yml", "-e", "hub_state=absent")
    assert gone.returncode == 0, gone.stdout
    assert runs(hub) == set()
    assert hub.run("ls /var/lib/robot-stack/telemetry_hub_victoriametrics/data").strip(), "samples stay"
    back = playbook("playbooks/hub.yml")
    assert back.returncode == 0, back.stdout
    for name in NAMES:
        telemetry.arrive(hub, name)
        telemetry.drained(robots[name])
        assert telemetry.ledger(hub, name, (began, telemetry.settled(hub, name))).lost_answers() == []
