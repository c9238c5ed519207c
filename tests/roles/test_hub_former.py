"""One hub, or a pair, becomes a cluster without losing samples: its database answers as one of the storages.

What upstream does with the flags was read in its code, v1.148 (app/vmselect/netstorage, app/vmstorage).
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.filter.hub_cluster import cluster
from declarations import PROJECT, catalogue
from rendering import rendered_template, templar, value

RULES = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
SCRAPE = PROJECT / "roles/telemetry_hub/templates/scrape.yml.j2"
FORMER, DATABASE = "telemetry_hub_former_storage", "telemetry_hub_victoriametrics"
KNOWN: dict[str, Any] = {
    "telemetry_hub_robots": ["rover", "scout"],
    "telemetry_hub_robot_passwords": {"rover": "one", "scout": "other"},
    "telemetry_hub_reader_password": "readers",
    "telemetry_hub_database_password": "databases",
    "telemetry_hub_secrets_optional": True,
}


def hosts(*formers: str, address: str = "10.0.0.{}") -> dict[str, dict[str, Any]]:
    """Return what is known on each host of a cluster, of which ``formers`` were the hub."""
    listed: list[dict[str, Any]] = [
        {"inventory_hostname": name, "telemetry_hub_cluster_address": address.format(i), FORMER: name in formers}
        for i, name in enumerate("abc", 1)
    ]
    return {one["inventory_hostname"]: {**KNOWN, **one, "telemetry_hub_cluster": cluster(listed)} for one in listed}


def spec(part: str, **known: Any) -> dict[str, Any]:
    found: dict[str, Any] = value(f"telemetry_hub_{part}_spec", **known)
    return found


def flags(part: str, **known: Any) -> dict[str, list[str]]:
    """Return a part's flags, each with its values."""
    found: dict[str, list[str]] = {}
    for word in spec(part, **known)["command"]:
        name, _, said = word.removeprefix("-").partition("=")
        found.setdefault(name, []).append(said)
    return found


def test_it_runs_on_the_host_that_was_the_hub_and_on_no_other() -> None:
    known = hosts("a")
    on = {name: value(f"{DATABASE}_enabled", **one) for name, one in known.items()}
    assert on == {"a": True, "b": False, "c": False}
    assert {
        name: "victoriametrics" in host["parts"] for name, host in known["a"]["telemetry_hub_cluster"].items()
    } == on


@pytest.mark.parametrize("written", [True, "true", "yes", "on"])
def test_an_inventory_of_texts_says_it_as_well(written: Any) -> None:
    listed = [{"inventory_hostname": name, FORMER: written if name == "a" else "no"} for name in "abc"]
    assert ["victoriametrics" in host["parts"] for host in cluster(listed).values()] == [True, False, False]


def test_it_answers_vmselects_on_the_named_address_and_nobody_hands_it_samples() -> None:
    found = flags("victoriametrics", **hosts("a")["a"])
    assert found["vmselectAddr"] == ["10.0.0.1:8411"]
    assert found["httpListenAddr"] == ["127.0.0.1:8428"]
    assert (found["maxConcurrentInserts"], found["insert.maxQueueDuration"]) == (["0"], ["0s"])
    assert found["httpAuth.password"] == ["file:///config/database_password"]
    assert spec("victoriametrics", **hosts("a")["a"])["listens"] == ["127.0.0.1:8428", "10.0.0.1:8411"]
    for gone in ("promscrape.config", "relabelConfig", "vmalert.proxyURL", "vmui.customDashboardsPath"):
        assert gone not in found, gone


def test_what_it_stored_stays_where_and_as_long_as_it_was_to_be_kept() -> None:
    one, former = (spec("victoriametrics", **known) for known in (KNOWN, hosts("a")["a"]))
    for same in ("name", "data", "user", "health", "memory_limit_mib", "environment", "history_url"):
        assert former[same] == one[same], same
    before, after = flags("victoriametrics", **KNOWN), flags("victoriametrics", **hosts("a")["a"])
    for same in ("storageDataPath", "retentionPeriod", "dedup.minScrapeInterval", "memory.allowedBytes"):
        assert after[same] == before[same], same
    assert former["disk_mib"] == 0 < one["disk_mib"], "it takes nothing more"


def test_it_is_of_a_version_that_answers_a_vmselect_and_a_hubs_database_is_not() -> None:
    versions = [spec("victoriametrics", **known)["image"]["reference"] for known in (KNOWN, hosts("a")["a"])]
    assert versions == ["victoriametrics/victoria-metrics:v1.136.23", "victoriametrics/victoria-metrics:v1.148.8"]
    options = catalogue().options
    assert options[f"{FORMER}_version"].default == options["victoriametrics_version"].default, (
        "images are there already"
    )


