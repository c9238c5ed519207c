"""docs/operations.md shows what a changed limit really changes."""

from __future__ import annotations

import difflib

from declarations import PROJECT

from benchmarks import product

RUNBOOK = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")


def lines(limit_mib: int) -> list[str]:
    """Return VictoriaMetrics' container with this limit as check mode shows it: memory, command and environment."""
    spec = product.service("victoriametrics", victoriametrics_memory_limit_mib=limit_mib)
    mib = f"{float(spec['memory_limit_mib'])} MiB"
    environment = [f"environment: {name}={value}" for name, value in sorted(spec["environment"].items())]
    return [
        f"memory: {mib}",
        f"memory_and_swap: {mib}",
        *(f"command: {word}" for word in spec["command"]),
        *environment,
    ]


def test_a_changed_limit_is_shown_with_all_that_follows_from_it() -> None:
    section = RUNBOOK.partition("## Change a limit")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith(("-", "+"))]
    made = list(difflib.unified_diff(lines(64), lines(80), n=0, lineterm=""))[2:]
    assert shown == [line for line in made if not line.startswith("@@")]
