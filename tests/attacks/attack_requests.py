"""Requests that unpack to far more than they are: whatever one robot may send, nothing of the hub ends.

Each shape is sent at the largest size that is accepted, by as many clients as one credential may have and more, and
once more without the role's bounds, where it must do harm: else it would be no attack.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attacks import remote_write
from attacks.alone import Alone
from attacks.containers import until
from attacks.laboratory import DATABASE, Hub

CLIENTS, REQUESTS = 40, 120
ROUNDS = 3  # how often what must do harm is tried
# What bounds a request, and what the database was before it was bounded.
UNBOUNDED = {"maxInsertRequestSize": None, "enableMetadata": None, "maxConcurrentInserts": 8}
DATABASE_8428 = ("victoriametrics", 8428, "victoriametrics_listen_address")
AGENT_8429 = ("vmagent", 8429, "vmagent_listen_address")
AGENT = {
    "vmagent_hub_url": "http://127.0.0.1:9",
    "vmagent_hub_password": "unused",
    "vmagent_hub_ca": "",
    "vmagent_accepts_writes": True,
}


def bound(flags: list[str]) -> int:
    """Return the bytes that a request may have unpacked, by a service's own command line."""
    (found,) = [flag.partition("=")[2] for flag in flags if flag.startswith("-maxInsertRequestSize=")]
    return int(found)


def sent(hub: Hub, block: bytes, requests: int = REQUESTS) -> Counter[int]:
    """Return how often each status came back."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(answer.status for answer in clients.map(lambda _: hub.write("rogue", block), range(requests)))


@pytest.fixture(scope="module")
def hub() -> Any:
    with Hub() as started:
        yield started


@pytest.mark.parametrize("shape", remote_write.SHAPES)
def test_the_largest_request_that_is_accepted_ends_nothing(hub: Hub, shape: str) -> None:
    largest = bound(hub.containers[DATABASE].attrs["Config"]["Cmd"])
    block = remote_write.packed(remote_write.SHAPES[shape](largest - 1024))
    statuses = sent(hub, block)
    assert hub.ended() == {}
    assert set(statuses) <= {204, 429, 503}, "accepted, or told to come again"
    until(lambda: hub.write("honest", remote_write.packed(remote_write.message([{"__name__": "f"}]))).status == 204, "")


@pytest.mark.parametrize("shape", remote_write.SHAPES)
def test_a_larger_request_is_refused(hub: Hub, shape: str) -> None:
    plain = remote_write.SHAPES[shape](30 * remote_write.MIB)
    block = remote_write.packed(plain)
    assert len(block) < 2 * remote_write.MIB < len(plain)
    assert hub.write("rogue", block).status == 400
    assert hub.ended() == {}


@pytest.mark.parametrize("shape", ["labels", "samples", "series", "metadata"])
def test_without_its_bounds_the_database_is_killed(shape: str) -> None:
    with Hub(variables={"telemetry_hub_victoriametrics_flags_extra": UNBOUNDED}) as hub:
        block = remote_write.packed(remote_write.SHAPES[shape](30 * remote_write.MIB))
        for _ in range(ROUNDS):
            sent(hub, block, 16)
        # the engine tells of an end a moment later
        assert until(hub.ended, "it ends")[DATABASE] == "killed for lack of memory"


def test_a_release_with_native_histograms_is_killed_by_237_bytes() -> None:
    block = remote_write.packed(remote_write.histogram(4 * remote_write.KIB))
    assert len(block) == 237
    with Hub(variables={"telemetry_hub_victoriametrics_version": "v1.148.8"}) as hub:
        hub.write("rogue", block)
        assert until(hub.ended, "it ends") == {DATABASE: "killed for lack of memory"}


# Where a robot's services accept writes, whoever reaches loopback may write. Native histograms end these, too:
# attack_loopback.py, docs/security.md.
LINEAR = [shape for shape in remote_write.SHAPES if shape != "histogram"]


@pytest.mark.parametrize("shape", LINEAR)
@pytest.mark.parametrize("limit", [40, 64])
def test_a_robots_own_database_withstands_its_neighbours(shape: str, limit: int) -> None:
    written = {
        "victoriametrics_memory_limit_mib": limit,
        "victoriametrics_expected_series": 200,
        "victoriametrics_accepts_writes": True,
    }
    with Alone(*DATABASE_8428, variables=written) as database:
        assert withstood(database, shape)


@pytest.mark.parametrize("shape", LINEAR)
def test_a_robots_agent_withstands_its_neighbours(shape: str) -> None:
    with Alone(*AGENT_8429, variables=AGENT) as agent:
        assert withstood(agent, shape)


def test_without_its_bounds_an_agent_is_killed() -> None:
    written = {**AGENT, "vmagent_flags_extra": {"maxInsertRequestSize": None, "maxConcurrentInserts": 4}}
    with Alone(*AGENT_8429, variables=written) as agent:
        block = remote_write.packed(remote_write.empty_series(30 * remote_write.MIB))
        with ThreadPoolExecutor(10) as clients:
            list(clients.map(lambda _: agent.write(block), range(10 * ROUNDS)))
        assert until(agent.ended, "it ends") == "killed for lack of memory"


def withstood(service: Alone, shape: str) -> bool:
    """Send the largest request that a service accepts, ten at a time, and a larger one."""
    largest = bound(service.container.attrs["Config"]["Cmd"])
    block = remote_write.packed(remote_write.SHAPES[shape](largest - 256))
    with ThreadPoolExecutor(10) as clients:
        statuses = {answer.status for answer in clients.map(lambda _: service.write(block), range(30))}
    assert statuses <= {204, 429, 503}
    assert service.write(remote_write.packed(remote_write.SHAPES[shape](30 * remote_write.MIB))).status == 400
    return service.ended() == ""
