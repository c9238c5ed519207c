"""What the roles' variables become for a robot, as Ansible would template them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Worked
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.evaluation import worked_out
from declarations import PROJECT, catalogue


def templar(**written: Any) -> Templar:
    """Return Ansible's templar for robot scout, whose inventory has ``written``."""
    own = {"inventory_hostname": "scout", "inventory_dir": "/nowhere"}
    return Templar(loader=DataLoader(), variables={**roles(), **own, **written})


@lru_cache(maxsize=1)
def roles() -> dict[str, Any]:
    """Return the variables of our roles."""
    variables: dict[str, Any] = {option.name: option.default for option in catalogue().options.values()}
    loader = DataLoader()
    for path in sorted(PROJECT.glob("roles/*/vars/main.yml")):
        variables.update(loader.load_from_file(str(path), trusted_as_template=True))
    variables.update(_templated_defaults(loader))
    return variables


def part(values: Mapping[str, Any], service: str, name: str) -> Worked:
    """Return a part of a service's spec for a robot with these ``values``."""
    return worked_out(roles()[f"{service}_spec"].get(name), templar(**values))


def _templated_defaults(loader: DataLoader) -> dict[str, Any]:
    """Return the defaults that are expressions: only those that Ansible reads itself are worked out."""
    found: dict[str, Any] = {}
    for path in sorted(PROJECT.glob("roles/*/defaults/main.yml")):
        found.update(loader.load_from_file(str(path), trusted_as_template=True))
    return {name: default for name, default in found.items() if isinstance(default, str) and "{{" in default}


def value(name: str, **written: Any) -> Any:
    """Return what variable ``name`` is worked out to."""
    return templar(**written).template(trust_as_template("{{ " + name + " }}"))


def rendered_template(path: Path, **written: Any) -> str:
    """Return the text that the template at ``path`` becomes."""
    return str(templar(**written).template(trust_as_template(path.read_text(encoding="utf-8"))))
