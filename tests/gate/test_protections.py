"""What `make protections` takes out is still where it looks for it, and a failure is told by its name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from declarations import PROJECT

from tools.protections import what_failed, without

KNOWN: list[dict[str, Any]] = yaml.safe_load((PROJECT / "tests" / "protections.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("protection", KNOWN, ids=[protection["scenario"] for protection in KNOWN])
def test_each_protection_is_there_once_and_can_be_taken_out(protection: dict[str, str], tmp_path: Any) -> None:
    assert (PROJECT / "molecule" / protection["scenario"] / "molecule.yml").exists()
    copy = tmp_path / "plugins" / protection["file"]
    copy.parent.mkdir(parents=True)
    text = (PROJECT / "plugins" / protection["file"]).read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    without(protection, tmp_path)
    compile(copy.read_text(encoding="utf-8"), copy.name, "exec")
    with pytest.raises(ValueError, match="does not hold this once"):
        without(protection, tmp_path)


@pytest.mark.parametrize(
    ("log", "failed"),
    [
        ("FAILED tests/test_a.py::test_one[x] - assert 1\nFAILED tests/test_a.py::test_two\n", "test_one, test_two"),
        ("TASK [First] ***\nok: [a]\n\nTASK [Second : One] ***\nfatal: [a]: FAILED! => {}\n", "task: Second : One"),
        ("TASK [First] ***\nok: [a]\n=== 3 passed ===\n", ""),
    ],
)
def test_a_failure_is_told_by_its_name(log: str, failed: str) -> None:
    assert what_failed(log) == failed
