"""Plans the modes and owners of our folders: a umask, or somebody by hand, may have made others of them. Pure.

What is not there yet is made with its files, and then with the right mode.
"""

from __future__ import annotations

from ..base import files
from ..base.files import DesiredFolder
from ..jobs import setup as jobs_setup
from ..spec import layout
from ..spec.model import Service, Stack
from ..watchdog import setup as watchdog_setup
from .actions import PutFolderRight
from .observe import Observed
from .step import Step, line_diff


def make(stack: Stack, seen: Observed) -> list[Step]:
    """Return what puts the stack's own folders right, but for those of services."""
    wanted = watchdog_setup.folders(stack) + jobs_setup.folders(stack)
    wanted += [DesiredFolder(stack.budget.root)] if seen.own_root else []
    return [step for folder in wanted for step in _step("stack", folder, seen)]


def of_service(stack: Stack, service: Service, seen: Observed) -> list[Step]:
    """Return what puts a service's folders right; who owns its data is another step, which goes down into it."""
    return [step for folder in layout.folders(stack, service) for step in _step(service.name, folder, seen)]


def _step(subject: str, folder: DesiredFolder, seen: Observed) -> list[Step]:
    found = seen.found_folders.get(folder.path)
    owner = seen.data_owners.get(folder.path)
    if found is None or files.folder_equal(folder, found) or (owner and owner != [folder.uid, folder.gid]):
        return []
    was, wanted = (f"mode {one.mode:04o}, owner {one.uid}:{one.gid}" for one in (found, folder))
    words = f"put {folder.path} right: {wanted} (was {was})"
    return [Step(PutFolderRight(folder), subject, words, line_diff(folder.path, "folder", was, wanted))]
