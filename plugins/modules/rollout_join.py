"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_join
short_description: Join the results of the processes that have divided a run
description:
  - Fails where a process is missing, has not ended or was no success, and refuses results that are not of one run.
  - With the callbacks C(robotfleet.stack.summary) and C(robotfleet.stack.rollout), the end of the playbook tells the
    whole run as if one process had done it.
  - Run it once for all robots of the play. No robot is contacted.
options:
  run:
    description: The run's name.
    type: str
  results_directory:
    description:
      - Where results are, in a folder with the run's name. Empty means C(rollouts) beside the inventory's folder.
    type: str
attributes:
  check_mode: {support: full, description: It changes nothing}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Results are joined
  robotfleet.stack.rollout_join:
    run: before-the-holidays
  run_once: true
"""

RETURN = r"""
msg: {description: The run in words., type: str, returned: always}
playbook: {description: "What was divided, such as C(site).", type: str, returned: success}
results: {description: The folder of results., type: str, returned: success}
"""
