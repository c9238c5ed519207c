"""Who brings more series than his share is shut out of the hub's entry point, and nobody else; he is let in again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records.shut_out import ShutOut, User
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import entry_point
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import Shares
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import shares
from declarations import PROJECT
from hypothesis import given
from hypothesis import strategies as st
from rendering import templar

NOW = 1_800_000_000.0  # 8:00 UTC
HOUR = 3600.0
BACKEND = "http://127.0.0.1:8428/"
SHARES = Shares("auth.yml", BACKEND, "count", "usage", "db", "hub", "password", 100, {"wide": 1000})

NOBODY = ShutOut()


def after(counts: dict[str, int], before: ShutOut = NOBODY, now: float = NOW) -> ShutOut:
    return shares.judged(before, counts, SHARES, now)


def test_who_brings_more_than_his_share_is_shut_out_and_nobody_else() -> None:
    assert after({"rogue": 101, "honest": 100, "wide": 1000}).names == ["rogue"]


def test_he_is_let_in_again_and_what_he_brought_is_not_held_against_him() -> None:
    out = after({"rogue": 50_000})
    assert after({"rogue": 50_000}, out, NOW + HOUR - 1).names == ["rogue"]
    again = after({"rogue": 50_000}, out, NOW + HOUR)
    assert again.names == []
    assert after({"rogue": 50_100}, again, NOW + HOUR + 30).names == []


def test_each_further_time_of_a_day_is_twice_as_long() -> None:
    found, now, count, waits = ShutOut(), NOW, 0, []
    for _ in range(5):
        count += 101
        found = after({"rogue": count}, found, now)
        waits.append((found.users["rogue"].until - now) / HOUR)
        now = found.users["rogue"].until
        found = after({"rogue": count}, replace(found, day=int(now // 86400)), now)
    assert waits == [1, 2, 4, 8, 8]


def test_who_behaves_for_the_rest_of_a_day_is_forgotten() -> None:
    again = after({"rogue": 500}, after({"rogue": 500}), NOW + HOUR)
    assert again.users["rogue"].times == 1
    assert after({"rogue": 80}, again, NOW + 86400).users == {}


def test_midnight_lets_nobody_in_before_his_time() -> None:
    late = NOW - NOW % 86400 + 86400 - 60
    out = after({"rogue": 500}, ShutOut(int(late // 86400)), late)
    assert after({}, out, late + 120).names == ["rogue"]
    assert after({}, out, late + HOUR).names == []


def test_a_share_that_is_raised_lets_him_in_again_at_once() -> None:
    out = after({"rogue": 500})
    raised = replace(SHARES, series={**SHARES.series, "rogue": 500})
    assert shares.judged(out, {"rogue": 500}, raised, NOW + 30).names == []
    assert shares.judged(out, {}, raised, NOW + 30).names == [], "nor is he kept for a database that does not answer"
    assert shares.judged(out, {"rogue": 501}, raised, NOW + 30).names == ["rogue"]
    again = shares.judged(out, {"rogue": 500}, raised, NOW + 30)
    assert shares.judged(again, {"rogue": 500}, SHARES, NOW + 60).names == [], "what he brought is not held against him"


def test_a_clock_that_was_set_back_shuts_nobody_out_for_years() -> None:
    assert after({}, ShutOut(1, {"rogue": User(1, NOW, NOW + 9 * HOUR)}), NOW).names == []


def answer(**counts: int) -> str:
    rows = [{"name": name, "value": count} for name, count in counts.items()]
    return json.dumps({"status": "success", "data": {"totalSeries": 1, "seriesCountByFocusLabelValue": rows}})


def test_a_databases_answer_is_read() -> None:
    assert shares.counted(answer(a=1, b=2)) == {"a": 1, "b": 2}


def test_a_cluster_counts_each_copy_of_a_series() -> None:
    assert shares.counted(answer(a=200, b=201, c=202), 2) == {"a": 100, "b": 100, "c": 101}


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["data", "seriesCountByFocusLabelValue", "name", "value"]), x)
        ),
    ).map(json.dumps)
)
def test_an_odd_answer_is_none(page: str) -> None:
    found = shares.counted(page)
    assert found is None or all(isinstance(name, str) and count >= 0 for name, count in found.items())


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", False),
        ("vm_hourly_series_limit_current_series 9\nvm_hourly_series_limit_max_series 10\n", False),
        ("vm_hourly_series_limit_current_series 10\nvm_hourly_series_limit_max_series 10\n", True),
        ("vm_daily_series_limit_current_series 10\nvm_daily_series_limit_max_series 10\n", True),
        ("vm_daily_series_limit_current_series 0\nvm_daily_series_limit_max_series 0\n", False),
    ],
)
def test_whether_the_room_is_used_up(page: str, expected: bool) -> None:
    assert shares.used_up(page) is expected


def auth(*robots: str) -> str:
    written = {
        "telemetry_hub_robots": list(robots),
        "telemetry_hub_robot_passwords": {name: f"of {name}" for name in robots},
        "telemetry_hub_reader_password": "of the reader",
        "telemetry_hub_database_password": "of the database",
    }
    text = (PROJECT / "roles/telemetry_hub/templates/auth.yml.j2").read_text(encoding="utf-8")
    return str(templar(**written).template(trust_as_template(text)))


def backends(content: str) -> dict[str, str]:
    users = yaml.safe_load(content)["users"]
    return {user["username"]: user["url_map"][0]["url_prefix"].partition("?")[0] for user in users}


def test_the_entry_points_file_leads_him_nowhere_and_all_others_where_they_were() -> None:
    declared = auth("a", "rogue", "rogue-2")
    shut = entry_point.closed(declared, BACKEND, ["rogue", "unknown"])
    assert backends(shut) == {"a": BACKEND, "rogue": entry_point.NOWHERE, "rogue-2": BACKEND, "reader": BACKEND}
    assert entry_point.opened(shut, BACKEND) == declared
    assert entry_point.closed(shut, BACKEND, ["a"]) == entry_point.closed(declared, BACKEND, ["a"])


@given(st.integers(1, 9), st.floats(NOW, NOW + 86400), st.floats(0, 59))
def test_each_host_has_a_minute_and_no_other_begins_within_one_of_it(turns: int, now: float, later: float) -> None:
    hosts = [replace(SHARES, turn=turn, turns=turns) for turn in range(turns)]
    at_once = [host.turn for host in hosts if shares.its_turn(host, now)]
    assert len(at_once) <= 1
    assert [host.turn for host in hosts if shares.its_turn(host, now + later)] in (at_once, []) or not at_once
    waits = [min(minute for minute in range(2 * turns) if shares.its_turn(host, now + 60 * minute)) for host in hosts]
    assert max(waits) < 2 * turns
