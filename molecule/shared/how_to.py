"""The files and commands that docs/adding-a-service.md shows, taken out of the page word for word."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "adding-a-service.md"
# The last path in backquotes before a block is the block's file.
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^```sh\n(export ANSIBLE_ROLES_PATH=.*?)^```", re.DOTALL | re.MULTILINE)
ITS_FLEET = "-i inventory/my-fleet"
FILE = re.compile(r"`((?:my-roles|inventory)/[\w./-]+)`")


def files() -> dict[str, str]:
    """Return the page's files by their paths."""
    found: dict[str, str] = {}
    text, end = PAGE.read_text(encoding="utf-8"), 0
    for block in BLOCK.finditer(text):
        names = FILE.findall(text[end : block.start()])
        end = block.end()
        if names:
            found[names[-1]] = block.group(2)
    return found


def commands(*inventories: str) -> str:
    """Return what the page has typed into a shell, about a fleet of other inventories than the page's."""
    (shown,) = COMMANDS.findall(PAGE.read_text(encoding="utf-8"))
    return str(shown).replace(ITS_FLEET, " ".join(f"-i {shlex.quote(path)}" for path in inventories))


def write_roles(folder: Path) -> None:
    """Write the page's roles into ``folder``."""
    for name, text in files().items():
        kind, _, path = name.partition("/")
        if kind == "my-roles":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_roles(Path(sys.argv[1]))
