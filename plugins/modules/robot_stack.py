"""The entry point on the robot: parameters in, one call of the robot_stack package, result out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: robot_stack
short_description: Make a robot's telemetry stack equal to its spec, inside its memory budget
description:
  - Observes the robot, plans, applies, reads every limit back from the kernel, and judges the usage, all in one run.
  - Runs on the robot's own Python (3.9 or later) and needs nothing else there. Talks to Docker over its socket, and to
    Podman by its programs and systemd.
  - The action plugin of the same name calls it from the controller. It renders the files that the services name, sets
    I(scope) from C(--tags), brings what the robot lacks (packages, images, a reboot), and then runs the module again.
options:
  state:
    description:
      - C(present) makes the robot equal to the spec. C(absent) removes the stack.
      - C(planned) changes nothing and returns the plan, or every reason of a refusal.
      - C(verified) changes nothing and fails where anything differs, a limit is missing or a budget is exceeded.
      - C(proven) is the gate after a change. A robot that passes records what runs as its last good version; one that
        does not is rolled back, and fails.
      - C(restored) rolls the robot back to its newest good version that differs from what runs.
    type: str
    choices: [present, verified, planned, proven, restored, absent]
    default: present
  scope:
    description:
      - Names of the services that this run may touch. Empty means all. What all services need (the ceiling, an engine
        of ours and its settings, the watchdog) is deployed with any of them.
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
    suboptions:
      kind:
        description: Which one. C(podman), 4.9 or later on cgroup v2, has its containers started by systemd.
        type: str
        choices: [docker, podman]
        default: docker
      install:
        description: Whether a missing engine is installed.
        type: bool
        default: true
      packages:
        description: The distribution's packages. Empty means what it calls this engine.
        type: list
        elements: str
        default: []
      daemon:
        description: Content of daemon.json; empty for C(podman).
        type: dict
        default: {}
      service_environment:
        description: Environment variables of the engine's own processes.
        type: dict
        default: {}
      socket:
        description: Where the engine listens; empty for C(podman), which does not.
        type: str
        default: /var/run/docker.sock
  memory_controller:
    description: What may be done where the kernel's memory controller is off.
    type: dict
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
        description: Where the boot line may stand; the first that exists is used. Empty means the distribution's own.
        type: list
        elements: str
        default: []
  services:
    description:
      - The services, in the order in which they start. On the controller each may be the name of a role instead
        (docs/adding-a-service.md), whose variable ROLE_spec is then meant.
      - Used on the controller only are C(memory_floor) (C(mib), C(load), C(otherwise), C(reckoned)), below which the
        inventory gate refuses a limit, and C(context), C(bases) and C(build_bases) of an image that is built there.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Lower-case name., type: str, required: true}
      enabled: {description: Whether the robot runs it., type: bool, default: true}
      image: {description: C(reference); the action plugin adds C(fingerprints)., type: dict, required: true}
      command: {description: Arguments after the image's entry point., type: list, elements: str, default: []}
      environment: {description: Environment variables., type: dict, default: {}}
      memory_limit_mib: {description: Memory limit in MiB; swap is always zero., type: int, required: true}
      cpu_limit: {description: CPUs., type: float, required: true}
      pids_limit: {description: Processes and threads., type: int, required: true}
      open_files_limit:
        description: Files that a process may have open, connections included; with 0 it is what the engine gives.
        type: int
        default: 0
      user: {description: Numeric C(uid:gid); never root., type: str, required: true}
      mounts:
        description: >-
          C(source) and C(target) of paths shown read-only; C(recursive) with what is mounted below; C(optional) where
          the robot has it.
        type: list
        elements: dict
        default: []
      files:
        description: >-
          C(path) and C(content), C(template) or C(src) of files. C(sensitive) ones are never shown; they, and those
          marked C(credential), are no part of a version, so a rollback leaves them as they are declared.
        type: list
        elements: dict
        default: []
      config_target: {description: Where the files are in the container., type: str, default: /config}
      data:
        description:
          - C(name) and C(target) of directories that outlive the container.
          - C(adopts) is a folder in it that the service names after its settings; one that other settings left
            (C(adopts_from), a pattern) gets this name. C(also_adopts) lists more of both.
        type: list
        elements: dict
        default: []
      tmpfs: {description: Target and size in MiB; counts against the limit., type: dict, default: {}}
      listens: {description: C(address:port) that must be free., type: list, elements: str, default: []}
      health:
        description:
          - C(url), C(timeout_seconds), C(username), C(password_file).
          - Without an URL a service is healthy when its container still runs after three seconds.
        type: dict
        default: {}
      limit_evidence:
        description: C(url) and C(metric) of the limit that the service found.
        type: dict
        default: {}
      history_url: {description: Where the robot's own history is asked for., type: str, default: ''}
      disk_mib:
        description: MiB of disk for data that is still to come, and what must stay free beside it.
        type: int
        default: 0
      filesystems:
        description: Paths whose free space the watchdog writes beside its own metrics.
        type: list
        elements: str
        default: []
      shares:
        description:
          - How many different series each user of this entry point may bring in a day (C(each), or C(series) by user).
            The watchdog shuts out who brings more, in C(file), where it leads his requests to C(backend) nowhere.
          - C(count_url) and C(usage_url) are asked with C(username) and C(password_file); C(restarts) is the database.
        type: dict
        default: {}
      job:
        description:
          - A service with a C(kind) (C(backup), C(restore)) is a job. It has no container between two runs, and its
            limit counts in the sum all the same. C(calendar) and C(delay_seconds) are those of its systemd timer.
          - It reads or makes the data of the service C(database); C(destination) is fs:///PATH or s3://BUCKET/PREFIX,
            C(place) this host's own folder there, where C(free_mib) stay free. C(start_over) begins a new chain of
            backups where the database is not what was backed up; what is older than its C(retention) does not count.
        type: dict
        default: {}
      notes:
        description: What its settings mean, in lines for whoever reads the plan.
        type: list
        elements: str
        default: []
      stop_timeout_seconds: {description: Time to flush before it is killed., type: int, default: 10}
      log: {description: C(max_size_kib) and C(max_files)., type: dict, default: {}}
  image_delivery:
    description:
      - Used on the controller only. C(method) is C(push) (the controller's engine has the images), C(archive) (they are
        in C(directory), which C(playbooks/images.yml) has filled), or C(pull) (from C(registry), each pinned by the
        digest that C(digests) has for its reference).
    type: dict
    default: {}
  packages_directory:
    description: Used on the controller only. A folder with the engine's packages, for robots without a network.
    type: str
    default: ''
  registry:
    description: The login with which the robot pulls images that are named by their digest.
    type: dict
    suboptions:
      username:
        description: User name; empty, no login.
        type: str
        default: ''
      password:
        description: Password or token.
        type: str
        default: ''
  history:
    description: How much of the robot's own history is read for a report.
    type: dict
    suboptions:
      hours:
        description: How far to look back, at most; 0 reads none. At most a year.
        type: int
        default: 0
      points:
        description: Into how many points (10 to 1000) at most; each is the highest value of its step.
        type: int
        default: 120
  staged_images:
    description: Archives that the action plugin has copied to the robot's disk. Not for users.
    type: list
    elements: dict
    default: []
  watchdog_interval_seconds:
    description:
      - How often the watchdog looks, between two runs. It samples memory, keeps what happened, and restarts a service
        that runs and does not answer.
    type: int
    default: 30
  accept_tight:
    description: With I(state=proven), whether the verdict C(tight) passes, too.
    type: bool
    default: false
  stopped:
    description:
      - Names of services that stay stopped though they are declared. Their containers and data stay. The watchdog
        starts every other service that it finds stopped.
    type: list
    elements: str
    default: []
  fresh:
    description: With I(state=proven), services that did not run on this robot before. Not for users.
    type: list
    elements: str
    default: []
  robot:
    description: The robot's name in the inventory. A machine that is deployed under another name is refused. The action
      plugin sets it.
    type: str
    default: ""
  former_name:
    description: The name under which this machine was deployed before it was renamed in the inventory.
    type: str
    default: ""
  controller_clock:
    description: The controller's time in seconds since 1970; a robot whose clock is far from it is refused. The action
      plugin sets it.
    type: float
    default: 0
  operator:
    description: Whose run it is, for the robot's journal. The action plugin sets it.
    type: dict
    suboptions:
      user: {description: User and controller., type: str, default: ''}
      run: {description: The playbooks and their process., type: str, default: ''}
      done: {description: What the controller did there since the last call., type: list, elements: str, default: []}
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
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Inventory declares what can work
  robotfleet.stack.inventory_gate:
  run_once: true

# As roles/robot_stack/tasks/converge.yml does it: without the gate's word for just these arguments nothing is done.
- name: Give a robot one service, inside its limit
  robotfleet.stack.robot_stack:
    scope: [sensor_service]
    architecture: "{{ robot_stack_architecture }}"
    budget: "{{ robot_stack_budget }}"
    engine: "{{ container_engine_spec }}"
    memory_controller: "{{ memory_cgroup_spec }}"
    watchdog_interval_seconds: "{{ robot_stack_watchdog_interval_seconds }}"
    services: [sensor_service]
"""

