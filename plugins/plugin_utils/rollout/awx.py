"""What AWX says of itself to the jobs that it starts.

It tells a slice of a sliced job neither its number nor that it is one. But the workflow that it makes for the slices
has the name of their template, and each job is told both. Source: awx/main/models/jobs.py (create_unified_job,
awx_meta_vars) and workflow.py (get_job_kwargs) of https://github.com/ansible/awx, as of October 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIXES = ("awx", "tower")


def told(variables: Mapping[str, Any], name: str) -> str:
    """Return what AWX says of ``name``, such as ``workflow_job_id``; "": nothing."""
    found = (str(variables.get(f"{prefix}_{name}") or "") for prefix in PREFIXES)
    return next(filter(None, found), "")


def sliced(variables: Mapping[str, Any]) -> str:
    """Return the template whose slice this job is; "": it is none."""
    template = told(variables, "job_template_name")
    return template if told(variables, "workflow_job_id") and template == told(variables, "workflow_job_name") else ""


def refusal(template: str) -> str:
    """Return why a playbook that must see all robots does not run in a slice of ``template``, and what to do."""
    return (
        f'This job is a slice of the sliced job "{template}": its inventory has a part of the robots only, and this '
        "playbook must see all of them. Set the template's job slicing to 1. To divide a rollout, make a workflow of "
        "it: one node with rollout_shard: canaries, then one with 1/3, one with 2/3, one with 3/3 (docs/rollout.md). "
        "If this is no slice, give the workflow another name than its template. No host was contacted."
    )
