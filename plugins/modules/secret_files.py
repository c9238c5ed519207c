"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Make passwords on the controller
description:
  - Makes each file that is missing, with a password of 32 characters, readable by its owner alone. Those that are
    there stay.
  - Keys and passwords in the folder that others could read become their owner's alone, and git ignores the folder.
  - No host is contacted.
options:
  directory:
    description: The folder on the controller; it is made where it is missing.
    type: path
    required: true
  names:
    description: The files, relative to I(directory).
    type: list
    elements: str
    required: true
attributes:
  check_mode: {support: full, description: "Tells what is missing; nothing is written."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Each robot has a password
  robotfleet.stack.secret_files:
    directory: "{{ inventory_dir }}/.telemetry_hub"
    names: "{{ groups['robots'] | map('regex_replace', '^(.*)$', 'robots/\\1.password') }}"
  run_once: true
"""

RETURN = r"""
made: {description: The names of the files that were missing., type: list, elements: str, returned: success}
closed: {description: The files that others could read., type: list, elements: str, returned: success}
"""
