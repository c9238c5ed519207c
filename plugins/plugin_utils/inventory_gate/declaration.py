"""What the gate knows of a robot, and what it can say against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Callable

Objection = tuple[str, str]  # why, and what to do
Worked = tuple[Any, str]  # what an expression is worked out to, and why it cannot be


class Secret:
    """Stands for an encrypted value. Its ``text`` is for checks alone; None: nobody can decrypt it here."""

    def __init__(self, text: str | None = None) -> None:
        """Remember what was encrypted."""
        self.text = text

    def __bool__(self) -> bool:
        """Whether there is a value, as far as one can see."""
        return self.text is None or bool(self.text)

    def __repr__(self) -> str:
        """Show nothing."""
        return "(secret)"


@dataclass(frozen=True)
class Option:
    """One variable of a role, as its argument specification describes it."""

    name: str
    role: str
    type: str = "str"
    elements: str | None = None
    choices: tuple[Any, ...] = ()
    secret: bool = False
    description: str = ""
    default: Any = None
    required: bool = False
    ours: bool = True  # not of somebody else's role: what a name of ours means, its name says


@dataclass(frozen=True)
class Catalogue:
    """Every variable that belongs to one of the roles: ours, and those that somebody else's services bring."""

    options: Mapping[str, Option]
    internal: frozenset[str]  # variables of the roles' own vars files
    roles: frozenset[str]
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the services of each telemetry mode

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that may stand in a play."""
        return frozenset(self.options) | self.internal

    @cached_property
    def services(self) -> frozenset[str]:
        """The names that are services: each has a spec, and a limit that counts."""
        specs = (name[: -len("_spec")] for name in self.internal if name.endswith("_spec"))
        return frozenset(name for name in specs if f"{name}_memory_limit_mib" in self.options)

    def owner(self, name: str) -> str | None:
        """Return the role whose prefix ``name`` bears; the longest one wins."""
        owners = [role for role in self.roles if name.startswith(f"{role}_")]
        return max(owners, key=len, default=None)


def _nowhere(_name: str) -> str:
    return ""


def _nothing(_service: str, _part: str = "") -> Worked:
    return None, ""


@dataclass(frozen=True)
class Robot:
    """One robot's declaration: its values, already templated."""

    name: str
    values: Mapping[str, Any]
    names: frozenset[str] = frozenset()  # every variable that the robot has, ours or not
    failures: Mapping[str, str] = field(default_factory=dict)  # variables that could not be templated, and why
    origin: Callable[[str], str] = _nowhere  # where a variable's value was written: file:line
    strangers: Mapping[str, Any] = field(default_factory=dict)  # values, as written, of variables that are not ours
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the services of each telemetry mode
    foreign: tuple[str, ...] = ()  # those of its services that are somebody else's roles
    refused: Mapping[str, Objection] = field(default_factory=dict)  # entries of robot_stack_services that are none
    locked: Mapping[str, str] = field(default_factory=dict)  # secrets that cannot be decrypted here, and why
    overridden: tuple[str, ...] = ()  # what our roles work out themselves, and somebody else gave a value
    also: tuple[str, ...] = ()  # services that a play of its own gives it, beside those
    part: Callable[..., Worked] = _nothing  # part of a service's spec, worked out; without a part all of it

    def integer(self, name: str) -> int | None:
        """Return the value of ``name`` if it is a whole number."""
        value = self.values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def listed(self) -> tuple[str, ...]:
        """What `robot_stack_services` lists: names of roles, some with their collection's before them."""
        listed = self.values.get("robot_stack_services")
        return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, (list, tuple)) else ()

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are switched on and known, in order."""
        mode = self.values.get("robot_stack_telemetry_mode")
        of_mode = self.modes.get(mode, ()) if isinstance(mode, str) else ()
        named = [name.rpartition(".")[2] for name in self.listed if name not in self.refused]
        wanted = [*(named if self.listed else of_mode), *self.also]
        known = [name for name in wanted if f"{name}_spec" in self.names]
        return tuple(dict.fromkeys(name for name in known if self.is_on(name)))

    def is_on(self, service: str) -> bool:
        """Whether a service is not switched off."""
        return self.values.get(f"{service}_enabled", True) is not False

    @property
    def is_hub(self) -> bool:
        """Whether it is no robot, but the host of the telemetry hub, where robots send to."""
        return any(name.startswith("telemetry_hub_") for name in self.services)


@dataclass(frozen=True)
class Fault:
    """One thing that cannot work, and what to do about it."""

    robot: str
    variable: str
    value: str
    why: str
    remedy: str
    origin: str = ""


def fault(robot: Robot, variable: str, why: str, remedy: str, value: str | None = None) -> Fault:
    """Return a fault of ``robot``; the value shown is the variable's own unless given."""
    shown = value if value is not None else show(robot.values.get(variable))
    return Fault(robot.name, variable, shown, why, remedy, robot.origin(variable))


def show(value: Any) -> str:
    """Return ``value`` as it would be written in YAML, short enough for a line."""
    text = written(value)
    return text if len(text) <= 80 else text[:77] + "..."


def written(value: Any) -> str:
    """Return all of ``value``, also of one that leads to itself, as it would be written in YAML."""
    names: dict[Any, str] = {None: "(empty)", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    return f'"{value}"' if isinstance(value, str) else repr(value)
