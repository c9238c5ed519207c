"""The agent's variables become the right service: who is written to, with what, and what names its queue."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_fit import MIB, fit
from ansible_collections.robotfleet.stack.plugins.filter.vmagent_queue import queue
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import rendered
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry import pace
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.blocks import LARGEST_BLOCK_ROWS
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.offline_buffer import BYTES_PER_SAMPLE
from ansible_collections.robotfleet.stack.plugins.plugin_utils.telemetry.xxhash64 import xxh64
from declarations import PROJECT
from hypothesis import given
from hypothesis import strategies as st
from rendering import rendered_template, value

from benchmarks import results
from benchmarks.agent import KIND
from benchmarks.product import default

TEMPLATE = PROJECT / "roles/vmagent/templates/scrape.yml.j2"
HUB = {"vmagent_hub_url": "https://hub.example.org:8427", "vmagent_hub_password": "hunter2"}


def spec(mode: str = "push", **written: Any) -> dict[str, Any]:
    found: dict[str, Any] = value(
        "vmagent_spec", robot_stack_telemetry_mode=mode, inventory_dir="/nowhere", **{**HUB, **written}
    )
    return found


def flags(found: dict[str, Any], name: str) -> list[str]:
    return [word.partition("=")[2] for word in found["command"] if word.startswith(f"-{name}=")]


def scrape(**written: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(rendered_template(TEMPLATE, **written))
    return found


def jobs(config: dict[str, Any]) -> dict[str, list[str]]:
    return {entry["job_name"]: entry["static_configs"][0]["targets"] for entry in config["scrape_configs"]}


def test_the_hub_is_the_first_remote_in_every_mode_so_that_its_queue_keeps_its_name() -> None:
    hub = "https://hub.example.org:8427/api/v1/write"
    assert flags(spec("push"), "remoteWrite.url") == [hub]
    assert flags(spec("both"), "remoteWrite.url") == [hub, "http://127.0.0.1:8428/api/v1/write"]
    assert flags(spec(vmagent_hub_url="https://hub.example.org:8427/"), "remoteWrite.url") == [hub]


def test_a_new_password_changes_a_sensitive_file_and_nothing_else() -> None:
    before, after = spec(), spec(vmagent_hub_password="other")
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"files"}
    secret = [file for file in before["files"] if "hunter2" in str(file)]
    assert [(file["path"], file["sensitive"]) for file in secret] == [("hub_password", True)]


def test_each_remote_gets_its_own_credentials_and_no_others() -> None:
    alone = spec("both")
    assert flags(alone, "remoteWrite.basicAuth.passwordFile") == ["/config/hub_password,"]
    assert flags(alone, "remoteWrite.basicAuth.username") == ["scout,"]
    login = spec("both", vmagent_local_username="operator", vmagent_local_password="secret")
    assert flags(login, "remoteWrite.basicAuth.passwordFile") == ["/config/hub_password,/config/local_password"]
    assert flags(login, "remoteWrite.basicAuth.username") == ["scout,operator"]
    assert "secret" not in str({**login, "files": []})


def test_queues_without_a_remote_are_kept_and_the_buffer_has_its_cap() -> None:
    found = spec(vmagent_buffer_disk_mib=1024)
    assert flags(found, "remoteWrite.keepDanglingQueues") == ["true"]
    assert flags(found, "remoteWrite.maxDiskUsagePerURL") == [str(1024 * MIB + 128)]
    (data,) = found["data"]
    assert data["target"] == flags(found, "remoteWrite.tmpDataPath")[0]
    assert data["adopts"] == "persistent-queue/" + queue(flags(found, "remoteWrite.url")[0])


def test_the_disk_that_is_asked_for_holds_a_full_buffer_and_the_file_that_is_sent_of() -> None:
    assert spec()["disk_mib"] == 512 + 512 + 256
    assert spec(vmagent_buffer_disk_mib=2048, vmagent_min_free_disk_mib=100)["disk_mib"] == 2048 + 512 + 100


def test_the_plan_says_for_how_long_the_buffer_lasts() -> None:
    (note,) = spec(vmagent_offline_hours=24)["notes"]
    assert re.search(r"for 124 h \(24 h are asked for and need 99 of the buffer's 512 MiB", note), note


def test_every_sample_bears_the_robot_and_its_groups_whatever_their_names() -> None:
    found = spec(group_names=["robots", "hall_3"], vmagent_external_labels={"site": 'hall "3", north'})
    assert flags(found, "remoteWrite.label") == [
        '"robot=scout"',
        '"robot_groups=,hall_3,robots,"',
        '"site=hall \\"3\\", north"',
    ]


def test_the_hubs_certificate_is_a_file_where_there_is_one() -> None:
    assert flags(spec(), "remoteWrite.tlsCAFile") == []
    found = spec(vmagent_hub_ca="-----BEGIN CERTIFICATE-----")
    assert flags(found, "remoteWrite.tlsCAFile") == ["/config/hub_ca.pem"]
    assert [file["content"] for file in found["files"] if file["path"] == "hub_ca.pem"] == [
        "-----BEGIN CERTIFICATE-----"
    ]


def test_what_hub_yml_left_on_the_controller_is_found(tmp_path: Any) -> None:
    (tmp_path / "robots").mkdir()
    (tmp_path / "robots" / "scout.password").write_text("made-by-hub\n")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    here = {"telemetry_hub_secrets_directory": str(tmp_path)}
    assert value("vmagent_hub_password", **here) == "made-by-hub"
    assert value("vmagent_hub_ca", **here) == "-----BEGIN CERTIFICATE-----"
    for nowhere in ({"inventory_dir": str(tmp_path)}, {"inventory_dir": None}, {}):
        assert value("vmagent_hub_password", **nowhere) == ""
    beside = tmp_path / "fleet"
    (beside / ".telemetry_hub" / "robots").mkdir(parents=True)
    (beside / ".telemetry_hub" / "robots" / "scout.password").write_text("beside")
    assert value("vmagent_hub_password", inventory_dir=str(beside)) == "beside"


def test_one_reads_and_the_other_does_not_repeat_it() -> None:
    template = PROJECT / "roles/victoriametrics/templates/scrape.yml.j2"
    extra = [{"job_name": "lidar", "static_configs": [{"targets": ["127.0.0.1:9200"]}]}]
    written = {"victoriametrics_scrape_configs_extra": extra, "vmagent_scrape_configs_extra": extra}

    def database(mode: str) -> dict[str, list[str]]:
        return jobs(yaml.safe_load(rendered_template(template, robot_stack_telemetry_mode=mode, **written)))

    assert set(database("local")) == {"victoriametrics", "sensor_service", "lidar"}
    assert set(database("both")) == {"victoriametrics"}
    assert set(jobs(scrape(**written))) == {"vmagent", "sensor_service", "lidar"}


def test_only_the_neighbour_has_no_queue_on_disk() -> None:
    assert flags(spec("push"), "remoteWrite.disableOnDiskQueue") == []
    assert flags(spec("both"), "remoteWrite.disableOnDiskQueue") == ["false,true"]


def test_what_is_sent_in_a_second_is_bounded_for_the_hub_alone() -> None:
    assert flags(spec("push"), "remoteWrite.rateLimit") == [str(40 * 1000 * 18 // 15)]
    assert flags(spec("both"), "remoteWrite.rateLimit") == [f"{40 * 1000 * 18 // 15},0"], (
        "one value would count for both"
    )
    assert flags(spec(vmagent_send_kib_per_second=100), "remoteWrite.rateLimit") == ["102400"]
    assert flags(spec(vmagent_expected_series=10), "remoteWrite.rateLimit") == [str(pace.SMALLEST_BYTES)]
    assert flags(spec(vmagent_flags_extra={"remoteWrite.rateLimit": None}), "remoteWrite.rateLimit") == []


@given(series=st.integers(min_value=1, max_value=1_000_000), interval=st.integers(min_value=1, max_value=3600))
def test_a_robot_that_was_away_always_catches_up(series: int, interval: int) -> None:
    bound, made = pace.bytes_per_second(0, series, f"{interval}s"), pace.collected(series, f"{interval}s")
    assert bound >= pace.CATCH_UP_TIMES * made
    assert pace.least_kib(series, f"{interval}s") * pace.KIB >= pace.LEAST_TIMES * made
    hours = default("vmagent_offline_hours")
    assert hours / (bound / made - 1) < 2, "hours until it has sent all that it was away for"


def test_no_block_is_larger_than_what_may_be_sent_in_a_second() -> None:
    most = LARGEST_BLOCK_ROWS * BYTES_PER_SAMPLE
    assert most <= 1.2 * pace.SMALLEST_BYTES, "or seconds would lie between two of them"


def test_a_fleet_that_was_away_leaves_its_hub_more_than_half_of_what_it_was_measured_to_take() -> None:
    """In samples of the fewest bytes that they were measured to have; of as many series in smaller or larger robots."""
    found = results.load("hub")
    trials = [
        t for f in results.load("floors")["floors"] if f["kind"] == KIND and f["series"] <= 1000 for t in f["trials"]
    ]
    sample = min(made["bytes_per_sample"] for made in trials if "bytes_per_sample" in made)
    served = [fleet for fleet in found["fleets"] if not fleet["against"]]
    assert len(served) > 3
    for fleet, each in product(served, (found["series_per_robot"], 1000)):
        sent = fleet["series"] / each * pace.bytes_per_second(0, each, "15s") / sample
        assert sent < fleet["samples_per_second"] / 2, (fleet["robots"], each)


def test_every_file_that_the_agent_names_is_there() -> None:
    found = rendered(spec()["files"], [PROJECT / "roles"], lambda path: path.read_text(encoding="utf-8"))
    assert all(file["content"] for file in found)


@given(limit=st.integers(min_value=1, max_value=64 * 1024), more=st.integers(min_value=0, max_value=4096))
def test_no_setting_shrinks_when_the_limit_grows(limit: int, more: int) -> None:
    small, large = fit(limit), fit(limit + more)
    assert {name for name in small if large[name] < small[name]} == set()
    assert 1 <= small["gomemlimit_mib"] <= max(1, limit - 1)
    assert 0 < small["allowed_bytes"] < limit * MIB


def test_the_default_limit_gives_the_measured_settings() -> None:
    assert fit(32) == {
        "gomemlimit_mib": 16,
        "allowed_bytes": 2 * MIB,
        "max_block_bytes": 240 * 1024,
        "max_rows_per_block": 1024,
        "max_insert_request_bytes": 83886,  # 8 MiB for what it may become
    }


@pytest.mark.parametrize(
    ("url", "folder"),
    [  # as vmagent v1.148.8 made them
        ("http://127.0.0.1:18428/api/v1/write", "1_1C39D330F1670079"),
        ("http://127.0.0.1:18430/api/v1/write", "1_9C09E517E7E359B8"),
    ],
)
def test_a_queue_is_called_as_vmagent_calls_it(url: str, folder: str) -> None:
    assert queue(url) == folder


@given(st.binary(max_size=80))
def test_the_hash_is_xxh64(data: bytes) -> None:
    assert 0 <= xxh64(data) < 1 << 64
    assert xxh64(data) != xxh64(data + b"x")


def test_the_hash_has_the_values_of_its_specification() -> None:
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"abc") == 0x44BC2CF5AD770999


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        fit(0)


@pytest.mark.parametrize(("accepts", "inserts", "waits"), [(False, ["0"], ["0s"]), (True, ["1"], [])])
def test_programs_send_it_samples_where_that_is_accepted(accepts: bool, inserts: list[str], waits: list[str]) -> None:
    found = spec(vmagent_accepts_writes=accepts)
    assert flags(found, "maxConcurrentInserts") == inserts
    assert flags(found, "insert.maxQueueDuration") == waits
