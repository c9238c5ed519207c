"""One run over so many light robots: what it cost the computer that ran it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provision import contenders, measure
from benchmarks.provision.contenders import PRODUCT, ROLE_TUNED, WITH_PYINFRA, Contender

from . import memory
from .light import KNOWN, OPERATOR, Light, address, name

GROUPS: Mapping[str, str] = {PRODUCT: "product", ROLE_TUNED: "usual", WITH_PYINFRA: "usual"}
LONGEST_SECONDS = 7200
PYINFRAS = """\
\"\"\"Light robots, as pyinfra wants them.\"\"\"

usual = (
    {hosts!r},
    {{
        "telemetry_robot_name": {recorded!r},
        "ssh_user": "operator",
        "ssh_key": {key!r},
        "ssh_known_hosts_file": {known!r},
        "ssh_strict_host_key_checking": "yes",
        "ssh_look_for_keys": False,
        "ssh_allow_agent": False,
    }},
)
"""


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds, CPU seconds of all that it started here, and the most memory (PSS) at one moment."""

    wall_seconds: float
    controller_cpu_seconds: float
    peak_mib: float
    processes: int  # at that moment


def run(light: Light, contender: Contender, robots: int, forks: int = 0) -> Cost:
    """Run ``contender`` on the first so many light robots.

    Raises ChangedError where it did not find each of them as it should be. ``forks`` 0: as the contender has it.
    """
    light.begin_anew()
    argv = light.within(_argv(light, contender, robots))
    used = measure.cpu_of_children()
    with tempfile.TemporaryDirectory(prefix="ssh-") as sockets, memory.of_descendants(os.getpid()) as held:
        environment = contenders.environment(contender, Path(sockets))
        if forks:
            environment["ANSIBLE_FORKS"] = str(forks)
        started = time.monotonic()
        done = subprocess.run(
            argv,
            cwd=contender.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        wall = time.monotonic() - started
        measure.end_children()
    if done.returncode or not contender.unchanged(done.stdout + done.stderr, robots):
        said = f"{done.stdout[-4000:]}{done.stderr[-2000:]}"
        raise measure.ChangedError(f"{contender.name} on {robots} robots, exit code {done.returncode}:\n{said}")
    return Cost(wall, measure.cpu_of_children() - used, held.pss_mib, held.processes)


def _argv(light: Light, contender: Contender, robots: int) -> list[str]:
    if contender.name == WITH_PYINFRA:
        return [str(contenders.PYINFRA), "-y", str(_for_pyinfra(light, robots)), "deploy.py"]
    program, _, _, playbook, *_ = contender.argv([])
    return [program, "-i", str(light.inventory(robots, GROUPS[contender.name])), playbook]


def _for_pyinfra(light: Light, robots: int) -> Path:
    light.inventory(robots, GROUPS[WITH_PYINFRA])  # and who knows whom
    hosts = [(name(number), {"ssh_hostname": address(number)}) for number in range(robots)]
    path = light.folder / "inventory.py"
    text = PYINFRAS.format(
        hosts=hosts, recorded=light.recorded, key=str(light.folder / OPERATOR), known=str(light.folder / KNOWN)
    )
    path.write_text(text, encoding="utf-8")
    return path
