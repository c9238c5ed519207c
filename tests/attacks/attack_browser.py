"""A web page in the browser of an operator who has a tunnel to a robot's VMUI open: it reads and changes nothing.

A real Chromium; the database's port of this machine is what a tunnel's end would be.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import other_origin
import pytest
from attacks.alone import Alone
from attacks.attack_loopback import DATABASE_8428, LOGIN, WRITES
from attacks.containers import until

READS = ["/api/v1/query?query=1", "/api/v1/export?match[]=up", "/flags", "/snapshot/list"]
CHANGES = [
    "/snapshot/create", "/snapshot/delete_all", "/api/v1/admin/tsdb/delete_series?match[]=vm_app_version",
    "/internal/force_merge", "/internal/resetRollupResultCache", "/internal/log_new_series", "/-/reload",
]  # fmt: skip
# Without a type of their own these are sent as text/plain, for which a browser asks nobody.
CONTENTS = [
    (path, "", content if isinstance(content, str) else json.dumps(content) + "\n") for path, content in WRITES.values()
]
KNOWN = "operator:known-to-few"
SERIES = '{__name__=~"forged.*|value"}'
# As it was: whoever reaches it writes, and makes snapshots.
OPEN = {
    "victoriametrics_accepts_writes": True,
    "victoriametrics_flags_extra": {"snapshotAuthKey": None, "http.header.frameOptions": None},
}


@pytest.fixture(scope="module")
def database() -> Iterator[Alone]:
    with Alone(*DATABASE_8428, variables={"victoriametrics_scrape_interval": "1s"}) as started:
        until(lambda: b'"value"' in started.ask("/api/v1/query?query=vm_app_version").body, "it has samples")
        yield started


@pytest.fixture(scope="module")
def with_password() -> Iterator[Alone]:
    with Alone(*DATABASE_8428, variables=LOGIN) as started:
        yield started


def written(database: Alone, login: str = "") -> list[str]:
    """Return the names of what a page has written, once it can be found."""
    words = "Basic " + base64.b64encode(login.encode()).decode()
    database.ask("/internal/force_flush", Authorization=words)
    answer = database.ask(f"/api/v1/series?match[]={quote(SERIES)}&start=0", Authorization=words)
    assert answer.status == 200, answer
    return sorted({series["__name__"] for series in json.loads(answer.body)["data"]})


def snapshots(database: Alone) -> str:
    """Return what lies where the database keeps its snapshots."""
    return "\n".join(path.name for path in sorted((database.folder / "data/snapshots").glob("*")))


def first(database: Alone) -> str:
    """Return when the oldest sample was taken that is left of a series which is scraped all the time."""
    path = "/api/v1/query?nocache=1&query=" + quote("min(tfirst_over_time(vm_app_version[1h]))")
    return str(json.loads(database.ask(path).body)["data"]["result"][0]["value"][1])


def test_a_page_reads_nothing_and_changes_nothing(database: Alone) -> None:
    before = first(database)
    asked = [(method, mode, path) for path in CHANGES for method in ("GET", "POST") for mode in ("cors", "no-cors")]
    told = other_origin.told(database.address, [("GET", "cors", path) for path in READS] + asked)
    assert set(told) == {""}
    assert snapshots(database) == ""
    assert first(database) == before


def test_a_page_writes_nothing(database: Alone) -> None:
    other_origin.sends(database.address, CONTENTS)
    assert written(database) == []


def test_a_page_does_not_show_vmui_within_itself(database: Alone) -> None:
    assert not other_origin.shown(f"{database.address}/vmui/")


def test_without_its_guards_a_page_writes_makes_snapshots_and_shows_vmui() -> None:
    with Alone(*DATABASE_8428, variables=OPEN) as database:
        other_origin.sends(database.address, CONTENTS)
        assert "forged" in written(database)
        other_origin.told(database.address, [("POST", "no-cors", "/snapshot/create")])
        assert snapshots(database) != ""
        assert other_origin.shown(f"{database.address}/vmui/")


def test_with_a_password_a_page_writes_nothing_when_the_browser_knows_it(with_password: Alone) -> None:
    other_origin.sends(with_password.address, CONTENTS, login=KNOWN)
    assert written(with_password, KNOWN) == []


def test_with_a_password_a_page_whose_name_changes_reads_nothing(with_password: Alone) -> None:
    answers = other_origin.rebound(with_password.address, READS)
    assert [status for status, _ in answers] == [401] * len(READS)
    assert not any("vm_" in text for _, text in answers)


def test_without_a_password_a_page_whose_name_changes_reads_what_it_likes(database: Alone) -> None:
    """What remains (docs/security.md): VictoriaMetrics does not look at the name that it is asked by."""
    answers = other_origin.rebound(database.address, READS)
    assert [status for status, _ in answers] == [200, 200, 200, 401]
    assert "vm_app_version" in other_origin.rebound(database.address, ["/api/v1/export?match[]=vm_app_version"])[0][1]
