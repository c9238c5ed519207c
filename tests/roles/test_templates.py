"""The roles' variables become the right service, and their templates render and parse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from declarations import PROJECT, catalogue
from service_files import FileMissingError, rendered

init_plugin_loader()
TEMPLATES = sorted(PROJECT.glob("roles/*/templates/**/*.j2"))
FILTERS = PROJECT / "plugins" / "filter"


@pytest.fixture(autouse=True)
def filters() -> None:
    """Have the project's own filters, as ansible.cfg has them."""
    from ansible.plugins.loader import filter_loader  # noqa: PLC0415 (after init_plugin_loader)

    filter_loader.add_directory(str(FILTERS))


def templar(**written: Any) -> Templar:
    variables: dict[str, Any] = {option.name: option.default for option in catalogue().options.values()}
    loader = DataLoader()
    for path in sorted(PROJECT.glob("roles/*/vars/main.yml")):
        variables.update(loader.load_from_file(str(path), trusted_as_template=True))
    return Templar(loader=loader, variables={**variables, "inventory_hostname": "scout", **written})


def value(name: str, **written: Any) -> Any:
    return templar(**written).template(trust_as_template("{{ " + name + " }}"))


def scrape(**written: Any) -> Any:
    text = (PROJECT / "roles/victoriametrics/templates/scrape.yml.j2").read_text(encoding="utf-8")
    return yaml.safe_load(templar(**written).template(trust_as_template(text)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_template_renders_with_the_defaults(path: Path) -> None:
    assert templar().template(trust_as_template(path.read_text(encoding="utf-8")))


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


def test_the_environment_of_the_sensor_service_follows_its_mounts() -> None:
    spec = value("sensor_service_spec", sensor_service_filesystems=["/", "/data"], sensor_service_simulated=True)
    assert spec["environment"]["SENSOR_SERVICE_FILESYSTEMS"] == "/=/host/fs/0,/data=/host/fs/1"
    assert spec["environment"]["SENSOR_SERVICE_SIMULATED"] == "true"
    assert {"source": "/data", "target": "/host/fs/1"} in spec["mounts"]


@pytest.mark.parametrize("service", ["sensor_service", "victoriametrics"])
@pytest.mark.parametrize(
    ("listens", "asked"), [("0.0.0.0:7000", "127.0.0.1:7000"), (":7000", "127.0.0.1:7000"), ("10.0.0.4:7000",) * 2]
)
def test_a_service_is_probed_where_it_listens(service: str, listens: str, asked: str) -> None:
    assert value(f"{service}_spec", **{f"{service}_listen_address": listens})["health"]["url"].startswith(
        f"http://{asked}/"
    )


def test_every_file_that_a_service_names_is_there() -> None:
    for service in ("sensor_service", "victoriametrics"):
        files = value(f"{service}_spec").get("files", [])
        found = rendered(files, [PROJECT / "roles"], lambda path: path.read_text(encoding="utf-8"))
        assert all(file["content"] for file in found)
    with pytest.raises(FileMissingError):
        rendered([{"path": "x", "src": "victoriametrics/none.json"}], [PROJECT / "roles"], str)


def test_the_engines_settings_can_be_changed_and_dropped() -> None:
    spec = value("container_engine_spec", container_engine_daemon_extra={"live-restore": None, "debug": True})
    assert "live-restore" not in spec["daemon"]
    assert spec["daemon"]["debug"] is True
