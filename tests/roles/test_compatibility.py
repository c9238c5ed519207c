"""docs/compatibility.md and docs/raspberry-pi.md: named scenarios exist, and what is called a message is one."""

from __future__ import annotations

import re

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, kernel_cmdline
from declarations import PROJECT

PAGE = (PROJECT / "docs" / "compatibility.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Refused")[2]
ROWS = [row.split("|")[1:-1] for row in TABLE.splitlines() if row.startswith("| ") and not row.startswith("| What")]
PI_PAGE = (PROJECT / "docs" / "raspberry-pi.md").read_text(encoding="utf-8")
STILL_REFUSED = PI_PAGE.partition("### When it is still refused")[2].partition("\n## ")[0]


def sentences() -> str:
    """Return the product's code, with sentences that it has over several lines in one."""
    product = "".join(path.read_text(encoding="utf-8") for path in sorted(PROJECT.glob("plugins/**/*.py")))
    return re.sub(r'"\s+f?"', "", product)


def test_every_refusals_words_are_in_the_product() -> None:
    words = [found for _, told in ROWS for found in re.findall("`([^`]+)`", told)]
    assert len(words) >= len(ROWS) > 10
    assert [found for found in words if found not in sentences()] == []


def test_every_message_of_the_pis_runbook_is_in_the_product() -> None:
    states = [f"controller is {state}" for state in (cgroup.NOT_MOUNTED, cgroup.NOT_BUILT)]
    said = sentences().replace("{kernel_cmdline.OPTIONS[0]}", kernel_cmdline.OPTIONS[0]) + "\n".join(states)
    messages = re.findall(r"^\| `(?:\.\.\. )?([^`]+)` \|", STILL_REFUSED, re.MULTILINE)
    assert len(messages) == STILL_REFUSED.count("\n| ") - 1 == 6, "every row but the head begins with a message"
    assert [message for message in messages if message not in said] == []


def test_every_scenario_that_is_named_exists() -> None:
    states = PAGE.partition("## Platforms")[2].partition("\n\nContainers")[0]
    named = {
        name
        for row in re.findall(r"\((.+?)\)|tested by (.+?) \|", states)
        for name in re.findall(r"`(\w+)`", " ".join(row))
    }
    assert named == {
        "airgap",
        "bystanders",
        "kernel",
        "no_memory_controller",
        "podman",
        "podman_faults",
    }
    assert all((PROJECT / "molecule" / name / "molecule.yml").is_file() for name in named)
