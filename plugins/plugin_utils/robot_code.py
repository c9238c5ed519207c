"""Makes the robot's own code importable on the controller: Ansible finds it for modules, but not for what runs here."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

FOLDER = Path(__file__).resolve().parents[1] / "module_utils"
if str(FOLDER) not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(str(FOLDER))
