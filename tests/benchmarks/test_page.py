"""docs/benchmark.md says what was measured, and nothing else."""

from __future__ import annotations

from declarations import PROJECT

from benchmarks import report, results


def test_the_page_holds_the_results_that_are_kept() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    kept = (results.load(name) for name in ("floors", "compare", "provision", "months"))
    made = report.sections(*kept)
    assert set(made) == {"floors", "behind", "months", "comparison", "claims", "provision", "tasks"}
    made[report.ROBOT], _ = report.of_a_robot(results.load(report.ROBOT))
    for name, section in made.items():
        assert report.between(text, name, section) == text, "run python -m benchmarks.report"
    assert (PROJECT / "docs" / "images" / "benchmark-smallest-limits.svg").exists()


def test_readme_holds_what_was_measured_of_a_whole_robot() -> None:
    text = report.README.read_text(encoding="utf-8")
    _, short = report.of_a_robot(results.load(report.ROBOT))
    assert report.between(text, report.ROBOT, short) == text, "run python -m benchmarks.report"
