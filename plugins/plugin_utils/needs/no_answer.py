"""Why a robot gave no answer at all, in one sentence: what Ansible shows of that is a failure to read JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# What Ansible, and needs/own_copy, show of a program that ended without an answer; a module's own failure has none.
INSTEAD = ("module_stdout", "module_stderr")
LOOKED_AT = 20_000  # letters of all that came instead of an answer
# What programs say, in English or in another language, and what it means.
SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"sudo: .*\btty\b", re.IGNORECASE),
        "sudo wants a terminal on this robot (Defaults requiretty in its sudoers), and Ansible gives it none while "
        "pipelining is on: write Defaults:USER !requiretty there, or ansible_ssh_pipelining: false for this robot",
    ),
    (
        # of these Ansible itself knows the English words alone
        re.compile(r"sudo: .*(passw?or[dt]|mot de passe|contraseña|senha|has[łl]o|heslo|wachtwoord)", re.IGNORECASE),
        "sudo wants a password on this robot: give it in ansible_become_password, in the vault, or let this user do "
        "without one (NOPASSWD in its sudoers)",
    ),
    (
        re.compile(r"is not in the sudoers file|sudo: .*may not run|is not allowed to (run|execute)"),
        "this user may not become root on this robot: give it that right in sudoers, or name another in ansible_user",
    ),
    (
        re.compile(r"No space left on device|Disk quota exceeded"),
        "the disk is full where Ansible puts its files (ansible_remote_tmp) or Python its own (/tmp): free some space",
    ),
    (
        re.compile(r"Read-only file system"),
        "the disk may not be written to where Ansible puts its files: name a writable folder in ansible_remote_tmp",
    ),
    (
        re.compile(r"\bMemoryError\b|Cannot allocate memory"),
        "the robot had no memory left for Ansible's Python (some 30 MiB): stop something there, and run again",
    ),
)
# After these nothing has begun; a program that ran out of something may have done a part.
OF_SUDO = 3
NOTHING, TAKEN_UP = "Nothing was changed by this call.", "What this call had begun, the next run takes up."
KILLED = (137, -9)
KILLED_SENTENCE = "Ansible's Python was killed on the robot, as the kernel does for lack of memory: see dmesg there"


def is_none(raw: Any) -> bool:
    """Whether ``raw``, Ansible's result of a module, holds no answer of the module's own."""
    return not isinstance(raw, dict) or any(key in raw for key in INSTEAD)


def sentence(raw: Any) -> str:
    """Return why ``raw``, Ansible's result of a module that did not answer, holds none; "": it cannot be told."""
    if not isinstance(raw, dict):
        return ""
    text = "\n".join(_texts(raw))[:LOOKED_AT]
    place = next((place for place, (pattern, _) in enumerate(SENTENCES) if pattern.search(text)), None)
    if place is not None:
        return f"{SENTENCES[place][1]}. {NOTHING if place < OF_SUDO else TAKEN_UP}"
    return f"{KILLED_SENTENCE}. {TAKEN_UP}" if raw.get("rc") in KILLED else ""


def _texts(raw: dict[str, Any]) -> Iterator[str]:
    for key in ("module_stderr", "module_stdout", "stderr", "stdout", "msg"):
        value = raw.get(key)
        if isinstance(value, str):
            yield value[:LOOKED_AT]
