"""What the output of a job says: which action of Molecule runs, which test or task failed, and why."""

from __future__ import annotations

import re

from tools.protections import what_failed

EXECUTING = re.compile(r"^INFO\s+\[\S+ > (\w+)\] Executing$")
TESTS = re.compile(r"\b\d+ (?:passed|failed)\b[^=\n]*?(?= in [\d.]+s)")
MESSAGES = (
    re.compile(r"^E   +(?!AssertionError: *$)(?=\S)(.+)", re.M),  # its own line says nothing where a diff follows
    re.compile(r"^(?:fatal|failed): \[.*\n(?:(?!TASK \[).*\n)*?\s+msg: (.+)", re.M),
    re.compile(r"^(?:fatal|failed): (\[.+)", re.M),
    re.compile(r"^((?:ERROR|CRITICAL)\b.+)", re.M),
)


def action(line: str) -> str:
    """Return the action of Molecule that begins with this line of its output, else ""."""
    found = EXECUTING.match(line.rstrip())
    return found[1] if found else ""


def tests(log: str) -> str:
    """Return the last count of tests in a log, such as "12 passed"."""
    found = TESTS.findall(log)
    return str(found[-1]).strip() if found else ""


def cause(log: str, longest: int = 300) -> str:
    """Return in one line what failed, and the first message about it."""
    failed = what_failed(log)
    message = next((found[1].strip() for pattern in MESSAGES if (found := pattern.search(log))), "")
    message = message or last_line(log)
    return (f"{failed}: {message}" if failed else message)[:longest]


def last_line(log: str) -> str:
    """Return the last words of a log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
