"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_gate
short_description: Decide after a wave whether the rollout goes on
description:
  - Reads what the robots of the wave have answered to M(robotfleet.stack.robot_stack) (registered as
    C(robot_stack_result)), and keeps their outcome in the controller's fact C(rollout).
  - Run it once for all robots of the wave, delegated to localhost with C(delegate_facts). No robot is contacted.
  - A batch with robots that have their turn in another wave is refused.
  - A robot without an answer, though the tags of the run do not skip it, counts as silent; one that was to be judged
    and was not, as failed.
  - A play with the strategy C(free) or C(host_pinned) is refused, as its robots do not wait for each other.
options:
  judged:
    description: The robots that were judged since the wave was deployed. Without it, the wave has just been deployed.
    type: list
    elements: str
  silent:
    description: The robots that did not answer before that.
    type: list
    elements: str
attributes:
  check_mode: {support: full, description: "Decides the same, from what would change."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Wave is deployed
  robotfleet.stack.rollout_gate:
  register: this_wave
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
judge: {description: Robots to be judged after the soak., type: list, elements: str, returned: success}
silent: {description: Robots that did not answer., type: list, elements: str, returned: success}
soak_seconds: {description: How long to wait before that., type: int, returned: success}
ends: {description: "C(play), C(batch) or empty: what ends here.", type: str, returned: success}
rollout: {description: How far the rollout has come., type: dict, returned: success}
verdict: {description: "What the canaries have brought, for shards.", type: dict, returned: where only canaries run}
ansible_facts: {description: C(rollout)., type: dict, returned: success}
"""
