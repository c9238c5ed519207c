"""The container engine: what is declared for the one that was not chosen is refused, and what Podman cannot do yet."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import budget, gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from declarations import PROJECT, catalogue, robot

HUB = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
COMPONENTS = ["sensor_service", *HUB["telemetry_hub_components"]]


def faults(**written: Any) -> list[Fault]:
    """Return what is wrong with a robot that has the roles' defaults for Podman, and what is ``written``."""
    return gate.check(robot(**{"container_engine": "podman", **written}), catalogue())


def test_with_podman_the_default_services_fit_into_half_the_budget() -> None:
    assert faults() == []
    declared = robot(container_engine="podman")
    spent = budget.spending(declared)
    assert spent is not None
    assert list(spent.values()) == [48, 32, 64]
    assert declared.integer(budget.BUDGET) == 150


def test_what_does_not_fit_into_it_is_refused_with_the_sum() -> None:
    (found,) = faults(victoriametrics_memory_limit_mib=71)
    assert found.variable == budget.BUDGET
    assert f"1 MiB too little for {budget.ENGINE} 48 + sensor_service_memory_limit_mib 32" in found.why


@pytest.mark.parametrize("engine", ["Podman", "containerd", "", None, ["podman"], {"podman": True}, 7])
def test_another_engine_is_refused_by_its_name_alone(engine: Any) -> None:
    """Its budget and its packages are no faults beside it."""
    (found,) = faults(container_engine=engine)
    assert found.variable == "container_engine"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("container_engine_daemon_extra", {"debug": True}),
        ("container_engine_environment_extra", {"HTTPS_PROXY": "http://proxy:3128"}),
        ("container_engine_socket", "/run/podman/podman.sock"),
    ],
)
def test_what_is_dockers_is_refused_with_podman_and_taken_with_docker(variable: str, value: Any) -> None:
    (found,) = faults(**{variable: value})
    assert found.variable == variable
    assert "Podman" in found.why
    assert found.remedy.startswith("delete the line")
    assert found.remedy.endswith(", or write container_engine: docker")
    assert faults(**{variable: value, "container_engine": "docker"}) == []


OWNERS = "on the robot its owner says that in"


@pytest.mark.parametrize(
    ("variable", "value", "instead"),
    [
        (
            "container_engine_environment_extra",
            {"HTTPS_PROXY": "http://proxy:3128"},
            f' ({OWNERS} /etc/containers/containers.conf: [engine] env = ["HTTPS_PROXY=..."])',
        ),
        (
            "container_engine_environment_extra",
            {"no_proxy": "10.0.0.0/8", "HTTPS_PROXY": "http://user:secret@proxy:3128"},
            f' ({OWNERS} /etc/containers/containers.conf: [engine] env = ["HTTPS_PROXY=...", "no_proxy=..."])',
        ),
        ("container_engine_environment_extra", {"GOGC": "30"}, ""),  # of no use to a program that ends
        (
            "container_engine_daemon_extra",
            {"data-root": "/mnt/ssd", "debug": True},
            f" ({OWNERS} /etc/containers/storage.conf: graphroot)",
        ),
        (
            "container_engine_daemon_extra",
            {"registry-mirrors": ["https://mirror"], "insecure-registries": ["pi:5000"]},
            f" ({OWNERS} /etc/containers/registries.conf: insecure, mirror)",
        ),
        (
            "container_engine_daemon_extra",
            {"proxies": {"https-proxy": "http://proxy:3128"}, "data-root": "/mnt/ssd"},
            f' ({OWNERS} /etc/containers/containers.conf: [engine] env = ["HTTPS_PROXY=..."]; '
            "/etc/containers/storage.conf: graphroot)",
        ),
        ("container_engine_daemon_extra", {"debug": True}, ""),
        ("container_engine_socket", "/run/podman/podman.sock", ""),
    ],
)
def test_what_podmans_owner_says_elsewhere_is_told_with_its_place_and_without_its_value(
    variable: str, value: Any, instead: str
) -> None:
    (found,) = faults(**{variable: value})
    assert found.remedy == f"delete the line{instead}, or write container_engine: docker"


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        (
            "container_engine_environment_extra",
            {"no_proxy": "10.0.0.0/8", "HTTPS_PROXY": "http://user:geheim@proxy:3128"},
            "['HTTPS_PROXY', 'no_proxy']",
        ),
        (
            "container_engine_daemon_extra",
            {"proxies": {"https-proxy": "http://user:geheim@proxy:3128"}, "debug": True},
            "['debug', 'proxies']",
        ),
        ("container_engine_socket", "/run/podman/podman.sock", '"/run/podman/podman.sock"'),
    ],
)
def test_of_settings_that_are_refused_only_the_names_are_shown(variable: str, value: Any, shown: str) -> None:
    (found,) = faults(**{variable: value})
    assert found.value == shown
    assert "geheim" not in repr(found)


def test_packages_without_podman_would_install_another_engine() -> None:
    (found,) = faults(container_engine_packages=["docker.io"])
    assert found.variable == "container_engine_packages"
    assert faults(container_engine_packages=["podman=5.4.2+ds1-2", "crun"]) == []
    assert faults(container_engine_packages=["docker.io"], container_engine_install=False) == []


def test_a_hub_keeps_docker() -> None:
    (found,) = faults(robot_stack_services=COMPONENTS, robot_stack_memory_budget_mib=600)
    assert (found.variable, found.value) == ("container_engine", '"podman"')
    assert "write container_engine: docker in group_vars/telemetry_hub/" in found.remedy


@pytest.mark.parametrize("mode", ["push", "both"])
def test_a_robot_that_sends_to_a_hub_may_have_podman(mode: str) -> None:
    sending = {"vmagent_hub_url": "https://hub:8427", "vmagent_hub_password": "x"}
    assert faults(robot_stack_telemetry_mode=mode, robot_stack_memory_budget_mib=180, **sending) == []


def test_a_robot_that_is_left_is_asked_for_nothing() -> None:
    assert faults(robot_stack_state="absent", container_engine_daemon_extra={"debug": True}) == []
