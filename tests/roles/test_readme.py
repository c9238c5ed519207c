"""What a role's README shows can be copied and run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from declarations import BIN, PROJECT

EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_every_example_is_a_playbook(tmp_path: Path) -> None:
    playbooks = []
    for readme in sorted(PROJECT.glob("roles/*/README.md")):
        found = EXAMPLE.findall(readme.read_text(encoding="utf-8"))
        assert found, f"{readme.parent.name} shows no example"
        for number, text in enumerate(found):
            playbooks.append(tmp_path / f"{readme.parent.name}_{number}.yml")
            playbooks[-1].write_text(text, encoding="utf-8")
    answer = subprocess.run(
        [BIN / "ansible-playbook", "-i", "inventory/example", "--syntax-check", *playbooks],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
