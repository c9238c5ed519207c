"""A further entry of scrape_configs is one that VictoriaMetrics and vmagent read, as far as a table can tell."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import catalogue, robot
from hypothesis import given
from hypothesis import strategies as st

READERS = ["victoriametrics", "vmagent"]
PUSH = {
    "robot_stack_telemetry_mode": "push",
    "vmagent_hub_url": "https://hub.example.org:8427",
    "vmagent_hub_password": "x",
}
HERE = {"static_configs": [{"targets": ["127.0.0.1:9100"]}]}


def faults(reader: str, *entries: Any, **more: Any) -> list[Fault]:
    mode = PUSH if reader == "vmagent" else {}
    return gate.check(robot(**mode, **{f"{reader}_scrape_configs_extra": list(entries)}, **more), catalogue())


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"static_configs": 5}, "static_configs"),
        ({"static_configs": {"targets": ["a:1"]}}, "static_configs"),
        ({"static_configs": ["127.0.0.1:9100"]}, "static_configs"),
        ({"static_configs": [{"targets": "127.0.0.1:9100"}]}, "targets"),
        ({"static_configs": [{"targets": [["127.0.0.1:9100"]]}]}, "targets"),
        ({"static_configs": [{"targets": ["a:1"], "labels": ["x"]}]}, "labels"),
        ({"static_configs": [{"targets": ["a:1"], "labels": {"x": ["y"]}}]}, "labels"),
        ({"static_configs": [{"targets": ["127.0.0.1: 9100"]}]}, "127.0.0.1: 9100"),
        ({"static_configs": [{"targets": ["lidar:http"]}]}, "lidar:http"),
        ({"static_configs": [{"targets": ["http://lidar:99999/metrics"]}]}, "99999"),
        ({"static_configs": [{"targets": ["lidar:0"]}]}, "lidar:0"),
        ({"scrape_interval": "5 s"}, "scrape_interval"),
        ({"scrape_interval": ""}, "scrape_interval"),
        ({"scrape_timeout": "soon"}, "scrape_timeout"),
        ({"scrape_offset": "5M"}, "scrape_offset"),
        ({"scrape_align_interval": ["1m"]}, "scrape_align_interval"),
        ({"honor_labels": "maybe"}, "honor_labels"),
        ({"honor_timestamps": "true"}, "honor_timestamps"),
        ({"stream_parse": 1}, "stream_parse"),
        ({"sample_limit": "100"}, "sample_limit"),
        ({"series_limit": True}, "series_limit"),
        ({"max_scrape_size": "16 MB"}, "max_scrape_size"),
        ({"scheme": "ftp"}, "scheme"),
        ({"metrics_path": ["/metrics"]}, "metrics_path"),
        ({"params": {"module": "icmp"}}, "params"),
        ({"basic_auth": "me:hunter2"}, "basic_auth"),
        ({"basic_auth": {"user": "me", "password": "hunter2"}}, "basic_auth has no field user"),
        ({"tls_config": {"insecure_skip_verify": "yes"}}, "insecure_skip_verify"),
        ({"authorization": {"credential": "hunter2"}}, "authorization has no field credential"),
        ({"headers": {"X-Site": "hunter2"}}, "headers"),
        ({"headers": "Authorization: hunter2"}, "headers"),
        ({"nosuch_sd_configs": []}, "nosuch_sd_configs"),
        ({"vultr_sd_configs": []}, "vultr_sd_configs"),
        ({"linode_sd_configs": []}, "linode_sd_configs"),
        ({"file_sd_configs": {"files": ["x"]}}, "file_sd_configs"),
        ({"relabel_configs": {"action": "drop"}}, "relabel_configs"),
        ({"relabel_configs": [{"action": "nosuch"}]}, "nosuch"),
        ({"metric_relabel_configs": [{"action": "dropp", "regex": "x"}]}, "dropp"),
        ({"metric_relabel_configs": [{"source_label": ["x"]}]}, "source_label"),
        ({"metric_relabel_configs": [{"action": "drop", "source_labels": "__name__"}]}, "source_labels"),
        ({"metric_relabel_configs": [{"action": "keep", "regex": "x"}]}, "source_labels"),
        ({"metric_relabel_configs": [{"replacement": "x"}]}, "target_label"),
        ({"metric_relabel_configs": [{"action": "drop_metrics"}]}, "regex"),
        ({"relabel_configs": [{"action": "hashmod", "source_labels": ["x"], "target_label": "y"}]}, "modulus"),
        ({"relabel_configs": [{"action": "graphite", "match": "a.*"}]}, "labels"),
    ],
    ids=str,
)
def test_an_entry_that_is_not_read_is_refused_by_its_field(reader: str, entry: dict[str, Any], named: str) -> None:
    (found,) = faults(reader, {"job_name": "lidar", **HERE, **entry})
    assert (found.robot, found.variable, found.value) == ("scout", f"{reader}_scrape_configs_extra", '"lidar"')
    assert named in found.why
    assert found.remedy
    assert "hunter2" not in report([found], 1)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"static_configs": []},
        {"static_configs": None},
        {"static_configs": [{"targets": ["lidar", "[::1]:9100", "http://lidar:9200/metrics?x=y", "lidar:9100/all"]}]},
        {"static_configs": [{"targets": ["127.0.0.1:9100"], "labels": {"floor": 3, "on": True}}]},
        {"scrape_interval": "5s", "scrape_timeout": 4, "scrape_offset": "-1m30s", "scrape_align_interval": "1.5h"},
        {"scrape_interval": "1M30s".lower(), "scrape_timeout": "500MS"},
        {"scrape_interval": "0.5"},
        {"honor_labels": True, "stream_parse": False, "no_stale_markers": None, "sample_limit": 5.0},
        {"scheme": "HTTPS", "tls_config": {"insecure_skip_verify": True, "ca_file": "/config/ca.pem"}},
        {"params": {"module": ["icmp"]}, "max_scrape_size": "16mb", "metrics_path": "/probe"},
        {"basic_auth": {"username": "me", "password_file": "/config/x"}, "headers": ["X-Site: a"]},
        {"authorization": {"type": "Bearer", "credentials_file": "/config/x"}},
        {"oauth2": {"client_id": "a", "client_secret_file": "b", "token_url": "c", "scopes": ["d"]}},
        {"dns_sd_configs": [{"names": ["robots.example.org"]}], "vultr_configs": [], "file_sd_configs": []},
        {"relabel_configs": [{"target_label": "x", "replacement": "y"}]},
        {"relabel_configs": [{"action": "Drop", "if": 'up{job="x"}'}]},
        {"metric_relabel_configs": [{"action": "labeldrop", "regex": ["a", "b"]}, {"action": "labelmap"}]},
        {"metric_relabel_configs": [{"action": "keep_metrics", "regex": "a|b"}]},
        {"relabel_configs": [{"action": "hashmod", "source_labels": ["x"], "target_label": "y", "modulus": 4}]},
        {
            "static_configs": [{"targets": ["a page, asked for by a probe"]}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"target_label": "__address__", "replacement": "127.0.0.1:9115"},
            ],
        },
    ],
    ids=str,
)
def test_an_entry_that_is_read_is_taken(reader: str, entry: dict[str, Any]) -> None:
    assert faults(reader, {"job_name": "lidar", **HERE, **entry}) == []


def test_what_a_later_version_may_find_targets_by_is_not_known_here() -> None:
    entry = {"job_name": "lidar", "quantum_sd_configs": [{"spin": "up"}]}
    assert len(faults("victoriametrics", entry)) == 1
    assert faults("victoriametrics", entry, victoriametrics_version="v9.0.0") == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["static_configs", "relabel_configs", "scrape_interval", "scheme", "basic_auth", "params", "x_sd_configs"]


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, min_size=1, max_size=3))
def test_any_entry_gets_an_answer_and_never_an_exception(entry: dict[str, Any]) -> None:
    report(faults("victoriametrics", {"job_name": "lidar", **entry}), 1)
