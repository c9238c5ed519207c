"""Light robots: one container that is many robots to whoever calls it by SSH, one at each address of 127.10.0.0/16.

It has a network of its own with nothing but loopback: who calls it, does so from inside of that network (`within`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from docker.types import Mount

from benchmarks.running import LABEL

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

ROBOT = Path(__file__).resolve().parent / "robot"
IMAGE = "robot-stack-testbed/debian12:bare"
START = "mkdir -p /run/sshd /run/light && chmod 1777 /run/light && exec /usr/sbin/sshd -D -e -f /light/sshd_config"
SECONDS = 30.0  # in which it is there
KNOWN, OPERATOR = "known_hosts", "operator_key"


def name(number: int) -> str:
    """Return the name of a light robot."""
    return f"light-{number}"


def address(number: int) -> str:
    """Return where a light robot is called."""
    return f"127.10.{number // 256}.{number % 256}"


@dataclass
class Light:
    """The light robots while they are there: a context that leaves neither a container nor files behind.

    ``folder`` has what a robot called ``recorded`` said to each command, below steps/.
    """

    engine: DockerClient
    folder: Path
    recorded: str
    container: Container = field(init=False)

    def __enter__(self) -> Self:
        """Start them. Raises RuntimeError where they do not answer."""
        for program in ("replay", "sshd_config"):
            shutil.copy(ROBOT / program, self.folder / program)
        for key in ("host_key", OPERATOR):
            _key(self.folder / key)
        shutil.copy(self.folder / f"{OPERATOR}.pub", self.folder / "authorized_keys")
        (self.folder / "name").write_text(self.recorded, encoding="utf-8")
        self.container = self.engine.containers.run(
            IMAGE,
            ["-c", START],
            entrypoint=["/bin/sh"],  # its own would boot a whole robot
            network_mode="none",
            labels={LABEL: "light"},
            tmpfs={"/run": ""},
            mounts=[Mount("/light", str(self.folder), type="bind", read_only=True)],
            pids_limit=-1,
            detach=True,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        self.container.remove(force=True, v=True)

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            self.container.reload()
            log = self.container.logs(tail=5).decode(errors="replace")
            if self.container.status != "running":
                raise RuntimeError(f"light robots ended: {log}")
            if "Server listening" in log:
                return
            time.sleep(0.1)
        raise RuntimeError(f"light robots do not answer: {log}")

    def within(self, argv: list[str]) -> list[str]:
        """Return the command that runs ``argv`` in the network of the robots."""
        return ["nsenter", f"--net=/proc/{self.container.attrs['State']['Pid']}/ns/net", "--", *argv]

    def begin_anew(self) -> None:
        """Have each robot answer from the first command on."""
        code, said = self.container.exec_run(["/bin/sh", "-c", "rm -rf /run/light/*"])
        if code:
            raise RuntimeError(f"light robots: {said!r}")

    def inventory(self, robots: int, group: str) -> Path:
        """Return a folder with the inventory of the first so many of them, in ``group``."""
        host_key = " ".join((self.folder / "host_key.pub").read_text(encoding="utf-8").split()[:2])
        known = self.folder / KNOWN
        known.write_text("".join(f"{address(number)} {host_key}\n" for number in range(robots)), encoding="utf-8")
        hosts = {name(number): {"ansible_host": address(number)} for number in range(robots)}
        reached = {
            "ansible_user": "operator",
            "ansible_become": True,
            "ansible_ssh_private_key_file": str(self.folder / OPERATOR),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes "
            "-o IdentitiesOnly=yes",
        }
        # As the robot that was recorded has them: files with another content would be sent.
        variables = {**reached, "robot_stack_memory_total_mib": 500, "telemetry_robot_name": self.recorded}
        folder = self.folder / "inventory"
        folder.mkdir(exist_ok=True)
        written = {"robots": {"children": {group: {"hosts": hosts}}, "vars": variables}}
        (folder / "hosts.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
        return folder


def _key(path: Path) -> None:
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
