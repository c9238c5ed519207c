"""A thin entry point: parameters in, one step of a backup or of a restore, result out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: robot_backup
short_description: Take a robot's samples to the controller, or bring them back
description:
  - An action plugin of the same name stands before it on the controller. It turns I(state=saved) and I(state=restored)
    into the steps below, and moves the archive. Runs on the robot's own Python (3.9 or later).
options:
  state:
    description:
      - For users, C(saved) writes an archive and its digest into I(directory) on the controller, C(restored) brings
        I(archive) (without one, the newest in I(directory)) to the robot, and C(found) fails unless the database finds
        what is in it.
      - C(snapshot), C(released), C(room) and C(placed) are the steps in between, of the action plugin.
    type: str
    choices: [saved, restored, found, snapshot, released, room, placed]
    required: true
  database:
    description:
      - C(name), C(data), C(user), C(url) of its health page and C(timeout_seconds) in which it answers, C(username),
        C(retention) and C(stop_timeout_seconds) of the service. C(version) is kept in the backup.
    type: dict
    required: true
  password:
    description: The password of the database's API, where it has one.
    type: str
    default: ''
  root:
    description: The stack's directory on the robot.
    type: str
    default: /var/lib/robot-stack
  socket:
    description: Where the container engine listens; empty for Podman, which does not.
    type: str
    default: /var/run/docker.sock
  directory:
    description: Used on the controller only. Where the robot's backups are.
    type: str
    default: ''
  directory_before:
    description: Used on the controller only. Where an earlier version kept them; it is only named.
    type: str
    default: ''
  archive:
    description:
      - The archive to restore, on the controller for C(restored), on the robot for C(placed). For C(room), its name.
    type: str
    default: ''
  recipients:
    description:
      - Used on the controller only, with C(saved). Public keys (C(age1...), C(ssh-ed25519 ...)) for which the archive
        is encrypted, by the program C(age). Without any it is not.
    type: list
    elements: str
    default: []
  identity:
    description: Used on the controller only. The file with the secret key of an encrypted archive.
    type: str
    default: ''
  digest:
    description: The archive's digest. Not for users.
    type: str
    default: ''
  snapshot:
    description: The snapshot's name, for C(released). Not for users.
    type: str
    default: ''
  replace:
    description: Whether samples that the robot has may be replaced by those of the backup.
    type: bool
    default: false
  operator:
    description: Whose run it is, for the robot's journal. The action plugin sets it.
    type: dict
    suboptions:
      user: {description: User and controller., type: str, default: ''}
      run: {description: The playbooks and their process., type: str, default: ''}
  archive_bytes: {description: The archive's size. Not for users., type: int, default: 0}
  unpacked_bytes: {description: The size of what is in it. Not for users., type: int, default: 0}
  moment: {description: When it was taken. Not for users., type: float, default: 0}
  series: {description: What could be found then. Not for users., type: int, default: 0}
attributes:
  check_mode: {support: full, description: Says what would be done; nothing is written or changed.}
  diff_mode: {support: none, description: Samples are no text.}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Samples of each robot are on this machine
  robotfleet.stack.robot_backup:
    state: saved
    database: "{{ victoriametrics_backup }}"
    # where restore.yml looks
    directory: "{{ inventory_dir | dirname }}/backups/{{ inventory_dir | basename }}/{{ inventory_hostname }}"
"""

