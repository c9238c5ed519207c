"""An operator's own SSH connection to a machine of the testbed; its host key is checked."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import until

PROJECT = Path(__file__).resolve().parents[2]


def ssh(robot: Any, *options: str) -> list[str]:
    """The command that logs in; what is appended to it runs there."""
    keys = PROJECT / ".testbed" / robot.variables["testbed_fleet"]
    settings = [f"UserKnownHostsFile={keys}/known_hosts", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
    settings += ["ControlPath=none", "ExitOnForwardFailure=yes"]
    argv = ["ssh", "-p", str(robot.variables["testbed_ssh_port"]), "-i", f"{keys}/id_ed25519", *options]
    return [*argv, *(word for setting in settings for word in ("-o", setting)), "operator@127.0.0.1"]


@contextmanager
def forwarded(robot: Any, option: str, forward: str) -> Iterator[None]:
    """Forward a port while the context lasts: ``-L`` to the robot's loopback, ``-R`` from it."""
    process = subprocess.Popen(ssh(robot, "-N", option, forward))
    try:
        yield
    finally:
        process.kill()  # nothing of a tunnel is worth a farewell to a robot that is slow to take it
        process.wait(timeout=60)


@contextmanager
def page_of(robot: Any, port: int, own_port: int) -> Iterator[str]:
    """The address on this machine of what listens at the robot's loopback, once it answers."""
    address = f"http://127.0.0.1:{own_port}"
    with forwarded(robot, "-L", f"127.0.0.1:{own_port}:127.0.0.1:{port}"):
        until(lambda: _answers(f"{address}/vmui/"), f"{address} answers", pause=0.5)
        yield address


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=30).close()
    except urllib.error.HTTPError as refused:
        return refused.code == 401  # whoever asks for a password is there
    except OSError:
        return False
    return True
