"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Plan a rollout in waves
description:
  - Puts the robots of the play into an order and into waves, and keeps the plan as the controller's fact C(rollout),
    from which later plays take their hosts and batches.
  - Robots that failed or could not be reached earlier in the same run are in no wave; where several processes divide
    the rollout, they are refused.
  - Where several processes divide the rollout (O(shard)), one plans the canaries, and each of the others its part of
    every further wave, once the canaries have passed.
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
  shard:
    description: The part of this process, C(canaries) or as C(2/3). Empty means the whole rollout.
    type: str
  run:
    description: The name that all processes of a divided rollout share.
    type: str
  results_directory:
    description:
      - Where results go, in a folder with the run's name. Empty means C(rollouts) beside the inventory's folder.
    type: str
  canaries_verdict:
    description:
      - What the process of the canaries has returned as C(verdict). Empty means that it is in its file of results.
    type: dict
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
results: {description: The file of results of a process with a part of the rollout., type: str, returned: with shard}
attempt: {description: What tells this attempt at the part from others., type: str, returned: with shard}
rollout: {description: "The plan, as the fact of the same name has it.", type: dict, returned: success}
ansible_facts: {description: C(rollout)., type: dict, returned: success}
"""