RETURN = r"""
asked: {description: C(planned) in check mode; else I(state)., type: str, returned: always}
declared: {description: "The budget and how it is shared out, in MiB.", type: dict, returned: always}
plan: {description: What was done or would be done; one line each., type: list, elements: str, returned: always}
records:
  description: What of this project's own files on the robot could not be believed, and what became of it; a line each.
  type: list
  elements: str
  returned: where there is any
refusals: {description: Why nothing was done., type: list, elements: str, returned: always}
services: {description: Limit and usage (MiB) and verdict of each service., type: dict, returned: where an engine runs}
engine_usage: {description: What the engine holds (MiB) and its verdict., type: dict, returned: where an engine runs}
budget: {description: The ceiling in the kernel and what is left (MiB)., type: dict, returned: where an engine runs}
robot: {description: "Memory, kernel, architecture, engine.", type: dict, returned: always}
disk: {description: "Image and data of each service, in MiB.", type: dict, returned: where history is asked for}
history:
  description: >-
    C(moments) (seconds of 1970), C(services) (working set and limit, MiB), C(sensors), C(scrapes) (ms), C(collectors),
    C(storage), C(measured_at), and C(faults), a line for everything that could not be read.
  type: dict
  returned: where history is asked for
shut_out:
  description: Who is shut out of an entry point because of too many series; a line each.
  type: list
  elements: str
  returned: where there is any
backups:
  description: When each database of this host was backed up last, or why not; a line each.
  type: list
  elements: str
  returned: where there is such a job
proven: {description: Whether what is declared has passed the gate on this robot., type: bool, returned: C(present)}
fresh: {description: Services that had no container before this run., type: list, elements: str, returned: C(present)}
objections: {description: What speaks against a change., type: list, elements: str, returned: C(proven) that fails}
rolled_back: {description: How a failed robot was rolled back., type: list, elements: str, returned: after a failure}
causes: {description: What logs say of services that failed., type: list, elements: str, returned: after a failure}
verdict: {description: The worst verdict., type: str, returned: where an engine runs}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run.answer import answer
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS


class Discreet(AnsibleModule):
    """A module that does not repeat what it is given: the files of services hold passwords and keys.

    Neither in the robot's journal (``no_log=True`` would not do: the controller overrides it) nor, as ``main`` sees to,
    in its result, which -vvv prints.
    """

    def _log_invocation(self) -> None:
        """Log nothing."""


def main() -> None:
    """Parse, execute, answer."""
    module = Discreet(argument_spec=ARGUMENTS, supports_check_mode=True)
    untold: dict[str, Any] = {"invocation": {}}
    result = answer(module.params, module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result, **untold)
    module.exit_json(**result, **untold)


if __name__ == "__main__":
    main()
