"""A reboot, and waiting until the robot is up again as a whole."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from .connection import Connection, NoAnswerError

LONGEST_SECONDS = 600
# Up is not enough: the engine, and what else starts with the robot, shall have had its turn.
BOOTED = "systemctl is-system-running --wait | grep -qE 'running|degraded'"


def reboot(connection: Connection) -> list[str]:
    """Reboot the robot; raise AnsibleActionFail where that fails, and NoAnswerError where it does not come back."""
    connection.say("rebooting")
    options = {
        "reboot_command": "systemctl reboot",  # shutdown wants a log-in manager, which small robots may lack
        "reboot_timeout": LONGEST_SECONDS,
        "test_command": BOOTED,
    }
    try:
        connection.action("ansible.builtin.reboot", options)
    except AnsibleActionFail as error:
        if not error.result.get("rebooted"):
            raise  # it was not rebooted, and Ansible says why
        raise NoAnswerError(
            f"the robot did not come back from the reboot that switches its memory controller on ({error.message}): "
            "look at its screen or serial console, see docs/raspberry-pi.md",
            result={**error.result, "changed": True},
        ) from None
    return []
