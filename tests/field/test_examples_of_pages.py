"""What pages have written into a copy of the example inventory is what counts there, and the gate lets it through."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from declarations import PROJECT
from field.playing import Fleet

BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
# A comment in a block names the file whose lines follow.
FILE = re.compile(r"^# inventory/my-fleet/([\w/]+\.yml).*\n((?:(?!# inventory/).*\n)*)", re.MULTILINE)


def written(folder: Path, page: str, heading: str) -> list[str]:
    """Write what a section shows first, in place of what has these names there, and return the files."""
    section = (PROJECT / "docs" / page).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    block = BLOCK.search(section.partition("\n## ")[0])
    assert block, heading
    for name, lines in FILE.findall(block[1]):
        path = folder / name
        before = path.read_text(encoding="utf-8") if path.exists() else "---\n"
        for key in yaml.safe_load(lines) or ():
            before = re.sub(rf"^{key}:.*\n", "", before, flags=re.MULTILINE)
        path.write_text(before + lines, encoding="utf-8")
    return [name for name, _ in FILE.findall(block[1])]


@pytest.mark.parametrize(
    ("hub", "backup"),
    [
        ("## Setting it up", "## Switching it on"),
        ("## A pair of hosts", "## Switching it on"),
        ("## A cluster of hosts", "## A cluster"),
    ],
)
def test_a_hubs_backup_has_room_in_a_copy_of_the_example(tmp_path: Path, hub: str, backup: str) -> None:
    folder = shutil.copytree(PROJECT / "inventory/example", tmp_path / "fleet")
    assert "hosts.yml" in written(folder, "telemetry.md", hub)
    assert "group_vars/telemetry_hub/backup.yml" in written(folder, "hub-backup.md", backup)
    Fleet(tmp_path, {}).passes(playbook="hub")
