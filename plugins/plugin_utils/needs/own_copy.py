"""Asks a robot through the program that it has already, so that nothing but parameters is sent.

The watchdog's program on a robot is all of the package that Ansible would send with the module. Where it is the very
same as here (its digest says so), it answers, and runs without Ansible's own modules. Where it is not, or where
something is asked for that Ansible does for modules only, the module is sent as usual.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import own_program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS

MODULE = "robotfleet.stack.robot_stack"
PYTHON = "/usr/bin/python3"
# It removes the program that it would run from.
NOT_FOR = ("absent",)


def ask(action: ActionBase, variables: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any] | None:
    """Return the raw answer; None where the robot lacks this program, or where the module is to be sent.

    ``options`` are those of the module robot_stack. Raises AnsibleConnectionFailure.
    """
    if options.get("state") in NOT_FOR or not _usual(action):
        return None
    checked = ArgumentSpecValidator(ARGUMENTS).validate(options)
    if checked.error_messages:  # which the module tells in Ansible's own words
        return None
    parameters = checked.validated_parameters
    folder = f"{parameters['budget']['root']}/{own_program.NAME}"
    asked = json.dumps({"parameters": _bare(parameters), "check": bool(action._task.check_mode)})
    command = _command(_python(action, variables), f"{folder}/{program.ANSWER}", program.digest(own_program.contents()))
    done = action._low_level_execute_command(command, sudoable=True, in_data=asked.encode())
    if done["rc"] == program.NOT_HERE:
        return None
    return _read(done)


def _usual(action: ActionBase) -> bool:
    """Whether nothing is asked for that Ansible does for modules only."""
    task = action._task
    return bool(action._is_pipelining_enabled("new")) and not (any(task.environment or []) or task.async_val)


def _python(action: ActionBase, variables: Mapping[str, Any]) -> str:
    named = action._templar.template(variables.get("ansible_python_interpreter") or "")
    return named if isinstance(named, str) and named.startswith("/") else PYTHON


def _command(python: str, path: str, digest: str) -> str:
    """Return what runs the program; where it is not there, what it is sent is read, or the connection would fail."""
    python, path = shlex.quote(python), shlex.quote(path)
    there = f"test -f {path} && test -x {python}"
    return f"if {there}; then {python} -I -S {path} {digest}; else cat >/dev/null; exit {program.NOT_HERE}; fi"


def _read(done: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last line that is an answer; as Ansible does of a module's, what came instead of one."""
    for line in reversed(str(done["stdout"]).splitlines()):
        if line.startswith("{"):
            try:
                answer = json.loads(line)
            except ValueError:
                break
            return dict(answer)
    said = {"module_stdout": done["stdout"], "module_stderr": done["stderr"], "rc": done["rc"]}
    last = (str(done["stderr"]).strip().splitlines() or ["it said nothing"])[-1]
    return {
        "failed": True,
        "msg": f"the robot's program ended without an answer (exit code {done['rc']}): {last}",
        **said,
    }


def _bare(value: Any) -> Any:
    """Return ``value`` without what Ansible knows of it, such as where it was written, or that it was encrypted."""
    if isinstance(value, Mapping):
        return {str(key): _bare(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bare(part) for part in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
