"""Somebody listens on the network, and an inventory would show them samples and passwords: the playbook refuses it.

The robot does not exist; what would connect to it leaves a trace.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from declarations import BIN, PROJECT

HOSTS = "robots: {hosts: {scout: {ansible_host: 192.0.2.1}}}\n"
PASSWORD = "victoriametrics_http_username: operator\nvictoriametrics_http_password: in-the-clear\n"
SENSORS, DATABASE = "sensor_service_listen_address", "victoriametrics_listen_address"
WIDE = {
    "sensors": (SENSORS, f'{SENSORS}: "0.0.0.0:9101"\n'),
    "database": (DATABASE, f'{DATABASE}: "[::]:8428"\n'),
    "database with a password": (DATABASE, f'{DATABASE}: ":8428"\n{PASSWORD}'),
    "database by a name": (DATABASE, f"{DATABASE}: scout.lan:8428\n{PASSWORD}"),
}


@pytest.mark.parametrize("kind", WIDE)
def test_an_address_in_the_clear_is_refused(tmp_path: Path, kind: str) -> None:
    variable, written = WIDE[kind]
    (tmp_path / "fleet/host_vars").mkdir(parents=True)
    (tmp_path / "fleet/hosts.yml").write_text(HOSTS)
    (tmp_path / "fleet/host_vars/scout.yml").write_text(written)
    trace, ssh = tmp_path / "trace", tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho \"$@\" >> '{trace}'\nexit 255\n")
    ssh.chmod(0o755)
    settings = {"ANSIBLE_SSH_EXECUTABLE": str(ssh), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    answer = subprocess.run(
        [BIN / "ansible-playbook", "-i", tmp_path / "fleet", "playbooks/preflight.yml"],
        cwd=PROJECT,
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = answer.stdout + answer.stderr
    assert answer.returncode, said
    assert "scout" in said
    assert f"{variable}: " in said
    assert "in the clear" in said
    assert "in-the-clear" not in said, "no password is shown"
    assert not trace.exists(), "the robot was contacted"
