"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Plan a rollout in waves
description:
  - Puts the robots of the play into an order and into waves, and keeps the plan as the controller's fact C(rollout),
    from which later plays take their hosts and batches.
  - Run it once for all robots of the play, delegated to localhost with C(delegate_facts). No robot is contacted.
options:
  waves:
    description: The size of each wave, as a number of robots or as a share such as C(10%).
    type: list
    elements: str
    required: true
  canaries:
    description: A group whose robots come first. Empty means the inventory's order.
    type: str
  soak_seconds:
    description: How long a wave runs before it is judged.
    type: int
    required: true
  max_failures:
    description: How many robots of a wave may fail before the rollout stops.
    type: int
    required: true
attributes:
  check_mode: {support: full, description: "Plans one wave of all robots."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Waves are planned
  robotfleet.stack.rollout_plan:
    waves: [1, "10%", "100%"]
    soak_seconds: 120
    max_failures: 0
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
rollout: {description: "The plan, as the fact of the same name has it.", type: dict, returned: success}
ansible_facts: {description: C(rollout)., type: dict, returned: success}
"""
