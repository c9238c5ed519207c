"""What the collection needs of a controller and of a robot: what is too old is told in one sentence.

Imported by every plugin of the controller before anything else: it uses nothing that an old Ansible lacks.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

ANSIBLE_CORE = (2, 19)
ROBOT_PYTHON = (3, 9)
# Written for every Python there is.
ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


def check_controller(ansible_core: str, python: str) -> None:
    """Raise AnsibleError where this Ansible is too old."""
    if _numbers(ansible_core) < ANSIBLE_CORE:
        raise AnsibleError(
            f"robotfleet.stack needs ansible-core {_text(ANSIBLE_CORE)} or later on the controller; "
            f"this is ansible-core {ansible_core} on Python {python}. Install a later Ansible "
            "(Python 3.11 or later has one). No robot was contacted."
        )


def too_old_robot(action: ActionBase, variables: dict[str, Any]) -> str:
    """Return a sentence where the Python that ran this action's module is too old for it; empty where it is not.

    Asked only where a module did not answer: then a Python that cannot even read the module looks like any other fault.
    """
    used = str(getattr(action, "_used_interpreter", "") or variables.get("ansible_python_interpreter") or "")
    interpreter = used.lstrip("#!") or "/usr/bin/python3"
    done = action._low_level_execute_command(f'{interpreter} -c "{ASK}"', sudoable=True)
    found = (str(done["stdout"]).split() or [""])[-1]
    if done["rc"] or not found[:1].isdigit() or _numbers(found) >= ROBOT_PYTHON:
        return ""
    return (
        f"robotfleet.stack needs Python {_text(ROBOT_PYTHON)} or later on the robot; {interpreter} there is Python "
        f"{found}. Install a later one and name it in ansible_python_interpreter. Nothing was changed."
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in version.split(".")[:2])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
