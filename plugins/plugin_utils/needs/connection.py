"""What meeting a robot's needs uses of Ansible: commands, modules and other actions, on that robot, as root."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ..answers import printable, shape
from ..console import say
from ..supported import too_old_robot
from . import no_answer, own_copy


def ask(action: ActionBase, variables: dict[str, Any], name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of module ``name``, called by an action plugin; tell where the robot's Python is too old.

    This is where a robot's answer enters: it leaves here printable, bounded, and with the keys and types that we know.
    """
    try:
        raw = own_copy.ask(action, variables, options) if name == own_copy.MODULE else None
        if raw is None:
            raw = action._execute_module(module_name=name, module_args=options, task_vars=variables)
    except AnsibleConnectionFailure:
        raise  # the robot was not reached
    except AnsibleError as error:
        sentence = no_answer.sentence({"msg": str(error)})
        if sentence:
            raise NoAnswerError(sentence) from error
        raise
    found = {**shape.read(name, raw), **_of_the_controller(action, raw)}
    if found.get("failed") and "asked" not in found:  # our own module, once it runs, mostly says what it was asked
        # what a module says of its own failure is not looked through for other causes: a service's log may be in it
        sentence = no_answer.sentence(raw) if no_answer.is_none(raw) else ""
        sentence = sentence or too_old_robot(action, variables)
        if sentence:
            raise NoAnswerError(sentence)
    return found


def _of_the_controller(action: ActionBase, raw: dict[str, Any]) -> dict[str, Any]:
    """Return what Ansible itself has found out about the robot's Python, so that it need not do so again."""
    name = getattr(action, "_discovered_interpreter_key", None)
    facts = raw.get("ansible_facts") if isinstance(raw, dict) else None
    if not name or not isinstance(facts, dict) or not isinstance(facts.get(name), str):
        return {}
    return {"ansible_facts": {name: printable.line(facts[name])}}


class NoAnswerError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class Connection:
    """One robot, through the action plugin that was called for it."""

    def __init__(self, action: ActionBase, variables: dict[str, Any]) -> None:
        """``variables`` are those of the robot's task."""
        self._action, self._variables = action, variables
        self.robot = str(variables.get("inventory_hostname", ""))

    def say(self, words: str) -> None:
        """Tell a person what is done with this robot."""
        say(self.robot, words)

    def as_root(self, command: str, content: bytes = b"") -> tuple[int, str]:
        """Run a command that reads ``content``; return its exit code and what it said."""
        done = self._action._low_level_execute_command(command, sudoable=True, in_data=content)
        # With a terminal, all that it says comes on standard output; beside it is what ssh says of its own.
        errors = [line for line in str(done["stderr"]).splitlines() if not line.startswith("Shared connection to ")]
        return int(done["rc"]), "\n".join(errors).strip() or str(done["stdout"])

    def output_of(self, command: str) -> str:
        """Return what a command prints; raise AnsibleActionFail where it fails."""
        done = self._action._low_level_execute_command(command, sudoable=True)
        if done["rc"]:
            raise AnsibleActionFail(f"{command}: {str(done['stderr']).strip()}")
        return str(done["stdout"])

    def ask(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return a module's answer, whatever it says; raise AnsibleActionFail where the robot's Python is too old."""
        return ask(self._action, self._variables, name, options)

    def module(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return a module's answer; raise AnsibleActionFail where it failed."""
        return self._checked(name, self.ask(name, options))

    def action(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of another action plugin; raise AnsibleActionFail where it failed."""
        task = self._action._task.copy()
        task.args = options
        plugin = self._action._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._action._connection,
            play_context=self._action._play_context,
            loader=self._action._loader,
            templar=self._action._templar,
            shared_loader_obj=self._action._shared_loader_obj,
        )
        return self._checked(name, shape.read(name, plugin.run(task_vars=self._variables)))

    def _checked(self, name: str, result: dict[str, Any]) -> dict[str, Any]:
        if result.get("failed"):
            raise AnsibleActionFail(f"{name}: {result.get('msg')}", result=result)
        return result