def test_vmselects_of_all_hosts_read_from_it_as_a_group_of_its_own() -> None:
    """In a group as many may be away, less one, as it has copies: of the one former storage that one, and silently."""
    for known in hosts("a").values():
        found = flags("vmselect", **known)
        assert found["storageNode"] == [*(f"10.0.0.{i}:8401" for i in (1, 2, 3)), "former/10.0.0.1:8411"]
        assert found["replicationFactor"] == ["2"]
        assert found["search.denyPartialResponse"] == ["true"]
        assert "globalReplicationFactor" not in found
    assert flags("vminsert", **hosts("a")["a"])["storageNode"] == [f"10.0.0.{i}:8400" for i in (1, 2, 3)]


def test_the_hosts_of_a_pair_are_two_copies_of_one_group() -> None:
    found = flags("vmselect", **hosts("a", "b")["c"])["storageNode"]
    assert found[3:] == ["former/10.0.0.1:8411", "former/10.0.0.2:8411"]


def test_no_vmselect_keeps_an_answer_that_may_lack_what_is_there_later() -> None:
    kept = {names: flags("vmselect", **hosts(*names)["b"])["search.disableCache"] for names in ("", "a", "ab")}
    assert kept == {"": ["false"], "a": ["true"], "ab": ["true"]}


def test_it_finds_as_many_series_as_vmselects_ask_for() -> None:
    known = {
        **hosts("a")["a"],
        "telemetry_hub_robots": [f"robot-{i}" for i in range(9)],
        "telemetry_hub_robot_passwords": {},
    }
    asked = flags("vmselect", **known)["search.maxUniqueTimeseries"]
    assert flags("victoriametrics", **known)["search.maxUniqueTimeseries"] == asked == ["27000"]


def test_over_ipv6_it_has_brackets() -> None:
    known = hosts("a", address="fd00::{}")
    assert flags("vmselect", **known["b"])["storageNode"][3:] == ["former/[fd00::1]:8411"]
    found = flags("victoriametrics", **known["a"])
    assert (found["vmselectAddr"], found["enableTCP6"]) == (["[fd00::1]:8411"], ["true"])
    assert "enableTCP6" not in flags("victoriametrics", **hosts("a")["a"])


def test_the_vmagent_reads_what_it_says_and_whether_vmselects_reach_it() -> None:
    def read(**known: Any) -> dict[str, Any]:
        listed = yaml.safe_load(rendered_template(SCRAPE, **known))["scrape_configs"]
        return {job["job_name"]: job for job in listed}

    jobs = read(**hosts("a")["a"])
    assert jobs[DATABASE]["static_configs"][0]["targets"] == ["127.0.0.1:8428"]
    assert DATABASE not in read(**hosts("a")["b"])
    for known, kept in ((hosts("a"), True), (hosts(), False)):
        (relabelled,) = read(**known["b"])["telemetry_hub_vmselect"]["metric_relabel_configs"]
        assert bool(re.fullmatch(relabelled["regex"], "vm_tcpdialer_addr_available")) is kept
    assert spec("victoriametrics", **hosts("a")["a"])["files"] == [
        {"path": "database_password", "content": "databases", "sensitive": True}
    ]


def told(**known: Any) -> list[dict[str, Any]]:
    groups = yaml.safe_load(rendered_template(RULES, **known))["groups"]
    return [rule for group in groups for rule in group["rules"] if rule["alert"] == "TelemetryHubFormerStorageAway"]


def test_that_it_is_away_is_told_since_no_page_does() -> None:
    (one,) = told(**hosts("a")["b"])
    assert one["labels"] == {"severity": "warning", "hub": "a"}
    assert 'addr="10.0.0.1:8411"' in one["expr"]
    assert "lack it and do not say so." in one["annotations"]["description"]
    two = told(**hosts("a", "b")["b"])
    assert [rule["labels"]["hub"] for rule in two] == ["a", "b"]
    assert all("unless the other former storage answers" in rule["annotations"]["description"] for rule in two)
    assert told(**hosts()["b"]) == told(**KNOWN) == []


def test_a_cluster_without_one_is_what_it_was() -> None:
    for part in ("vmstorage", "vmselect", "vminsert", "vmagent", "vmauth", "vmalert"):
        command = " ".join(spec(part, **hosts()["a"])["command"])
        assert "former" not in command, part
        assert "8411" not in command, part


def tasks(file: str) -> dict[str, dict[str, Any]]:
    read = yaml.safe_load((PROJECT / "playbooks" / file).read_text(encoding="utf-8"))
    return {task["name"]: task for play in read for task in play.get("tasks", [play])}


GROWS = tasks("tasks/hub_grows.yml")
THERE, NEW_FIRST = GROWS["Host has what it stored as a hub"], GROWS["New hosts are there before the hub is one of them"]
UNSAID = tasks("hub.yml")["A hub does not become a cluster, or a cluster a hub, unsaid"]
ANSWER = tasks("tasks/storages_answer.yml")["The cluster's other storages answer"]
HUB = [f"{DATABASE}/config", f"{DATABASE}/data", "telemetry_hub_vmauth/config"]
PART = ["telemetry_hub_vmstorage/config", "telemetry_hub_vmstorage/data", "telemetry_hub_vmselect/config"]


