"""A thin entry point on a hub: parameters in, one step of a restore, result out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_restore
short_description: Bring back a hub's samples from a backup of its database
description:
  - An action plugin of the same name calls it from the controller, and makes what the hub answers printable.
  - Runs on the hub's own Python (3.9 or later). The backup is checked before anything is touched, and what was there
    before stays until the database finds the restored samples.
options:
  state:
    description:
      - C(checked) fails where the backup cannot, or must not, be restored. C(restored) restores it; the job
        C(telemetry_hub_restore) must be declared there. C(found) fails unless the database finds what was restored.
    type: str
    choices: [checked, restored, found]
    required: true
  database:
    description: C(name), C(data), C(user), C(url) of its health page, C(history_url) of its query API (empty for a
      storage of a cluster, which has none), C(username), C(retention) and C(stop_timeout_seconds) of the database.
    type: dict
    required: true
  password:
    description: The password of the database's API.
    type: str
    default: ''
  root:
    description: The stack's directory on the hub.
    type: str
    default: /var/lib/robot-stack
  socket:
    description: Where the container engine listens; empty for Podman, which does not.
    type: str
    default: /var/run/docker.sock
  destination:
    description: Where backups are, fs:///PATH or s3://BUCKET/PREFIX.
    type: str
    required: true
  place:
    description: The host's own folder there.
    type: str
    required: true
  backup:
    description: The backup, as C([HUB/]CHAIN/latest) or C(.../previous). Without it, the newest that is whole.
    type: str
    default: ''
  replace:
    description: Whether samples that the hub has may be replaced by those of the backup.
    type: bool
    default: false
  operator:
    description: Whose run it is, for the hub's journal. The action plugin sets it.
    type: dict
    suboptions:
      user: {description: User and controller., type: str, default: ''}
      run: {description: The playbooks and their process., type: str, default: ''}
attributes:
  check_mode: {support: full, description: Says what would be done; nothing is changed.}
  diff_mode: {support: none, description: Samples are no text.}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
# As playbooks/hub_restore.yml does it.
- name: Backup can be restored
  robotfleet.stack.hub_restore:
    state: checked
    database: "{{ telemetry_hub_database }}"
    destination: "{{ telemetry_hub_backup_destination }}"
    place: "{{ telemetry_hub_backup_place }}"
"""

RETURN = r"""
msg: {description: "What was done, for people.", type: str, returned: always}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.database import BackupError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.backup.hub import Hub
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import user
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.lock import BusyError, held
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.drivers import connect, kind_of
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.journal import Journal
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.contents import OddError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs.destination import (
    Destination,
    DestinationError,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import (
    Job,
    ManagedFile,
    Probe,
    Service,
)

JOB = "telemetry_hub_restore"
ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["checked", "restored", "found"], "required": True},
    "database": {"type": "dict", "required": True},
    "password": {"type": "str", "default": "", "no_log": True},
    "root": {"type": "str", "default": "/var/lib/robot-stack"},
    "socket": {"type": "str", "default": "/var/run/docker.sock"},
    "destination": {"type": "str", "required": True},
    "place": {"type": "str", "required": True},
    "backup": {"type": "str", "default": ""},
    "replace": {"type": "bool", "default": False},
    "operator": {
        "type": "dict",
        "options": {"user": {"type": "str", "default": ""}, "run": {"type": "str", "default": ""}},
        "apply_defaults": True,
    },
}


def hub(params: dict[str, Any]) -> Hub:
    """Return the hub as the parameters describe it."""
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
        probe=Probe(url, 120, str(told["username"]), "password" if password else ""),
        history_url=str(told["history_url"]),
        stop_timeout_seconds=int(told["stop_timeout_seconds"]),
    )
    job = Job("restore", service.name, params["destination"], params["place"])
    where = Destination(job, service.uid_gid, Roots())
    retention = str(told["retention"])
    engine = connect(kind_of(params["socket"]), params["socket"])
    return Hub(service, str(told["data"]), params["root"], retention, JOB, where, Roots(), engine)


def step(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what ``state`` says."""
    here, wanted, replace = hub(params), params["backup"], params["replace"]
    if params["state"] == "found":
        return {"changed": False, "msg": "not asked in check mode" if check else here.found(wanted)}
    if params["state"] == "checked" or check:
        chosen = here.check(wanted, replace)
        holds = chosen.contents
        when = f": {holds.rows} samples, from {here.at(holds.oldest)} to {here.at(holds.newest)}"
        samples = when if holds.rows else ""
        return {"changed": params["state"] == "restored", "msg": f"{chosen.path} can be restored{samples}"}
    with held(here.roots):
        done = here.restore(wanted, replace)
    Journal.of(here.roots, params["operator"], "restored").tell(f"restored {done}")
    return {"changed": True, "msg": f"restored {done}"}


def main() -> None:
    """Parse, do one step, answer."""
    os.umask(0o022)  # whatever the login or sudo says
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    stranger = user.objection()
    if stranger:
        module.fail_json(msg=stranger)
    try:
        module.exit_json(**step(module.params, module.check_mode))
    except (BackupError, BusyError, DestinationError, EngineError, OddError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
