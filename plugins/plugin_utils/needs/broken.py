"""A connection that broke while a robot was changed: the change may be what has cut it off."""

from __future__ import annotations

import re
from typing import Any

# What OpenSSH says of a connection that there was; of one that it could not make it says something else.
# Source: its packet.c, clientloop.c and serverloop.c
BROKEN = re.compile(r"not responding|closed by remote host|Connection reset by|Broken pipe|Connection to \S+ closed")
NOT_MADE = re.compile(r"kex_exchange_identification|banner exchange|connect to host")
CHANGING = ("present", "absent", "restored")  # other states ask, and judge
WORDS = "the connection broke while it was being changed"


def result(error: Exception, answered: bool, check: bool) -> dict[str, Any] | None:
    """Return the result of a robot whose connection broke off while something was done there; None: it was not there.

    ``answered`` is whether it has answered before in this call, ``check`` whether nothing is changed by it.
    """
    said = str(error)
    if check or not (answered or (BROKEN.search(said) and not NOT_MADE.search(said))):
        return None
    return {"unreachable": True, "begun": True, "changed": answered, "msg": f"{WORDS}: {said}"}
