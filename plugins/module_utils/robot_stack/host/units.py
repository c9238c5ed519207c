"""What systemd says of its units: whether they run, whether they will after the next boot, and why one does not.

One question for all of them. Source of the words: https://www.freedesktop.org/software/systemd/man/systemctl.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from subprocess import SubprocessError

from ..base import strangers
from ..base.roots import Roots
from . import systemd
from .systemd import CommandError, Run

PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,Result"
# A unit file in one of these states is there and is not started at the next boot. "static" and the like need no link.
NOT_AT_BOOT = ("disabled", "enabled-runtime", "linked", "linked-runtime")
RUNNING = ("active", "reloading", "activating")
LARGEST_UNIT = 1 << 20  # bytes of a unit's file
LAST_WORDS, LONGEST_WORDS = 2, 300  # lines of its journal, characters of each


@dataclass(frozen=True)
class Unit:
    """One unit. Nothing in `load`: systemd did not tell."""

    name: str
    load: str = ""
    active: str = ""
    sub: str = ""
    file_state: str = ""
    result: str = ""

    @property
    def there(self) -> bool:
        """Whether systemd knows it, if only as one that is masked."""
        return self.load not in ("", "not-found")

    @property
    def masked(self) -> bool:
        """Whether nobody can start it."""
        return self.load == "masked" or self.file_state.startswith("masked")

    @property
    def runs(self) -> bool:
        """Whether it runs, or is about to."""
        return self.active in RUNNING

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and not because somebody stopped it."""
        return self.active == "failed"

    @property
    def lost_at_boot(self) -> str:
        """Why it will not run after the next boot, "" where it will or where that cannot be said."""
        if not self.there:
            return ""
        return "masked" if self.masked else (self.file_state if self.file_state in NOT_AT_BOOT else "")

    @property
    def words(self) -> str:
        """Its state in words."""
        if self.masked:
            return f"{self.name} is masked"
        if not self.there:
            return f"systemd knows no {self.name}"
        why = self.result if self.failed else self.sub
        return f"{self.name} is {self.active}{f' ({why})' if why and why != self.active else ''}"


def observe(names: Iterable[str], run: Run | None = None) -> dict[str, Unit]:
    """Return the units by name; raise `CommandError` where systemd cannot be asked."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    told = (run or systemd.run)(["systemctl", "show", "--no-pager", f"--property={PROPERTIES}", "--", *wanted])
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in told.split("\n\n")]
    found = {name: Unit(name) for name in wanted}
    # an alias is told by its real name: the answers come in the order of the questions
    for name, block in zip(wanted, [block for block in blocks if block]):
        found[name] = _unit(name, block)
    return found


def _unit(name: str, told: Mapping[str, str]) -> Unit:
    values = [told.get(key, "") for key in ("LoadState", "ActiveState", "SubState", "UnitFileState", "Result")]
    return Unit(name, *values)


def calling(program: str, folders: Iterable[str], roots: Roots) -> list[str]:
    """Return the paths of services in ``folders`` that start ``program``, or its "compose"; those of ours left out."""
    called = re.compile(rf"\s*Exec\w+\s*=.*(?<![\w.-]){re.escape(program)}(?:-compose)?(?![\w.-])")
    found = []
    for path in (f"{folder}/{name}" for folder in folders for name in strangers.names_in(roots.path(folder))):
        with suppress(strangers.UnreadableError):  # a link to what a package has brought
            content = strangers.text(roots.path(path), LARGEST_UNIT) if path.endswith(".service") else ""
            if content and not content.startswith(systemd.WRITTEN_BY_US) and _any_line(called, content):
                found.append(path)
    return sorted(found)


def _any_line(pattern: re.Pattern[str], content: str) -> bool:
    """Whether a line fits, one that goes on in the next taken as a whole."""
    return any(pattern.match(line) for line in content.replace("\\\n", " ").splitlines())


def last_words(unit: str, programs: Sequence[str], run: Run | None = None) -> list[str]:
    """Return the last lines of ``unit``'s own ``programs`` in the journal; none where it has none, or is not kept."""
    asked = ["journalctl", "--quiet", "--no-pager", "--boot", "--output=cat", f"--lines={LAST_WORDS}"]
    with suppress(CommandError, OSError, SubprocessError):
        told = (run or systemd.run)([*asked, f"--unit={unit}", *(f"--identifier={name}" for name in programs)])
        return list(dict.fromkeys(_plain(line) for line in told.splitlines() if line.strip()))[-LAST_WORDS:]
    return []


def _plain(line: str) -> str:
    """Return a line of a log without control characters, and not too long; msg= of a structured one is all of it."""
    said = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    text = said.group(1).replace('\\"', '"') if said else line
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:LONGEST_WORDS]
