"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_folder
short_description: Fill a folder with the images that robots need
description:
  - For a controller without an engine or a network. Exports what the controller's engine has, in shared layers.
  - Run it once, after M(robotfleet.stack.inventory_gate), which knows which images are needed. No robot is contacted.
options:
  directory:
    description: The folder on the controller; it is made where it is missing.
    type: path
    required: true
attributes:
  check_mode: {support: full, description: "Not run."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Folder holds the images
  robotfleet.stack.image_folder:
    directory: /media/stick/images
  run_once: true
"""

RETURN = r"""
msg: {description: What the folder holds., type: str, returned: success}
"""
