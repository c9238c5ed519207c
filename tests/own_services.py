"""Somebody else's roles, made for tests, and robots that name them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import rendering
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.catalogue import joined
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.declared import Declaration
from declarations import catalogue

LIMIT = "lidar_driver_memory_limit_mib"
SERVICES = "robot_stack_services"
SPEC: dict[str, Any] = {
    "name": "lidar_driver",
    "enabled": "{{ lidar_driver_enabled }}",
    "image": {"reference": "acme/lidar-driver:1"},
    "environment": {"PORT": "{{ lidar_driver_port }}"},
    "memory_limit_mib": "{{ lidar_driver_memory_limit_mib }}",
    "memory_floor": {"mib": 12, "load": "with {{ lidar_driver_topics }} topics", "otherwise": "read fewer topics"},
    "cpu_limit": 0.5,
    "pids_limit": 16,
    "user": "70200:70200",
}
OPTIONS: dict[str, Any] = {
    "lidar_driver_enabled": {"type": "bool", "default": True},
    "lidar_driver_memory_limit_mib": {"type": "int", "default": 24},
    "lidar_driver_port": {"type": "int", "default": 2368},
    "lidar_driver_topics": {"type": "int", "default": 20},
    "lidar_driver_mode": {"type": "str", "choices": ["fast", "fine"], "default": "fast"},
    "lidar_driver_password": {"type": "str", "no_log": True, "default": ""},
}


def write_role(folder: Path, options: dict[str, Any] | None = None, **spec: Any) -> Path:
    """Write role lidar_driver, or what ``folder`` is called, with ``spec`` in the place of parts of its spec."""
    name, described = folder.name, {**OPTIONS, **(options or {})}
    whole = {**SPEC, **{key: value for key, value in spec.items() if value is not None}}
    parts = {
        "defaults/main.yml": {key: raw["default"] for key, raw in described.items() if raw and "default" in raw},
        "meta/argument_specs.yml": {
            "argument_specs": {"main": {"options": {key: raw for key, raw in described.items() if raw}}}
        },
        "vars/main.yml": {f"{name}_spec": whole},
    }
    for path, content in parts.items():
        text = yaml.safe_dump(content).replace("lidar_driver", name)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def action(variables: dict[str, Any], **extra: Any) -> Any:
    """Return what the services need of an action plugin."""
    manager = SimpleNamespace(extra_vars=extra)
    task = SimpleNamespace(get_variable_manager=lambda: manager)
    loader = DataLoader()
    return SimpleNamespace(_loader=loader, _task=task, _templar=Templar(loader=loader, variables=variables))


def variables_of(playbooks: Path, **written: Any) -> dict[str, Any]:
    """Return a robot's variables in a play whose playbook has roles beside it."""
    services = ["sensor_service", "victoriametrics", "lidar_driver"]
    ours = {name: value for name, value in rendering.roles().items() if not name.startswith("telemetry_hub_")}
    ours.update(inventory_hostname="scout", inventory_dir="/nowhere")
    return {**ours, "playbook_dir": str(playbooks), "robot_stack_services": services, **written}


def declared(playbooks: Path, name: str = "scout", /, **written: Any) -> Declaration:
    """Return what a robot declares that names our two services and lidar_driver."""
    variables = variables_of(playbooks, **written)
    return Declaration.of(name, variables, action(variables), catalogue())


def faults(playbooks: Path, **written: Any) -> list[Fault]:
    """Return what the gate says of that robot."""
    declaration = declared(playbooks, **written)
    known = joined(catalogue(), declaration.foreign)
    return gate.check(declaration.robot(known), known)


def refused(playbooks: Path, **written: Any) -> Fault:
    """Return the one fault that the gate finds in that robot."""
    (found,) = faults(playbooks, **written)
    return found
