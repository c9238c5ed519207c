"""When a load is over, what is counted of it, and what speaks against a hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks import fleet, trial
from benchmarks.rule import Counters
from benchmarks.running import MIB
from benchmarks.whole_hub import hosts, load, metrics, places
from benchmarks.whole_hub.hub import Hub, Part
from benchmarks.whole_hub.told import Told

PAGE = """# TYPE vmagent_remotewrite_requests_total counter
vmagent_remotewrite_requests_total{url="1:secret-url", status_code="2XX"} 30
vmagent_remotewrite_requests_total{url="2:secret-url", status_code="2XX"} 12
vmagent_remotewrite_requests_total{url="1:secret-url", status_code="429"} 2
vmagent_remotewrite_retries_count_total{url="1:secret-url"} 5
vmagent_remotewrite_errors_total{url="1:secret-url"} 3
vmagent_remotewrite_bytes_sent_total{url="1:secret-url"} 1e+06
vmagent_remotewrite_packets_dropped_total{url="1:secret-url"} 0
vmagent_remotewrite_pending_data_bytes{url="1:secret-url"} 0
process_open_fds 9
"""


def test_pages_are_summed_and_a_longer_name_is_another_metric() -> None:
    assert metrics.total([PAGE, PAGE], "process_open_fds") == 18
    assert metrics.total([PAGE], "vmagent_remotewrite_requests_total", 'status_code="2XX"') == 42
    assert metrics.total([PAGE], "vmagent_remotewrite_requests") == 0
    assert metrics.by([PAGE], "vmagent_remotewrite_requests_total", "status_code") == {"2XX": 42, "429": 2}


def test_what_robots_tell_is_that_of_one_load() -> None:
    before = Told.of([PAGE])
    assert (before.sent_bytes, before.retries, before.errors) == (1e6, 5, 3)
    more = Told.of([PAGE.replace('"429"} 2', '"429"} 7').replace("1e+06", "1500000").replace("dropped_total{u", "x{u")])
    since = more - before
    assert since.requests == {"2XX": 0, "429": 5}
    assert since.sent_bytes == 500_000
    assert set(since.lost.values()) == {0}


def following(things: list[Any]) -> Any:
    """Return the next one; the last one for ever."""
    return things.pop(0) if len(things) > 1 else things[0]


class Program:
    """A part's program, as far as a hub asks."""

    def __init__(self, name: str, *faults: int, pages: Sequence[str] = ("",)) -> None:
        self.program = SimpleNamespace(name=name, limit_mib=64)
        self.faults, self.pages, self.peak = list(faults) or [0], list(pages), 30.04

    def counters(self) -> Counters:
        return Counters("then", 64 * MIB, following(self.faults), 0, 20 * MIB)

    def memory(self) -> Any:
        return SimpleNamespace(working_set=20.04)

    def cpu_seconds(self) -> float:
        return 7.5

    def ask(self, path: str, timeout: float = 0) -> str:
        return str(following(self.pages))


def part(host: str, program: Any) -> Part:
    return Part(host, program, program.counters(), 2.5)


def hub(*parts: Part) -> Hub:
    there = {one.host: SimpleNamespace(name=one.host) for one in parts}
    return Hub(None, there, hosts.Secrets(2), list(parts))  # type: ignore[arg-type]


def test_the_figures_of_a_part_are_those_since_the_load_began() -> None:
    seen = hub(part("hub-1", Program("telemetry_hub_vmauth", 3, 8)))
    assert seen.figures(1_000_000) == {"hub-1": {"vmauth": {"limit_mib": 64, "peak_mib": 30.0}}}, "not seen is missing"
    seen.loaded()
    seen.held()
    assert seen.figures(2_000_000)["hub-1"]["vmauth"] == {
        "limit_mib": 64,
        "peak_mib": 30.0,
        "held_mib": 20.0,
        "cpu_seconds_per_million": 2.5,
        "major_faults": 5,
    }


def test_a_part_that_reads_its_text_back_is_named_with_its_host() -> None:
    (thrashing,) = hub(part("hub-2", Program("telemetry_hub_vminsert", 0, 40))).parts
    thrashing.after = thrashing.running.counters()
    assert thrashing.judged(60) == ["hub-2, vminsert: 40 major faults a minute, fewer than 10 are accepted"]


def test_nobody_waits_for_a_part_that_does_nothing_else() -> None:
    seen = hub(part("hub", Program("telemetry_hub_vmauth", 0, trial.HOPELESS_WARM_UP_FAULTS + 1)))
    with pytest.raises(RuntimeError, match="hub, vmauth: 5001 major faults"):
        seen.look()


def test_samples_that_were_taken_are_counted_where_robots_are_parsed() -> None:
    page = 'vm_rows_inserted_total{type="promremotewrite"} 70\nvm_rows_inserted_total{type="promscrape"} 9\n'
    database, door = Program(hosts.DATABASE, pages=[page]), Program(hosts.ENTRY_POINT, pages=[page])
    assert hub(part("hub", database), part("hub", door)).rows() == 70
    inserts = [part(host, Program(hosts.INSERT, pages=[page])) for host in ("hub-1", "hub-2")]
    assert hub(*inserts, part("hub-1", Program(hosts.STORAGE, pages=[page]))).rows() == 140


