"""Three hosts of a hub: which part is where, what the parts, the entry points, the rules and the robots become."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import cluster
from ansible_collections.robotfleet.stack.plugins.filter.hub_urls import urls
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.series import OWN, of_storage, room
from declarations import PROJECT
from hypothesis import given
from hypothesis import strategies as st
from rendering import rendered_template, templar, value

A, B, C = "https://a:8427", "https://b:8427", "https://c:8427"
ENTRY_POINT = PROJECT / "roles/telemetry_hub/templates/auth.yml.j2"
RULES = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
SCRAPE = PROJECT / "roles/telemetry_hub/templates/scrape.yml.j2"
HOSTS = [
    {"inventory_hostname": name, "telemetry_hub_cluster_address": f"10.0.0.{i}"} for i, name in enumerate("abc", 1)
]
HUB: dict[str, Any] = {
    "inventory_hostname": "a",
    "telemetry_hub_cluster": cluster(HOSTS),
    "telemetry_hub_cluster_address": "10.0.0.1",
    "telemetry_hub_robots": ["rover", "scout"],
    "telemetry_hub_robot_passwords": {"rover": "one", "scout": "other"},
    "telemetry_hub_reader_password": "readers",
    "telemetry_hub_database_password": "databases",
    "telemetry_hub_secrets_optional": True,
    "telemetry_hub_other_ca": "-----BEGIN CERTIFICATE-----",
}
THIRD = {"inventory_hostname": "c", "telemetry_hub_cluster_address": "10.0.0.3"}
PARTS = ("vmstorage", "vmselect", "vminsert", "vmauth", "vmalert", "vmagent")


def spec(part: str, **written: Any) -> dict[str, Any]:
    found: dict[str, Any] = value(f"telemetry_hub_{part}_spec", **{**HUB, **written})
    return found


def flags(part: str, name: str, **written: Any) -> list[str]:
    return [word.partition("=")[2] for word in spec(part, **written)["command"] if word.startswith(f"-{name}=")]


def users(**written: Any) -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load(rendered_template(ENTRY_POINT, **{**HUB, **written}))["users"]
    return {user["username"]: user for user in listed}


def rules(**written: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for group in yaml.safe_load(rendered_template(RULES, **{**HUB, **written}))["groups"]:
        for rule in group["rules"]:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def places(user: dict[str, Any], path: str) -> list[str]:
    """Return whom a user's question is passed to, with the path below which it is asked there."""
    found = [place for place in user["url_map"] if any(re.fullmatch(one, path) for one in place["src_paths"])]
    return found[0]["url_prefix"] if found else []


def test_two_hosts_are_no_cluster() -> None:
    assert cluster(HOSTS[:2]) == cluster([]) == {}


def test_a_host_has_all_parts_unless_the_inventory_says_so_and_two_have_the_rules() -> None:
    found = cluster(HOSTS)
    assert list(found) == ["a", "b", "c"]
    assert {name: "vmalert" in host["parts"] for name, host in found.items()} == {"a": True, "b": True, "c": False}
    assert [host["address"] for host in found.values()] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [host["url"] for host in found.values()] == [A, B, C]
    without = cluster([{**HOSTS[0], "telemetry_hub_vmauth_enabled": "false"}, *HOSTS[1:]])
    assert without["a"]["parts"] == ["vmstorage", "vmselect", "vminsert", "vmalert"]


@pytest.mark.parametrize("host", ["a", "b", "c"])
def test_what_a_host_says_of_itself_is_what_the_others_are_told(host: str) -> None:
    """The roles' defaults and the list of hosts are made in different places."""
    for part in PARTS[:-1]:
        on = value(f"telemetry_hub_{part}_enabled", **{**HUB, "inventory_hostname": host})
        assert on == (part in HUB["telemetry_hub_cluster"][host]["parts"]), part
    assert value("telemetry_hub_victoriametrics_enabled", **HUB) is False
    one = {**HUB, "telemetry_hub_cluster": {}}
    assert [part for part in ("victoriametrics", *PARTS) if value(f"telemetry_hub_{part}_enabled", **one)] == [
        "victoriametrics", "vmauth", "vmalert",
    ]  # fmt: skip


