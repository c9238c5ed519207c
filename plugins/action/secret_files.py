"""Makes passwords on the controller: one file each, readable by its owner alone. Those that are there stay."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.folder import Folder
from ansible_collections.robotfleet.stack.plugins.plugin_utils.whole_file import whole

IGNORED = ".gitignore"
PRIVATE = (".key", ".password")
BYTES = 24  # 32 letters, digits, - and _: nothing that a file format or a URL would have to quote


class ActionModule(ActionBase):
    """`directory` and, relative to it, the `names` of the files that shall hold a password each."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"directory", "names"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return `made`, the files that were missing or empty, and `closed`, those that others could read."""
        super().run(tmp, task_vars)
        directory = Path(str(self._task.args["directory"])).expanduser()
        try:
            made = make(directory, [str(name) for name in self._task.args["names"]], self._task.check_mode)
            closed = close(directory, self._task.check_mode)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"passwords cannot be kept in {directory}: {error}") from error
        return {"changed": bool(made or closed), "made": made, "closed": closed}


def make(directory: Path, names: list[str], check: bool = False) -> list[str]:
    """Make each password that is missing, or an empty file; return the names of those. All are their owner's alone."""
    outside = [name for name in names if not (directory / name).resolve().is_relative_to(directory.resolve())]
    if outside:
        raise ValueError(f"{', '.join(outside)} would be outside of it")
    missing = [name for name in names if not Folder(directory).has(name)]
    if check:
        return missing
    directory.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), (directory / IGNORED).open("x", encoding="utf-8") as file:
        file.write("*\n")  # an inventory lies in git as a rule
    for folder in {directory, *((directory / name).parent for name in names)}:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    for name in missing:
        with whole(directory / name, 0o600) as partial:
            partial.write_text(secrets.token_urlsafe(BYTES) + "\n", encoding="ascii")
    return missing


def close(directory: Path, check: bool = False) -> list[str]:
    """Have each private file in ``directory`` its owner's alone, such as one that was copied; return those."""
    private = [path for path in sorted(directory.rglob("*")) if path.suffix in PRIVATE and not path.is_symlink()]
    found = [path for path in private if path.is_file() and path.stat().st_mode & 0o077]
    for path in () if check else found:
        path.chmod(0o600)
    return [str(path.relative_to(directory)) for path in found]
