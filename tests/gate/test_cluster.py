"""Three hosts of a hub and more are judged together: their parts, their addresses, and what robots know of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import cluster, gate, pair
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Robot
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from clusters import ADDRESS, NAMES, SERVICES, hubs, judged
from declarations import catalogue, robot

GROUP = {"telemetry_hub": list(NAMES)}
PUSH: dict[str, Any] = {"robot_stack_telemetry_mode": "push", "vmagent_hub_password": "x"}


def test_three_hosts_are_a_cluster_and_fewer_are_none() -> None:
    assert judged() == judged(names=("a", "b", "c", "d", "e")) == []
    found = hubs()
    assert [one for each in found for one in gate.check(each, catalogue())] == [], "each of them alone is right"
    assert cluster.check(found[:2]) == cluster.check(found[:1]) == cluster.check([]) == []
    assert pair.check(found) == []
    assert found[0].services == (
        "sensor_service",
        *(f"telemetry_hub_{part}" for part in ("vmstorage", "vmselect", "vminsert", "vmauth", "vmalert", "vmagent")),
    )
    assert "telemetry_hub_vmalert" not in found[2].services


def test_the_budget_of_each_host_holds_all_its_parts() -> None:
    (found,) = gate.check(hubs({"robot_stack_memory_budget_mib": 815})[0], catalogue())
    assert found.variable == "robot_stack_memory_budget_mib"
    assert "1 MiB too little" in found.why
    for part in ("vmstorage_memory_limit_mib 256", "vmselect_memory_limit_mib 128", "vminsert_memory_limit_mib 96"):
        assert f"telemetry_hub_{part}" in found.why
    # the third host has no vmalert
    assert gate.check(hubs({}, {}, {"robot_stack_memory_budget_mib": 752})[2], catalogue()) == []


def test_a_storage_that_is_too_small_for_its_share_of_the_fleet_is_refused() -> None:
    robots = {
        "telemetry_hub_robots": [f"robot-{number}" for number in range(60)],
        "robot_stack_memory_budget_mib": 2000,
    }
    (found,) = gate.check(hubs(robots, robots, robots)[0], catalogue())
    assert found.variable == "telemetry_hub_vmstorage_memory_limit_mib"
    assert "with 60000 series, which each of 3 storages holds while one is away" in found.why
    five = ("a", "b", "c", "d", "e")
    assert gate.check(hubs(*[robots] * 5, names=five)[0], catalogue()) == [], "of five each has half"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "so you say on which address"),
        ("0.0.0.0", "read all samples and write any, without a password"),
        ("::", "read all samples and write any, without a password"),
        ("127.0.0.1", "do not reach it there"),
        ("::1", "do not reach it there"),
        ("hub-1.example.org", "no numeric address"),
        ("10.0.0.1:8400", "no numeric address"),
        ("10.0.0.0/24", "no numeric address"),
        ("[fd00::1]", "no numeric address"),
        ("224.0.0.1", "not an address by which other hosts reach this one"),
        ("fe80::1", "not an address by which other hosts reach this one"),
    ],
)
def test_parts_talk_only_where_the_operator_says(address: str, why: str) -> None:
    (found,) = judged({ADDRESS: address})
    assert (found.robot, found.variable) == ("a", ADDRESS)
    assert why in found.why
    assert "on a network that robots do not reach" in found.remedy


def test_a_vminsert_that_would_refuse_what_robots_send_is_refused() -> None:
    (found,) = gate.check(hubs({"telemetry_hub_vminsert_memory_limit_mib": 47})[0], catalogue())
    assert found.why == "below the 48 MiB that it needs to accept the largest blocks that robots send"


def test_the_address_of_the_entry_point_is_none_for_the_parts() -> None:
    (found,) = judged({ADDRESS: "10.0.0.9", "telemetry_hub_listen_address": "10.0.0.9:8427"})
    assert "neither encrypted nor behind a password" in found.why


@pytest.mark.parametrize("written", ["fd00::9", "fd00:0::9"])
@pytest.mark.parametrize(
    "reached", [{"telemetry_hub_names": ["fd00::9"]}, {"telemetry_hub_listen_address": "[fd00:0:0::9]:8427"}]
)
def test_nor_one_that_robots_have_under_another_spelling(written: str, reached: dict[str, Any]) -> None:
    (found,) = judged({ADDRESS: written, **reached})
    assert "neither encrypted nor behind a password" in found.why


def test_two_storages_with_one_address_are_found_however_it_is_written() -> None:
    (found,) = judged({ADDRESS: "fd00::9"}, {ADDRESS: "fd00:0::9"})
    assert (found.robot, found.variable) == ("b", ADDRESS)


def test_each_host_has_an_address_of_its_own() -> None:
    (found,) = judged({}, {ADDRESS: "10.0.0.1"})
    assert (found.robot, found.variable) == ("b", ADDRESS)
    assert "a has it as well" in found.why


def test_two_hosts_with_one_entry_point_are_refused_and_a_storage_alone_has_none() -> None:
    alias = {"telemetry_hub_names": ["hub.example.org"]}
    (found,) = judged(alias, {}, {"telemetry_hub_names": ["Hub.example.org.", "c"]})
    assert (found.robot, found.variable) == ("c", "telemetry_hub_names")
    storage = {f"telemetry_hub_{part}_enabled": False for part in ("vmauth", "vmselect")}
    four = ("a", "b", "c", "d")
    assert judged({}, {}, {}, storage, names=four) == []


def test_what_nobody_would_watch_is_refused() -> None:
    agent, storage = ({f"telemetry_hub_{part}_enabled": False} for part in ("vmagent", "vmstorage"))
    for off in (agent, {**agent, **storage}):
        found = judged({}, {}, {}, off, names=("a", "b", "c", "d"))
        assert {fault.variable for fault in found} == {"telemetry_hub_vmagent_enabled"}
    assert "the vmagent tells of its disk and memory" in judged({}, {}, agent)[-1].why


@pytest.mark.parametrize(
    ("off", "hosts", "words"),
    [
        ("vmstorage", [0], "2 of 3 hosts have vmstorage: while one is away"),
        ("vmauth", [0, 1], "1 of 3 hosts has vmauth: while it is away nobody writes"),
        ("vmalert", [0, 1, 2], "0 of 3 hosts have vmalert: nobody would be told"),
    ],
)
def test_what_must_not_be_lost_with_one_host_is_on_enough_of_them(off: str, hosts: list[int], words: str) -> None:
    written = [{f"telemetry_hub_{off}_enabled": False} if place in hosts else {} for place in range(3)]
    (found,) = judged(*written)
    assert found.variable == f"telemetry_hub_{off}_enabled"
    assert words in found.why


@pytest.mark.parametrize(
    ("off", "told"),
    [
        ("vmselect", ["vmauth runs on this host, and it reads", "vmalert runs on this host, and it reads"]),
        ("vminsert", ["vmauth runs on this host, and robots", "vmalert runs on this host, and it writes"]),
    ],
)
def test_a_part_has_beside_it_whom_it_asks(off: str, told: list[str]) -> None:
    found = [one for one in judged({f"telemetry_hub_{off}_enabled": False}) if "the vmagent" not in one.why]
    assert {one.variable for one in found} == {f"telemetry_hub_{off}_enabled"}
    assert [one.why[: len(words)] for one, words in zip(found, told)] == told


@pytest.mark.parametrize(
    ("written", "variable"),
    [
        (
            {"telemetry_hub_victoriametrics_enabled": True, "robot_stack_memory_budget_mib": 1100},
            "victoriametrics_enabled",
        ),
        ({"telemetry_hub_other_first": True}, "other_first"),
    ],
)
def test_what_belongs_to_one_hub_or_a_pair_is_refused(written: dict[str, Any], variable: str) -> None:
    (found,) = judged(written)
    assert (found.robot, found.variable) == ("a", f"telemetry_hub_{variable}")


BACKUP = {"telemetry_hub_backup_enabled": True, "telemetry_hub_backup_destination": "fs:///srv/backups/hub"}


def test_a_cluster_is_backed_up_and_the_backup_counts_in_each_hosts_budget() -> None:
    written = {**BACKUP, "robot_stack_memory_budget_mib": 912}
    found = hubs(written, written, written)
    assert cluster.check(found) == [one for hub in found for one in gate.check(hub, catalogue())] == []
    (fault,) = gate.check(hubs({**written, "robot_stack_memory_budget_mib": 911})[0], catalogue())
    assert "telemetry_hub_backup_memory_limit_mib 96" in fault.why


@pytest.mark.parametrize(
    ("more", "variable", "why"),
    [
        ({"telemetry_hub_backup_destination": ""}, "backup_destination", "nothing says where"),
        ({"telemetry_hub_backup_destination": "fs:///var/lib/robot-stack/b"}, "backup_destination", "of its own"),
        ({"telemetry_hub_vmstorage_enabled": False}, "backup_enabled", "telemetry_hub_vmstorage_enabled is false"),
    ],
)
def test_a_backup_that_cannot_work_is_refused_in_a_cluster_too(more: dict[str, Any], variable: str, why: str) -> None:
    (found,) = gate.check(hubs({**BACKUP, "robot_stack_memory_budget_mib": 912, **more})[0], catalogue())
    assert found.variable == f"telemetry_hub_{variable}"
    assert why in found.why


@pytest.mark.parametrize(
    ("variable", "other"),
    [
        ("telemetry_hub_retention", "30d"),
        ("telemetry_hub_cluster_version", "v1.149.0-cluster"),
        ("telemetry_hub_reader_username", "operator"),
        ("telemetry_hub_alert_hot_celsius", 70),
        ("telemetry_hub_reader_password", "hunter2"),
    ],
)
def test_what_decides_over_an_answer_is_the_same_on_all(variable: str, other: Any) -> None:
    found = judged({}, {}, {variable: other})
    assert [(one.robot, one.variable) for one in found] == [("c", variable)]
    assert "hunter2" not in report(found, 3, "host")


def test_hosts_may_differ_in_what_is_their_own() -> None:
    own = {
        "telemetry_hub_vmstorage_memory_limit_mib": 512,
        "robot_stack_memory_budget_mib": 1100,
        "telemetry_hub_version": "v1.149.0",
    }
    assert judged({}, own) == []


@pytest.mark.parametrize("part", ["vmstorage", "vminsert", "vmselect", "vmagent"])
def test_one_host_or_a_pair_has_no_part_of_a_cluster(part: str) -> None:
    alone = robot(
        "a",
        robot_stack_services=SERVICES,
        robot_stack_memory_budget_mib=1000,
        **{f"telemetry_hub_{part}_enabled": True},
    )
    assert f"telemetry_hub_{part}_enabled" in {one.variable for one in gate.check(alone, catalogue())}


def test_nobody_else_bears_the_name_under_which_entry_points_read() -> None:
    robots = {"telemetry_hub_robots": ["hub", "scout"]}
    assert {one.variable for one in judged(robots, robots, robots)} == {"telemetry_hub_robots"}


@pytest.mark.parametrize(
    ("part", "flag", "value"),
    [
        ("vmstorage", "vminsertAddr", ":8400"),
        ("vmstorage", "storageDataPath", "/elsewhere"),
        ("vmstorage", "httpListenAddr", "0.0.0.0:8482"),
        ("vminsert", "replicationFactor", 1),
        ("vminsert", "storageNode", "10.0.0.9:8400"),
        ("vminsert", "dropSamplesOnOverload", True),
        ("vminsert", "clusternativeListenAddr", ":8400"),
        ("vminsert", "relabelConfig", ""),
        ("vmselect", "search.denyPartialResponse", False),
        ("vmselect", "replicationFactor", 3),
        ("vmselect", "enableMultitenancyViaHeaders", True),
        ("vmselect", "deleteAuthKey", "file:///key"),
        ("vmagent", "remoteWrite.url", "http://elsewhere"),
        ("vmagent", "httpAuth.username", "nobody"),
    ],
)
def test_a_flag_undoes_nothing_that_the_cluster_counts_on(part: str, flag: str, value: Any) -> None:
    variable = f"telemetry_hub_{part}_flags_extra"
    found = gate.check(hubs({variable: {flag: value}})[0], catalogue())
    assert [one.variable for one in found] == [variable]


def test_other_flags_may_be_added() -> None:
    extra = {"vmstorage": "logNewSeries", "vmselect": "search.maxPointsPerTimeseries", "vminsert": "sortLabels"}
    written = {
        f"telemetry_hub_{part}_flags_extra": {flag: 1 if "Points" in flag else True} for part, flag in extra.items()
    }
    assert gate.check(hubs(written)[0], catalogue()) == []


def sender(**written: Any) -> Robot:
    return robot(**{**PUSH, **written})


@pytest.mark.parametrize(
    ("written", "variable"),
    [
        ({"vmagent_hub_urls": ["https://a:8427", "https://c:8427"]}, ""),
        ({"vmagent_hub_urls": ["https://c:8427", "https://a:8427"]}, ""),
        ({"vmagent_hub_url": "https://hub.example.org:8427"}, ""),
        ({"vmagent_hub_url": "https://b:8427"}, "vmagent_hub_url"),
        ({"vmagent_hub_urls": ["https://b:8427"]}, "vmagent_hub_urls"),
    ],
)
def test_a_robot_sends_to_two_of_them_or_to_a_name_that_leads_to_several(
    written: dict[str, Any], variable: str
) -> None:
    assert gate.check(sender(**written), catalogue()) == []
    found = pair.known([sender(**written)], GROUP)
    assert [one.variable for one in found] == ([variable] if variable else [])
    for one in found:
        assert "while that one is away, nothing of this robot arrives" in one.why


def test_the_shares_of_all_robots_fit_into_the_room_of_all_storages() -> None:
    robots = {"telemetry_hub_robots": ["rover", "scout"], "telemetry_hub_series_share": 4000}
    assert judged(robots, robots, robots) == []
    more = {**robots, "telemetry_hub_series_share": 4001}
    (found,) = gate.check(hubs(more, more, more)[0], catalogue())
    assert found.variable == "telemetry_hub_series_share"
    assert "the hub has 3000 of its own" in found.why


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"storage.maxHourlySeries": "10"}, "takes 10 in an hour"),
        ({"storage.maxHourlySeries": 8999}, "takes 8999 in an hour"),
        ({"storage.maxDailySeries": "8999"}, "takes 8999 in a day"),
        ({"storage.maxDailySeries": 9000, "storage.maxHourlySeries": "9000"}, ""),
        ({"storage.maxDailySeries": None}, ""),
    ],
    ids=str,
)
def test_a_bound_of_one_storages_series_leaves_room_for_its_part_of_them(flags: dict[str, Any], words: str) -> None:
    variable = "telemetry_hub_vmstorage_flags_extra"
    robots = {"telemetry_hub_robots": ["rover", "scout"], variable: flags}
    found = gate.check(hubs(robots, robots, robots)[0], catalogue())
    assert [words in one.why for one in found] == ([True] if words else [])
    assert all(variable in one.remedy for one in found)
    five = ("a", "b", "c", "d", "e")
    half = {**robots, variable: {"storage.maxHourlySeries": 5500}}  # of 11,000: each has two fourths of them
    assert gate.check(hubs(*[half] * 5, names=five)[0], catalogue()) == []
