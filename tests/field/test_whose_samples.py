"""A restore that would replace the samples of robots that nobody has named is refused, and no robot is contacted."""

from __future__ import annotations

from pathlib import Path

import pytest
from field.playing import Fleet

ROBOTS = "robots:\n  hosts:\n    scout-01:\n    scout-02:\n"
ARCHIVE = ("-e", "restore_archive=/nowhere/x.tar.gz")
REPLACE = ("-e", "restore_replace=true")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (ARCHIVE, "write --limit with the one that gets the samples of this archive"),
        ((*ARCHIVE, *REPLACE), "write --limit with the one that gets the samples of this archive"),
        ((*ARCHIVE, "--limit", "scout-*"), "write --limit with the one that gets the samples of this archive"),
        (REPLACE, "write --limit with the robots whose samples are replaced"),
    ],
    ids=str,
)
def test_a_fleet_whose_samples_would_be_replaced_is_refused(tmp_path: Path, said: tuple[str, ...], words: str) -> None:
    told = " ".join(Fleet(tmp_path, {"hosts.yml": ROBOTS}).refusal(*said, playbook="restore").split())
    assert f"This run is about 2 robots (scout-01, scout-02): {words}" in told


@pytest.mark.parametrize(
    "said", [(), (*REPLACE, "--limit", "scout-0*"), (*ARCHIVE, *REPLACE, "--limit", "scout-01")], ids=str
)
def test_robots_that_are_named_are_not(tmp_path: Path, said: tuple[str, ...]) -> None:
    done = Fleet(tmp_path, {"hosts.yml": ROBOTS}).play(*said, playbook="restore")
    assert "This run is about" not in done.stdout + done.stderr
