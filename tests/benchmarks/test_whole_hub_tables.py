"""The page shows what was measured of whole hubs, says so where nothing was, and never breaks over what is missing."""

from __future__ import annotations

from typing import Any

from benchmarks.whole_hub import tables

MACHINE = {"architecture": "x86_64", "cpus": 2, "kernel": "6.1", "cgroup_version": 2}


def part(peak: float, held: float = 10.0, cpu: float = 1.0, limit: int = 64) -> dict[str, Any]:
    return {"limit_mib": limit, "peak_mib": peak, "held_mib": held, "cpu_seconds_per_million": cpu, "major_faults": 0}


def fleet(robots: int, hosts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "robots": robots,
        "series": robots * 300,
        "samples": robots * 72_000,
        "seconds": 12.5,
        "bytes_per_sample": {"compressed": 2.5, "wire": 3.25, "answers": 0.25},
        "answers": {"2XX": 1200, "429": 7, "502": 2},
        "not_answered": 4,
        "missing": 0,
        "slowest_query_ms": 80.4,
        "against": [],
        "hosts": hosts,
        **more,
    }


ONE = {"hub": {"victoriametrics": part(120.0, 60.0, 3.0, 256), "vmauth": part(30.5), "vmalert": part(20.0, 9.0, 0.5)}}
OF_THREE = {"vmstorage": part(90.0, 50.0, 4.0, 256), "vmauth": part(25.0), "vminsert": part(40.0, limit=96)}
THREE = {
    "hub-1": {**OF_THREE, "vmalert": part(22.0, 9.5, 0.5)},
    "hub-2": {**OF_THREE, "vmstorage": part(96.0, 55.0, 5.0, 256)},
    "hub-3": OF_THREE,
}
TEXT = {"peak_mib": 100.0, "held_mib": 40.0, "cpu_seconds_per_million": 2.0}


def rows(text: str, first: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith(first)
    ]


def sent(*fleets: dict[str, Any]) -> str:
    made = [{**one, "as_text": TEXT} for one in fleets]
    return tables.sent({"sent": {"fleets": made, "seconds": 300, "machine": MACHINE}})


def test_without_results_the_page_says_that_there_are_none() -> None:
    assert tables.sent({"fleets": []}) == tables.cluster({"fleets": []}) == "Not measured yet."


def test_a_fleets_row_tells_what_was_refused_and_that_nothing_is_missing() -> None:
    (row, *_) = rows(sent(fleet(50, ONE)), "| 50 |")
    assert row == ["50", "15,000", "12.5", "2.5", "3.25", "1,209", "7", "2", "4", "0", "80", "yes"]


def test_the_database_is_beside_itself_as_text_and_nothing_else_is() -> None:
    found = {row[1]: row for row in rows(sent(fleet(50, ONE)), "| 50 |")[1:]}
    assert found["victoriametrics"][2:] == ["256", "120.0", "100.0", "1.20", "60.0", "40.0", "3.0", "2.0", "0"]
    assert found["vmauth"][2:] == ["64", "30.5", "-", "-", "10.0", "-", "1.0", "-", "0"]
    assert set(found) == {"victoriametrics", "vmauth", "vmalert"}


def test_the_largest_fleet_is_told_in_a_sentence() -> None:
    said = " ".join(sent(fleet(10, {"hub": {}}), fleet(98, ONE)).split())
    assert said.endswith(
        "With 98 robots each had at most: victoriametrics 120.0 of its 256 MiB, vmalert 20.0 of its 64 MiB, "
        "vmauth 30.5 of its 64 MiB."
    )


def test_a_fleet_that_did_not_get_through_has_a_row_with_the_reason() -> None:
    ended = {"robots": 98, "series": 29_400, "samples": 1, "against": ["it ended | so"], "hosts": {}}
    (row,) = rows(sent(fleet(10, ONE), ended), "| 98 |")
    assert row[:3] == ["98", "29,400", "-"]
    assert "no: it ended" in "|".join(row)
    unlucky = {**ended, "hosts": {"hub": {"vmauth": {"limit_mib": 64, "peak_mib": 64.0}}}}
    assert ["98", "vmauth", "64", "64.0", *["-"] * 7] in rows(sent(unlucky), "| 98 |")


def cluster(one: dict[str, Any], three: dict[str, Any]) -> str:
    return tables.cluster({"cluster": {"one": one, "three": three, "seconds": 200, "machine": MACHINE}})


def test_three_hosts_are_beside_one_the_fullest_by_memory_and_all_by_cpu() -> None:
    more = {"bytes_per_sample": {"compressed": 5.0, "wire": 6.5, "answers": 0.5, "between_hosts": 13.0}}
    text = cluster(fleet(98, ONE), fleet(98, THREE, **more))
    (stores,) = rows(text, "| victoriametrics; vmstorage |")
    assert stores[1:] == ["256", "120.0", "96.0", "0.80", "60.0", "55.0", "3.0", "13.0", "4.33"]
    (inserts,) = rows(text, "| vminsert |")
    assert inserts[1:] == ["96", "-", "40.0", "-", "-", "10.0", "-", "3.0", "-"]
    (whole,) = rows(text, "| a whole host |")
    assert whole[1:] == ["480", "-", "-", "-", "79.0", "79.5", "4.5", "19.5", "4.33"]
    said = " ".join(text.split())
    assert "Of 7,056,000 samples 0 were missing through vmselect." in said
    assert "robots sent 3.25 to one host and 6.5 to three" in said
    assert "the three sent each other 13.0" in said


def test_a_cluster_that_did_not_get_through_is_told_with_the_reason() -> None:
    ended = {"robots": 98, "series": 29_400, "samples": 1, "against": ["rules were not evaluated"], "hosts": {}}
    text = cluster(fleet(98, ONE), ended)
    assert "Three serve: no: rules were not evaluated." in text
    assert "missing" not in text
    assert rows(text, "| vmselect |")[0][1:] == ["-"] * 9
