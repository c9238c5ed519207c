"""The entry point on a hub: tells what secrets it has, without telling them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_secrets
short_description: Compare a hub's secrets with those of the controller, before any is made
description:
  - Fails where a hub has passwords or an authority that this controller's folder lacks, before others are made.
  - Removes from the folder what shall be made anew, and exchanges the authority in steps; robots trust both meanwhile.
  - A hub of several hosts has one folder. All of them are compared, and then it is changed, once.
  - The action plugin of the same name does that on the controller. On the hub, the module changes nothing.
options:
  state:
    description: >-
      Used on the controller only. C(compared) asks the hub and changes nothing; C(changed) asks nobody, and changes the
      folder.
    type: str
    choices: [compared, changed]
    required: true
  directory:
    description: Used on the controller only. The folder with the secrets.
    type: path
  variable:
    description: Used on the controller only. The variable that names the folder, for messages.
    type: str
    default: telemetry_hub_secrets_directory
  names:
    description: Used on the controller only. The files with passwords, relative to the folder, by user.
    type: dict
    default: {}
  database:
    description: Used on the controller only. The file with the database's password; empty, it is kept elsewhere.
    type: str
    default: ''
  host_keys:
    description: Used on the controller only. The files with the keys of the hub's certificates, one for each host.
    type: list
    elements: str
    default: []
  own_authority:
    description: Used on the controller only. Whether the hub's certificate is signed by an authority in the folder.
    type: bool
    default: true
  renew:
    description: Used on the controller only. Files that are made anew, relative to the folder; patterns are allowed.
    type: list
    elements: str
    default: []
  leaving:
    description: Used on the controller only. Users whose passwords are removed.
    type: list
    elements: str
    default: []
  change:
    description: Used on the controller only. A step of the exchange of the authority.
    type: str
    choices: ['', begin, switch, finish, cancel]
    default: ''
  root:
    description: The stack's directory on the hub.
    type: str
    default: /var/lib/robot-stack
  users:
    description: Those whose passwords the controller lacks. Not for users.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {support: full, description: "Compares, and tells what would be removed; nothing is."}
  diff_mode: {support: none, description: Secrets are not shown.}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: This controller has the hub's secrets
  robotfleet.stack.hub_secrets:
    state: compared
    directory: "{{ inventory_dir }}/.telemetry_hub"
    names: {scout: robots/scout.password}
"""

RETURN = r"""
removed: {description: Files that were removed from the folder., type: list, elements: str, returned: changed}
users: {description: Those asked for that the hub knows., type: list, elements: str, returned: by the hub}
more: {description: How many more of them it knows., type: int, returned: by the hub}
database: {description: Whether its database has a password., type: bool, returned: by the hub}
certificates: {description: "What it shows, as PEM.", type: str, returned: by the hub}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import user
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import hub_secrets

ARGUMENTS = {
    "root": {"type": "str", "default": "/var/lib/robot-stack"},
    "users": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Look, and answer."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    stranger = user.objection()
    if stranger:
        module.fail_json(msg=stranger)
    try:
        held = hub_secrets.held(Path(module.params["root"]), module.params["users"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"nobody can tell what secrets this hub has: {error}")
    module.exit_json(
        changed=False,
        users=held.users[: hub_secrets.MOST],
        more=max(0, len(held.users) - hub_secrets.MOST),
        certificates="\n".join(held.certificates),
        database=held.database,
    )


if __name__ == "__main__":
    main()
