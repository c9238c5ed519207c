"""Who is measured: each does the same work on its robots, and finds out that there is nothing to change."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import yaml

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
KEYS = PROJECT / ".testbed" / "provision"
CACHE = PROJECT / ".cache" / "provision"
SUMS = CACHE / "sums"
PYINFRA = PROJECT / ".cache" / "pyinfra" / "bin" / "pyinfra"
INVENTORY = HERE / "inventory"
USUAL = HERE / "usual"

PRODUCT = "robot-stack, site.yml"
ROLE = "usual role of 25 tasks, Ansible's defaults"
ROLE_TUNED = "the same, tuned"
WITH_PYINFRA = "pyinfra, the same work"
SCRIPT = "one shell script over ssh (the floor)"


@dataclass(frozen=True)
class Contender:
    """One way to provision. ``argv`` is for a list of robots; ``unchanged`` looks for what it says when all is well."""

    name: str
    robots: str  # the inventory's group
    argv: Callable[[Sequence[str]], list[str]]
    unchanged: Callable[[str, int], bool]
    folder: Path = PROJECT
    environment: Mapping[str, str] = field(default_factory=dict)


def ports() -> dict[str, dict[str, int]]:
    """Return the SSH ports of the robots, by group and name."""
    listed = yaml.safe_load((INVENTORY / "hosts.yml").read_text(encoding="utf-8"))
    groups = listed["robots"]["children"]
    return {
        group: {name: host["testbed_ssh_port"] for name, host in about["hosts"].items()}
        for group, about in groups.items()
    }


def playbook(path: str, robots: Sequence[str]) -> list[str]:
    """Return the command that runs a playbook on ``robots``."""
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return [program, "-i", str(INVENTORY), path, "--limit", ",".join(robots)]


def recap(text: str, robots: int) -> bool:
    """Whether Ansible's recap names as many robots, none of them changed, failed or unreachable."""
    found = re.findall(r"^\S+ +: ok=\d+ +changed=0 +unreachable=0 +failed=0 ", text, re.MULTILINE)
    return len(found) == robots


def pyinfra_total(text: str, _robots: int) -> bool:
    """Whether pyinfra's table says that no operation did anything."""
    return bool(re.search(r"Grand total +\d+ +- +- +\d+", text))


def said_by_script(text: str, robots: int) -> bool:
    """Whether the script said so for every robot."""
    return text.count("nothing changed\n") == robots


def pyinfra(robots: Sequence[str]) -> list[str]:
    """Return pyinfra's command line."""
    limits = [word for robot in robots for word in ("--limit", robot)]
    return [str(PYINFRA), "-y", *limits, "inventory.py", "deploy.py"]


def script(robots: Sequence[str]) -> list[str]:
    """Return the command that runs the script on ``robots``."""
    known = ports()["usual"]
    return ["script/run.sh", str(KEYS), str(SUMS), *(f"{robot}={known[robot]}" for robot in robots)]


def all_of_them() -> list[Contender]:
    """Return who is measured, in the order of a round."""

    def tuned(name: str) -> dict[str, str]:
        return {"ANSIBLE_CONFIG": str(USUAL / name)}

    ours = {"ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    return [
        Contender(PRODUCT, "product", lambda r: playbook("playbooks/site.yml", r), recap, PROJECT, ours),
        Contender(ROLE, "usual", lambda r: playbook("site.yml", r), recap, USUAL, tuned("ansible.cfg")),
        Contender(
            ROLE_TUNED, "usual", lambda r: playbook("site_tuned.yml", r), recap, USUAL, tuned("ansible_tuned.cfg")
        ),
        Contender(WITH_PYINFRA, "usual", pyinfra, pyinfra_total, HERE / "with_pyinfra"),
        Contender(SCRIPT, "usual", script, said_by_script, HERE),
    ]


def environment(contender: Contender, sockets: Path) -> dict[str, str]:
    """Return the environment of one run: plain output, connections of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **plain,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
        **contender.environment,
    }
