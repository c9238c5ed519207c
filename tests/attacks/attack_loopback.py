"""A robot's own database and agent, for whoever reaches its loopback: they write nothing, and nothing ends by writing.

Others are a user of the robot without rights, a container of it (all are in the host's network), and a web page in the
browser of an operator with a tunnel (attack_browser.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attacks import remote_write
from attacks.alone import Alone
from attacks.containers import Answer, until

DATABASE_8428 = ("victoriametrics", 8428, "victoriametrics_listen_address")
AGENT_8429 = ("vmagent", 8429, "vmagent_listen_address")
AGENT = {"vmagent_hub_url": "http://127.0.0.1:9", "vmagent_hub_password": "unused", "vmagent_hub_ca": ""}
LOGIN = {"victoriametrics_http_username": "operator", "victoriametrics_http_password": "known-to-few"}
HISTOGRAM = remote_write.packed(remote_write.histogram(4 * remote_write.KIB))
MOMENT = 1_700_000_000
# One sample in each protocol that has a text form, and what it is called then.
WRITES: dict[str, tuple[str, Any]] = {
    "Prometheus": ("/api/v1/import/prometheus", "forged 1\n"),
    "JSON lines": ("/api/v1/import", {"metric": {"__name__": "forged"}, "values": [1], "timestamps": [MOMENT * 1000]}),
    "CSV": ("/api/v1/import/csv?format=1:metric:forged", "1\n"),
    "Influx": ("/write", "forged v=1\n"),
    "Influx 2": ("/api/v2/write", "forged v=1\n"),
    "Datadog 1": ("/datadog/api/v1/series", {"series": [{"metric": "forged", "points": [[MOMENT, 1]]}]}),
    "Datadog 2": (
        "/datadog/api/v2/series",
        {"series": [{"metric": "forged", "points": [{"timestamp": MOMENT, "value": 1}]}]},
    ),
    "New Relic": (
        "/newrelic/infra/v2/metrics/events/bulk",
        [{"EntityID": 1, "Events": [{"eventType": "forged", "value": 1, "timestamp": MOMENT}]}],
    ),
    "Zabbix": (
        "/zabbixconnector/api/v1/history",
        {"host": {"host": "h", "name": "h"}, "name": "forged", "value": 1, "clock": MOMENT, "ns": 0, "type": 0},
    ),
    "OpenTelemetry": ("/opentelemetry/v1/metrics", ""),
    "native": ("/api/v1/import/native", "\0" * 16),
}
KEYED = (
    "/api/v1/admin/tsdb/delete_series?match[]=up",
    "/tags/delSeries?path=up",
    "/api/v1/admin/status/metric_names_stats/reset",
    "/internal/force_merge",
    "/internal/resetRollupResultCache",
    "/internal/log_new_series",
    "/-/reload",
    "/snapshot/create",
    "/snapshot/list",
    "/snapshot/delete?snapshot=x",
    "/snapshot/delete_all",
    "/debug/pprof/heap",
)
REFUSED = b"0 concurrent insert requests"  # what is said to whoever would be one more


def alone(service: str, **variables: Any) -> Alone:
    """Return the database or the agent, to be started."""
    return Alone(*(AGENT_8429 if service == "agent" else DATABASE_8428), variables={**AGENT, **variables})


def sent(service: Alone, name: str) -> Answer:
    """Send one sample in the protocol of that name."""
    path, content = WRITES[name]
    text = content if isinstance(content, str) else json.dumps(content) + "\n"
    return service.ask(path, text.encode())


@pytest.fixture(scope="module")
def database() -> Iterator[Alone]:
    with Alone(*DATABASE_8428, variables={"victoriametrics_scrape_interval": "1s"}) as started:
        yield started


@pytest.fixture(scope="module")
def agent() -> Iterator[Alone]:
    with Alone(*AGENT_8429, variables=AGENT) as started:
        yield started


@pytest.mark.parametrize("name", WRITES)
def test_nobody_writes_to_a_robots_own_database(database: Alone, name: str) -> None:
    assert REFUSED in sent(database, name).body
    assert database.ended() == ""


@pytest.mark.parametrize("name", WRITES)
def test_nobody_writes_to_a_robots_agent(agent: Alone, name: str) -> None:
    assert REFUSED in sent(agent, name).body
    assert agent.ended() == ""


@pytest.mark.parametrize("shape", remote_write.SHAPES)
def test_no_request_of_remote_write_is_read(database: Alone, agent: Alone, shape: str) -> None:
    for service in (database, agent):
        for size in (4 * remote_write.KIB, 30 * remote_write.MIB):
            assert REFUSED in service.write(remote_write.packed(remote_write.SHAPES[shape](size))).body
        assert service.ended() == ""


def test_the_database_takes_what_it_scrapes_itself_meanwhile(database: Alone) -> None:
    until(lambda: b'"value"' in database.ask("/api/v1/query?query=vm_app_version").body, "its own metrics are in it")


@pytest.mark.parametrize("path", KEYED)
def test_nobody_without_a_key_changes_what_is_kept(database: Alone, path: str) -> None:
    assert database.ask(path).status == database.ask(path, b"").status == 401


def test_accepting_writes_it_takes_them_all() -> None:
    """So that what is refused above is refused for this reason, and not for its form."""
    with Alone(*DATABASE_8428, variables={"victoriametrics_accepts_writes": True}) as database:
        assert {name: sent(database, name).status // 100 for name in WRITES} == dict.fromkeys(WRITES, 2)


@pytest.mark.parametrize("service", ["database", "agent"])
def test_accepting_writes_it_is_killed_by_237_bytes(service: str) -> None:
    with alone(service, victoriametrics_accepts_writes=True, vmagent_accepts_writes=True) as attacked:
        attacked.write(HISTOGRAM)
        assert until(attacked.ended, "it ends") == "killed for lack of memory"


def test_in_the_mode_both_a_password_keeps_others_out() -> None:
    with Alone(*DATABASE_8428, variables={"robot_stack_telemetry_mode": "both", **LOGIN}) as database:
        assert database.write(HISTOGRAM).status == 401
        assert {sent(database, name).status for name in WRITES} == {401}
        assert database.ended() == ""
        words = base64.b64encode(b"operator:known-to-few").decode()
        own = remote_write.packed(remote_write.message([{"__name__": "fine"}]))
        more = {"Content-Encoding": "snappy", "Authorization": f"Basic {words}"}
        assert database.ask("/api/v1/write", own, **more).status == 204


def test_in_the_mode_both_without_a_password_it_is_killed() -> None:
    with Alone(*DATABASE_8428, variables={"robot_stack_telemetry_mode": "both"}) as database:
        database.write(HISTOGRAM)
        assert until(database.ended, "it ends") == "killed for lack of memory"


# What remains: docs/security.md names it. A form is read before anybody is asked for a key or a password.
@pytest.mark.parametrize("service", ["database", "agent"])
def test_four_forms_of_30_mib_still_end_it(service: str) -> None:
    edge = "edge-of-a-part"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'.encode()
    form = head + b"A" * (30 * remote_write.MIB) + f"\r\n--{edge}--\r\n".encode()
    with alone(service, **LOGIN) as attacked:
        with ThreadPoolExecutor(4) as clients:
            kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
            list(clients.map(lambda _: attacked.ask("/ping", form, **kind), range(4)))
        assert until(attacked.ended, "it ends") == "killed for lack of memory"
