"""Uploads that stall: they wait in the memory of vmauth, and take nothing from others."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
from attacks import remote_write
from attacks.containers import until
from attacks.laboratory import DATABASE, ENTRY_POINT, Hub
from attacks.slow import Uploads

SLOW = 50
ONE_SECOND = 1.0
FINE = remote_write.packed(remote_write.message([{"__name__": "fine"}]))
# What vmauth was before: the first 32 KiB are waited for, and the rest is the database's.
UNBUFFERED = {"requestBufferSize": None, "maxConcurrentRequests": None, "maxConcurrentPerUserRequests": 20}


def buffer(hub: Hub) -> int:
    """Return the bytes for which vmauth waits."""
    (found,) = [w for w in hub.containers[ENTRY_POINT].attrs["Config"]["Cmd"] if w.startswith("-requestBufferSize=")]
    return int(found.partition("=")[2])


def uploads(hub: Hub, user: str, count: int, sent: int, said: int) -> Uploads:
    trusted = ssl.create_default_context(cadata=hub.certificate)
    return Uploads(hub.port, trusted, hub.headers(user), count, sent, said)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as started:
        yield started


@pytest.mark.parametrize("missing", [1, 1000])
def test_others_are_answered_at_once_while_fifty_uploads_stall(hub: Hub, missing: int) -> None:
    assert hub.write("honest", FINE).status == 204
    with uploads(hub, "rogue", SLOW, buffer(hub) - missing, buffer(hub)) as held:
        assert len(held.held) == SLOW
        answers = [hub.write("honest", FINE) for _ in range(5)]
        assert set(held.answers()) == {""}, "all of them are waited for"
    assert [answer.status for answer in answers] == [204] * 5
    # the machine that runs this may be busy: what counts is that nobody waited for the stalled ones, for seconds
    assert sorted(answer.seconds for answer in answers)[2] < ONE_SECOND


def test_what_stalls_behind_the_buffer_holds_no_insert(hub: Hub) -> None:
    with uploads(hub, "rogue", 20, buffer(hub), 100 * buffer(hub)):
        answers = [hub.write("honest", FINE) for _ in range(5)]
    assert [answer.status for answer in answers] == [204] * 5


def test_no_number_of_uploads_ends_the_entry_point(hub: Hub) -> None:
    with uploads(hub, "rogue", 900, buffer(hub) - 1000, buffer(hub)):
        hub.write("honest", FINE)
        assert hub.ended() == {}
    with uploads(hub, "rogue", 1500, 20, buffer(hub)):
        assert hub.ended() == {}


def test_without_its_buffer_twenty_uploads_stop_everybody() -> None:
    written = {
        "telemetry_hub_vmauth_flags_extra": UNBUFFERED,
        "telemetry_hub_victoriametrics_flags_extra": {"maxConcurrentInserts": 8},
    }
    with Hub(variables=written) as hub, uploads(hub, "rogue", 20, 40_000, 80_000):
        # the first writes may come before all of the uploads have got through vmauth
        until(lambda: b"timed out" in hub.ask("honest", "/api/v1/write", FINE, timeout=5).body, "a write has no answer")
        assert hub.ended() == {}
        assert DATABASE in hub.containers


def test_without_a_bound_on_connections_the_entry_point_is_killed() -> None:
    written = {"telemetry_hub_vmauth_flags_extra": {"maxConcurrentRequests": 1000}}
    with Hub(variables=written, instead={"open_files_limit": 0}) as hub:
        with uploads(hub, "rogue", 400, buffer(hub) - 1000, buffer(hub)):
            pass
        assert until(hub.ended, "it ends") == {ENTRY_POINT: "killed for lack of memory"}
