"""A thin door: parameters in, one call of the robot_stack package, result out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: robot_stack
short_description: Make a robot's telemetry stack equal to its spec, inside its memory budget
description:
  - Observes the robot, plans, applies, reads every limit back from the kernel, and judges what is used. One run does
    all of it.
  - Runs on the robot's own Python (3.9 or later) and needs nothing else there. Talks to the container engine over its
    socket.
  - An action plugin of the same name stands before it on the controller. It renders the files that the services name,
    sets I(scope) from C(--tags), and brings what the robot lacks (packages, images, a reboot), then asks once more.
options:
  state:
    description:
      - C(present) makes the robot equal to the spec. C(absent) takes the stack off again.
      - C(planned) changes nothing and returns the plan and every reason against it.
      - C(verified) changes nothing and fails where anything differs, a limit is missing or a budget is broken.
    type: str
    choices: [present, absent, planned, verified]
    default: present
  scope:
    description: Names of the services that this run may touch. Empty means all.
    type: list
    elements: str
    default: []
  architecture:
    description: The robot's declared architecture. A robot of another one is refused.
    type: str
    choices: [amd64, arm64, arm]
    default: amd64
  budget:
    description: What the whole stack may spend, in MiB.
    type: dict
    default: {}
    suboptions:
      memory_budget_mib:
        description: Ceiling over engine and services together, enforced by the kernel.
        type: int
        default: 300
      memory_reserve_mib:
        description: What stays free for the robot's own programs.
        type: int
        default: 150
      engine_memory_allowance_mib:
        description: The engine's own share of the budget.
        type: int
        default: 128
      root:
        description: Directory for configuration, data and state.
        type: str
        default: /var/lib/robot-stack
      slice:
        description: The systemd slice that is the ceiling.
        type: str
        default: robotstack.slice
  engine:
    description: The container engine, where this project installs it.
    type: dict
    default: {}
    suboptions:
      install:
        description: Whether a missing engine is installed.
        type: bool
        default: true
      packages:
        description: The distribution's packages.
        type: list
        elements: str
        default: [docker.io]
      daemon:
        description: Content of daemon.json.
        type: dict
        default: {}
      service_environment:
        description: Environment variables of the engine's own processes.
        type: dict
        default: {}
      socket:
        description: Where the engine listens.
        type: str
        default: /var/run/docker.sock
  memory_controller:
    description: What may be done where the kernel's memory controller is off.
    type: dict
    default: {}
    suboptions:
      enable:
        description: Whether it may be switched on in the boot line.
        type: bool
        default: true
      reboot_allowed:
        description: Whether the robot may be rebooted for it.
        type: bool
        default: false
      boot_files:
        description: Where the boot line may stand; the first that exists is used.
        type: list
        elements: str
        default: [/boot/firmware/cmdline.txt, /boot/cmdline.txt]
  services:
    description: The services, in the order in which they start.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Lower-case name., type: str, required: true}
      enabled: {description: Whether the robot runs it., type: bool, default: true}
      image: {description: C(reference); the action plugin adds C(fingerprints)., type: dict, required: true}
      command: {description: Words after the image's entry point., type: list, elements: str, default: []}
      environment: {description: Environment variables., type: dict, default: {}}
      memory_limit_mib: {description: Memory limit in MiB; swap is always zero., type: int, required: true}
      cpu_limit: {description: CPUs., type: float, required: true}
      pids_limit: {description: Processes and threads., type: int, required: true}
      user: {description: Numeric C(uid:gid); never root., type: str, required: true}
      mounts:
        description: "C(source) and C(target) of paths shown read-only; C(recursive) with what is mounted below."
        type: list
        elements: dict
        default: []
      files:
        description: C(path) and C(content), C(template) or C(src) of files; C(sensitive) ones are never shown.
        type: list
        elements: dict
        default: []
      config_target: {description: Where the files are in the container., type: str, default: /config}
      data:
        description: C(name) and C(target) of directories that outlive the container.
        type: list
        elements: dict
        default: []
      tmpfs: {description: Target and size in MiB; counts against the limit., type: dict, default: {}}
      listens: {description: C(address:port) that must be free., type: list, elements: str, default: []}
      health: {description: "C(url), C(timeout_seconds), C(username), C(password_file).", type: dict, default: {}}
      limit_evidence:
        description: C(url) and C(metric) of the limit that the service believes in.
        type: dict
        default: {}
      history_url: {description: Where the robot's own history is asked for., type: str, default: ''}
      stop_timeout_seconds: {description: Time to flush before it is killed., type: int, default: 10}
      log: {description: C(max_size_kib) and C(max_files)., type: dict, default: {}}
  staged_images:
    description: Archives that the action plugin has laid on the robot's disk. Not for users.
    type: list
    elements: dict
    default: []
  remove_data:
    description: With I(state=absent), remove the services' data as well.
    type: bool
    default: false
  remove_engine:
    description: With I(state=absent), remove the engine as well, where this project installed it.
    type: bool
    default: false
attributes:
  check_mode: {support: full, description: Returns the plan and changes nothing; works on a robot without an engine.}
  diff_mode: {support: full, description: Files and containers as text; sensitive files are redacted.}
author:
  - The robot-stack authors
"""

EXAMPLES = r"""
- name: Give a robot one service, inside its limit
  robot_stack:
    scope: [sensor_service]
    budget:
      memory_budget_mib: 300
    services:
      - "{{ sensor_service_spec }}"
"""

RETURN = r"""
plan: {description: What was done or would be done; one line each., type: list, elements: str, returned: always}
refusals: {description: Why nothing was done., type: list, elements: str, returned: always}
services: {description: Limit and usage (MiB) and verdict of each service., type: dict, returned: where an engine runs}
engine_usage: {description: What the engine holds (MiB) and its verdict., type: dict, returned: where an engine runs}
budget: {description: The ceiling in the kernel and what is left (MiB)., type: dict, returned: where an engine runs}
robot: {description: "Memory, kernel, architecture, engine.", type: dict, returned: always}
verdict: {description: The worst verdict., type: str, returned: where an engine runs}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.robot_stack import run
from ansible.module_utils.robot_stack.apply import Archive, ServiceFailedError
from ansible.module_utils.robot_stack.engine_api import Engine, EngineError
from ansible.module_utils.robot_stack.robot import Roots
from ansible.module_utils.robot_stack.spec import SpecError, parse
from ansible.module_utils.robot_stack.systemd import CommandError

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent", "planned", "verified"], "default": "present"},
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
            "install": {"type": "bool", "default": True},
            "packages": {"type": "list", "elements": "str", "default": ["docker.io"]},
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
            "boot_files": {
                "type": "list",
                "elements": "str",
                "default": ["/boot/firmware/cmdline.txt", "/boot/cmdline.txt"],
            },
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
            "stop_timeout_seconds": {"type": "int", "default": 10},
            "log": {"type": "dict", "default": {}},
        },
    },
    "staged_images": {"type": "list", "elements": "dict", "default": []},
    "remove_data": {"type": "bool", "default": False},
    "remove_engine": {"type": "bool", "default": False},
}


def main() -> None:
    """Parse, execute, answer."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        stack = parse(module.params)
        archives = {a["reference"]: Archive(a["path"], a["digest"]) for a in module.params["staged_images"]}
        engine = Engine(stack.engine.socket)
        result = run.execute(run.Call(stack, Roots(), engine, archives, check=module.check_mode))
    except SpecError as error:
        module.fail_json(msg=f"the spec cannot work: {error}")
    except (ServiceFailedError, EngineError, CommandError, run.BusyError, OSError) as error:
        module.fail_json(msg=str(error))
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
