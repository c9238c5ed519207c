"""`make setup`; `make demo`, and with HUB=1: what it declares is let through, what it runs, what it says at its end."""

from __future__ import annotations

import os
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from declarations import BIN, PROJECT, catalogue, fleet, robot

DEMO, HUB, MACHINE = "inventory/demo", "inventory/demo_hub", "inventory/demo_machine"
COMPONENTS = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
ROBOTS = ("robot-default", "robot-override", "robot-small")
PAGES = [f"{name}: http://127.0.0.1:{18428 + number}/vmui/#/dashboards" for number, name in enumerate(ROBOTS)]


def test_the_robots_and_the_hub_are_let_through_together() -> None:
    machines = fleet(PROJECT / DEMO, PROJECT / HUB)
    assert sorted(machine.name for machine in machines) == ["hub", *ROBOTS]
    services = ["sensor_service", *COMPONENTS["telemetry_hub_components"]]  # as playbooks/hub.yml has it
    for machine in machines:
        is_hub = machine.name == "hub"
        found = robot("hub", **{**machine.values, "robot_stack_services": services}) if is_hub else machine
        assert gate.check(found, catalogue()) == [], machine.name
        assert found.is_hub == is_hub


def test_the_machine_is_let_through_with_podmans_own_budget() -> None:
    (machine,) = fleet(PROJECT / MACHINE)
    assert gate.check(machine, catalogue()) == []
    defaults = robot(machine.name, container_engine="podman", robot_stack_memory_total_mib=455).values
    written = {key for key in machine.values if key.endswith("_mib") and not key.startswith("testbed_")}
    assert len(written) >= 6
    assert {key: machine.values[key] for key in written} == {key: defaults[key] for key in written}


def test_a_robot_is_the_same_but_for_what_it_sends_and_one_that_has_no_room_for_that() -> None:
    alone, beside = ({one.name: one.values for one in fleet(*found)} for found in ((PROJECT / DEMO,), both()))
    for name in ROBOTS:
        changed = {key for key, value in beside[name].items() if alone[name].get(key) != value}
        sends = {key for key in changed if key.startswith("vmagent_")}
        sends |= {"robot_stack_telemetry_mode", "telemetry_hub_secrets_directory"}
        assert changed == sends | ({"robot_stack_memory_budget_mib"} if name == "robot-small" else set()), name


def both() -> tuple[Path, Path]:
    return PROJECT / DEMO, PROJECT / HUB


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder in which everything that `make` would have to set up is there already."""
    (tmp_path / "requirements.txt").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ready").touch()
    (tmp_path / ".collections/ansible_collections/robotfleet/stack").mkdir(parents=True)
    return tmp_path


def made(folder: Path, *words: str, really: bool = False) -> subprocess.CompletedProcess[str]:
    """Have `make` tell what it would run, or run it."""
    argv = ["make", *([] if really else ["--dry-run"]), "--file", str(PROJECT / "Makefile"), *words]
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("HUB", "ROBOTS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
    }
    return subprocess.run(argv, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_a_clone_is_linked_to_where_ansible_looks_for_the_collection(elsewhere: Path) -> None:
    settings = ConfigParser(delimiters="=")
    settings.read(PROJECT / "ansible.cfg")
    place = settings["defaults"]["collections_path"].split(":")[0]
    link = elsewhere.joinpath(place, "ansible_collections", *collection.NAME.split("."))
    link.rmdir()
    link.parent.rmdir()
    for _ in range(2):  # the second time there is nothing to do
        done = made(elsewhere, "setup", really=True)
        assert done.returncode == 0, done.stderr
        assert (link.is_symlink(), link.resolve()) == (True, elsewhere.resolve())
    assert not link.readlink().is_absolute(), "a clone may be moved"
    ignored = ["git", "-C", str(PROJECT), "check-ignore", "--quiet", str(link.relative_to(elsewhere))]
    assert subprocess.run(ignored, check=False).returncode == 0, "a committed link fails ansible-test"


def commands(folder: Path, *words: str) -> list[list[str]]:
    told = made(folder, *words)
    assert told.returncode == 0, told.stderr
    return [line.split() for line in told.stdout.splitlines() if "inventory/demo" in line]


def test_the_demo_alone_knows_no_hub(elsewhere: Path) -> None:
    playbook = ["ansible-playbook", "-i", DEMO]
    expected = [
        [*playbook, "testbed/create.yml"],
        [*playbook, "playbooks/site.yml"],
        ["testbed/tunnels", "up", DEMO],
    ]
    assert commands(elsewhere, "demo") == expected
    assert commands(elsewhere, "demo", "HUB=0") == expected


def test_with_a_hub_it_is_deployed_before_the_robots_that_need_its_passwords(elsewhere: Path) -> None:
    playbook = ["ansible-playbook", "-i", DEMO, "-i", HUB]
    assert commands(elsewhere, "demo", "HUB=1") == [
        [*playbook, "testbed/create.yml"],
        [*playbook, "playbooks/hub.yml"],
        [*playbook, "playbooks/site.yml"],
        ["testbed/tunnels", "up", DEMO, HUB],
    ]


def test_what_is_removed_is_the_hub_too_however_it_is_asked_for(elsewhere: Path) -> None:
    expected = [
        ["testbed/tunnels", "down", DEMO, HUB],
        ["ansible-playbook", "-i", DEMO, "-i", HUB, "testbed/destroy.yml"],
        ["testbed/tunnels", "down", MACHINE],
        ["ansible-playbook", "-i", MACHINE, "testbed/destroy.yml"],
    ]
    for words in ((), ("HUB=1",), ("ROBOTS=machine",)):
        assert commands(elsewhere, "demo-down", *words) == expected


def test_a_machine_is_shown_in_place_of_the_containers(elsewhere: Path) -> None:
    playbook = ["ansible-playbook", "-i", MACHINE]
    assert commands(elsewhere, "demo", "ROBOTS=machine") == [
        [*playbook, "testbed/create.yml"],
        [*playbook, "playbooks/site.yml"],
        ["testbed/tunnels", "up", MACHINE],
    ]
    assert commands(elsewhere, "demo", "ROBOTS=containers") == commands(elsewhere, "demo")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("HUB=yes",), 'HUB is yes: "make demo HUB=1" makes a hub as well'),
        (("ROBOTS=machines",), 'ROBOTS is machines: "make demo ROBOTS=machine" makes one virtual machine'),
        (("ROBOTS=machine", "HUB=1"), "either HUB=1 or ROBOTS=machine"),
    ],
)
def test_other_words_are_refused_before_anything_is_done(elsewhere: Path, words: tuple[str, ...], why: str) -> None:
    told = made(elsewhere, "demo", *words)
    assert (told.returncode, told.stdout) == (2, "")
    assert why in told.stderr


@pytest.fixture
def testbed(tmp_path: Path) -> Path:
    """The testbed's script in a folder of its own, with an `ssh` that connects to nobody and notes what it is asked."""
    for part in ("tunnels", "lib/common.sh"):
        path = tmp_path / "testbed" / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((PROJECT / "testbed" / part).read_bytes())
    for name in ("demo", "demo-machine"):
        (tmp_path / ".testbed" / name).mkdir(parents=True)
    (tmp_path / ".venv").symlink_to(BIN.parent)
    (tmp_path / "ansible.cfg").touch()
    for inventory in (DEMO, HUB, MACHINE):
        shutil.copytree(PROJECT / inventory, tmp_path / inventory, ignore=shutil.ignore_patterns(".telemetry_hub"))
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\ncase "$*" in *check*) exit 1 ;; esac\necho "$*" >>{tmp_path}/asked\n', encoding="utf-8")
    ssh.chmod(0o755)
    return tmp_path


