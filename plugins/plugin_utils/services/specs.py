"""A service is a role that is named in `robot_stack_services`: what such a role says of itself, read from its files.

Roles of this collection are seen by every play through the imports of playbooks/tasks/declarations.yml, so that their
variables are the robot's already. Somebody else's role is read here: its defaults lie below the inventory's variables,
its vars above them, as if the play had imported it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.collection_loader import AnsibleCollectionRef
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.check import NAME, TAKEN_NAMES

from .. import collection
from . import roles

HOW_TO = "docs/adding-a-service.md"
SUFFIXES = (".yml", ".yaml")


class RoleError(RuntimeError):
    """A name in `robot_stack_services` is no service; the message says why, ``remedy`` what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        """Both are parts of a fault of the inventory gate."""
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True)
class Role:
    """Somebody else's role; ``arguments`` are the options of its argument specification."""

    name: str
    folder: Path
    defaults: Mapping[str, Any]
    variables: Mapping[str, Any]
    arguments: Mapping[str, Mapping[str, Any]]


def service_of(entry: str) -> str:
    """Return the name of the service that an entry of `robot_stack_services` names: the role's, without its owner."""
    return entry.rpartition(".")[2]


def foreign(entry: str, variables: dict[str, Any], loader: Any) -> Role | None:
    """Return the role that ``entry`` names; None: the play sees its variables already, or nobody brings such a role.

    Raise RoleError for a role that is not to be had, or that is no service.
    """
    owner, _, name = entry.rpartition(".")
    where = roles.folders(variables)
    seen = owner in ("", collection.NAME) and f"{name}_spec" in variables
    if seen and ((collection.ROLES / name).is_dir() or roles.find(name, where) is None):
        return None
    if owner and not AnsibleCollectionRef.is_valid_collection_name(owner):  # before the disk is asked for it
        raise RoleError(f"there is no service '{entry}'", "write a role's name, or NAMESPACE.COLLECTION.ROLE")
    if not NAME.fullmatch(name) or name in TAKEN_NAMES:
        taken = f"the stack itself uses the name {name}" if name in TAKEN_NAMES else "a service needs a plainer name"
        raise RoleError(taken, "name the role with lower-case letters, digits and underscores, such as lidar_driver")
    folder = roles.find(entry, where)
    if folder is None:
        raise _missing(entry, owner, where)
    return _read(name, folder, loader)


def environment(variables: dict[str, Any], foreign_roles: Sequence[Role], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a robot's variables with those of the roles, in Ansible's order; ``extra`` (-e) wins."""
    if not foreign_roles:
        return variables
    below = {key: value for role in foreign_roles for key, value in role.defaults.items()}
    above = {key: value for role in foreign_roles for key, value in role.variables.items()}
    return {**below, **variables, **above, **extra}


def folders(variables: dict[str, Any], foreign_roles: Sequence[Role]) -> list[Path]:
    """Return where the roles are that a spec's files and contexts name: ours, those that were found, and the others."""
    ours, *others = roles.folders(variables)
    return [ours, *(role.folder.parent for role in foreign_roles), *others]


def _missing(entry: str, owner: str, where: Sequence[Path]) -> RoleError:
    if not owner:
        looked = ", ".join(str(folder) for folder in dict.fromkeys(where))
        why = f"there is no service '{entry}': no role of this name is in {looked}"
        return RoleError(why, f"put the role's folder into roles_path ({HOW_TO}), or correct the name")
    found = roles.of_collection(owner)
    if found:
        why = f"there is no service '{entry}': {found[0] / 'roles'} has no such role"
        return RoleError(why, f"correct the name, or install a version of {owner} that has it")
    why = f"there is no service '{entry}': the collection {owner} is not installed here"
    return RoleError(why, f"ansible-galaxy collection install {owner}, or correct the name")


_KNOWN: dict[Path, tuple[tuple[tuple[str, int], ...], Role]] = {}  # as long as their files do not change


def _read(name: str, folder: Path, loader: Any) -> Role:
    parts = {part: list(_files(folder, part)) for part in ("defaults", "vars")}
    described = next((p for s in SUFFIXES if (p := folder / "meta" / f"argument_specs{s}").is_file()), None)
    if described is None:
        why = f"its role, {folder}, brings no meta/argument_specs.yml"
        raise RoleError(why, f"describe the role's variables there ({HOW_TO})")
    paths = [described, *parts["defaults"], *parts["vars"]]
    state = tuple((str(path), path.stat().st_mtime_ns) for path in paths)
    known = _KNOWN.get(folder)
    if known is None or known[0] != state:
        defaults, variables = (_joined(parts[part], loader) for part in ("defaults", "vars"))
        known = state, Role(name, folder, defaults, variables, _arguments(described, loader))
        _KNOWN[folder] = known
    role = known[1]
    if not isinstance(role.variables.get(f"{name}_spec"), Mapping):
        why = f"its role, {folder}, has no {name}_spec in vars/main.yml"
        raise RoleError(why, f"write what shall run as {name}_spec there ({HOW_TO})")
    return role


def _files(folder: Path, part: str) -> Iterator[Path]:
    """The files of a role's defaults or vars: main.yml, or those of a folder main."""
    yield from (path for suffix in SUFFIXES if (path := folder / part / f"main{suffix}").is_file())
    yield from sorted(path for path in (folder / part / "main").glob("*") if path.suffix in SUFFIXES)


def _joined(paths: Iterable[Path], loader: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        found.update(_mapping(path, loader, trusted=True))
    return found


def _mapping(path: Path, loader: Any, trusted: bool) -> Mapping[str, Any]:
    try:
        read = loader.load_from_file(str(path), trusted_as_template=trusted)
    except AnsibleError as error:
        raise RoleError(f"{path} cannot be read: {error}", "correct the file") from error
    if read is not None and not isinstance(read, Mapping):
        raise RoleError(f"{path} is no mapping of names to values", "correct the file")
    return read or {}


def _arguments(path: Path, loader: Any) -> dict[str, Mapping[str, Any]]:
    specs = _mapping(path, loader, trusted=False).get("argument_specs")
    main = specs.get("main") if isinstance(specs, Mapping) else None
    options = main.get("options") if isinstance(main, Mapping) else None
    if not isinstance(options, Mapping):
        raise RoleError(f"{path} has no argument_specs.main.options", f"describe the role's variables ({HOW_TO})")
    return {str(name): raw if isinstance(raw, Mapping) else {} for name, raw in options.items()}
