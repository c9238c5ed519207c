"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_contents
short_description: Write the bill of materials of each image that robots need
description:
  - One file in CycloneDX 1.6 (JSON) for each image and architecture. It has what the image's own files tell, the
    packages of Alpine and Debian, Python packages, CPython, the modules of Go programs, and what its labels say it is.
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
- name: Each image has its bill of materials
  robotfleet.stack.image_contents:
    directory: /srv/images/sbom
  run_once: true
"""

RETURN = r"""
msg: {description: Which files were written., type: str, returned: success}
"""
