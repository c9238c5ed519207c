"""The product's own services, as its roles render them: what is measured is what is deployed, never a copy of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import floors as gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import rendered

PROJECT = Path(__file__).resolve().parents[1]
ROBOT = "benchmark"  # the name that samples bear


@cache
def _of_roles() -> dict[str, Any]:
    """Return the roles' defaults, and above them their variables."""
    loader = DataLoader()
    merged: dict[str, Any] = {}
    for kind in ("defaults", "vars"):
        for path in sorted(PROJECT.glob(f"roles/*/{kind}/main.yml")):
            merged.update(loader.load_from_file(str(path), trusted_as_template=True))
    return merged


def _templar(variables: dict[str, Any]) -> Templar:
    """Return Ansible's templar with the roles' defaults and variables below ``variables``."""
    return Templar(loader=DataLoader(), variables={"inventory_hostname": ROBOT, **_of_roles(), **variables})


def service(name: str, **variables: Any) -> dict[str, Any]:
    """Return the spec of service ``name`` for an inventory that says ``variables``, its files with their content."""
    templar = _templar(variables)
    spec: dict[str, Any] = templar.template(trust_as_template("{{ " + name + "_spec }}"))

    def render(path: Path) -> str:
        return str(templar.template(trust_as_template(path.read_text(encoding="utf-8"))))

    spec["files"] = rendered(spec.get("files") or [], [PROJECT / "roles"], render)
    return spec


def value(variable: str, **variables: Any) -> Any:
    """Return a role's variable for an inventory that says ``variables``."""
    return _templar(variables).template(trust_as_template("{{ " + variable + " }}"))


def default(variable: str) -> Any:
    """Return the default of a role's variable, on a robot with Docker where it follows the engine."""
    for path in sorted(PROJECT.glob("roles/*/defaults/main.yml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if variable in values:
            return value(variable)
    raise KeyError(variable)


def floor_mib(series: int) -> int:
    """Return the smallest limit that the inventory gate accepts for VictoriaMetrics with ``series`` series, in MiB."""
    return gate.victoriametrics_mib(series)


def agent_floor_mib(series: int) -> int:
    """Return the smallest limit that the inventory gate accepts for vmagent with ``series`` series, in MiB."""
    return gate.measured_mib("vmagent", series)


@cache
def entry_point_floor_mib(robots: int) -> int:
    """Return the smallest limit that the inventory gate accepts for a hub's vmauth with ``robots`` robots, in MiB."""
    return gate.measured_mib("telemetry_hub_vmauth", robots)


def sensor_floor_mib() -> int:
    """Return the smallest limit that the inventory gate accepts for the sensor service, in MiB."""
    return gate.SENSOR_SERVICE_MIB
