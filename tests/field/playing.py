"""A fleet in a folder, whose playbooks are run; a robot that would be contacted leaves a trace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from declarations import BIN, PROJECT


class Fleet:
    """Files of an inventory, by name; ``hosts.yml`` names the robots."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.folder, self._trace = folder / "fleet", folder / "trace"
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self._ssh = folder / "ssh"
        self._ssh.write_text(f"#!/bin/sh\necho contacted >> '{self._trace}'\nexit 255\n", encoding="utf-8")
        self._ssh.chmod(0o755)

    def play(self, *arguments: str, playbook: str = "preflight", **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "ANSIBLE_SSH_EXECUTABLE": str(self._ssh),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_FORKS": "1",
            **settings,
        }
        path = Path("playbooks") / f"{playbook}.yml"  # or that of a playbook elsewhere, from /
        argv: list[str | Path] = [BIN / "ansible-playbook", "-i", self.folder, path, *arguments]
        return subprocess.run(argv, cwd=PROJECT, env=environment, check=False, capture_output=True, text=True)

    @property
    def contacted(self) -> bool:
        """Whether a robot was."""
        return self._trace.exists()

    def refusal(self, *arguments: str, playbook: str = "preflight") -> str:
        """Return what the gate says: it refuses, and contacts no robot."""
        done = self.play(*arguments, playbook=playbook)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        words = " ".join(said.split())  # Ansible breaks lines where it likes
        assert "No robot was contacted." in words or "No host was contacted." in words, said
        assert not self.contacted, said
        return said

    def passes(self, *arguments: str, playbook: str = "preflight") -> None:
        """See the gate let the fleet through: what follows asks for a robot, which is silent."""
        done = self.play(*arguments, playbook=playbook)
        assert self.contacted, done.stdout + done.stderr
