"""What a run may bring to its robot: what was declared for that robot, and nothing else that it asks for.

A robot that names an image would otherwise get it, private ones included, or have the controller pull it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import platforms
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import ENGINES
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import (
    ImageNeed,
    Need,
    PackagesNeed,
    PurgeNeed,
    needed,
)

from ..answers import shape

PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9]+)?")  # a name, and no option, path or pattern


class UndeclaredError(AnsibleActionFail):
    """A robot asks for what this run has not declared for it; nothing was brought."""

    omit_exception_key = True


@dataclass(frozen=True)
class Declared:
    """What this run has declared for one robot."""

    images: frozenset[str]
    architecture: str
    engine: str  # which kind
    installs: bool
    packages: frozenset[str]  # none: what its distribution calls that engine
    leaves_others: bool  # and what was installed for an engine of another kind
    reboot: bool
    removes_engine: bool

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Declared:
        """Return what the module's ``arguments`` declare. An image without fingerprints is one that the robot pulls."""
        present = arguments["state"] == "present"
        scope = arguments.get("scope") or []
        services = [
            service
            for service in arguments.get("services") or []
            if service.get("enabled", True) and (not scope or service["name"] in scope)
        ]
        sent = [service["image"] for service in services if "fingerprints" in service["image"]]
        engine, controller = arguments.get("engine") or {}, arguments.get("memory_controller") or {}
        return cls(
            images=frozenset(image["reference"] for image in sent if present),
            architecture=str(arguments["architecture"]),
            engine=str(engine.get("kind") or ENGINES[0]),
            installs=present and bool(engine.get("install", True)),
            packages=frozenset(map(str, engine.get("packages") or ())),
            leaves_others=present,
            reboot=present and bool(controller.get("reboot_allowed")),
            removes_engine=arguments["state"] == "absent" and bool(arguments.get("remove_engine")),
        )

    def allowed(self, told: list[dict[str, Any]]) -> list[Need]:
        """Return the needs that a robot tells; raise `UndeclaredError` for one that is not this run's to meet."""
        needs = [self._read(raw) for raw in told]
        wanted = [(type(need), getattr(need, "reference", "")) for need in needs]
        if len(wanted) > len(set(wanted)):
            raise UndeclaredError("the robot asks for the same thing several times at once; nothing was brought")
        for need in needs:
            why = self._objection(need)
            if why:
                raise UndeclaredError(f"the robot asks for {why}; nothing was brought. Look who has this robot")
        return needs

    @staticmethod
    def _read(raw: Mapping[str, Any]) -> Need:
        odd = shape.misfits(KINDS.get(str(raw.get("kind")), {}), raw)
        if odd:
            raise UndeclaredError(f"the robot asks for {raw.get('kind')} in odd words ({', '.join(odd)})")
        try:
            return needed(raw)
        except ValueError as error:
            raise UndeclaredError(str(error)) from None

    def _objection(self, need: Need) -> str:
        if isinstance(need, ImageNeed):
            return self._objection_to_image(need)
        if isinstance(need, PackagesNeed):
            others = sorted(set(need.names) - self._installed(need.platform))
            return f"the packages {', '.join(others)}, which were not declared for it" if others else ""
        if isinstance(need, PurgeNeed):
            names = ", ".join(need.names)
            if not (self.removes_engine or set(need.names) <= self._left(need.platform)):
                return f"the removal of {names}, which this run has not declared"
            known = all(PACKAGE.fullmatch(name) for name in need.names)
            return "" if known else f"the removal of {names}: not all of these are names of packages"
        return "" if self.reboot else "a reboot, but memory_cgroup_reboot_allowed is not set"

    def _installed(self, platform: str) -> set[str]:
        usual = platforms.named(platform).engine(self.engine).packages
        return set(self.packages or usual) if self.installs else set()

    def _left(self, platform: str) -> set[str]:
        """What was installed for an engine that a robot leaves: its names are not declared now."""
        kinds = [kind for kind in ENGINES if kind != self.engine] if self.leaves_others else []
        names = [platforms.named(platform).engine(kind) for kind in kinds]
        return {package for one in names for package in (*one.packages, *one.others)}

    def _objection_to_image(self, need: ImageNeed) -> str:
        if need.reference not in self.images:
            return f"the image {need.reference}, which this run has not declared for it"
        if need.architecture != self.architecture:
            return f"{need.reference} for {need.architecture}, but robot_stack_architecture is {self.architecture}"
        return ""


# The types of what is told; `needed` has the names.
KINDS: dict[str, dict[str, Any]] = {
    "packages": {"names": list[str], "platform": str, "staged": list[shape.Staged], "replaces": bool},
    "purge": {"names": list[str], "platform": str},
    "image": {
        "reference": str,
        "architecture": str,
        "chains": list[list[str]],
        "staged": list[shape.Staged],
        "whole": bool,
        "why": str,
    },
}
