"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory_gate
short_description: Refuse an inventory that cannot work, before any connection
description:
  - Checks what the inventory declares for every robot of the play at once; all faults come in one message that names
    the robot, the variable, its value, its file and the remedy.
  - Where nothing is wrong, makes the images ready on the controller that the robots need, and tells their digests.
  - Contacts no robot. Run it once for all robots of the play.
  - What it has passed it remembers for this run. The module M(robotfleet.stack.robot_stack) refuses a robot for which
    it has not been run, or that is asked for something else than it has passed.
options:
  robots:
    description: Names of the robots to check; without it, all of the play.
    type: list
    elements: str
    default: []
  services:
    description: Services that the play gives these robots beside those that they declare.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {support: full, description: "Checks the same; images are made ready, too."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Inventory declares what can work
  robotfleet.stack.inventory_gate:
  run_once: true
"""

RETURN = r"""
robots: {description: How many robots were checked., type: int, returned: success}
images_wanted: {description: "Folder, image, architectures.", type: dict, returned: success}
ansible_facts:
  description: C(robot_stack_images), the digests of the images by folder and reference.
  type: dict
  returned: success
"""
