"""What `make protections` takes out is still where it looks for it, and a failure is told by its name."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
import yaml
from declarations import PROJECT

from tools.protections import name_of, place, what_failed, without

KNOWN: list[dict[str, Any]] = yaml.safe_load((PROJECT / "tests" / "protections.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("protection", KNOWN, ids=name_of)
def test_each_protection_is_there_once_and_can_be_taken_out(protection: dict[str, str], tmp_path: Any) -> None:
    if "scenario" in protection:
        assert (PROJECT / "molecule" / protection["scenario"] / "molecule.yml").exists()
    else:
        assert (PROJECT / "tests" / protection["attack"]).exists()
    copy = place(protection, tmp_path)
    copy.parent.mkdir(parents=True)
    copy.write_text(place(protection, PROJECT).read_text(encoding="utf-8"), encoding="utf-8")
    without(protection, tmp_path)
    text = copy.read_text(encoding="utf-8")
    if copy.suffix == ".py":
        compile(text, copy.name, "exec")
    elif copy.suffix == ".j2":
        jinja2.Environment(autoescape=False).parse(text)
    else:
        yaml.safe_load(text)
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
