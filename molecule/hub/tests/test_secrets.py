"""Where secrets are not: on command lines, in the engine's words, in logs, in files of others."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

PLACES = "/etc /opt /root /home /tmp /run /var/log /var/lib/robot-stack /var/lib/docker/containers"
NOBODY = 65534
SAID = (
    "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '",
    "docker inspect $(docker ps -aq)",
    "for id in $(docker ps -aq); do docker logs $id 2>&1; done",
    "journalctl --no-pager -o cat",
)
GOOD_VERSIONS = ("good-versions.json", "last-good.json")  # the second is for earlier versions of the project
HELD = {  # file, below the folder of a service's configurations -> whose secret it is
    "hub": {
        "telemetry_hub_vmauth/auth.yml": ["reader", "rover", "scout"],
        **{
            f"telemetry_hub_{part}/database_password": ["database"] for part in ("victoriametrics", "vmalert", "vmauth")
        },
        "telemetry_hub_vmauth/key.pem": ["hub's key"],
        # It can be put back to what was good there, its secrets included; and so can robots.
        **{f"{name}/{name}": ["database", "hub's key", "reader", "rover", "scout"] for name in GOOD_VERSIONS},
    },
    **{
        robot: {file: [robot] for file in ("vmagent/hub_password", *(f"{name}/{name}" for name in GOOD_VERSIONS))}
        for robot in ("scout", "rover")
    },
}


@pytest.fixture(scope="module")
def secrets(folder: Path, passwords: dict[str, str]) -> dict[str, str]:
    """Everything that is secret, each as one line: whose it is, and a text that only who knows it can write."""

    def line(path: Path) -> str:
        return path.read_text(encoding="utf-8").splitlines()[1]

    database = (folder / "database.password").read_text(encoding="utf-8").strip()
    found = {
        **passwords,
        "database": database,
        "hub's key": line(folder / "hub.key"),
        "authority's key": line(folder / "ca.key"),
    }
    assert min(len(secret) for secret in found.values()) > 20
    assert len(set(found.values())) == len(found) == 6
    return found


def files(machine: Any, secret: str, user: int = 0) -> list[str]:
    """Return the files with that secret that a user of the machine can read."""
    words = base64.b64encode(secret.encode()).decode()
    grep = f"setpriv --reuid {user} --regid {user} --clear-groups grep -rlF -f - {PLACES} 2>/dev/null"
    return str(machine.run(f"echo {words} | base64 -d | {grep} || true")).splitlines()


@pytest.mark.parametrize("name", sorted(HELD))
def test_only_what_needs_a_secret_holds_it(robots: dict[str, Any], secrets: dict[str, str], name: str) -> None:
    held: dict[str, list[str]] = {}
    for whose, secret in sorted(secrets.items()):
        for path in map(Path, files(robots[name], secret)):
            assert path.is_relative_to("/var/lib/robot-stack"), path
            held.setdefault(f"{path.relative_to('/var/lib/robot-stack').parts[0]}/{path.name}", []).append(whose)
    assert {file: sorted(set(whose)) for file, whose in held.items()} == HELD[name]


@pytest.mark.parametrize("name", sorted(HELD))
def test_nobody_else_on_the_machine_can_read_them(robots: dict[str, Any], secrets: dict[str, str], name: str) -> None:
    assert [whose for whose, secret in secrets.items() if files(robots[name], secret, NOBODY)] == []
    assert files(robots[name], "root:x:0", NOBODY), "this user does look"


@pytest.mark.parametrize("command", SAID, ids=("processes", "engine", "logs", "journal"))
@pytest.mark.parametrize("name", sorted(HELD))
def test_nothing_says_them(robots: dict[str, Any], secrets: dict[str, str], name: str, command: str) -> None:
    said = robots[name].run(command)
    assert len(said) > 100
    assert [whose for whose, secret in secrets.items() if secret in said] == []


@pytest.mark.parametrize("name", ["hub", "site"])
def test_ansible_does_not_say_them_either(playbook: Any, secrets: dict[str, str], name: str) -> None:
    done = playbook(f"playbooks/{name}.yml", "--check", "--diff", "-vvv")
    assert done.returncode == 0, f"{name}.yml fails in check mode"
    said = done.stdout + done.stderr
    assert "robot_stack" in said
    assert [whose for whose, secret in secrets.items() if secret in said] == []


def test_on_this_machine_they_are_the_operators_alone(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    private = [path for path in folder.rglob("*") if path.suffix in (".key", ".password")]
    assert len(private) == 6
    assert [path.name for path in private if path.stat().st_mode & 0o077] == []
