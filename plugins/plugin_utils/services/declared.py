"""One robot's declaration, worked out by Ansible, as the pure checks of the inventory gate want it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS

from .. import collection
from ..inventory_gate import origin, word
from ..inventory_gate.catalogue import joined
from ..inventory_gate.declaration import Catalogue, Objection, Robot, Secret, Worked
from ..inventory_gate.machines import Reached
from . import specs
from .evaluation import encrypted, locked, worked_out
from .plain import converted
from .shared_values import SharedValues

# What Ansible needs to connect and to become root; a plugin's own names end in the same words.
CONNECTION_SECRET = re.compile(r"ansible_\w*(pass|password|passphrase|secret|token)")
LISTED = "robot_stack_services"
FORM = ARGUMENTS["services"]["options"]


@dataclass(frozen=True)
class Declaration:
    """A robot's variables with those of its services' roles, and what they are worked out with."""

    name: str
    variables: dict[str, Any]
    templar: Any
    foreign: tuple[specs.Role, ...]
    refused: Mapping[str, Objection]
    plain: Mapping[str, Any] = field(default_factory=dict)  # what texts among its variables say
    written: Mapping[str, Any] = field(default_factory=dict)  # the same as they were written, which tells where
    overridden: tuple[str, ...] = ()
    shared: SharedValues = field(default_factory=SharedValues, repr=False, compare=False)  # with other robots

    @classmethod
    def of(
        cls, name: str, variables: dict[str, Any], action: Any, own: Catalogue, shared: SharedValues | None = None
    ) -> Declaration:
        """Find the roles that robot ``name`` lists; ``own`` are ours, ``action`` is the gate's plugin.

        ``shared`` is what was worked out for other robots.
        """
        templar = action._templar.copy_with_new_env(available_variables=variables)
        listed, _ = worked_out(variables.get(LISTED), templar)
        entries = [entry for entry in listed if isinstance(entry, str)] if isinstance(listed, (list, tuple)) else []
        extra = action._task.get_variable_manager().extra_vars
        given = tuple(
            name
            for name in sorted(own.internal & variables.keys())
            if name in extra or origin.outside(name, variables, collection.ROOT)
        )
        found: dict[str, specs.Role] = {}
        refused: dict[str, Objection] = {}
        for entry in dict.fromkeys(entries):
            try:
                role = role_of(entry, variables, action._loader, own, found)
            except specs.RoleError as error:
                refused[entry] = str(error), error.remedy
            else:
                found.update({role.name: role} if role else {})
        brought, seen = tuple(found.values()), variables
        if found:
            seen = specs.environment(variables, list(brought), extra)
            templar = templar.copy_with_new_env(available_variables=seen)
        told = converted(seen, joined(own, brought).options.values(), templar)
        if told:
            seen = {**seen, **told}
            templar = templar.copy_with_new_env(available_variables=seen)
        written = {key: variables[key] for key in told if key in variables}
        return cls(name, seen, templar, brought, refused, told, written, given, shared or SharedValues())

    @property
    def role_folders(self) -> list[Path]:
        """Where a service's files and build contexts are looked for."""
        return specs.folders(self.variables, self.foreign)

    def robot(self, catalogue: Catalogue, also: Sequence[str] = ()) -> Robot:
        """Return what it declares, with services that it is given ``also``; what cannot be worked out is a fault."""
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for option in catalogue.options.values():
            if option.name in self.variables:
                value, why = self._worked_out(self.variables[option.name], option.secret)
                if why:
                    failures[option.name] = why
                else:
                    values[option.name] = value
        unknown = self.variables.keys() - catalogue.names
        return Robot(
            name=self.name,
            values=values,
            names=frozenset(self.variables),
            failures=failures,
            origin=partial(origin.of, variables={**self.variables, **self.written}),
            strangers={key: self.variables[key] for key in unknown if not encrypted(self.variables[key])},
            modes=catalogue.modes,
            foreign=tuple(role.name for role in self.foreign),
            refused=self.refused,
            overridden=self.overridden,
            locked=self._locked(catalogue),
            also=tuple(also),
            part=self.part,
        )

    def reached(self) -> Reached:
        """Return how the host is reached, as far as the inventory says so."""
        ways = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
        return Reached(
            self.name,
            connection=self._text("ansible_connection").rpartition(".")[2] or "ssh",
            address=self._text("ansible_host", "ansible_ssh_host"),
            port=self._text("ansible_port", "ansible_ssh_port"),
            way=" ".join(self._text(way) for way in ways),
            origin=origin.of("ansible_host", self.variables),
        )

    def _text(self, *names: str) -> str:
        """Return the first of these variables that has a value; one that cannot be worked out is told elsewhere."""
        found = (self._worked_out(self.variables[name])[0] for name in names if name in self.variables)
        return next((str(value) for value in found if value not in (None, "")), "")

    def _locked(self, catalogue: Catalogue) -> dict[str, str]:
        """Return the secrets that cannot be decrypted here, and why: of every role, and of the connection."""
        secret = {option.name for option in catalogue.options.values() if option.secret}
        secret |= {name for name in self.variables if CONNECTION_SECRET.fullmatch(name)}
        told = {name: locked(self.variables[name], self.templar) for name in sorted(secret & self.variables.keys())}
        return {name: why for name, why in told.items() if why}

    def word(self, services: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the gate's word for what the robot's module is given, and what of it cannot be worked out, and why."""
        failures: dict[str, str] = {}

        def digest(variable: str, raw: Any) -> str:
            value, why = self._worked_out(raw)
            failures.update({variable: why} if why else {})
            return word.digest(value)

        given = {name: digest(variable, self.variables.get(variable)) for name, variable in word.ARGUMENTS.items()}
        passed = {}
        for service in services:
            raw = self.variables.get(f"{service}_spec")
            if isinstance(raw, Mapping):
                parts = {part: self._told(one) for part, one in word.gated(raw).items()}
                spec: Any = {part: value for part, (value, _) in parts.items()}
                why = next((words for _, words in parts.values() if words), "")
            else:  # the name of another variable
                whole, why = self._worked_out(raw)
                spec = word.gated(whole) if isinstance(whole, Mapping) else whole
            failures.update({f"{service}_spec": why} if why else {})
            passed[service] = word.digest(spec)
        return {"arguments": given, "services": passed}, failures

    def _told(self, raw: Any) -> Worked:
        """Return a part of a service's spec as its robot is told of it: a secret, too."""
        found = self._worked_out(raw, secret=True)  # as the checks have asked for it
        return self._worked_out(raw) if isinstance(found[0], Secret) else found

    def _worked_out(self, raw: Any, secret: bool = False) -> Worked:
        return self.shared.worked_out(raw, self.variables, self.templar, secret)

    def part(self, service: str, part: str = "") -> Worked:
        """Return a part of a service's spec, worked out, or all of it, whose form is checked as well."""
        raw = self.variables.get(f"{service}_spec")
        if part and isinstance(raw, Mapping):
            return self._worked_out(raw.get(part), secret=True)
        spec, why = self._worked_out(raw, secret=True)
        if why or isinstance(spec, Secret):
            return spec, f"it cannot be worked out: {why}" if why else ""
        if not isinstance(spec, Mapping):
            return None, "it is no mapping"
        return (spec.get(part), "") if part else (spec, _form(spec))


def role_of(
    entry: str, variables: dict[str, Any], loader: Any, own: Catalogue, others: Mapping[str, specs.Role]
) -> specs.Role | None:
    """Return somebody else's role; raise RoleError where it would be taken for one of ours, or of ``others``."""
    role = specs.foreign(entry, variables, loader)
    if role is None:
        return None
    remedy = "give the role another name"
    if role.folder.parent != collection.ROLES:
        if role.name in own.roles | own.services:
            raise specs.RoleError(f"service '{entry}' would be named as {role.name}, which is ours", remedy)
        if others.get(role.name, role).folder != role.folder:
            why = f"service '{entry}' would be named as that of {others[role.name].folder}"
            raise specs.RoleError(why, f"{remedy}, or take one of the two out")
        taken = sorted({*role.defaults, *role.variables, *role.arguments} & own.names)
        if taken:
            why = f"role {role.folder} sets {', '.join(taken)}, which {'are' if len(taken) > 1 else 'is'} ours"
            raise specs.RoleError(why, f"begin the names of its variables with {role.name}_")
    return role


def _form(spec: Mapping[str, Any]) -> str:
    """Return why the robot's module would not take ``spec``; "" if it would."""
    asked = {key: value for key, value in spec.items() if key != "memory_floor"}
    messages: list[str] = ArgumentSpecValidator(FORM).validate(asked).error_messages
    return "; ".join(messages)
