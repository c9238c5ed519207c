"""Writes the Performance Budget Report of all robots of a play, on the controller. No robot is contacted.

The robots' answers are those that the play has registered (`robot_stack_result`), or those of a run that several
processes have divided; a robot without one is told as such.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version
from ansible_collections.robotfleet.stack.plugins.plugin_utils import collection
from ansible_collections.robotfleet.stack.plugins.plugin_utils.report import measurement, pages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import joining, results

RESULT = "robot_stack_result"


class ActionModule(ActionBase):
    """Called once for all robots of the play."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory", "fleet", "before", "results"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, write what differs, and return where it is."""
        super().run(tmp, task_vars)
        arguments, variables = self._task.args, task_vars or {}
        if not arguments.get("directory"):
            raise AnsibleActionFail("performance_report: directory is missing; say where the report shall be written")
        directory = Path(str(arguments["directory"])).expanduser().resolve()
        names, hosts = list(variables.get("ansible_play_hosts_all") or []), variables["hostvars"]
        answers = {str(name): hosts[name].get(RESULT) for name in names}
        if arguments.get("results"):
            answers = joined(Path(str(arguments["results"])))
        measured = measurement.of_fleet(str(arguments.get("fleet") or ""), answers, versions())
        shown = pages.view(measured, earlier(str(arguments.get("before") or "")))
        changed = [] if self._task.check_mode else self._written(pages.files(shown), directory)
        page = directory / f"{pages.NAME}.html"
        return {
            "changed": bool(changed),
            "page": str(page),
            "markdown": str(page.with_suffix(".md")),
            "data": str(page.with_suffix(".json")),
            "msg": f"{'would be ' if self._task.check_mode else ''}written to {page}",
        }

    def _written(self, found: dict[str, str], directory: Path) -> list[str]:
        try:
            return pages.write(found, directory)
        except OSError as error:
            raise AnsibleActionFail(f"the report could not be written to {directory}: {error}") from error


def joined(folder: Path) -> dict[str, Any]:
    """Return what the robots of a divided run have answered to its processes."""
    try:
        run = joining.of_folder(folder)
    except (joining.ApartError, results.ResultError) as error:
        raise AnsibleActionFail(str(error)) from error
    silent = {name: {"unreachable": True, "msg": words} for name, words in run.unreachable.items()}
    return {name: silent.get(name, run.answers.get(name)) for name in run.robots}


def earlier(path: str) -> dict[str, Any] | None:
    """Return the data of an earlier report; None where none is asked for."""
    if not path:
        return None
    try:
        with Path(path).expanduser().open("rb") as stream:
            content = stream.read(measurement.LARGEST_BYTES + 1)
        if len(content) > measurement.LARGEST_BYTES:
            largest = measurement.LARGEST_BYTES >> 20
            raise AnsibleActionFail(f"report_before {path} cannot be read: it is larger than {largest} MiB")
        found = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise AnsibleActionFail(f"report_before {path} cannot be read: {error}") from error
    if not measurement.known(found):
        raise AnsibleActionFail(f"report_before {path} is not the {pages.NAME}.json of an earlier report")
    robots: dict[str, Any] = found["robots"]
    return {"robots": {name: measurement.clean(robots[name], measurement.DEEPEST + 1) for name in robots}}


def versions() -> dict[str, str]:
    """Return the versions of what made the report."""
    return {
        collection.NAME: collection.VERSION,
        "ansible-core": str(ansible_version),
        "Python": platform.python_version(),
    }
