"""A file that lists the users of an entry point (vmauth), with some of them shut out. Pure: text in, text out.

Who is shut out has the address of nothing instead of the backend's: what he sends is answered 502 or 503, so that his
agent keeps it and tries again. In everything else the file stays as it was declared.
"""

from __future__ import annotations

import json
from collections.abc import Collection

USER = "  - username: "
NOWHERE = "http://127.0.0.1:1/"  # only root may listen there


def closed(content: str, backend: str, users: Collection[str]) -> str:
    """Return the file's ``content`` with ``users``, and nobody else, shut out."""
    lines, shut = [], False
    for line in opened(content, backend).splitlines(keepends=True):
        if line.startswith(USER):
            shut = _name(line[len(USER) :]) in users
        lines.append(line.replace(backend, NOWHERE) if shut else line)
    return "".join(lines)


def opened(content: str, backend: str) -> str:
    """Return the file's ``content`` with nobody shut out: as it was declared."""
    return content.replace(NOWHERE, backend)


def _name(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""
