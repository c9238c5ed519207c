"""docs/benchmark.md says what was measured, and nothing else."""

from __future__ import annotations

import re

from declarations import PROJECT

from benchmarks import floors, report, results


def test_the_page_holds_the_results_that_are_kept() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    kept = (results.load(name) for name in ("floors", "compare", "provision", "months"))
    made = report.sections(*kept)
    assert set(made) == {"floors", "behind", "months", "comparison", "claims", "provision", "tasks"}
    for name, section in made.items():
        assert report.between(text, name, section) == text, "run python -m benchmarks.report"
    assert (PROJECT / "docs" / "images" / "benchmark-smallest-limits.svg").exists()


def searched_by(target: str) -> tuple[str, ...]:
    """Return whose smallest limits ``make target`` measures."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.M)
    call = re.search(r"benchmarks\.floors(.*)", recipe[1]) if recipe else None
    return (tuple(re.findall(r"--only (\w+)", call[1])) or floors.USUAL) if call else ()


def test_the_readme_names_commands_that_measure_the_limits_beside_them() -> None:
    table = (PROJECT / "README.md").read_text(encoding="utf-8").partition("\n## Measured\n")[2]
    rows = re.findall(r"^\| .*?(VictoriaMetrics serves|same for \w+).* \| .* \| `make ([\w-]+)`", table, re.M)
    named = {re.sub("same for | serves", "", words).lower(): target for words, target in rows}
    assert set(named) == {"victoriametrics", "prometheus", "vmagent"}
    assert {name for name, target in named.items() if name not in searched_by(target)} == set()