def tunnels(testbed: Path, *inventories: str) -> tuple[list[str], list[str]]:
    """Return what is said, and what is forwarded to where."""
    done = subprocess.run(
        ["bash", "testbed/tunnels", "up", *inventories],
        cwd=testbed,
        env={**os.environ, "PATH": f"{testbed}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    asked = (testbed / "asked").read_text(encoding="utf-8").splitlines()
    return done.stdout.splitlines(), [line.split(" -L ")[1].split()[0] for line in asked]


def test_the_demo_alone_ends_with_a_page_for_each_robot(testbed: Path) -> None:
    said, forwarded = tunnels(testbed, DEMO)
    assert said == PAGES
    assert forwarded == [f"127.0.0.1:{18428 + number}:127.0.0.1:8428" for number in range(3)]


def test_a_machine_has_a_page_beside_those_of_the_containers(testbed: Path) -> None:
    assert tunnels(testbed, MACHINE) == (
        ["robot-machine: http://127.0.0.1:18431/vmui/#/dashboards"],
        ["127.0.0.1:18431:127.0.0.1:8428"],
    )


def test_with_a_hub_it_ends_with_the_fleets_pages_and_says_what_the_browser_asks_for(testbed: Path) -> None:
    said, forwarded = tunnels(testbed, DEMO, HUB)
    assert said == [
        "hub, with the pages of the fleet: http://127.0.0.1:18427/vmui/#/dashboards",
        "    The browser asks for a user name and a password: reader, and what is in",
        "    inventory/demo_hub/.telemetry_hub/reader.password",
        *PAGES,
    ]
    assert forwarded[0] == "127.0.0.1:18427:127.0.0.1:8426", "without TLS: the tunnel is encrypted"
    assert len(set(forwarded)) == 4


def test_each_machine_of_the_testbed_has_an_ssh_port_of_its_own() -> None:
    paths = [
        *PROJECT.glob("inventory/demo*/host_vars/*/connection.yml"),
        *PROJECT.glob("molecule/*/inventory/hosts.yml"),
    ]
    ports = [port for path in paths for port in found(yaml.safe_load(path.read_text(encoding="utf-8")))]
    assert len(ports) > 20
    assert sorted(set(ports)) == sorted(ports)


def found(values: object) -> list[int]:
    if not isinstance(values, dict):
        return []
    own = [values["testbed_ssh_port"]] if "testbed_ssh_port" in values else []
    return own + [port for value in values.values() for port in found(value)]
