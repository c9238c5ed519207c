"""Whose run this is, for the robots' journals."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import PurePath

from ansible import context


def told() -> dict[str, str]:
    """Return the `user` on this machine, not one that the environment names, and the `run`: playbooks and process."""
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"uid {uid}"
    return {"user": f"{user}@{socket.gethostname()}", "run": f"{_playbooks()}, process {os.getppid()}"}


def _playbooks() -> str:
    """Return the names of the run's playbooks; a worker of Ansible is a child of the process that reads them."""
    named = context.CLIARGS.get("args") or ()
    names = named.split() if isinstance(named, str) else [str(name) for name in named]
    return " ".join(PurePath(name).name for name in names) or "ansible"
