"""Ansible's default output, but of a failed robot only its message; the table at the end has the figures."""

from __future__ import annotations

DOCUMENTATION = """
name: display
type: stdout
short_description: Default output without the measurements of a failed robot
description:
  - As Ansible's default, but a failed robot_stack task shows only its message. The figures are in the table of
    robotfleet.stack.summary; C(-v) shows the whole result.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout_callback in ansible.cfg
"""

from collections.abc import Mapping
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import printable

# What every answer of the module holds, and what its action plugin adds where the module ended early.
OURS = ({"asked", "declared"}, {"msg", "plan"})


class CallbackModule(Default):
    """Shortens one kind of result; everything else is Ansible's."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "robotfleet.stack.display"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Say nothing of a play that has no robots by plan, such as the second wave of one robot."""
        self._planned_away = play.hosts == []
        if not self._planned_away:
            super().v2_playbook_on_play_start(play)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Warn where a limit or a group left nobody over, and only there."""
        if not self._planned_away:
            super().v2_playbook_on_no_hosts_matched()

    def _dump_results(self, result: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        short = {"msg": result.get("msg", "")} if self._is_told_at_the_end(result) else result
        return super()._dump_results(_printable(short), *arguments, **options)

    def _get_diff(self, difflist: Any) -> Any:
        """Colour what is printable: other modules' diffs are as the robot has sent them."""
        return super()._get_diff(_printable(difflist))

    def _handle_exception(self, result: Any, *arguments: Any, **options: Any) -> None:
        """Leave out Ansible's own block above the message, which holds the message once more."""
        if not self._is_told_at_the_end(result):
            super()._handle_exception(result, *arguments, **options)

    def _is_told_at_the_end(self, result: Mapping[str, Any]) -> bool:
        return self._display.verbosity < 1 and any(result.keys() >= ours for ours in OURS)


def _printable(raw: Any) -> Any:
    try:
        return printable.plain(raw)
    except printable.ImmenseError as error:
        return {"msg": f"not shown: {error}"}
