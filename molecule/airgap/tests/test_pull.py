"""Robots that pull: from a registry with a login, by digest, through a tunnel, because there is no other way to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import delivery
import docker
import pytest
from delivery import PROJECT, SENSOR
from login import forwarded
from waiting import until

PORT = 5000  # on the robot's loopback, which every engine takes for a registry without TLS
OWN_PORT = 22189
USER, PASSWORD = "fleet", "not-a-secret-" + "of-anybody"
HASH = "$2y$05$abcdefghijklmnopqrstuu"  # bcrypt's cost and salt
VICTORIAMETRICS = "victoriametrics/victoria-metrics:v1.148.8"


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A registry on this machine's loopback that holds both images; their digests there."""
    folder = tmp_path_factory.mktemp("registry")
    program = subprocess.run([PROJECT / "testbed" / "registry"], capture_output=True, text=True, check=True).stdout
    crypt = ["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", PASSWORD, HASH]
    login = subprocess.run(crypt, capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(f"{USER}:{login}\n")
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{OWN_PORT}"},
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
        "log": {"level": "warn"},
    }
    (folder / "settings.yml").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([program.strip(), "serve", folder / "settings.yml"], stdout=log, stderr=log)
    try:
        yield {reference: pushed(reference) for reference in (SENSOR, VICTORIAMETRICS)}
    finally:
        server.terminate()
        server.wait(timeout=60)


def pushed(reference: str) -> str:
    """Push an image of this machine's engine; return the digest by which the registry knows it."""
    engine = docker.from_env()
    repository, tag = f"127.0.0.1:{OWN_PORT}/{reference}".rsplit(":", 1)
    try:
        engine.images.get(f"{reference}-amd64").tag(repository, tag)

        def digest() -> str:
            lines = engine.images.push(
                repository, tag, auth_config={"username": USER, "password": PASSWORD}, stream=True, decode=True
            )
            return next((str(line["aux"]["Digest"]) for line in lines if "Digest" in (line.get("aux") or {})), "")

        return until(digest, f"the registry takes {reference}")  # it may not be up yet
    finally:
        engine.images.remove(f"{repository}:{tag}")
        engine.close()


@pytest.fixture
def settings(digests: dict[str, str], tmp_path: Path) -> list[str]:
    """What an operator of such a fleet declares, the password in a vault."""
    (tmp_path / "vault_password").write_text("of the vault")
    secret = {"robot_stack_registry_password": PASSWORD}
    (tmp_path / "vault.yml").write_text(json.dumps(secret))
    encrypt = ["ansible-vault", "encrypt", "--vault-password-file", "vault_password", "vault.yml"]
    subprocess.run(encrypt, cwd=tmp_path, capture_output=True, check=True)
    declared = {
        "robot_stack_image_delivery": "pull",
        "robot_stack_registry": f"127.0.0.1:{PORT}",
        "robot_stack_registry_username": USER,
        "robot_stack_image_digests": digests,
    }
    vault = ["-e", f"@{tmp_path}/vault.yml", "--vault-password-file", str(tmp_path / "vault_password")]
    return ["-e", json.dumps(declared), *vault]


def test_a_robot_pulls_by_digest_and_its_login_is_seen_nowhere(
    robots: dict[str, Any], playbook: Any, settings: list[str], digests: dict[str, str]
) -> None:
    robot = robots["newer"]
    delivery.removed(robot, playbook)
    with forwarded(robot, "-R", f"127.0.0.1:{PORT}:127.0.0.1:{OWN_PORT}"):  # its own loopback, for the robot
        _, told = delivery.deployed(robot, playbook, "--diff", "-vvv", *settings)
        again = playbook("playbooks/site.yml", "--limit", robot.name, *settings)
    assert "Nothing changed." in again.stdout, again.stdout
    for service, reference in (("sensor_service", SENSOR), ("victoriametrics", VICTORIAMETRICS)):
        image = robot.run(f"docker inspect -f '{{{{.Image}}}}' robot-stack-{service}").strip()
        assert digests[reference] in robot.run(f"docker image inspect -f '{{{{.RepoDigests}}}}' {image}")
    assert "sensor_scrape_duration_seconds" in robot.get("http://127.0.0.1:9101/metrics")
    assert PASSWORD not in told
    assert robot.host.run(f"grep -rlF {PASSWORD} /var/lib/robot-stack /etc /root /home /tmp /var/tmp").stdout == ""
    verified = playbook("playbooks/verify.yml", "--limit", robot.name, *settings)
    assert verified.returncode == 0, verified.stdout


def test_without_its_login_nothing_is_pulled_and_what_runs_goes_on(
    robots: dict[str, Any], playbook: Any, settings: list[str]
) -> None:
    robot = robots["newer"]
    delivery.removed(robot, playbook)
    delivery.deployed(robot, playbook)
    before = robot.started_at("sensor_service")
    nobody = ("-e", "robot_stack_registry_username=''")
    with forwarded(robot, "-R", f"127.0.0.1:{PORT}:127.0.0.1:{OWN_PORT}"):  # its own loopback, for the robot
        done = playbook("playbooks/site.yml", "--limit", robot.name, *settings, *nobody)
    assert done.returncode != 0
    assert "no basic auth credentials" in done.stdout
    assert robot.started_at("sensor_service") == before


def test_an_image_without_a_digest_is_refused_before_any_connection(
    robots: dict[str, Any], playbook: Any, settings: list[str], digests: dict[str, str]
) -> None:
    less = json.dumps({"robot_stack_image_digests": {SENSOR: digests[SENSOR]}})
    done = playbook("playbooks/site.yml", *settings, "-e", less)
    assert done.returncode != 0
    assert f"{VICTORIAMETRICS} has no digest" in done.stdout
    assert "newer" in robots
