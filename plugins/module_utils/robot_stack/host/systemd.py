"""The stack's slices as systemd units, and the few systemctl calls that they need."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Callable

from ..base.files import DesiredFile
from ..base.roots import Roots
from ..base.units import bytes_of
from ..spec.model import Stack

UNITS = "/etc/systemd/system"
SET_BY_HAND = "/etc/systemd/system.control"
WRITTEN_BY_US = "# Written by robot_stack;"
Run = Callable[[Sequence[str]], str]
# In a command line: quotes, escapes, a specifier, a variable, white space. A path has no other.
MEMORY = re.compile(r"^\s*Memory\w+\s*=", re.MULTILINE)
MEANS_SOMETHING = re.compile(r"[\"'\\%$\s]")


class CommandError(RuntimeError):
    """A program of the robot failed; the message holds its command line and its `words`, which are its own alone."""

    def __init__(self, message: str, words: str = "") -> None:
        """Remember what the program said, "" where that is not known."""
        super().__init__(message)
        self.words = words


def run(argv: Sequence[str]) -> str:
    """Run a program and return what it printed; raise `CommandError` where it fails."""
    # a log's bytes are whatever a program has printed
    done = subprocess.run(list(argv), capture_output=True, text=True, errors="replace", timeout=300, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise CommandError(f"{' '.join(argv)}: exit {done.returncode}: {words}", words)
    return done.stdout


def job_unit(name: str, kind: str) -> str:
    """Return the unit of job ``name``; ``kind`` is service or timer."""
    return f"robot-stack-{name}.{kind}"


def unmask(run: Run, unit: str) -> None:
    """Let ``unit`` be started again, whoever masked it and until when."""
    run(["systemctl", "unmask", "--quiet", unit])
    run(["systemctl", "unmask", "--quiet", "--runtime", unit])


def child_slice(parent: str, name: str) -> str:
    """Return the slice of ``name`` below ``parent``: systemd reads the dash as "below"."""
    return f"{parent[: -len('.slice')]}-{name}.slice"


def slice_cgroup(parent: str, name: str = "") -> str:
    """Return the cgroup path of the parent slice, or of ``name``'s slice below it."""
    return f"/{parent}/{child_slice(parent, name)}" if name else f"/{parent}"


def forget_groups(sys_root: Path, parent: str, name: str) -> None:
    """Remove slice ``name``'s empty groups: on cgroup v1 an engine makes them for controllers that systemd leaves out.

    The kernel refuses to remove a group that holds a process or another group.
    """
    path = name if name == parent else f"{parent}/{name}"
    for group in (sys_root / "fs/cgroup").glob(f"*/{path}"):
        with suppress(OSError):
            group.rmdir()


def slice_names(stack: Stack, own_engine: bool) -> list[str]:
    """Return the slices that this call looks after: the ceiling, one for each service in scope, and the engine's.

    Somebody else's engine stays where it is: a slice for it would be empty, and read as an engine that uses nothing.
    """
    parent = stack.budget.slice
    engine = [child_slice(parent, "engine")] if own_engine else []
    return [parent, *engine] + [child_slice(parent, s.name) for s in stack.scoped_services]


def slice_units(stack: Stack, cgroup_version: int, own_engine: bool, engine_units: Sequence[str]) -> list[DesiredFile]:
    """Return the unit files of `slice_names`, ready before ``engine_units``; only the parent has a limit."""
    units = []
    for name in slice_names(stack, own_engine):
        ceiling = bytes_of(stack.budget.memory_budget_mib) if name == stack.budget.slice else None
        units.append(DesiredFile(f"{UNITS}/{name}", _slice_unit(name, ceiling, cgroup_version, engine_units)))
    return units


def _slice_unit(name: str, ceiling: int | None, cgroup_version: int, engine_units: Sequence[str]) -> str:
    lines = [
        "# Written by robot_stack; changes are overwritten.",
        "[Unit]",
        f"Description=Telemetry stack of this robot ({name})",
        "DefaultDependencies=no",
        f"Before={' '.join(['slices.target', *reversed(engine_units)])}",
        "",
        "[Slice]",
        "MemoryAccounting=yes",
    ]
    if ceiling is not None:
        lines.append(f"MemoryMax={ceiling}")
        # v2 counts swap apart; on v1 the older name is what every systemd applies
        lines.append("MemorySwapMax=0" if cgroup_version == 2 else f"MemoryLimit={ceiling}")
    return "\n".join([*lines, "", "[Install]", "WantedBy=slices.target", ""])


def memory_drop_ins(name: str, roots: Roots) -> dict[str, str]:
    """Return what others say of ``name``'s memory, by path: it counts more than the unit, at the next boot as well.

    That is what `systemctl edit` and `systemctl set-property` leave; other settings of theirs are none of our business.
    """
    found = {}
    for top in (UNITS, SET_BY_HAND):
        for file in sorted(roots.path(f"{top}/{name}.d").glob("*.conf")):
            with suppress(OSError, ValueError):
                content = file.read_text(encoding="utf-8")
                if MEMORY.search(content):
                    found[f"{top}/{name}.d/{file.name}"] = content
    return found


def service_drop_in(unit: str, parent: str, environment: Sequence[str]) -> DesiredFile:
    """Return the drop-in that puts an engine's ``unit`` below the stack's ceiling."""
    lines = [f"{WRITTEN_BY_US} changes are overwritten.", "[Service]"]
    lines.append(f"Slice={child_slice(parent, 'engine')}")
    lines += [f'Environment="{_quoted(pair)}"' for pair in environment]
    return DesiredFile(f"{UNITS}/{unit}.d/robot-stack.conf", "\n".join([*lines, ""]))


def word(text: str) -> str:
    """Return ``text`` as one word of a command line in a unit; what means nothing there stands as it is."""
    if not MEANS_SOMETHING.search(text):
        return text
    return f'"{_quoted(text).replace("$", "$$")}"'


def said(words: str) -> str:
    """Return what `word` was given."""
    if not (len(words) > 1 and words.startswith('"') and words.endswith('"')):
        return words
    return re.sub(r"\\(.)|%(%)|\$(\$)", lambda found: found[1] or found[2] or found[3], words[1:-1])


def _quoted(text: str) -> str:
    """Return ``text`` as it stands between quotes in a unit: % begins a specifier there, and a backslash an escape."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