def test_storages_are_reached_on_the_address_that_was_named_and_everything_else_on_loopback() -> None:
    open_to_others = {
        address for part in PARTS for address in spec(part)["listens"] if not address.startswith("127.0.0.1:")
    }
    assert open_to_others == {"10.0.0.1:8400", "10.0.0.1:8401", "0.0.0.0:8427"}
    assert flags("vmstorage", "vminsertAddr") == ["10.0.0.1:8400"]
    assert flags("vmstorage", "vmselectAddr") == ["10.0.0.1:8401"]
    assert flags("vmstorage", "httpListenAddr") == ["127.0.0.1:8482"]


def test_all_hosts_name_the_same_storages_and_two_copies() -> None:
    for host in ("a", "b", "c"):
        written = {"inventory_hostname": host}
        assert flags("vminsert", "storageNode", **written) == ["10.0.0.1:8400", "10.0.0.2:8400", "10.0.0.3:8400"]
        assert flags("vmselect", "storageNode", **written) == ["10.0.0.1:8401", "10.0.0.2:8401", "10.0.0.3:8401"]
        assert flags("vminsert", "replicationFactor") == flags("vmselect", "replicationFactor") == ["2"]
    assert flags("vmselect", "search.denyPartialResponse") == ["true"], "a hole is an error"
    for part in ("vmselect", "vmstorage"):
        assert flags(part, "dedup.minScrapeInterval") == ["1ms"], "a robot sends to two entry points"


def test_over_ipv6_addresses_have_their_brackets() -> None:
    six = {
        "telemetry_hub_cluster": cluster(
            [{**host, "telemetry_hub_cluster_address": f"fd00::{number}"} for number, host in enumerate(HOSTS)]
        ),
        "telemetry_hub_cluster_address": "fd00::0",
    }
    assert flags("vminsert", "storageNode", **six) == ["[fd00::0]:8400", "[fd00::1]:8400", "[fd00::2]:8400"]
    assert spec("vmstorage", **six)["listens"] == ["127.0.0.1:8482", "[fd00::0]:8400", "[fd00::0]:8401"]
    for part in ("vminsert", "vmselect", "vmstorage"):
        assert flags(part, "enableTCP6", **six) == ["true"]
        assert flags(part, "enableTCP6") == []


@pytest.mark.parametrize("part", PARTS)
def test_nobody_is_asked_on_loopback_without_the_hubs_password(part: str) -> None:
    assert flags(part, "httpAuth.username") == ["hub"]
    assert flags(part, "httpAuth.password") == ["file:///config/database_password"]
    assert "database_password" in [file["path"] for file in spec(part)["files"]]


def test_every_part_is_another_user_and_bounded() -> None:
    specs = [spec(part) for part in PARTS]
    assert len({one["user"] for one in specs}) == len(PARTS)
    for one in specs:
        assert one["memory_limit_mib"] > 0
        assert int(one["environment"]["GOMEMLIMIT"].removesuffix("MiB")) < one["memory_limit_mib"]


def test_robots_write_through_the_vminsert_of_the_host_that_they_ask_with_the_same_labels() -> None:
    for host in ("a", "c"):
        for robot in ("rover", "scout"):
            user = users(inventory_hostname=host)[robot]
            (place,) = user["url_map"]
            assert place["src_paths"] == ["/api/v1/write"]
            assert place["url_prefix"] == (
                f"http://127.0.0.1:8480/insert/0/prometheus/?extra_label=robot%3D{robot}"
                "&extra_label=robot_groups%3D%2C%2C&extra_label=through_door%3D1"
            )
    assert flags("vminsert", "relabelConfig") == ["/config/relabel.yml"]
    assert "relabel.yml" in [file["path"] for file in spec("vminsert")["files"]]


def test_an_entry_point_reads_from_its_own_vmselect_and_then_from_the_other_hosts() -> None:
    reader = users()["reader"]
    own = "http://127.0.0.1:8481/select/0/"
    assert places(reader, "/api/v1/query") == [f"{own}prometheus/", f"{B}/", f"{C}/"]
    assert places(reader, "/prometheus/api/v1/query") == [own, f"{B}/", f"{C}/"]
    assert places(reader, "/vmui/") == [f"{own}prometheus/", f"{B}/", f"{C}/"]
    assert {place["load_balancing_policy"] for place in reader["url_map"]} == {"first_available"}
    assert all(place["retry_status_codes"] == [502, 503, 504] for place in reader["url_map"])
    assert reader["tls_ca_file"] == "/config/tls/other_authority.pem"
    assert "tls/other_authority.pem" in [file["path"] for file in spec("vmauth")["files"]]
    assert flags("vmauth", "responseTimeout") == ["75s"]


