"""Certificates: renewed without the loss of a sample, and none believed that is not the hub's own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import entry_point
import pytest
import telemetry
from entry_point import Question
from waiting import until

PARTS = ("sensor_service", "telemetry_hub_victoriametrics", "telemetry_hub_vmauth", "telemetry_hub_vmalert")
NAMES = ("scout", "rover")
# Who shows the certificate, and who tells when it ends.
CONCERNED = ["telemetry_hub_vmauth", "telemetry_hub_vmalert"]
RENEW = {"telemetry_hub_certificate_renew": True}
Deploy = Callable[[dict[str, Any]], None]


def certificate(robot: Any) -> str:
    """Return the certificate that the hub shows, as PEM."""
    return str(robot.run("python3 -c \"import ssl; print(ssl.get_server_certificate(('hub', 8427)))\""))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate for the hub's name that another authority made, and its key."""
    folder: Path = tmp_path_factory.mktemp("stranger")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=hub", "-addext", "subjectAltName=DNS:hub", "-days", "9", "-keyout", "key", "-out", "pem"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return {name: (folder / name).read_text(encoding="utf-8") for name in ("key", "pem")}


@pytest.fixture(scope="module")
def deploy(playbook: Any, tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Run the hub's playbook; what it is told may be secret, so that it is told in a file."""

    def run(variables: dict[str, Any]) -> None:
        path = tmp_path_factory.mktemp("told") / "variables.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(variables), encoding="utf-8")
        done = playbook("playbooks/hub.yml", "-e", f"@{path}")
        assert done.returncode == 0, done.stdout

    return run


def says(robot: Any, why: str) -> bool:
    """Whether vmagent has told of it; it tries again after half a minute at most."""
    return why in robot.run("docker logs --since 120s robot-stack-vmagent 2>&1")


def nothing_lost_since(began: float, hub: Any, robots: dict[str, Any]) -> None:
    for name in NAMES:
        telemetry.arrive(hub, name)
        telemetry.drained(robots[name])
    ended = telemetry.settled(hub, *NAMES)
    for name in NAMES:
        there = telemetry.ledger(hub, name, (began, ended))
        assert there.answers()
        assert there.lost_answers() == []
        assert there.incomplete("sensor_service") == {}


def test_a_renewed_certificate_costs_no_sample_and_leaves_the_database_alone(
    robots: dict[str, Any], hub: Any, deploy: Deploy, authority: str
) -> None:
    for name in NAMES:
        telemetry.arrive(hub, name)
    began = telemetry.settled(hub, *NAMES)
    was, started = certificate(robots["scout"]), {part: hub.started_at(part) for part in PARTS}
    deploy(RENEW)
    now = certificate(robots["scout"])
    assert now != was
    assert [part for part in PARTS if hub.started_at(part) != started[part]] == CONCERNED
    assert entry_point.ask(robots["scout"], Question("/", authority)).status == 401, (
        "what the robots were given suffices"
    )
    nothing_lost_since(began, hub, robots)


def test_another_authority_vouches_for_nothing(scout: Any, stranger: dict[str, str]) -> None:
    answer = entry_point.ask(scout, Question("/", stranger["pem"]))
    assert answer.status == 0
    assert "CERTIFICATE_VERIFY_FAILED" in answer.body


@pytest.fixture(params=["another authority", "another name"])
def impostor(request: pytest.FixtureRequest, deploy: Deploy, stranger: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """A hub that is not what it says, and how it becomes itself again."""
    if request.param == "another authority":
        deploy({"telemetry_hub_tls_certificate": stranger["pem"], "telemetry_hub_tls_key": stranger["key"]})
        why = "certificate signed by unknown authority"
    else:
        deploy({"telemetry_hub_names": ["elsewhere"], **RENEW})
        why = "certificate is valid for elsewhere, not hub"
    mended = False

    def mend() -> None:
        nonlocal mended
        deploy({} if request.param == "another authority" else RENEW)
        mended = True

    yield why, mend
    if not mended:
        mend()


def test_robots_send_nothing_to_an_impostor_and_keep_it_for_the_hub(
    robots: dict[str, Any], hub: Any, impostor: tuple[str, Callable[[], None]]
) -> None:
    why, mend = impostor
    began = time.time()
    until(lambda: all(telemetry.pending(robots[name]) > 10_000 for name in NAMES), "robots keep what they cannot send")
    silent_since = time.time() - 3
    for name in NAMES:
        until(partial(says, robots[name], why), f"{name} says: {why}")
        assert telemetry.exported(hub, f'up{{robot="{name}"}}', (silent_since, time.time())) == {}
    mend()
    nothing_lost_since(began, hub, robots)
