"""Documentation only: it runs on the controller, as the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: performance_report
short_description: Write a Performance Budget Report
description:
  - Writes a page with plots, the same in Markdown, and the data, from what the robots of the play have answered to
    M(robotfleet.stack.robot_stack) (registered as C(robot_stack_result)). A robot without an answer is listed as such.
  - Run it once for all robots of the play. No robot is contacted.
options:
  directory:
    description: The folder on the controller; it is made where it is missing.
    type: path
    required: true
  fleet:
    description: The name at the top of the page.
    type: str
  before:
    description: The data (JSON) of an earlier report, to be compared with.
    type: path
  results:
    description: >-
      A folder with the results of processes that have divided a run, as M(robotfleet.stack.rollout_join) returns it.
      What is in there is used instead of the play's own answers.
    type: path
attributes:
  check_mode: {support: full, description: "Says where the report would be; nothing is written."}
  diff_mode: {support: none, description: There is nothing to compare}
author:
  - robot-stack contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Report is written
  robotfleet.stack.performance_report:
    directory: "{{ inventory_dir | dirname }}/reports"
    fleet: Hall 7
  run_once: true
"""

RETURN = r"""
page: {description: Path of the page., type: str, returned: success}
markdown: {description: Path of the same in Markdown., type: str, returned: success}
data: {description: Path of the data., type: str, returned: success}
msg: {description: Where the report is., type: str, returned: success}
"""
