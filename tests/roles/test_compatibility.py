"""docs/compatibility.md: scenarios that it names exist, and what it calls part of a message is."""

from __future__ import annotations

import re

from declarations import PROJECT

PAGE = (PROJECT / "docs" / "compatibility.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Refused")[2]
ROWS = [row.split("|")[1:-1] for row in TABLE.splitlines() if row.startswith("| ") and not row.startswith("| What")]


def test_every_refusals_words_are_in_the_product() -> None:
    product = "".join(path.read_text(encoding="utf-8") for path in sorted(PROJECT.glob("plugins/**/*.py")))
    sentences = re.sub(r'"\s+f?"', "", product)  # those that are written over several lines
    words = [found for _, told in ROWS for found in re.findall("`([^`]+)`", told)]
    assert len(words) >= len(ROWS) > 10
    assert [found for found in words if found not in sentences] == []


def test_every_scenario_that_is_named_exists() -> None:
    states = PAGE.partition("## Platforms")[2].partition("\n\nContainers")[0]
    named = {
        name
        for row in re.findall(r"\((.+?)\)|tested by (.+?) \|", states)
        for name in re.findall(r"`(\w+)`", " ".join(row))
    }
    assert named == {"bystanders", "engine_change", "kernel", "no_memory_controller", "podman", "tomorrow"}
    assert all((PROJECT / "molecule" / name / "molecule.yml").is_file() for name in named)
