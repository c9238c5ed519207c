"""A robot with ever new labels: it uses up the room for series, is shut out, and others and the hub get theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import shares
from attacks import remote_write
from attacks.containers import until
from attacks.laboratory import DATABASE, ENTRY_POINT, Hub

from benchmarks import product

AT_ONCE = 4000  # series of a request, so that it is no larger than what is accepted
ASK = """
import base64, sys, urllib.request
login = base64.b64encode({login!r}.encode()).decode()
asked = urllib.request.Request({url!r}, headers={{"Authorization": "Basic " + login}})
print(urllib.request.urlopen(asked, timeout=300).read().decode())
"""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(variables={"telemetry_hub_sample_interval": "2s"}) as started:

        def get(url: str, username: str = "", password: str = "", *_: Any) -> tuple[int, str]:
            code, page = started.within(ASK.format(url=url, login=f"{username}:{password}"))
            return (0 if code else 200), page

        monkeypatch.setattr(http, "get", get)
        yield started


def flood(hub: Hub, requests: int) -> None:
    """Send so many requests of series that were never there before."""
    for number in range(requests):
        names = ({"__name__": "runaway", "n": str(number * AT_ONCE + i)} for i in range(AT_ONCE))
        assert hub.write("rogue", remote_write.unpacked(remote_write.message(names))).status == 204


def arrives(hub: Hub, name: str) -> bool:
    """Whether a series of the honest robot's that is new gets in; what was written is made visible first."""
    assert hub.write("honest", remote_write.packed(remote_write.message([{"__name__": name}]))).status == 204
    shared = product.service(ENTRY_POINT, **hub.written)["shares"]
    login = f"{shared['username']}:{hub.written['telemetry_hub_database_password']}"
    code, page = hub.within(ASK.format(url=f"{shared['backend']}internal/force_flush", login=login))
    assert code == 0, page
    return hub.query(name) != []


def look(hub: Hub, folder: Path, now: float) -> tuple[str, list[str]]:
    """Look as the hub's watchdog does; return its page and what it says."""
    spec = product.service(ENTRY_POINT, **hub.written)
    config, database, said = hub.folder / ENTRY_POINT / "config", hub.containers[DATABASE], list[str]()

    def restart() -> None:
        database.restart()
        until(lambda: hub.ask("reader", "/api/v1/query?query=1").status == 200, "it answers again")

    entry = shares.Entry(
        parse.shares_of(spec["shares"]),
        config / "auth.yml",
        (config / "database_password").read_text(),
        lambda: hub.containers[ENTRY_POINT].kill("SIGHUP"),
    )
    return shares.look(entry, folder, 0.0, restart, now, said.append), said


def test_a_runaway_costs_the_robot_that_has_it_and_nobody_else(hub: Hub, tmp_path: Path) -> None:
    now = time.time()
    assert 'shut_out{username="rogue"} 1' not in look(hub, tmp_path, now)[0]
    until(lambda: arrives(hub, "early"), "a new series gets in while there is room")
    flood(hub, 4)
    assert not arrives(hub, "lost"), "without the watchdog's look it does harm"
    page, said = look(hub, tmp_path, now)
    assert 'robot_stack_series_shut_out{username="rogue"} 1\n' in page
    assert 'robot_stack_series_shut_out{username="honest"} 1\n' not in page
    assert any("it is shut out" in line for line in said)
    until(lambda: hub.write("rogue", remote_write.packed(b"")).status in (502, 503), "it is shut out")
    until(lambda: arrives(hub, "found"), "there is room again")
    until(lambda: hub.query(f'up{{job="{DATABASE}",robot=""}} == 1'), "the hub's own series get in")
    assert look(hub, tmp_path, now + 30)[1] == [], "and the database is not restarted again"
    look(hub, tmp_path, now + shares.FIRST_SECONDS + 60)
    until(lambda: hub.write("rogue", remote_write.packed(b"")).status == 204, "it is let in again")
    assert hub.ended() == {}
