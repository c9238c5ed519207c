"""What the module robot_stack is told: the form of its arguments, as Ansible checks it.

Apart from the module: the controller checks by it, too, and does not load for that what runs on the robot.
"""

from __future__ import annotations

from typing import Any

from .robot_stack.spec.model import ENGINES, STATES

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    "scope": {"type": "list", "elements": "str", "default": []},
    "architecture": {"type": "str", "choices": ["amd64", "arm64", "arm"], "default": "amd64"},
    "budget": {
        "type": "dict",
        "options": {
            "memory_budget_mib": {"type": "int", "default": 300},
            "memory_reserve_mib": {"type": "int", "default": 150},
            "engine_memory_allowance_mib": {"type": "int", "default": 128},
            "root": {"type": "str", "default": "/var/lib/robot-stack"},
            "slice": {"type": "str", "default": "robotstack.slice"},
        },
        "apply_defaults": True,
    },
    "engine": {
        "type": "dict",
        "options": {
            "kind": {"type": "str", "choices": list(ENGINES), "default": ENGINES[0]},
            "install": {"type": "bool", "default": True},
            "packages": {"type": "list", "elements": "str", "default": []},
            "daemon": {"type": "dict", "default": {}},
            "service_environment": {"type": "dict", "default": {}},
            "socket": {"type": "str", "default": "/var/run/docker.sock"},
        },
        "apply_defaults": True,
    },
    "memory_controller": {
        "type": "dict",
        "options": {
            "enable": {"type": "bool", "default": True},
            "reboot_allowed": {"type": "bool", "default": False},
            "boot_files": {"type": "list", "elements": "str", "default": []},
        },
        "apply_defaults": True,
    },
    "services": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "enabled": {"type": "bool", "default": True},
            "image": {"type": "dict", "required": True},
            "command": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "memory_limit_mib": {"type": "int", "required": True},
            "cpu_limit": {"type": "float", "required": True},
            "pids_limit": {"type": "int", "required": True},
            "open_files_limit": {"type": "int", "default": 0},
            "user": {"type": "str", "required": True},
            "mounts": {"type": "list", "elements": "dict", "default": []},
            "files": {"type": "list", "elements": "dict", "default": []},
            "config_target": {"type": "str", "default": "/config"},
            "data": {"type": "list", "elements": "dict", "default": []},
            "tmpfs": {"type": "dict", "default": {}},
            "listens": {"type": "list", "elements": "str", "default": []},
            "health": {"type": "dict", "default": {}},
            "limit_evidence": {"type": "dict", "default": {}},
            "history_url": {"type": "str", "default": ""},
            "disk_mib": {"type": "int", "default": 0},
            "filesystems": {"type": "list", "elements": "str", "default": []},
            "shares": {"type": "dict", "default": {}},
            "job": {"type": "dict", "default": {}},
            "notes": {"type": "list", "elements": "str", "default": []},
            "stop_timeout_seconds": {"type": "int", "default": 10},
            "log": {"type": "dict", "default": {}},
        },
    },
    "image_delivery": {"type": "dict", "default": {}},
    "packages_directory": {"type": "str", "default": ""},
    "registry": {
        "type": "dict",
        "options": {
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
        },
        "apply_defaults": True,
    },
    "history": {
        "type": "dict",
        "options": {"hours": {"type": "int", "default": 0}, "points": {"type": "int", "default": 120}},
        "apply_defaults": True,
    },
    "staged_images": {"type": "list", "elements": "dict", "default": []},
    "watchdog_interval_seconds": {"type": "int", "default": 30},
    "accept_tight": {"type": "bool", "default": False},
    "stopped": {"type": "list", "elements": "str", "default": []},
    "fresh": {"type": "list", "elements": "str", "default": []},
    "robot": {"type": "str", "default": ""},
    "former_name": {"type": "str", "default": ""},
    "controller_clock": {"type": "float", "default": 0},
    "operator": {
        "type": "dict",
        "options": {
            "user": {"type": "str", "default": ""},
            "run": {"type": "str", "default": ""},
            "done": {"type": "list", "elements": "str", "default": []},
        },
        "apply_defaults": True,
    },
    "remove_data": {"type": "bool", "default": False},
    "remove_engine": {"type": "bool", "default": False},
}
