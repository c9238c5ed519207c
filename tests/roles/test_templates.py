"""The roles' variables become the right service, and their templates render and parse."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.template import trust_as_template
from ansible_collections.robotfleet.stack.plugins.filter.holds_secret import holds_secret
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import FileMissingError, rendered
from declarations import PROJECT
from hypothesis import given
from hypothesis import strategies as st
from rendering import rendered_template, templar, value

TEMPLATES = sorted(PROJECT.glob("roles/*/templates/**/*.j2"))


def scrape(**written: Any) -> Any:
    return yaml.safe_load(rendered_template(PROJECT / "roles/victoriametrics/templates/scrape.yml.j2", **written))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_template_renders_with_the_defaults(path: Path) -> None:
    assert rendered_template(path, telemetry_hub_secrets_optional=True)


def test_the_scrape_configuration_reads_the_database_and_the_sensors() -> None:
    found = scrape()
    assert found["global"] == {"scrape_interval": "15s", "external_labels": {"robot": "scout"}}
    targets = {entry["job_name"]: entry["static_configs"][0]["targets"] for entry in found["scrape_configs"]}
    assert targets == {"victoriametrics": ["127.0.0.1:8428"], "sensor_service": ["127.0.0.1:9101"]}


def test_labels_and_further_targets_survive_any_text() -> None:
    label, extra = 'hall "3": {north}', {"job_name": "lidar", "static_configs": [{"targets": ["127.0.0.1:9200"]}]}
    found = scrape(victoriametrics_external_labels={"site": label}, victoriametrics_scrape_configs_extra=[extra])
    assert found["global"]["external_labels"] == {"robot": "scout", "site": label}
    assert found["scrape_configs"][-1] == extra


def test_the_password_is_in_one_sensitive_file_and_nowhere_else() -> None:
    written = {"victoriametrics_http_username": "operator", "victoriametrics_http_password": "hunter2"}
    assert "hunter2" not in str(scrape(**written))
    spec = value("victoriametrics_spec", **written)
    secret = [file for file in spec["files"] if "hunter2" in str(file)]
    assert [(file["path"], file["sensitive"]) for file in secret] == [("http_password", True)]
    spec["files"] = []
    assert "hunter2" not in str(spec)
    assert "-httpAuth.password=file:///config/http_password" in spec["command"]


def test_a_user_changes_one_flag_and_drops_another() -> None:
    command = value(
        "victoriametrics_spec", victoriametrics_flags_extra={"loggerLevel": "ERROR", "promscrape.config": None}
    )
    assert "-loggerLevel=ERROR" in command["command"]
    assert not any(word.startswith("-promscrape.config") for word in command["command"])
    assert "-retentionPeriod=30d" in command["command"]


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"victoriametrics_environment_extra": {"GOMEMLIMIT": "off", "GOGC": 50, "A": "b"}}, "GOMEMLIMIT, GOGC"),
        ({"victoriametrics_flags_extra": {"fs.disableMmap": False, "loggerLevel": "ERROR"}}, "fs.disableMmap"),
        ({"victoriametrics_flags_extra": {"maxIngestionRate": None}}, "maxIngestionRate"),
        ({"vmagent_environment_extra": {"GOMEMLIMIT": "off"}}, "GOMEMLIMIT"),
        ({"vmagent_flags_extra": {"remoteWrite.maxBlockSize": "8MB"}}, "remoteWrite.maxBlockSize"),
        ({"vmagent_flags_extra": {"maxConcurrentInserts": 8}}, "maxConcurrentInserts"),
    ],
)
def test_the_plan_notes_what_the_floor_was_not_measured_with(extra: dict[str, Any], named: str) -> None:
    service = next(iter(extra)).partition("_")[0]
    before = value(f"{service}_spec.notes")
    assert len(before) == (service == "vmagent")
    note = value(f"{service}_spec.notes", **extra)[-1]
    assert note.startswith(f"{named} in {service}_environment_extra or {service}_flags_extra: the ")
    assert re.search(r"the [0-9]+ MiB that the gate asks for were measured with the role's own, and", note)


def test_the_sensor_service_gets_figures_and_no_files() -> None:
    spec = value("sensor_service_spec", sensor_service_filesystems=["/", "/data"], sensor_service_simulated=True)
    assert spec["filesystems"] == ["/", "/data"]
    assert "SENSOR_SERVICE_FILESYSTEMS" not in spec["environment"]
    assert spec["environment"]["SENSOR_SERVICE_SIMULATED"] == "true"
    seen = [mount["source"] for mount in spec["mounts"]]
    assert not {"/", "/data", "/proc", "/sys", "/proc/1", "/sys/fs/cgroup"} & set(seen)
    assert all(re.fullmatch(r"/(proc/([a-z]+|1/net/[a-z]+)|sys/.+|run/robot-stack/metrics)", path) for path in seen)
    assert not re.search("mounts|cmdline|environ|/proc/[0-9]+$", " ".join(seen))


@pytest.mark.parametrize("service", ["sensor_service", "victoriametrics"])
@pytest.mark.parametrize(
    ("listens", "asked"), [("0.0.0.0:7000", "127.0.0.1:7000"), (":7000", "127.0.0.1:7000"), ("10.0.0.4:7000",) * 2]
)
def test_a_service_is_probed_where_it_listens(service: str, listens: str, asked: str) -> None:
    assert value(f"{service}_spec", **{f"{service}_listen_address": listens})["health"]["url"].startswith(
        f"http://{asked}/"
    )


def test_every_file_that_a_service_names_is_there() -> None:
    hub = (f"telemetry_hub_{part}" for part in ("victoriametrics", "vmauth", "vmalert"))
    made_later = ("tls", "database_password")
    for service in ("sensor_service", "victoriametrics", *hub):
        files = [
            f for f in value(f"{service}_spec", **HUB).get("files", []) if f["path"].partition("/")[0] not in made_later
        ]
        found = rendered(files, [PROJECT / "roles"], lambda path: path.read_text(encoding="utf-8"))
        assert all(file["content"] for file in found)
    with pytest.raises(FileMissingError):
        rendered([{"path": "x", "src": "victoriametrics/none.json"}], [PROJECT / "roles"], str)


HUB = {"telemetry_hub_secrets_optional": True, "telemetry_hub_robots": ["scout", "cart"]}


def test_the_doors_users_are_the_robots_and_one_reader(tmp_path: Path) -> None:
    (tmp_path / "robots").mkdir()
    (tmp_path / "robots/cart.password").write_text("made here\n", encoding="utf-8")
    given = {
        "telemetry_hub_robot_passwords": {"scout": 'vaulted: "#'},
        "telemetry_hub_secrets_directory": str(tmp_path),
        "telemetry_hub_reader_password": "readers",
        "telemetry_hub_database_password": "databases",
        "telemetry_hub_robot_groups": {"cart": ["robots", "hall_3"]},
    }
    text = (PROJECT / "roles/telemetry_hub/templates/auth.yml.j2").read_text(encoding="utf-8")
    users = yaml.safe_load(templar(**HUB, **given).template(trust_as_template(text)))["users"]
    assert {user["username"]: user["password"] for user in users} == {
        "cart": "made here", "scout": 'vaulted: "#', "reader": "readers",
    }  # fmt: skip
    (entry_point,) = users[0]["url_map"]
    assert entry_point["src_paths"] == ["/api/v1/write"]
    address, _, labels = entry_point["url_prefix"].partition("?")
    assert address == "http://127.0.0.1:8428/"
    assert parse_qsl(labels) == [
        ("extra_label", "robot=cart"),
        ("extra_label", "robot_groups=,hall_3,robots,"),
        ("extra_label", "through_door=1"),
    ]
    words = base64.b64encode(b"hub:databases").decode()
    assert {header for user in users for place in user["url_map"] for header in place["headers"]} == {
        f"Authorization: Basic {words}"
    }
    assert not any("write" in path or "admin" in path for path in users[-1]["url_map"][0]["src_paths"])


def test_a_missing_password_names_the_playbook_that_makes_it() -> None:
    text = (PROJECT / "roles/telemetry_hub/templates/auth.yml.j2").read_text(encoding="utf-8")
    with pytest.raises(AnsibleError, match=r"robots/cart.password is missing: playbooks/hub.yml makes it"):
        templar(**{**HUB, "telemetry_hub_secrets_optional": False, "telemetry_hub_database_password": "x"}).template(
            trust_as_template(text)
        )


def test_secrets_of_the_hub_are_in_sensitive_files_and_nowhere_else() -> None:
    written = {
        "telemetry_hub_tls_certificate": (PROJECT / "tests/roles/certificate.pem").read_text(encoding="utf-8"),
        "telemetry_hub_tls_key": "hunter1",
        "telemetry_hub_notifier_url": "https://alerts",
        "telemetry_hub_notifier_password": "hunter2",
    }
    for service in ("victoriametrics", "vmauth", "vmalert"):
        spec = value(f"telemetry_hub_{service}_spec", **HUB, **written)
        spec["files"] = [file for file in spec["files"] if not file.get("sensitive")]
        assert "hunter" not in str(spec)
    assert "-notifier.url=https://alerts" in spec["command"]
    assert not any("blackhole" in word for word in spec["command"])
    assert "-notifier.blackhole=true" in value("telemetry_hub_vmalert_spec", **HUB)["command"]


BUCKET = {
    "telemetry_hub_backup_enabled": True,
    "telemetry_hub_backup_destination": "s3://bucket/fleet",
    "telemetry_hub_backup_s3_endpoint": "https://storage",
    "telemetry_hub_backup_s3_access_key": "AKIA",
    "telemetry_hub_backup_s3_secret_key": "hunter3",
}


@pytest.mark.parametrize("job", ["backup", "restore"])
def test_a_bucket_is_named_by_flags_and_its_key_is_in_a_sensitive_file(job: str) -> None:
    spec = value(f"telemetry_hub_{job}_spec", **HUB, **BUCKET)
    assert "-customS3Endpoint=https://storage" in spec["command"]
    assert {"-credsFilePath=/config/s3_credentials", "-configFilePath=/config/s3_config"} <= set(spec["command"])
    assert "-httpListenAddr=" in spec["command"], "nobody is listened to"
    (secret,) = [file for file in spec["files"] if file.get("sensitive")]
    assert secret["content"] == "[default]\naws_access_key_id = AKIA\naws_secret_access_key = hunter3\n"
    spec["files"].remove(secret)
    assert "hunter" not in str(spec)
    assert (spec["job"]["destination"], spec["job"]["place"]) == ("s3://bucket/fleet", "scout")


def test_a_backup_is_off_and_has_no_files_for_a_folder() -> None:
    spec = value("telemetry_hub_backup_spec", **HUB)
    assert (spec["enabled"], spec["files"]) == (False, [])
    assert not [word for word in spec["command"] if "3" in word]
    assert spec["environment"] == {"GOMEMLIMIT": "68MiB"}
    assert value("telemetry_hub_restoring", **HUB) == [
        *[name for name in value("telemetry_hub_services", **HUB) if name != "telemetry_hub_backup"],
        "telemetry_hub_restore",
    ]


def test_only_the_entry_point_of_the_hub_is_open_and_only_with_tls() -> None:
    words = []
    for service in ("victoriametrics", "vmauth", "vmalert"):
        spec = value(f"telemetry_hub_{service}_spec", **HUB)
        words += [word for word in spec["command"] if "istenAddr" in word]
        assert [a for a in spec["listens"] if not a.startswith("127.0.0.1:")] == (
            ["0.0.0.0:8427"] if service == "vmauth" else []
        )
    wide = [word for word in words if "=127.0.0.1:" not in word]
    assert wide == ["-httpListenAddr=0.0.0.0:8427"]
    entry_point = value("telemetry_hub_vmauth_spec", **HUB)["command"]
    addresses = [word for word in entry_point if word.startswith("-httpListenAddr=")]
    assert dict(zip(addresses, [word for word in entry_point if word.startswith("-tls=")])) == {
        "-httpListenAddr=127.0.0.1:8426": "-tls=false",
        "-httpListenAddr=0.0.0.0:8427": "-tls=true",
    }


def test_each_robot_has_a_page_at_the_hub_and_a_fleet_has_at_most_fifty() -> None:
    def pages(**written: Any) -> list[str]:
        files = value("telemetry_hub_victoriametrics_spec.files", **{**HUB, **written})
        found = rendered(files, [PROJECT / "roles"], lambda path: "")
        assert not any("ROBOT" in str(file["content"]) for file in found)
        return [file["path"] for file in found if file["path"].startswith("dashboards/robot-")]

    assert pages() == ["dashboards/robot-scout.json", "dashboards/robot-cart.json"]
    assert pages(telemetry_hub_robot_pages=["cart"]) == ["dashboards/robot-cart.json"]
    assert len(pages(telemetry_hub_robots=[f"r{number}" for number in range(60)])) == 50


def test_the_engines_settings_can_be_changed_and_dropped() -> None:
    spec = value("container_engine_spec", container_engine_daemon_extra={"live-restore": None, "debug": True})
    assert "live-restore" not in spec["daemon"]
    assert spec["daemon"]["debug"] is True


def test_podman_has_nothing_that_is_a_daemons() -> None:
    spec = value("container_engine_spec", container_engine="podman")
    assert spec == {
        "kind": "podman",
        "install": True,
        "packages": [],
        "daemon": {},
        "service_environment": {},
        "socket": "",
    }
    docker = value("container_engine_spec")
    assert (docker["kind"], docker["packages"], docker["socket"]) == ("docker", [], "/var/run/docker.sock")
    assert "exec-opts" in docker["daemon"]
    assert "GOGC" in docker["service_environment"]


@pytest.mark.parametrize(("engine", "budget"), [("docker", [300, 128]), ("podman", [150, 48])])
def test_budget_and_allowance_follow_the_engine_unless_they_are_stated(engine: str, budget: list[int]) -> None:
    names = ("memory_budget_mib", "engine_memory_allowance_mib")
    assert [value("robot_stack_budget", container_engine=engine)[name] for name in names] == budget
    stated = {"robot_stack_memory_budget_mib": 200, "container_engine_memory_allowance_mib": 60}
    assert [value("robot_stack_budget", container_engine=engine, **stated)[name] for name in names] == [200, 60]


def test_the_databases_caches_do_not_outlive_it() -> None:
    data = value("victoriametrics_flags.storageDataPath")
    (cache,) = value("victoriametrics_spec.tmpfs")
    assert cache == f"{data}/cache"
    assert 1 <= int(value("victoriametrics_spec.tmpfs")[cache]) < value("victoriametrics_memory_limit_mib")


def test_a_restored_database_has_as_long_to_answer_as_a_deployed_one() -> None:
    backup, spec = value("victoriametrics_backup"), value("victoriametrics_spec")
    assert backup["timeout_seconds"] == spec["health"]["timeout_seconds"]
    assert backup["stop_timeout_seconds"] == spec["stop_timeout_seconds"]


def test_the_database_asks_for_the_disk_that_it_will_need() -> None:
    asked = value("victoriametrics_spec.disk_mib")
    assert asked > value("victoriametrics_min_free_disk_mib")
    assert value("victoriametrics_spec.disk_mib", victoriametrics_retention="60d") > asked


@pytest.mark.parametrize(
    ("written", "inserts"),
    [
        ({}, "0"),
        ({"robot_stack_telemetry_mode": "local"}, "0"),
        ({"robot_stack_telemetry_mode": "both"}, "1"),  # vmagent's
        ({"victoriametrics_accepts_writes": True}, "1"),
    ],
)
def test_a_robots_database_is_written_to_by_those_who_have_to(written: dict[str, Any], inserts: str) -> None:
    command = value("victoriametrics_spec", **written)["command"]
    assert f"-maxConcurrentInserts={inserts}" in command
    # nobody waits for a place that there never is
    assert ("-insert.maxQueueDuration=0s" in command) == (inserts == "0")


@pytest.mark.parametrize("service", ["victoriametrics", "vmagent"])
def test_no_protocol_has_its_own_bound_where_writes_are_accepted(service: str) -> None:
    command = value(f"{service}_spec", **{f"{service}_accepts_writes": True}, inventory_dir="/nowhere")["command"]
    bounds = {word for word in command if re.search(r"maxInsertRequestSize|maxRequestSize|maxLineLen", word)}
    assert len(bounds) == 8
    assert len({word.partition("=")[2] for word in bounds}) == 1


def target(**more: Any) -> list[dict[str, Any]]:
    return [{"job_name": "lidar", "static_configs": [{"targets": ["127.0.0.1:9200"]}], **more}]


@pytest.mark.parametrize("role", ["vmagent", "victoriametrics"])
@pytest.mark.parametrize(
    ("entries", "private"),
    [
        ([], False),
        (target(), False),
        (target(basic_auth={"username": "me", "password_file": "/etc/word"}), False),
        (target(authorization={"credentials_file": "/etc/word"}, bearer_token_file="/etc/word"), False),
        (target(metrics_path="/token", params={"key": ["value"]}), False),
        (target(basic_auth={"username": "me", "password": "hunter2"}), True),
        (target(bearer_token="hunter2"), True),
        (target(authorization={"type": "Bearer", "credentials": "hunter2"}), True),
        (target(oauth2={"client_id": "me", "client_secret": "hunter2"}), True),
        (target(headers=["Authorization: Bearer hunter2"]), True),
        (target(proxy_url="http://me:hunter2@proxy:3128"), True),
        (target(tls_config={"key": "-----BEGIN EC PRIVATE KEY-----\nhunter2"}), True),
        (target(params={"access_token": ["hunter2"]}), True),
    ],
)
def test_a_scrape_configuration_with_a_password_is_private(
    role: str, entries: list[dict[str, Any]], private: bool
) -> None:
    spec = value(f"{role}_spec", **{f"{role}_scrape_configs_extra": entries}, vmagent_hub_password="x")
    (file,) = [file for file in spec["files"] if file["path"] == "scrape.yml"]
    assert file["sensitive"] is private


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    ),
    st.text(min_size=1),
)
def test_a_password_is_seen_however_deep_it_is(around: Any, word: str) -> None:
    assert holds_secret({"a": [around, {"basic_auth": {"password": word}}]})
    assert holds_secret(around) in (True, False)


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("127.0.0.1:9101", "127.0.0.1:9101"),
        ("127.0.0.1:9200", "127.0.0.1:9200"),
        ("0.0.0.0:9101", "127.0.0.1:9101"),
        ("[::]:9101", "[::1]:9101"),
        ("10.0.0.5:9101", "10.0.0.5:9101"),
    ],
)
def test_a_hub_asks_its_own_sensor_service_where_that_listens(listens: str, asked: str) -> None:
    path = PROJECT / "roles/telemetry_hub/templates/scrape.yml.j2"
    found = yaml.safe_load(rendered_template(path, sensor_service_listen_address=listens))
    targets = {entry["job_name"]: entry["static_configs"][0]["targets"] for entry in found["scrape_configs"]}
    assert targets["sensor_service"] == [asked]
    command = value("telemetry_hub_victoriametrics_spec", **HUB, sensor_service_listen_address=listens)["command"]
    assert ("-enableTCP6=true" in command) is asked.startswith("[")
