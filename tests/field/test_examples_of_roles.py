"""What a role's README shows is let through by the gate, and asks the robot for what it says: copied, it runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from declarations import PROJECT
from field.playing import Fleet

EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROLES = sorted(path.parent.name for path in PROJECT.glob("roles/*/README.md"))
HOSTS = """
all:
  children:
    robots: {children: {raspberry_pi_4: {hosts: {scout: {ansible_host: 192.0.2.1}}}}}
    telemetry_hub: {hosts: {hub: {ansible_host: 192.0.2.9}}}
  vars: {vault_vmagent_hub_password: secret, robot_stack_telemetry_mode: MODE}
"""
IMAGES = (
    "robot-stack/sensor-service:0.1.0",
    "victoriametrics/victoria-metrics:v1.136.23",
    *(f"victoriametrics/{name}:v1.148.8" for name in ("victoria-metrics", "vmagent", "vmalert", "vmauth")),
)
PULLED = {
    "robot_stack_image_delivery": "pull",
    "robot_stack_image_digests": dict.fromkeys(IMAGES, f"sha256:{'0' * 64}"),
}


def shown(role: str) -> list[str]:
    """Return the playbooks that a role's README shows."""
    found = EXAMPLE.findall((PROJECT / "roles" / role / "README.md").read_text(encoding="utf-8"))
    assert found
    return found


@pytest.mark.parametrize("role", ["robot_stack", "telemetry_hub"])
def test_an_example_goes_through_the_gate_before_anybody_is_asked(tmp_path: Path, role: str) -> None:
    playbook = tmp_path / "example.yml"
    playbook.write_text(shown(role)[0], encoding="utf-8")
    fleet = Fleet(tmp_path, {"hosts.yml": HOSTS.replace("MODE", "local")})
    said = fleet.refusal("-e", '{"robot_stack_memory_budget_mib": 150}', playbook=str(playbook.with_suffix("")))
    assert "robot_stack_memory_budget_mib" in said


@pytest.mark.parametrize("role", ROLES)
def test_an_example_passes_the_gate_and_asks_the_robot(tmp_path: Path, role: str) -> None:
    for number, text in enumerate(shown(role)):
        folder = tmp_path / str(number)
        folder.mkdir()
        playbook = folder / "example.yml"
        playbook.write_text(text, encoding="utf-8")
        hosts = HOSTS.replace("MODE", "push" if role == "vmagent" else "local")
        fleet = Fleet(folder, {"hosts.yml": hosts})
        done = fleet.play("-e", json.dumps(PULLED), playbook=str(playbook.with_suffix("")))
        said = done.stdout + done.stderr
        if role == "rollout":  # which plans, and asks nobody
            assert done.returncode == 0, said
            assert not fleet.contacted
        else:
            assert fleet.contacted, said
            assert "UNREACHABLE" in said, said
            assert "FAILED!" not in said, said