class Robots:
    """Two robots that have this much left to send at each look, and then nothing."""

    series = 10

    def __init__(self, left: list[int], entry_points: int = 1) -> None:
        self.left, self.entry_points, self.looks = left, entry_points, 0

    def send_to(self, number: int) -> list[str]:
        return ["https://hub:8427"] * self.entry_points

    def pages(self, robots: int, watch: Any) -> list[str]:
        self.looks += 1
        left = self.left.pop(0) if self.left else 0
        return [f'vmagent_remotewrite_pending_data_bytes{{url="1:secret-url"}} {left}'] * robots


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAGES_SECONDS", -1.0)
    monkeypatch.setattr(load, "LOOK_SECONDS", 0.0)


def loaded(rows: list[int], robots: Robots) -> load.Load:
    pages = [f'vm_rows_inserted_total{{type="promremotewrite"}} {number}\n' for number in rows]
    database = Program(hosts.DATABASE, pages=pages)
    return load.Load(hub(part("hub", database)), robots, count=2, rounds=5)  # type: ignore[arg-type]


def test_a_load_is_over_when_all_came_and_nobody_has_anything_left() -> None:
    robots = Robots([500, 20])
    made = loaded([7, 50, 107], robots)
    assert made.samples == 100
    made.until_taken(rows_before=7)
    assert robots.looks == 3, "the robots are asked once all of it came"


def test_of_two_entry_points_each_gets_all_of_it() -> None:
    robots = Robots([], entry_points=2)
    made = loaded([100, 150, 200], robots)
    made.until_taken(rows_before=0)
    assert made.hub.rows() == 200
    assert robots.looks == 1


def test_a_load_that_is_not_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MOST_SECONDS", -1)
    with pytest.raises(RuntimeError, match="2 robots' backlog was not taken"):
        loaded([0], Robots([])).until_taken(rows_before=0)


def test_every_sample_of_every_robot_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, list[str]]] = []
    there = {fleet.name(0): [{"value": [0, "50"]}], fleet.name(1): []}

    def answer(place: Any, address: str, path: str, headers: Any) -> str:
        words = parse_qs(urlsplit(path).query)
        asked.append(words)
        result = next(found for name, found in there.items() if f'robot="{name}"' in words["query"][0])
        assert address == hosts.PEOPLES_DOOR
        assert headers["Authorization"].startswith("Basic ")
        return json.dumps({"data": {"result": result}})

    monkeypatch.setattr(places, "ask", answer)
    missing = load._missing(loaded([0], Robots([])), begin=1_700_000_000)
    assert missing == {fleet.name(1): 50}
    first, last = 1_700_000_000, 1_700_000_000 + 4 * fleet.INTERVAL_SECONDS
    end, lasts = int(asked[0]["time"][0]), 5 * fleet.INTERVAL_SECONDS
    assert f"[{lasts}s]" in asked[0]["query"][0]
    assert end - lasts < first <= last <= end, "a range has its end in it, and not its beginning"


def alerts(*looks: int) -> Hub:
    pages = ["".join(f'vmalert_iteration_total{{group="{n}"}} {look}\n' for n in range(3)) for look in looks]
    return hub(part("hub", Program(hosts.ALERTS, pages=pages)))


def test_rules_are_waited_for_until_each_group_has_looked_once_more() -> None:
    seen = alerts(4, 4, 5)
    before = load._looks(seen)
    assert before == (12, 3)
    assert load._evaluated(seen, before) == 5


def test_rules_that_are_not_evaluated_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MOST_RULES_SECONDS", -1)
    with pytest.raises(RuntimeError, match=r"rules were evaluated 0\.0 times"):
        load._evaluated(alerts(4), (12, 3))


def test_what_the_hub_counts_and_must_not_speaks_against_it() -> None:
    page = 'vm_rpc_rows_incompletely_replicated_total{name="vminsert"} 3\nvm_hourly_series_limit_rows_dropped_total 0\n'
    assert load._counted_against(hub(part("hub-1", Program(hosts.INSERT, pages=[page])))) == [
        "vm_rpc_rows_incompletely_replicated_total is 3"
    ]


def test_robots_bring_what_the_door_lets_in_and_as_much_of_it() -> None:
    known = fleet.scrapes(60, 2, 3, 1_700_000_000, rules=False)
    lines = fleet.sent(known, 1, 2, 1_700_000_000, labelled=False).decode().splitlines()
    assert len(lines) == 60
    assert not [line for line in lines if ":" in line.partition("{")[0]], "relabel.yml drops names of rules"
    assert not [line for line in lines if "robot=" in line], "vmagent says whose they are"


def test_a_page_of_what_rules_make_may_be_empty() -> None:
    needing = [query.expr for query in fleet.queries(rules=False) if query.needs_data]
    assert needing
    assert not [expr for expr in needing if "robot_stack:" in expr]