def test_about_alerts_only_hosts_with_rules_are_asked() -> None:
    own = "http://127.0.0.1:8481/select/0/prometheus/"
    for path in ("/api/v1/alerts", "/api/v1/rules", "/vmalert/"):
        assert places(users()["reader"], path) == [own, f"{B}/"]
        assert places(users(**THIRD)["reader"], path) == [f"{A}/", f"{B}/"]
        assert places(users()["hub"], path) == [own]
        assert places(users(**THIRD)["hub"], path) == []


def test_what_came_from_another_entry_point_is_not_passed_on() -> None:
    other = users()["hub"]
    assert {url for place in other["url_map"] for url in place["url_prefix"]} == {
        "http://127.0.0.1:8481/select/0/prometheus/",
        "http://127.0.0.1:8481/select/0/",
    }


@pytest.mark.parametrize("user", ["reader", "hub"])
def test_whoever_reads_writes_nothing_and_asks_no_further(user: str) -> None:
    known = users()[user]
    for path in (
        "/api/v1/write", "/api/v1/import", "/prometheus/api/v1/write", "/insert/0/prometheus/api/v1/write",
        "/api/v1/admin/tsdb/delete_series", "/delete/0/prometheus/api/v1/admin/tsdb/delete_series", "/admin/tenants",
        "/snapshot/create", "/internal/force_flush", "/select/1/prometheus/api/v1/query", "/metrics", "/flags",
        "/api/v1/status/metric_names_stats/reset", "/debug/pprof/heap",
    ):  # fmt: skip
        assert places(known, path) == [], path


def test_the_same_paths_are_open_as_at_one_hub() -> None:
    one = users(telemetry_hub_cluster={})["reader"]
    for path in (
        "/api/v1/query", "/api/v1/label/robot/values", "/prometheus/api/v1/status/tsdb", "/federate", "/vmui/a/b",
        "/graph", "/prometheus/vmalert/api/v1/rules", "/api/v1/notifiers", "/api/v1/format_query", "/vmui",
    ):  # fmt: skip
        assert places(users()["reader"], path), path
        assert places(one, path), path


def test_a_robot_that_brings_too_much_is_shut_out_at_each_entry_point() -> None:
    shares = spec("vmauth")["shares"]
    assert shares["backend"] == "http://127.0.0.1:8480/insert/0/prometheus/"
    assert rendered_template(ENTRY_POINT, **HUB).count(shares["backend"]) == 2, "once for each robot"
    assert shares["count_url"].startswith(
        "http://127.0.0.1:8481/select/0/prometheus/api/v1/status/tsdb?focusLabel=robot"
    )
    assert (shares["restarts"], shares["copies"]) == ("telemetry_hub_vmstorage", 2)
    assert shares["each"] == 3000
    turns = {name: spec("vmauth", inventory_hostname=name)["shares"] for name in "abc"}
    assert {name: (one["turn"], one["turns"]) for name, one in turns.items()} == {"a": (0, 3), "b": (1, 3), "c": (2, 3)}


def test_the_end_of_each_hosts_certificate_is_told_also_of_ones_of_their_own() -> None:
    own = (PROJECT / "tests/roles/certificate.pem").read_text(encoding="utf-8")
    found = rules(
        telemetry_hub_tls_certificate=own,
        telemetry_hub_tls_key="key",
        hostvars={"c": {"telemetry_hub_tls_certificate": own}},
    )
    assert [alert["labels"]["hub"] for alert in found["TelemetryHubCertificateEnds"]] == ["a", "c"]


def test_vmalert_reads_and_writes_through_its_own_host() -> None:
    assert flags("vmalert", "datasource.url") == ["http://127.0.0.1:8481/select/0/prometheus"]
    assert flags("vmalert", "remoteWrite.url") == ["http://127.0.0.1:8480/insert/0/prometheus"]


def test_each_host_reads_its_own_parts_and_says_whose_they_are() -> None:
    def jobs(**written: Any) -> dict[str, str]:
        read = yaml.safe_load(rendered_template(SCRAPE, **{**HUB, **written}))
        assert read["global"]["external_labels"] == {"hub": written.get("inventory_hostname", "a")}
        return {job["job_name"]: job["static_configs"][0]["targets"][0] for job in read["scrape_configs"]}

    assert jobs() == {
        "telemetry_hub_vmstorage": "127.0.0.1:8482",
        "telemetry_hub_vmselect": "127.0.0.1:8481",
        "telemetry_hub_vminsert": "127.0.0.1:8480",
        "telemetry_hub_vmauth": "127.0.0.1:8425",
        "telemetry_hub_vmalert": "127.0.0.1:8880",
        "telemetry_hub_vmagent": "127.0.0.1:8429",
        "sensor_service": "127.0.0.1:9101",
    }
    assert "telemetry_hub_vmalert" not in jobs(**THIRD)
    assert flags("vmagent", "remoteWrite.url") == ["http://127.0.0.1:8480/insert/0/prometheus/api/v1/write"]


