"""A secret that nobody can decrypt is refused before any connection, with robot, variable and file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from declarations import BIN, PROJECT

RIGHT = b"right"
HOSTS = "robots: {hosts: {cart: {ansible_host: 192.0.2.2}, scout: {ansible_host: 192.0.2.1}}}\n"
PULL = """
robot_stack_image_delivery: pull
robot_stack_image_digests:
  robot-stack/sensor-service:0.1.0: sha256:{0}
  victoriametrics/victoria-metrics:v1.148.8: sha256:{0}
""".format("0" * 64)


def encrypted(text: str) -> str:
    told = VaultLib([("default", VaultSecret(RIGHT))]).encrypt(text.encode()).decode()
    return "!vault |\n" + "".join(f"  {line}\n" for line in told.splitlines())


SECRETS = {
    "inline": ("victoriametrics_http_password", "victoriametrics_http_username: me\nvictoriametrics_http_password: "),
    "behind a name of one's own": (
        "victoriametrics_http_password",
        "victoriametrics_http_username: me\nvictoriametrics_http_password: '{{ mine }}'\nmine: ",
    ),
    "of the registry": (
        "robot_stack_registry_password",
        "robot_stack_registry_username: me\nrobot_stack_registry_password: ",
    ),
    "to become root": ("ansible_become_password", "ansible_become_password: "),
    "to connect": ("ansible_ssh_pass", "ansible_ssh_pass: "),
}


def verify(folder: Path, written: str, password: str | None, secret: str = "hush") -> tuple[str, bool]:
    """Return what the playbook says of a ``secret`` that is ``written`` so, and whether anybody was contacted."""
    for name, text in (
        ("hosts.yml", HOSTS),
        ("group_vars/robots.yml", PULL),
        ("host_vars/scout.yml", f"{written}{encrypted(secret)}"),
        ("password", password or ""),
        ("ssh", f"#!/bin/sh\necho \"$@\" >> '{folder}/trace'\nexit 255\n"),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "ssh").chmod(0o755)
    known = [] if password is None else ["--vault-password-file", str(folder / "password")]
    done = subprocess.run(
        [BIN / "ansible-playbook", "-i", folder / "hosts.yml", "playbooks/verify.yml", *known],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_SSH_EXECUTABLE": str(folder / "ssh"), "ANSIBLE_NOCOLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode != 0
    return " ".join((done.stdout + done.stderr).split()), (folder / "trace").exists()


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("password", [None, "wrong"], ids=["no password", "a wrong password"])
def test_a_secret_that_cannot_be_decrypted_is_refused_before_any_connection(
    tmp_path: Path, name: str, password: str | None
) -> None:
    variable, written = SECRETS[name]
    told, contacted = verify(tmp_path, written, password)
    assert not contacted, "another robot was contacted"
    assert f"scout {variable}: (secret)" in told
    assert "host_vars/scout.yml" in told
    assert "it is encrypted, and cannot be decrypted" in told
    assert "--vault-password-file" in told
    assert "hush" not in told


def test_with_its_password_a_secret_is_no_fault_and_is_not_shown(tmp_path: Path) -> None:
    told, contacted = verify(tmp_path, SECRETS["inline"][1], "right")
    assert contacted
    assert "hush" not in told


@pytest.mark.parametrize("name", ["inline", "behind a name of one's own"])
@pytest.mark.parametrize("secret", ["\n", "hush "])
def test_with_its_password_a_secret_that_a_program_takes_for_another_is_refused(
    tmp_path: Path, name: str, secret: str
) -> None:
    """Seen: `echo $UNSET | ansible-vault encrypt_string` made a password that let everybody in."""
    variable, written = SECRETS[name]
    told, contacted = verify(tmp_path, written, "right", secret)
    assert not contacted
    assert f"scout {variable}: (secret)" in told
    assert "it is blank" in told or "it ends in white space" in told or "control characters" in told
    assert "hush" not in told


def test_with_its_password_a_secret_that_is_a_line_is_taken(tmp_path: Path) -> None:
    _, contacted = verify(tmp_path, SECRETS["inline"][1], "right", "hush\n")
    assert contacted


def test_what_another_service_of_the_fleet_needs_is_nothing_to_this_robot(tmp_path: Path) -> None:
    _, contacted = verify(tmp_path, "vmagent_hub_password: ", None)
    assert contacted