def goes_on(task: dict[str, Any], name: str, run: dict[str, list[str] | None], known: dict[str, Any]) -> Any:
    """Return whether a run about hosts that have these folders (None: not known) goes on, and what is said if not."""
    facts: dict[str, Any] = {host: {} if found is None else {"hub_folders": found} for host, found in run.items()}
    here = {
        **known,
        "hostvars": {host: {"inventory_hostname": host, **found} for host, found in facts.items()},
        "ansible_play_hosts_all": list(run),
        "groups": {"telemetry_hub": ["a", "b", "c"]},
        "robot_stack_root": "/srv",
        **facts[name],
    }
    for key, text in task.get("vars", {}).items():
        here[key] = templar(**here).template(trust_as_template(text) if isinstance(text, str) else text)
    found = templar(**here).template(trust_as_template("{{ " + task["ansible.builtin.assert"]["that"] + " }}"))
    message = templar(**here).template(trust_as_template(task["ansible.builtin.assert"]["fail_msg"]))
    assert isinstance(found, bool)
    return found or " ".join(str(message).split())


def test_a_host_without_samples_of_a_hub_is_no_former_one() -> None:
    known = hosts("a")["a"]
    assert goes_on(THERE, "a", {"a": HUB}, known) is True
    assert goes_on(THERE, "a", {"a": [f"{DATABASE}/data"]}, known) is True
    for folders in ([], PART, [f"{DATABASE}/config"]):
        assert "a has no samples of a hub in /srv/telemetry_hub_victoriametrics/data" in goes_on(
            THERE, "a", {"a": folders}, known
        )


def test_the_hub_becomes_a_part_when_another_one_is_there() -> None:
    known = hosts("a")["a"]
    runs: list[dict[str, list[str] | None]] = [
        {"a": HUB, "b": [], "c": []},
        {"a": HUB, "b": HUB, "c": []},
        {"a": HUB},
        {"a": HUB, "b": None},
    ]
    for run in runs:
        assert "with --limit b,c, and then run this again" in goes_on(NEW_FIRST, "a", run, known), run
    assert goes_on(NEW_FIRST, "a", {"a": HUB, "b": PART, "c": PART}, known) is True
    assert goes_on(NEW_FIRST, "a", {"a": HUB, "c": PART}, known) is True
    of_a_pair = hosts("a", "b")
    assert "with --limit c, and" in goes_on(NEW_FIRST, "b", {"a": HUB, "b": HUB, "c": []}, of_a_pair["b"])
    assert goes_on(NEW_FIRST, "b", {"a": HUB, "b": HUB, "c": PART}, of_a_pair["b"]) is True


def test_who_is_a_part_already_or_was_taken_out_of_service_waits_for_nobody() -> None:
    known = hosts("a")["a"]
    for folders in (
        [*HUB, *PART],
        [*HUB, "telemetry_hub_vminsert/config"],
        [f"{DATABASE}/data", "telemetry_hub_vmstorage/data"],
    ):
        assert goes_on(NEW_FIRST, "a", {"a": folders}, known) is True, folders


def test_what_would_be_shown_no_more_is_asked_about_and_the_remedy_is_named() -> None:
    known = hosts()["a"]
    for folders in (HUB, [*HUB, *PART]):
        words = goes_on(UNSAID, "a", {"a": folders}, known)
        assert "Until all of it is older than 90d, write telemetry_hub_former_storage: true for this host" in words
        assert "-e telemetry_hub_kind_change=true" in words
        assert goes_on(UNSAID, "a", {"a": folders}, {**known, "telemetry_hub_kind_change": True}) is True
        assert goes_on(UNSAID, "a", {"a": folders}, hosts("a")["a"]) is True
    assert goes_on(UNSAID, "a", {"a": [f"{DATABASE}/data", *PART]}, known) is True, (
        "it was taken out, and its data stay"
    )
    words = goes_on(UNSAID, "a", {"a": [*HUB, *PART]}, {**KNOWN, "inventory_hostname": "a"})
    assert "was part of a cluster" in words
    assert FORMER not in words


def test_before_the_hub_becomes_a_part_it_reaches_the_others_storages() -> None:
    known = {**hosts("a")["a"], "hub_deployed": ["b", "c"]}
    condition = templar(**known).template(trust_as_template("{{ " + ANSWER["when"] + " }}"))
    assert condition is True
    assert sorted(templar(**known).template(trust_as_template(ANSWER["loop"]))) == ["b", "c"]
    without = {**hosts()["a"], "hub_deployed": ["b", "c"]}
    assert templar(**without).template(trust_as_template("{{ " + ANSWER["when"] + " }}")) is False


def test_hub_yml_asks_before_anything_is_changed() -> None:
    plays = yaml.safe_load((PROJECT / "playbooks/hub.yml").read_text(encoding="utf-8"))
    names = [task["name"] for task in next(play for play in plays if play["name"] == "Hub is ready")["tasks"]]
    asked = tasks("hub.yml")["A hub grows onto hosts that are there"]
    assert asked["ansible.builtin.import_tasks"] == "tasks/hub_grows.yml"
    assert names.index("What of a hub is there") < names.index(asked["name"]) < names.index("Secrets")
