"""Two hosts of a hub: what robots, entry points and rules become, and what of the first host stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_queue import queue
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_queues import queues
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import disk_mib
from declarations import PROJECT
from rendering import rendered_template, templar, value

NORTH, SOUTH = "https://north:8427", "https://south:8427"
WRITE = "/api/v1/write"
ROBOT = {"vmagent_hub_password": "robots", "vmagent_hub_ca": "authority", "inventory_dir": "/nowhere"}
GROUPS = {"telemetry_hub": ["north", "south"], "robots": ["scout"]}
ENTRY_POINT = PROJECT / "roles/telemetry_hub/templates/auth.yml.j2"
RULES = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
HUB: dict[str, Any] = {
    "inventory_hostname": "north",
    "telemetry_hub_robots": ["rover", "scout"],
    "telemetry_hub_robot_passwords": {"rover": "one", "scout": "other"},
    "telemetry_hub_reader_password": "readers",
    "telemetry_hub_database_password": "databases",
    "telemetry_hub_secrets_optional": True,
}
PAIR: dict[str, Any] = {
    **HUB,
    "telemetry_hub_pair": ["north", "south"],
    "telemetry_hub_other_url": SOUTH,
    "telemetry_hub_other_ca": "-----BEGIN CERTIFICATE-----",
}


def agent(mode: str = "push", **written: Any) -> dict[str, Any]:
    given = {"vmagent_hub_urls": [NORTH, SOUTH], "robot_stack_telemetry_mode": mode, **ROBOT, **written}
    found: dict[str, Any] = value("vmagent_spec", **given)
    return found


def flags(found: dict[str, Any], name: str) -> list[str]:
    return [word.partition("=")[2] for word in found["command"] if word.startswith(f"-{name}=")]


def users(**written: Any) -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load(rendered_template(ENTRY_POINT, **{**PAIR, **written}))["users"]
    return {user["username"]: user for user in listed}


def rules(**written: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for group in yaml.safe_load(rendered_template(RULES, **{**PAIR, **written}))["groups"]:
        for rule in group["rules"]:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def test_a_robot_sends_to_both_with_its_login_and_each_has_a_queue_on_disk() -> None:
    found = agent()
    assert flags(found, "remoteWrite.url") == [NORTH + WRITE, SOUTH + WRITE]
    assert flags(found, "remoteWrite.basicAuth.username") == ["scout,scout,"]
    assert flags(found, "remoteWrite.basicAuth.passwordFile") == ["/config/hub_password,/config/hub_password,"]
    assert flags(found, "remoteWrite.tlsCAFile") == ["/config/hub_ca.pem"], "one value counts for all"
    assert flags(found, "remoteWrite.rateLimit") == ["48000"], "so does this"
    assert flags(found, "remoteWrite.maxDiskUsagePerURL") == [str(512 * 1024 * 1024 + 128)]
    assert flags(found, "remoteWrite.disableOnDiskQueue") == []
    assert [file["path"] for file in found["files"]] == ["scrape.yml", "hub_password", "hub_ca.pem"]


def test_the_neighbour_comes_behind_both_and_has_what_is_its_own() -> None:
    found = agent("both", vmagent_local_username="operator", vmagent_local_password="secret")
    assert flags(found, "remoteWrite.url") == [NORTH + WRITE, SOUTH + WRITE, "http://127.0.0.1:8428" + WRITE]
    assert flags(found, "remoteWrite.basicAuth.username") == ["scout,scout,operator"]
    assert flags(found, "remoteWrite.basicAuth.passwordFile") == [
        "/config/hub_password,/config/hub_password,/config/local_password"
    ]
    assert flags(found, "remoteWrite.rateLimit") == ["48000,48000,0"]
    assert flags(found, "remoteWrite.disableOnDiskQueue") == ["false,false,true"]


def test_the_hosts_of_the_group_are_sent_to_unless_the_inventory_says_where() -> None:
    assert value("vmagent_hub_urls", groups=GROUPS) == [NORTH, SOUTH]
    assert value("vmagent_hub_urls", groups={"telemetry_hub": ["north"]}) == [NORTH]
    assert value("vmagent_hub_urls", groups={}) == value("vmagent_hub_urls") == []
    given = {"vmagent_hub_url": "https://hub.example.org:8427"}
    assert value("vmagent_hub_urls", groups=GROUPS, **given) == ["https://hub.example.org:8427"]


def test_each_hub_has_a_queue_which_takes_over_what_was_in_its_place() -> None:
    first, second = queues([NORTH + WRITE, SOUTH + WRITE])
    name = queue(SOUTH + WRITE, 2)
    assert second == {"adopts": f"persistent-queue/{name}", "adopts_from": "persistent-queue/2_*"}
    assert agent()["data"] == [{"name": "buffer", "target": "/vmagent-data", **first, "also_adopts": [second]}]
    (data,) = agent(vmagent_hub_urls=[SOUTH])["data"]
    assert data["adopts"] == f"persistent-queue/1_{name[2:]}", "alone it has the first place, and the name that it had"


def test_the_disk_that_is_asked_for_holds_both_buffers() -> None:
    assert agent()["disk_mib"] == 2 * (512 + 512) + 256
    assert agent(vmagent_buffer_disk_mib=2048)["disk_mib"] == disk_mib(2048, 256, 2) == 2 * (2048 + 512) + 256
    (note,) = agent()["notes"]
    assert note.startswith("without one of its 2 hubs, or all of them, it keeps every sample for 124 h")


@pytest.mark.parametrize("service", ["victoriametrics", "backup"])
def test_a_second_host_leaves_the_first_ones_database_as_it_is(service: str) -> None:
    name = f"telemetry_hub_{service}_spec"
    assert value(name, **PAIR) == value(name, **HUB)


def test_of_the_first_host_the_entry_point_and_the_rules_change() -> None:
    changed = {
        service: {key for key, one in value(f"telemetry_hub_{service}_spec", **PAIR).items() if one != before[key]}
        for service in ("vmauth", "vmalert")
        for before in [value(f"telemetry_hub_{service}_spec", **HUB)]
    }
    assert changed == {"vmauth": {"command", "files"}, "vmalert": set()}, "rules are a template"


def test_an_entry_point_reads_from_its_own_database_and_then_from_the_other_host() -> None:
    reader = users()["reader"]
    (place,) = reader["url_map"]
    assert place["url_prefix"] == ["http://127.0.0.1:8428/", SOUTH + "/"]
    assert place["load_balancing_policy"] == "first_available"
    assert place["retry_status_codes"] == [502, 503, 504]
    assert reader["tls_ca_file"] == "/config/tls/other_authority.pem"
    files = {file["path"]: file for file in value("telemetry_hub_vmauth_spec", **PAIR)["files"]}
    assert files["tls/other_authority.pem"]["content"] == PAIR["telemetry_hub_other_ca"]


def test_what_came_from_the_other_entry_point_is_not_passed_on() -> None:
    known = users()
    (other,) = known["hub"]["url_map"]
    assert other["url_prefix"] == "http://127.0.0.1:8428/"
    assert other["src_paths"] == known["reader"]["url_map"][0]["src_paths"]
    assert not [path for path in other["src_paths"] if re.search("write|import|admin|snapshot|delete", path)]
    assert known["hub"]["password"] == "databases"
    assert {name for name, user in known.items() if "south" in str(user)} == {"reader"}


def test_a_host_that_lacks_samples_lets_the_other_one_answer() -> None:
    (place,) = users(telemetry_hub_other_first=True)["reader"]["url_map"]
    assert place["url_prefix"] == [SOUTH + "/", "http://127.0.0.1:8428/"]


def test_robots_write_to_the_host_that_they_ask_and_to_no_other() -> None:
    one = {user["username"]: user for user in yaml.safe_load(rendered_template(ENTRY_POINT, **HUB))["users"]}
    assert set(users()) - set(one) == {"hub"}
    for robot in ("rover", "scout"):
        assert users()[robot] == one[robot]


def test_without_an_authority_of_its_own_the_image_says_whom_to_trust() -> None:
    public = {**PAIR, "telemetry_hub_other_ca": ""}
    assert "tls_ca_file" not in users(**public)["reader"]
    assert "tls/other_authority.pem" not in [f["path"] for f in value("telemetry_hub_vmauth_spec", **public)["files"]]
    assert value("telemetry_hub_other_ca", telemetry_hub_tls_certificate="PEM") == ""


def test_both_hosts_judge_by_the_same_rules() -> None:
    south = {"inventory_hostname": "south", "telemetry_hub_other_url": NORTH}
    assert rules() == rules(**south)


def test_the_other_entry_point_is_no_robot_that_is_silent() -> None:
    (silent,) = rules()["RobotSilent"]
    assert 'username!="reader",username!="hub"' in silent["expr"]


def test_each_host_of_the_pair_is_told_by_its_place_and_name() -> None:
    told = {rule["labels"]["hub"]: rule["expr"] for rule in rules()["TelemetryHubAway"]}
    assert set(told) == {"north", "south"}
    assert 'url="1:secret-url"' in told["north"]
    assert 'url="2:secret-url"' in told["south"]
    assert "TelemetryHubAway" not in rules(telemetry_hub_pair=[])


def test_the_second_host_follows_when_the_first_one_runs_and_all_are_compared_at_once() -> None:
    plays = yaml.safe_load((PROJECT / "playbooks/hub.yml").read_text(encoding="utf-8"))
    _, ready, hub = plays
    assert "serial" not in ready, "no secret is made before all hosts were asked"
    assert (ready["any_errors_fatal"], ready["max_fail_percentage"]) == (True, 0)
    serial = trust_as_template(hub["serial"])
    assert templar().template(serial) == 1
    for state in ("verified", "planned", "absent"):
        assert templar(hub_state=state).template(serial) == "100%"
    assert ready["vars"] == hub["vars"]


@pytest.mark.parametrize(
    ("answer", "leaving", "judged"),
    [
        ({"changed": True, "proven": False}, [], True),
        ({"changed": True, "proven": True}, [], True),  # made anew as it was
        ({"changed": False, "proven": False}, [], True),  # a run before this one was cut off, or judged nothing yet
        ({"changed": False, "proven": True}, [], False),
        ({"changed": True}, [], False),  # a plan, a comparison, a removal, check mode
        ({"changed": True, "proven": False}, ["scout"], False),
        (None, [], False),  # no tag of this run was about it
    ],
)
def test_what_changed_is_judged(answer: dict[str, Any] | None, leaving: list[str], judged: bool) -> None:
    (_, _, hub) = yaml.safe_load((PROJECT / "playbooks/hub.yml").read_text(encoding="utf-8"))
    last = hub["tasks"][-1]
    assert last["ansible.builtin.import_tasks"] == "tasks/proven.yml"
    found = templar(telemetry_hub_leaving=leaving, **({} if answer is None else {"robot_stack_result": answer}))

    def holds(condition: str) -> bool:
        return bool(found.template(trust_as_template(f"{{{{ {condition} }}}}")))

    assert all(holds(condition) for condition in last["when"]) is judged


def test_who_is_judged_has_soaked_and_may_be_tight() -> None:
    soak, judge = yaml.safe_load((PROJECT / "playbooks/tasks/proven.yml").read_text(encoding="utf-8"))
    assert "rollout_soak_seconds" in soak["ansible.builtin.wait_for"]["timeout"]
    assert (judge["vars"]["robot_stack_state"], judge["vars"]["robot_stack_accept_tight"]) == ("proven", True)
    assert "fresh" in judge["vars"]["robot_stack_fresh"]
    (_, _, hub) = yaml.safe_load((PROJECT / "playbooks/hub.yml").read_text(encoding="utf-8"))
    (deployed,) = [task for task in hub["tasks"] if task["name"] == "Hub"]
    assert judge["tags"] == deployed["tags"], "--tags telemetry_hub is about both"


def test_the_pair_is_taken_from_the_inventory() -> None:
    written = yaml.safe_load((PROJECT / "playbooks/vars/hub_pair.yml").read_text(encoding="utf-8"))
    for name in ("hub", "rollback"):
        plays = yaml.safe_load((PROJECT / f"playbooks/{name}.yml").read_text(encoding="utf-8"))
        about = [play for play in plays if "telemetry_hub" in str(play["hosts"]) and "vars_files" in play]
        assert len(about) == 2
        assert all({"vars/hub_pair.yml", "vars/hub_cluster.yml"} <= set(play["vars_files"]) for play in about)
    hosts = {
        "north": {"inventory_hostname": "north"},
        "south": {"inventory_hostname": "south", "telemetry_hub_names": ["hub-2.example.org"]},
    }

    def other(name: str, *group: str) -> Any:
        found = templar(inventory_hostname=name, groups={"telemetry_hub": list(group)}, hostvars=hosts)
        pair = found.template(trust_as_template(written["telemetry_hub_pair"]))
        known = {"inventory_hostname": name, "hostvars": hosts, "telemetry_hub_pair": pair}
        return templar(**known).template(trust_as_template(written["telemetry_hub_other_url"]))

    assert other("north", "north", "south") == "https://hub-2.example.org:8427"
    assert other("south", "north", "south") == NORTH
    assert other("north", "north") == ""