def test_hosts_with_rules_judge_by_the_same_ones() -> None:
    assert rules() == rules(inventory_hostname="b", telemetry_hub_cluster_address="10.0.0.2")


def test_each_host_and_each_storage_is_told_by_name() -> None:
    found = rules()
    assert [rule["labels"]["hub"] for rule in found["TelemetryHubAway"]] == ["a", "b", "c"]
    assert {rule["labels"]["hub"]: rule["expr"] for rule in found["TelemetryHubStorageAway"]} == {
        host: f'min(vm_rpc_vmstorage_is_reachable{{hub!="",robot="",addr="10.0.0.{number}:8400"}}) == 0'
        for number, host in enumerate("abc", 1)
    }
    assert "rows_incompletely_replicated" in found["TelemetryHubOneCopy"][0]["expr"]
    assert not {"TelemetryHubStorageAway", "TelemetryHubOneCopy", "TelemetryHubAway"} & set(
        rules(telemetry_hub_cluster={})
    )


def test_another_entry_point_is_no_robot_and_an_entry_point_that_is_away_makes_no_robot_slow() -> None:
    assert 'username!="reader",username!="hub"' in rules()["RobotSilent"][0]["expr"]
    assert rules()["RobotBacklogGrowing"][0]["expr"].count("min by (robot)") == 2


@given(st.integers(1, 10**6), st.integers(3, 40))
def test_what_the_storages_hold_together_is_two_copies_also_without_one_of_them(series: int, storages: int) -> None:
    assert of_storage(series, storages) * (storages - 1) >= 2 * series
    assert of_storage(series, 3) == of_storage(series, 0) == of_storage(series, 1) == series


def test_each_storage_has_room_for_its_share_and_for_what_all_hosts_say_of_themselves() -> None:
    assert room(1000, 10) == {"hourly": 40_000 + OWN, "daily": 60_000 + OWN, "share": 3000}
    assert room(1000, 10, 3, 3)["hourly"] == 40_000 + 3 * OWN
    assert room(1000, 10, 5, 5)["hourly"] == (40_000 + 5 * OWN) // 2
    assert flags("vmstorage", "storage.maxHourlySeries") == [str(4 * 2000 + 3 * OWN)]


def test_robots_send_to_two_entry_points_and_all_of_them_have_their_share() -> None:
    hosts = ["a", "b", "c"]
    sent = Counter(url for number in range(600) for url in urls(hosts, f"robot-{number}"))
    assert all(len(set(urls(hosts, f"robot-{number}"))) == 2 for number in range(600))
    assert all(340 < count < 460 for count in sent.values()), sent
    first = Counter(urls(hosts, f"robot-{number}")[0] for number in range(600))
    assert all(140 < count < 260 for count in first.values()), first


def test_a_host_that_joins_moves_no_robot_between_the_others() -> None:
    for number in range(200):
        before, after = urls(["a", "b", "c"], f"robot-{number}"), urls(["a", "b", "c", "d"], f"robot-{number}")
        assert [url for url in after if url != "https://d:8427"] == before[: 1 if "https://d:8427" in after else 2]


def test_robots_find_entry_points_by_what_the_inventory_says_of_the_hosts() -> None:
    known: dict[str, dict[str, Any]] = {
        "a": {"telemetry_hub_names": ["hub-1.example.org"]},
        "b": {"telemetry_hub_vmauth_enabled": False},
        "c": {"telemetry_hub_listen_address": "0.0.0.0:443"},
    }
    assert sorted(urls(["a", "b", "c"], "scout", known)) == ["https://c:443", "https://hub-1.example.org:8427"]
    assert urls(["a", "b"], "scout", known) == [A, B], "of a pair, as ever"
    assert len(value("vmagent_hub_urls", groups={"telemetry_hub": ["a", "b", "c"]})) == 2


