"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_shard
short_description: Find out which robots are this process' own
description:
  - Where several processes divide a run over the robots of the play, keeps this one's as the controller's fact
    C(rollout_part), from which the next play takes its hosts, and begins the file of its results.
  - Run it once for all robots, delegated to localhost with C(delegate_facts). No robot is contacted.
options:
  shard:
    description: The part of this process, as C(2/3).
    type: str
    required: true
  run:
    description: The name that all processes of the run share.
    type: str
  results_directory:
    description:
      - Where results go, in a folder with the run's name. Empty means C(rollouts) beside the inventory's folder.
    type: str
  playbook:
    description: What is divided. Results of different playbooks are not joined.
    type: str
    required: true
attributes:
  check_mode: {support: full, description: It changes no robot}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Robots of this process are known
  robotfleet.stack.rollout_shard:
    shard: 2/3
    run: before-the-holidays
    playbook: verify
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
hosts: {description: The robots., type: list, elements: str, returned: success}
results: {description: The file of results., type: str, returned: success}
attempt: {description: What tells this attempt at the part from others., type: str, returned: success}
ansible_facts: {description: C(rollout_part)., type: dict, returned: success}
"""