RETURN = r"""
msg: {description: "What was done, for people.", type: str, returned: always}
archive: {description: The archive on the controller., type: str, returned: where one was written or read}
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.database import (
    BackupError,
    Database,
    retention_seconds,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import user
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.lock import BusyError, held
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.drivers import (
    DOCKER,
    connect,
    kind_of,
    other_than,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import Engine, EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.journal import Journal
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import ManagedFile, Probe, Service
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup


def database(params: dict[str, Any]) -> Database:
    """Return the robot's database as the parameters describe it."""
    told, password = params["database"], params["password"]
    url = str(told["url"])
    service = Service(
        name=str(told["name"]),
        image="",
        memory_limit_mib=1,
        cpu_limit=1.0,
        pids_limit=1,
        user=str(told["user"]),
        files=(ManagedFile("password", password, sensitive=True),) if password else (),
        probe=Probe(
            url=url,
            timeout_seconds=int(told["timeout_seconds"]),
            username=str(told["username"]),
            password_file="password" if password else "",
        ),
        history_url=url.rsplit("/", 1)[0],
        stop_timeout_seconds=int(told["stop_timeout_seconds"]),
    )
    return Database(service, params["root"], str(told["data"]), Roots(), engine_of(params, Roots()))


def engine_of(params: dict[str, Any], roots: Roots) -> Engine:
    """Return the engine that the robot has, which may not be the declared one yet."""
    root, socket = roots.path(params["root"]), str(params["socket"])
    declared = kind_of(socket)
    kind = (state.load(root).engine_kind or DOCKER) if state.there(root) else declared
    if kind == declared:
        return connect(declared, socket)
    return other_than(declared, "", setup.socket_told(root))


def step(params: dict[str, Any]) -> dict[str, Any]:
    """Do what ``state`` says."""
    wanted, here = params["state"], database(params)
    moment, series = params["moment"], params["series"]
    journal = Journal.of(here.roots, params["operator"], wanted)
    if moment < here.clock() - retention_seconds(str(params["database"]["retention"])):
        series = 0  # older than what the database keeps: it may have dropped it by now
    if wanted == "snapshot":
        with held(here.roots):
            made = here.snapshot()
        journal.tell(f"took a snapshot of {here.service.name} for a backup")
        return {"changed": False, **made}
    if wanted == "released":
        here.release(params["snapshot"])
        return {"changed": False}
    if wanted == "room":
        sizes = params["archive_bytes"], params["unpacked_bytes"]
        return {"changed": False, **here.room(params["archive"], *sizes, params["replace"])}
    if wanted == "placed":
        with held(here.roots):
            here.restore(Path(params["archive"]), params["digest"], moment, series, params["replace"])
        journal.tell(f"put the samples of {Path(params['archive']).name} into {here.service.name}")
        return {"changed": True}
    missing = here.missing(moment, series)
    if missing:
        raise BackupError(f"{here.service.name}: {missing}")
    return {"changed": False, "targets": series}


def main() -> None:
    """Parse, do one step, answer."""
    os.umask(0o022)  # whatever the login or sudo says
    arguments: dict[str, Any] = {
        "state": {
            "type": "str",
            "choices": ["saved", "restored", "found", "snapshot", "released", "room", "placed"],
            "required": True,
        },
        "database": {"type": "dict", "required": True},
        "password": {"type": "str", "default": "", "no_log": True},
        "root": {"type": "str", "default": "/var/lib/robot-stack"},
        "socket": {"type": "str", "default": "/var/run/docker.sock"},
        "directory": {"type": "str", "default": ""},
        "directory_before": {"type": "str", "default": ""},
        "archive": {"type": "str", "default": ""},
        "recipients": {"type": "list", "elements": "str", "default": []},
        "identity": {"type": "str", "default": ""},
        "digest": {"type": "str", "default": ""},
        "snapshot": {"type": "str", "default": ""},
        "replace": {"type": "bool", "default": False},
        "operator": {
            "type": "dict",
            "options": {"user": {"type": "str", "default": ""}, "run": {"type": "str", "default": ""}},
            "apply_defaults": True,
        },
        "archive_bytes": {"type": "int", "default": 0},
        "unpacked_bytes": {"type": "int", "default": 0},
        "moment": {"type": "float", "default": 0},
        "series": {"type": "int", "default": 0},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    stranger = user.objection()
    if stranger:
        module.fail_json(msg=stranger)
    try:
        module.exit_json(**step(module.params))
    except (BackupError, BusyError, EngineError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