def tasks(file: str) -> dict[str, dict[str, Any]]:
    """Return the tasks of a playbook, or of a list of tasks, by their names; of two with one name the last."""
    read = yaml.safe_load((PROJECT / "playbooks" / file).read_text(encoding="utf-8"))
    listed = [task for play in read for task in play.get("tasks", [play])]
    return {task["name"]: task for task in listed}


UNSAID = tasks("hub.yml")["A hub does not become a cluster, or a cluster a hub, unsaid"]
(ANSWER,) = tasks("tasks/storages_answer.yml").values()
CLUSTER = HUB["telemetry_hub_cluster"]
SINGLE, STORAGE = "telemetry_hub_victoriametrics", "telemetry_hub_vmstorage"


def worked_out(text: str, **known: Any) -> Any:
    own = {"robot_stack_state": "present", "robot_stack_root": "/srv", "ansible_check_mode": False}
    return templar(**{**own, **known}).template(trust_as_template(text))


def unsaid(hosts: dict[str, Any], *folders: str, said: bool = False) -> Any:
    """Return whether a run goes on where these folders are."""
    known = {"telemetry_hub_cluster": hosts, "hub_folders": list(folders), "telemetry_hub_kind_change": said}
    known |= {name: worked_out(text, **known) for name, text in UNSAID["vars"].items()}
    return worked_out("{{ " + UNSAID["ansible.builtin.assert"]["that"] + " }}", **known)


@pytest.mark.parametrize(
    ("hosts", "own", "other"), [({}, SINGLE, STORAGE), (CLUSTER, STORAGE, SINGLE)], ids=["hub", "cluster"]
)
def test_a_hub_becomes_a_cluster_or_a_cluster_a_hub_only_where_it_is_said(
    hosts: dict[str, Any], own: str, other: str
) -> None:
    data, config = f"{other}/data", f"{other}/config"
    for there in ((data, config), (data,), (config,), (data, config, f"{own}/data"), (data, config, f"{own}/config")):
        assert unsaid(hosts, *there) is False, there
        assert unsaid(hosts, *there, said=True) is True
    for fine in ((), (f"{own}/data", f"{own}/config"), (f"{own}/data", data)):
        assert unsaid(hosts, *fine) is True, fine


def test_a_former_hub_that_has_no_storage_in_a_cluster_is_asked_about_once() -> None:
    assert unsaid(CLUSTER, f"{SINGLE}/data", "telemetry_hub_vmauth/config") is False
    assert unsaid(CLUSTER, f"{SINGLE}/data", "telemetry_hub_vmselect/config") is True


def test_before_a_storage_is_changed_those_of_the_run_that_are_deployed_answer() -> None:
    deployed = {"hub_folders": [f"{STORAGE}/config", f"{STORAGE}/data"]}
    absent = {"hub_folders": [f"{STORAGE}/data"]}
    folders: dict[str, dict[str, Any]] = {"a": deployed, "b": deployed, "c": absent, "d": {}}
    hostvars = {name: {"inventory_hostname": name, **found} for name, found in folders.items()}
    hosts = dict.fromkeys(folders, CLUSTER["a"])

    def waits(name: str, run: list[str], cluster: Any = hosts) -> Any:
        known = {"telemetry_hub_cluster": cluster, "inventory_hostname": name, "hostvars": hostvars}
        known |= {"ansible_play_hosts_all": run}
        known |= {key: worked_out(text, **known) for key, text in ANSWER["vars"].items()}
        condition = worked_out("{{ " + ANSWER["when"] + " }}", **known)
        assert isinstance(condition, bool)
        return worked_out(ANSWER["loop"], **known) if condition else []

    assert waits("a", ["a", "b", "c", "d"]) == ["b"], "one that is out of service is put back by this run"
    assert waits("a", ["a"]) == [], "who is left out is not waited for"
    assert waits("c", ["a", "b", "c"]) == [], "a storage that is not there is none that leaves"
    assert waits("a", ["a", "b"], {}) == []


@pytest.mark.parametrize("playbook", ["hub.yml", "rollback.yml"])
def test_both_ways_of_a_change_wait_for_the_other_storages(playbook: str) -> None:
    known = tasks(playbook)
    for name, file in (("What of a hub is there", "hub_found"), (ANSWER["name"], "storages_answer")):
        assert known[name]["ansible.builtin.import_tasks"] == f"tasks/{file}.yml"
    told = worked_out("{{ " + known[ANSWER["name"]]["when"] + " }}", telemetry_hub_leaving=[])
    assert told is True
