"""With a password that was ended, and past a hub whose authority is another one."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException, HTTPSConnection

import pytest
from attacks import remote_write
from attacks.containers import last_words, until
from attacks.laboratory import ENTRY_POINT, Hub, own_certificate

AGENT = "vmagent"
BLOCK = remote_write.packed(remote_write.message([{"__name__": "written"}]))
PUSH = """
import urllib.request
lines = "".join(f'counted{{number="{n}"}} 1\\n' for n in range(FIRST, LAST))
urllib.request.urlopen("http://127.0.0.1:8429/api/v1/import/prometheus", lines.encode(), timeout=300)
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as started:
        yield started


def let_in(hub: Hub, user: str, **more: str) -> bool:
    """Whether vmauth takes a block; it may have been started just now."""
    status = until(lambda: hub.ask(user, "/api/v1/write", BLOCK, **more).status, "vmauth answers", hub._last_words)
    assert status in (204, 401)
    return bool(status == 204)


def test_a_robot_that_was_removed_is_let_in_no_more(hub: Hub) -> None:
    assert let_in(hub, "rogue")
    kept = hub.connection()  # from before, as an agent's
    kept.request("POST", "/api/v1/write", BLOCK, hub.headers("rogue"))
    assert kept.getresponse().read() == b""
    hub.deploy(ENTRY_POINT, telemetry_hub_robots=["honest"])
    assert not let_in(hub, "rogue")
    assert let_in(hub, "honest")
    assert asked_again(kept, hub.headers("rogue")) != 204


def asked_again(kept: HTTPSConnection, headers: dict[str, str]) -> int:
    """Return the status of a second request over a connection; 0 where it is closed."""
    kept.auto_open = 0  # else it would open another
    try:
        kept.request("POST", "/api/v1/write", BLOCK, headers)
        return kept.getresponse().status
    except (OSError, HTTPException):
        return 0


def test_a_password_that_was_changed_is_worth_nothing(hub: Hub) -> None:
    old, passwords = hub.passwords["rogue"], {**hub.passwords, "rogue": "password-of-today"}
    assert let_in(hub, "rogue")
    hub.deploy(ENTRY_POINT, telemetry_hub_robot_passwords=passwords)
    assert not let_in(hub, "rogue", password=old)
    assert let_in(hub, "rogue", password=passwords["rogue"])


def test_a_robot_that_stays_in_the_list_of_the_entry_point_is_let_in(hub: Hub) -> None:
    hub.deploy(ENTRY_POINT)
    assert let_in(hub, "rogue")


def agent(hub: Hub, authorities: str) -> None:
    """Give the robot its agent, whose buffer stays, with what it trusts."""
    hub.deploy(
        AGENT,
        robot_stack_telemetry_mode="push",
        vmagent_hub_url="https://127.0.0.1:8427",
        vmagent_hub_ca=authorities,
        vmagent_hub_username="honest",
        vmagent_hub_password=hub.passwords["honest"],
        vmagent_accepts_writes=True,  # the numbered samples that are counted
    )


def push(hub: Hub, numbers: range) -> None:
    """Have the agent send samples that can be told from each other."""
    program = PUSH.replace("FIRST", str(numbers.start)).replace("LAST", str(numbers.stop))
    until(lambda: hub.within(program)[0] == 0, "the agent takes samples", lambda: last_words(hub.containers[AGENT]))


def arrived(hub: Hub) -> int:
    return sum(int(value) for _, value in hub.query("count(counted) or vector(0)"))


def all_arrive(hub: Hub, expected: int) -> None:
    until(lambda: arrived(hub) == expected, f"{expected} arrive", lambda: last_words(hub.containers[AGENT]))


@pytest.fixture
def before(hub: Hub) -> tuple[Hub, dict[str, str]]:
    """A hub, a robot that trusts it, and what the hub will show: another authority's certificate."""
    agent(hub, hub.certificate)
    push(hub, range(10))
    all_arrive(hub, 10)
    certificate, key = own_certificate()
    return hub, {"telemetry_hub_tls_certificate": certificate, "telemetry_hub_tls_key": key}


def test_while_the_authority_is_exchanged_nothing_is_lost_and_nobody_waits(before: tuple[Hub, dict[str, str]]) -> None:
    hub, shown = before
    new = shown["telemetry_hub_tls_certificate"]
    agent(hub, f"{hub.certificate}\n{new}")
    push(hub, range(10, 20))
    all_arrive(hub, 20)
    hub.deploy(ENTRY_POINT, **shown)
    push(hub, range(20, 30))
    all_arrive(hub, 30)
    agent(hub, new)
    push(hub, range(30, 40))
    all_arrive(hub, 40)


def test_without_the_step_in_between_a_robot_sends_nothing_until_it_is_told(
    before: tuple[Hub, dict[str, str]],
) -> None:
    hub, shown = before
    hub.deploy(ENTRY_POINT, **shown)
    push(hub, range(10, 20))
    unknown = b"certificate signed by unknown authority"
    until(lambda: unknown in hub.containers[AGENT].logs(), "the agent trusts it not")
    until(lambda: hub.query("vector(1)"), "the hub answers")
    assert arrived(hub) == 10
    agent(hub, shown["telemetry_hub_tls_certificate"])
    all_arrive(hub, 20)
