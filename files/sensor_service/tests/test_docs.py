"""docs/adding-a-sensor.md: its example runs as it stands there."""

from __future__ import annotations

import re
import types

from sensor_service.catalogue import COLLECTORS

from files.sensor_service.tests.conftest import HERE

GUIDE = (HERE.parents[2] / "docs/adding-a-sensor.md").read_text(encoding="utf-8")


def blocks() -> dict[str, str]:
    """Returns the guide's Python blocks by the file that each is named for."""
    return dict(re.findall(r"^`([\w/.]+)`:\n\n```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))


def test_the_guides_collector_passes_the_guides_tests(tmp_path: object) -> None:
    found = blocks()
    assert set(found) == {"collectors/range_finder.py", "tests/test_range_finder.py"}
    module = types.ModuleType("sensor_service.collectors.range_finder")
    module.__package__ = "sensor_service.collectors"
    exec(compile(found["collectors/range_finder.py"], "range_finder.py", "exec"), module.__dict__)
    tests = found["tests/test_range_finder.py"].replace(
        "from sensor_service.collectors.range_finder import collect\n", ""
    )
    names: dict[str, object] = {"collect": module.collect}
    exec(compile(tests, "test_range_finder.py", "exec"), names)
    run = [name for name in names if name.startswith("test_")]
    assert len(run) == 3
    for index, name in enumerate(run):
        directory = tmp_path / str(index)  # type: ignore[operator]  # a fixture
        directory.mkdir()
        names[name](directory)  # type: ignore[operator]  # what the page's code makes


def test_the_tests_of_each_field_case_exist() -> None:
    page = (HERE.parents[2] / "docs/field-cases.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (B\d+) \|(.*)$", page, re.MULTILINE)
    assert [name for name, _ in rows] == [f"B{number}" for number in range(1, len(rows) + 1)]
    assert rows
    for name, row in rows:
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert tests, name
        for file, function in tests:
            assert f"def {function}(" in (HERE.parents[2] / file).read_text(encoding="utf-8"), (name, function)


def test_the_guide_lists_every_collector() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE))
    assert listed == set(COLLECTORS)
