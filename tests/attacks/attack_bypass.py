"""Past vmauth: the hub's own containers and whoever has an account on its host ask the database and vmalert."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks import remote_write
from attacks.containers import until
from attacks.laboratory import ALERTS, DATABASE, ENTRY_POINT, READER, Hub

ASK = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen({url!r}, data={body!r}, timeout=20).status)
except urllib.error.HTTPError as refused:
    print(refused.code)
"""
DATABASE_PATHS = (
    "/api/v1/query?query=up", "/api/v1/export?match[]=up", "/api/v1/admin/tsdb/delete_series?match[]=up", "/metrics",
    "/snapshot/create", "/internal/force_flush", "/internal/resetRollupResultCache", "/-/reload", "/config", "/flags",
    "/debug/pprof/heap", "/vmui/", "/federate?match[]=up", "/api/v1/status/tsdb", "/targets",
)  # fmt: skip
INSERT_PATHS = (
    "/api/v1/write", "/api/v1/import", "/api/v1/import/prometheus", "/api/v1/import/csv", "/api/v1/import/native",
    "/write", "/influx/write", "/opentelemetry/v1/metrics", "/datadog/api/v2/series",
    "/newrelic/infra/v2/metrics/events/bulk",
)  # fmt: skip
VMALERT_PATHS = ("/", "/api/v1/alerts", "/api/v1/rules", "/metrics", "/-/reload", "/flags", "/debug/pprof/heap")
DOOR_PATHS = ("/metrics", "/-/reload", "/flags", "/debug/pprof/heap")
PLACES = [
    *((8428, path) for path in DATABASE_PATHS),
    *((8880, path) for path in VMALERT_PATHS),
    *((8425, path) for path in DOOR_PATHS),
]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    swift = {"telemetry_hub_sample_interval": "2s", "telemetry_hub_alert_interval": "2s"}
    with Hub(services=(DATABASE, ENTRY_POINT, ALERTS), variables=swift) as started:
        yield started


def status(hub: Hub, port: int, path: str, body: bytes | None = None) -> str:
    code, words = hub.within(ASK.format(url=f"http://127.0.0.1:{port}{path}", body=body))
    assert code == 0, words
    return words.strip()


@pytest.mark.parametrize(("port", "path"), PLACES)
def test_nobody_beside_it_reads(hub: Hub, port: int, path: str) -> None:
    assert status(hub, port, path) == "401"


@pytest.mark.parametrize("path", INSERT_PATHS)
def test_nobody_beside_it_writes(hub: Hub, path: str) -> None:
    assert status(hub, 8428, path, b"forged 1\n") == "401"


@pytest.mark.parametrize("port", [8428, 8880, 8425])
def test_whether_it_is_healthy_is_no_secret(hub: Hub, port: int) -> None:
    assert status(hub, port, "/health") == "200"


def test_the_entry_point_and_vmalert_reach_the_database_and_it_reads_them(hub: Hub) -> None:
    assert hub.write("honest", remote_write.packed(remote_write.message([{"__name__": "fine"}]))).status == 204
    until(lambda: hub.query("fine"), "vmauth reads and writes")
    for job in (DATABASE, ENTRY_POINT, ALERTS):
        until(lambda: hub.query(f'up{{job="{job}"}} == 1'), f"the database reads {job}")  # noqa: B023 (used at once)
    assert hub.ask(READER, "/vmalert/").status == 200
    assert hub.ask(READER, "/api/v1/rules").status == 200
    until(lambda: hub.query('vmalert_execution_errors_total{hub!=""} == 0'), "vmalert's queries are answered")


def test_without_its_password_a_neighbour_deletes_what_it_likes() -> None:
    written = {"telemetry_hub_victoriametrics_flags_extra": {"httpAuth.username": None, "httpAuth.password": None}}
    with Hub(variables=written) as hub:
        assert status(hub, 8428, "/api/v1/import/prometheus", b"forged 1\n") == "204"
        assert status(hub, 8428, "/api/v1/admin/tsdb/delete_series?match[]=forged") == "204"
