"""A host of a cluster goes on answering with what it stored as a hub: what that needs, and where it would be none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import cluster, former, gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from clusters import ADDRESS, SERVICES, hubs, judged
from declarations import catalogue, robot

FORMER, VERSION = former.FORMER, former.VERSION
ONE: dict[str, Any] = {FORMER: True, "robot_stack_memory_budget_mib": 1072}
DATABASE = "telemetry_hub_victoriametrics"


def of_the_first(*written: dict[str, Any]) -> list[Fault]:
    return gate.check(hubs(*written)[0], catalogue())


def test_the_host_that_was_the_hub_keeps_its_database_beside_the_clusters_parts() -> None:
    found = hubs(ONE)
    assert [DATABASE in host.services for host in found] == [True, False, False]
    assert judged(ONE) == []
    assert [one for each in found for one in gate.check(each, catalogue())] == []


def test_both_hosts_of_a_pair_may_keep_theirs_and_no_third_one() -> None:
    assert judged(ONE, ONE) == []
    (found,) = judged(ONE, ONE, ONE)
    assert (found.robot, found.variable) == ("c", FORMER)
    assert "a and b have it" in found.why


def test_it_counts_in_the_hosts_budget() -> None:
    (found,) = of_the_first({**ONE, "robot_stack_memory_budget_mib": 1071})
    assert found.variable == "robot_stack_memory_budget_mib"
    assert f"{DATABASE}_memory_limit_mib 256" in found.why


def test_a_limit_in_which_it_could_not_answer_is_refused() -> None:
    assert of_the_first({**ONE, f"{DATABASE}_memory_limit_mib": 54}) == []
    (found,) = of_the_first({**ONE, f"{DATABASE}_memory_limit_mib": 53})
    assert found.variable == f"{DATABASE}_memory_limit_mib"
    assert (
        found.why == "below the 54 MiB that it needs by what a robot's database was measured to need with 1000 series"
    )


def test_one_hub_or_a_pair_has_none() -> None:
    written = {"robot_stack_services": SERVICES, "robot_stack_memory_budget_mib": 1000, FORMER: True}
    (found,) = gate.check(robot("a", **written), catalogue())
    assert (found.variable, found.remedy) == (FORMER, "delete the line, or add hosts")


def test_a_database_that_would_not_run_is_refused() -> None:
    (found,) = judged({**ONE, f"{DATABASE}_enabled": False})
    assert (found.robot, found.variable) == ("a", f"{DATABASE}_enabled")


def test_who_would_keep_a_database_is_told_how() -> None:
    (found,) = judged({f"{DATABASE}_enabled": True})
    assert f"write {FORMER}: true" in found.remedy


@pytest.mark.parametrize("version", ["v1.136.23", "v1.146.0", "v1.146.0-scratch", "v0.200.1"])
def test_a_version_that_no_vmselect_can_read_from_is_refused(version: str) -> None:
    (found,) = judged({**ONE, VERSION: version})
    assert (found.robot, found.variable) == ("a", VERSION)
    assert judged({VERSION: version}) == [], "where it is not used it does not matter"


@pytest.mark.parametrize("version", ["v1.147.0", "v1.148.8", "v2.0.1", "heads-master", "latest"])
def test_others_are_taken_also_those_that_say_nothing_of_their_age(version: str) -> None:
    assert judged({**ONE, VERSION: version}) == []


def test_without_a_storage_it_needs_an_address_of_its_own_too() -> None:
    own = {**ONE, "telemetry_hub_vmstorage_enabled": False}
    four = ("a", "b", "c", "d")
    assert judged(own, names=four) == []
    for address in ("", "0.0.0.0", "10.0.0.2"):
        assert ADDRESS in {one.variable for one in judged({**own, ADDRESS: address}, names=four)}, address


def test_its_port_is_no_others() -> None:
    (found,) = of_the_first({**ONE, "telemetry_hub_listen_address": "0.0.0.0:8411"})
    assert found.variable == "telemetry_hub_listen_address"
    assert "has port 8411 already" in found.why
    assert of_the_first({"telemetry_hub_listen_address": "0.0.0.0:8411"}) == []


@pytest.mark.parametrize(
    ("flag", "value"),
    [("vmselectAddr", "10.0.0.1:9000"), ("vmselectAddr", "127.0.0.1:9000"), ("accountID", 7), ("projectID", 7)],
)
def test_a_flag_does_not_decide_who_reads_from_it(flag: str, value: Any) -> None:
    (found,) = of_the_first({**ONE, f"{DATABASE}_flags_extra": {flag: value}})
    assert "whether hosts of a cluster can read" in found.why


def test_its_flags_are_those_of_its_own_version_and_not_of_a_hubs_database() -> None:
    newer = {f"{DATABASE}_flags_extra": {"rpc.disableCompression": True}}
    assert of_the_first({**ONE, **newer}) == []
    (found,) = gate.check(
        robot("a", robot_stack_services=SERVICES, robot_stack_memory_budget_mib=600, **newer), catalogue()
    )
    assert "has no flag rpc.disableCompression" in found.why
    (found,) = of_the_first({**ONE, f"{DATABASE}_flags_extra": {"rpc.disableCompresion": True}})
    assert "did you mean rpc.disableCompression?" in found.remedy


def test_a_cluster_without_one_is_what_it_was() -> None:
    assert cluster.check(hubs()) == []
    assert of_the_first() == []
