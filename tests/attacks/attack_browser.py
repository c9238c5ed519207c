"""A page of another origin, in the browser of an operator whose tunnel to a robot's VMUI is open.

It may send what a page may send without being asked. What it gets is no answer that it can read, and nothing deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from attacks import remote_write
from attacks.alone import Alone
from attacks.containers import until

ORIGIN = "https://elsewhere.example"
READ = ["/api/v1/query?query=kept", "/api/v1/export?match[]=kept", "/api/v1/labels", "/api/v1/status/tsdb", "/metrics"]
# each is a plain GET: a picture's address is enough for a page to ask for it
DESTROY = [
    "/api/v1/admin/tsdb/delete_series?match[]=kept", "/internal/force_merge", "/-/reload", "/debug/pprof/heap",
    "/internal/resetRollupResultCache",
]  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[Alone]:
    with Alone("victoriametrics", 8428, "victoriametrics_listen_address") as started:
        block = remote_write.packed(remote_write.message([{"__name__": "kept"}]))
        assert started.write(block).status == 204
        until(lambda: b'"kept"' in kept(started), "what was written can be read")
        yield started


def kept(database: Alone) -> bytes:
    return database.ask("/api/v1/query?query=kept&nocache=1&latency_offset=1ms").body


def headers(database: Alone, path: str, method: str, **more: str) -> tuple[int, dict[str, str]]:
    """Ask as a browser does for a page of another origin; return the status, and the headers in small letters."""
    ports: Any = database.container.ports
    connection = HTTPConnection("127.0.0.1", int(ports["8428/tcp"][0]["HostPort"]), timeout=60)
    try:
        connection.request(method, path, headers={"Origin": ORIGIN, **more})
        page = connection.getresponse()
        page.read()
        return page.status, {name.lower(): text for name, text in page.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", READ)
def test_a_page_of_another_origin_may_read_no_answer(database: Alone, path: str, method: str) -> None:
    asked = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
    _, found = headers(database, path, method, **asked)
    assert not [name for name in found if name.startswith("access-control-")]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", DESTROY)
@pytest.mark.parametrize("key", ["", "authKey=", "authKey=guess"])
def test_nothing_is_deleted_or_halted_without_a_key(database: Alone, path: str, method: str, key: str) -> None:
    address = path + (("&" if "?" in path else "?") + key if key else "")
    status, _ = headers(database, address, method)
    assert status in (400, 401, 403, 404), (address, status)
    assert b'"kept"' in kept(database)
