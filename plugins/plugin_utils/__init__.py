"""The controller's side of the collection, a folder for each subject."""

from __future__ import annotations

import platform

from ansible.release import __version__ as ansible_version

from .supported import check_controller

# Here, because every plugin of the controller comes by: `requires_ansible` in meta/runtime.yml does no more than warn.
check_controller(ansible_version, platform.python_version())
