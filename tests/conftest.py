"""Where the tests find the project's code: plugins are found by Ansible, not by Python."""

from __future__ import annotations

import sys
from pathlib import Path

import ansible.module_utils
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

for folder in (PROJECT, PROJECT / "plugins" / "plugin_utils", PROJECT / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# What Ansible sends to a robot as ansible.module_utils.robot_stack.
ansible.module_utils.__path__.append(str(PROJECT / "plugins" / "module_utils"))

# A busy machine is no fault of what is tested.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
