"""Robots as the inventory gate sees them, made for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import load
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import (
    Catalogue,
    Robot,
    Secret,
    Worked,
)

PROJECT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent  # Ansible's programs are beside the Python that runs the tests


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the variables of the project's own roles."""
    return load(PROJECT / "roles")


@lru_cache(maxsize=2)
def defaults(podman: bool = False) -> dict[str, Any]:
    """Return the roles' defaults, of a robot with Podman or with Docker; texts that are expressions stay as written.

    Defaults of other types that are expressions follow the engine: they are worked out, as Ansible does for each robot.
    """
    import rendering  # noqa: PLC0415 (which needs this file)

    engine = "podman" if podman else "docker"
    options = catalogue().options.values()
    found = {option.name: option.default for option in options}
    following = [one.name for one in options if isinstance(one.default, str) and one.type not in ("str", "path")]
    return {**found, **{name: rendering.value(name, container_engine=engine) for name in following}}


def robot(name: str = "scout", /, **written: Any) -> Robot:
    """Return a robot with the roles' defaults and what its inventory has ``written``."""
    known = catalogue()
    values = dict(defaults(written.get("container_engine") == "podman"))
    values.update({key: value for key, value in written.items() if key in values})
    if "vmagent_hub_urls" not in written:  # it follows the other one
        values["vmagent_hub_urls"] = [values["vmagent_hub_url"]] if values["vmagent_hub_url"] else []
    if "telemetry_hub_names" not in written:  # it follows the inventory's name
        values["telemetry_hub_names"] = [name]
    strangers = {key: value for key, value in written.items() if key not in values}

    def part(service: str, part: str = "") -> Worked:
        import rendering  # noqa: PLC0415 (which needs this file)

        return rendering.part(values, service, part)

    return Robot(name, values, frozenset({*known.names, *written}), strangers=strangers, modes=known.modes, part=part)


def fleet(*inventories: Path) -> list[Robot]:
    """Return the robots of ``inventories``, each with the variables that Ansible finds for it."""
    given = [word for path in inventories for word in ("-i", str(path))]
    listed = subprocess.run(
        [BIN / "ansible-inventory", *given, "--list"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    told = json.loads(listed.stdout)
    found: dict[str, dict[str, Any]] = told["_meta"]["hostvars"]
    hubs = told.get("telemetry_hub", {}).get("hosts", [])
    return [
        robot(name, **_sending({key: _known(value) for key, value in own.items()}, hubs)) for name, own in found.items()
    ]


def _sending(own: dict[str, Any], hubs: list[str]) -> dict[str, Any]:
    """Return a robot's variables with the addresses that follow from the inventory's group."""
    import rendering  # noqa: PLC0415 (which needs this file)

    if {"vmagent_hub_url", "vmagent_hub_urls"} & own.keys() or not hubs:
        return own
    return {**own, "vmagent_hub_urls": rendering.value("vmagent_hub_urls", groups={"telemetry_hub": hubs})}


def _known(value: Any) -> Any:
    return Secret() if isinstance(value, dict) and "__ansible_vault" in value else value
