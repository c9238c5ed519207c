"""What the hub's playbook does beside installing: plan, compare, remove, and come back to the samples that stayed."""

from __future__ import annotations

from typing import Any

import telemetry

ALERTS = "telemetry_hub_vmalert"
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
