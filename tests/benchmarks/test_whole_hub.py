"""A hub that is measured whole is the one that the roles deploy; its robots are the role's, but for what is said."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from declarations import PROJECT
from docker.errors import ImageNotFound

from benchmarks import fleet, product
from benchmarks.running import Program
from benchmarks.whole_hub import course, hosts, places, robots
from benchmarks.whole_hub.authority import Authority

ROBOTS, SERIES = 3, 60
ONE = {"hub": "172.17.0.9"}
THREE = {"hub-1": "172.17.0.9", "hub-2": "172.17.0.10", "hub-3": "172.17.0.11"}


@pytest.fixture(scope="module")
def secrets() -> hosts.Secrets:
    return hosts.Secrets(ROBOTS)


@pytest.fixture(scope="module")
def one(secrets: hosts.Secrets) -> list[tuple[str, Program]]:
    return hosts.programs(ONE, secrets, ROBOTS, SERIES)


@pytest.fixture(scope="module")
def three(secrets: hosts.Secrets) -> list[tuple[str, Program]]:
    return hosts.programs(THREE, secrets, ROBOTS, SERIES)


def flags(program: Program) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in program.spec["command"]:
        name, _, value = word.lstrip("-").partition("=")
        found.setdefault(name, []).append(value)
    return found


def files(program: Program) -> dict[str, str]:
    return {file["path"]: file["content"] for file in program.spec["files"]}


def test_one_host_has_three_programs_and_opens_its_door_last(one: list[tuple[str, Program]]) -> None:
    assert [(host, hosts.short(program.name)) for host, program in one] == [
        ("hub", "victoriametrics"),
        ("hub", "vmalert"),
        ("hub", "vmauth"),
    ]


def test_limits_and_addresses_are_the_roles_own(
    one: list[tuple[str, Program]], three: list[tuple[str, Program]]
) -> None:
    for _, program in [*one, *three]:
        assert program.limit_mib == product.default(f"{program.name}_memory_limit_mib")
        assert f"http://{program.address}{program.ready}" == program.spec["health"]["url"]
    assert {program.address for _, program in one} == {"127.0.0.1:8428", "127.0.0.1:8880", "127.0.0.1:8425"}


def test_a_cluster_has_its_parts_on_each_host_and_rules_on_two(three: list[tuple[str, Program]]) -> None:
    found: dict[str, list[str]] = {}
    for host, program in three:
        found.setdefault(hosts.short(program.name), []).append(host)
    assert found.pop("vmalert") == ["hub-1", "hub-2"]
    assert set(found) == {"vmstorage", "vmselect", "vminsert", "vmagent", "vmauth"}
    assert all(on == list(THREE) for on in found.values())
    assert list(found)[-1] == "vmauth", "when it listens, robots send"


def test_a_clusters_parts_know_each_other(three: list[tuple[str, Program]]) -> None:
    known = {(host, hosts.short(program.name)): flags(program) for host, program in three}
    for host, address in THREE.items():
        assert known[host, "vminsert"]["storageNode"] == [f"{other}:8400" for other in THREE.values()]
        assert known[host, "vminsert"]["replicationFactor"] == ["2"]
        assert known[host, "vmselect"]["storageNode"] == [f"{other}:8401" for other in THREE.values()]
        assert known[host, "vmstorage"]["vminsertAddr"] == [f"{address}:8400"]


def test_each_robot_has_a_password_of_its_own_at_every_door(
    one: list[tuple[str, Program]], three: list[tuple[str, Program]], secrets: hosts.Secrets
) -> None:
    assert len(set(secrets.of_robots.values())) == ROBOTS
    doors = [program for _, program in [*one, *three] if program.name == hosts.ENTRY_POINT]
    assert len(doors) == 4
    for door in doors:
        users = {user["username"]: user["password"] for user in yaml.safe_load(files(door)["auth.yml"])["users"]}
        assert {name: users[name] for name in secrets.of_robots} == secrets.of_robots
        assert users["reader"] == secrets.reader


def test_a_hub_for_fewer_robots_lets_no_other_in(secrets: hosts.Secrets) -> None:
    door = hosts.programs(ONE, secrets, 1, SERIES)[-1][1]
    users = {user["username"] for user in yaml.safe_load(files(door)["auth.yml"])["users"]}
    assert users == {fleet.name(0), "reader"}


@pytest.mark.parametrize(
    "send_to", [["https://172.17.0.9:8427"], ["https://172.17.0.9:8427", "https://172.17.0.11:8427"]]
)
def test_a_spec_that_is_shared_is_each_robots_own(send_to: list[str], secrets: hosts.Secrets) -> None:
    made = robots.program(2, send_to, secrets, SERIES)
    name, listens = fleet.name(2), robots.address(2)
    said = robots.inventory(name, send_to, secrets.of_robots[name], secrets.authority.pem, listens, SERIES)
    assert made.spec == product.service("vmagent", **said)
    assert made.address == listens
    assert files(made)["hub_password"] == secrets.of_robots[name]


def test_a_robot_differs_from_one_of_a_fleet_in_what_is_said_and_in_nothing_else(secrets: hosts.Secrets) -> None:
    name, hub, listens = fleet.name(0), ["https://172.17.0.9:8427"], robots.address(0)
    made = robots.program(0, hub, secrets, SERIES)
    said = robots.inventory(name, hub, "p", secrets.authority.pem, listens, SERIES)
    of_a_fleet = product.service("vmagent", **{**said, "vmagent_flags_extra": {}})
    ours, theirs = flags(made), flags(Program("vmagent", of_a_fleet, made.limit_mib, made.address, made.ready))
    assert {flag for flag in ours.keys() | theirs.keys() if ours.get(flag) != theirs.get(flag)} == set(robots.OTHERWISE)
    assert "remoteWrite.rateLimit" not in ours, "nothing paces it"
    assert made.spec["environment"] == of_a_fleet["environment"]
    assert made.limit_mib == product.default("vmagent_memory_limit_mib")


def test_robots_send_to_the_one_host_or_to_two_of_three() -> None:
    assert hosts.urls(ONE, fleet.name(0)) == ["https://172.17.0.9:8427"]
    chosen = [tuple(hosts.urls(THREE, fleet.name(number))) for number in range(60)]
    assert all(len(set(urls)) == 2 for urls in chosen)
    assert {url for urls in chosen for url in urls} == {f"https://{address}:8427" for address in THREE.values()}


def shaken(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Have both sides agree, without a network. Raises ssl.SSLError."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True)]
    waiting = list(ends)
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("address", ["172.17.0.9", "fd00::9"])
def test_a_host_is_known_by_the_authority_at_its_address_alone(address: str, tmp_path: Path) -> None:
    authority, stranger = Authority(), Authority()
    certificate, key = authority.certificate(address)
    (tmp_path / "certificate.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    shaken(ssl.create_default_context(cadata=authority.pem), server, address)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(ssl.create_default_context(cadata=authority.pem), server, "172.17.0.200")
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(ssl.create_default_context(cadata=stranger.pem), server, address)


def test_a_place_is_held_by_an_image_that_is_there_anyhow() -> None:
    command = "source testbed/versions.sh; printf '%s' \"$alpine_image\""
    shown = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert shown.stdout == places.IMAGE


def test_traffic_is_that_of_the_places_own_device() -> None:
    head = "Inter-|   Receive    |  Transmit\n face |bytes    packets errs\n"
    text = f"{head}    lo: 700 1 0 0 0 0 0 0 700 1 0\n  eth0:1000 2 0 0 0 0 0 0 4000 5 0\n"
    assert places.Traffic.of(text) == places.Traffic(1000, 4000)
    assert places.Traffic(1500, 4800) - places.Traffic.of(text) == places.Traffic(500, 800)


def engine(*known: str) -> Any:
    """Return an engine with these images, as far as anybody asks."""

    def get(image: str) -> object:
        if image not in known:
            raise ImageNotFound(image)
        return object()

    return SimpleNamespace(images=SimpleNamespace(get=get))


def test_the_images_of_a_cluster_are_looked_for_in_the_engine() -> None:
    command = "source testbed/versions.sh; printf '%s\\n' \"${cluster_images[@]}\""
    shown = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True)
    storage, select, insert = shown.stdout.split()
    assert course.lacking(engine(storage, select, insert)) == []
    assert course.lacking(engine(storage, insert)) == [select]
