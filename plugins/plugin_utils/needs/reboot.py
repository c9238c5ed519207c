"""A reboot, and waiting until the robot is up again as a whole."""

from __future__ import annotations

from .connection import Connection

LONGEST_SECONDS = 600
# Up is not enough: the engine, and what else starts with the robot, shall have had its turn.
BOOTED = "systemctl is-system-running --wait | grep -qE 'running|degraded'"


def reboot(connection: Connection) -> list[str]:
    """Reboot the robot; raise AnsibleActionFail where it does not come back."""
    connection.say("rebooting")
    options = {
        "reboot_command": "systemctl reboot",  # shutdown wants a log-in manager, which small robots may lack
        "reboot_timeout": LONGEST_SECONDS,
        "test_command": BOOTED,
    }
    connection.action("ansible.builtin.reboot", options)
    return []
