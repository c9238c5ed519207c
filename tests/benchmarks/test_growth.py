"""Light robots say what a real one said, in its order, under their own names; beyond them is a straight line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report, results
from benchmarks.growth import light, memory, recording, tables
from benchmarks.provision.contenders import PRODUCT

REPLAY = light.ROBOT / "replay"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A recording of two commands, and a replay that finds it here."""
    (tmp_path / "name").write_text("product-1")
    (tmp_path / "turns").mkdir()
    for number, (asked, out, err, code) in enumerate(
        [(b"", "product-1\n", "", 0), (b"{}", "no\n", "product-1: no\n", 3)]
    ):
        step = tmp_path / "steps" / str(number)
        step.mkdir(parents=True)
        (step / "in").write_bytes(asked)
        (step / "out").write_text(out)
        (step / "err").write_text(err)
        (step / "code").write_text(f"{code}\n")
    text = REPLAY.read_text(encoding="utf-8").replace("/run/light/", f"{tmp_path}/turns/")
    program = tmp_path / "replay"
    program.write_text(text.replace("here=/light", f"here={tmp_path}"))
    program.chmod(0o755)
    return program


def ask(program: Path, number: int, command: str = "true") -> tuple[int, str, str]:
    """What a light robot says to a command."""
    called = f"127.0.0.1 40000 {light.address(number)} 22"
    environment = {**os.environ, "SSH_CONNECTION": called, "SSH_ORIGINAL_COMMAND": command}
    done = subprocess.run([str(program)], env=environment, input="asked", capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [0, 255, 256, 511, 65535])
def test_each_has_an_address_by_which_it_knows_its_name(there: Path, number: int) -> None:
    assert ask(there, number) == (0, f"{light.name(number)}\n", "")


def test_each_answers_in_the_order_of_the_recording_whatever_others_are_asked(there: Path) -> None:
    assert ask(there, 1)[0] == 0
    assert ask(there, 1) == (3, "no\n", "light-1: no\n")
    assert ask(there, 2)[0] == 0


def test_what_was_not_recorded_is_an_error_that_says_so(there: Path) -> None:
    for _ in range(2):
        ask(there, 1)
    code, out, err = ask(there, 1, "reboot")
    assert (code, out) == (97, "")
    assert "no command 2 was recorded, asked for: reboot" in err


def test_ansible_is_told_first_that_it_is_root(there: Path) -> None:
    command = (
        "/bin/sh -c 'sudo -H -S -n -u root /bin/sh -c '\"'\"'echo BECOME-SUCCESS-abcxyz ; /usr/bin/python3'\"'\"''"
    )
    assert ask(there, 1, command)[1] == "BECOME-SUCCESS-abcxyz\nlight-1\n"
    assert recording.without_mark(b"BECOME-SUCCESS-abcxyz\nproduct-1\n") == b"product-1\n"


def test_a_recorder_keeps_all_that_goes_through_it(tmp_path: Path) -> None:
    command = "head -c 3; echo out; echo err >&2; exit 4"
    environment = {**os.environ, "HOME": str(tmp_path), "SSH_ORIGINAL_COMMAND": command}
    argv = [sys.executable, str(recording.RECORDER)]
    done = subprocess.run(argv, env=environment, input=b"asked", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"askout\n", b"err\n")
    step = tmp_path / "recorded" / "0"
    kept = {file.name: file.read_bytes() for file in step.iterdir()}
    assert kept == {"command": command.encode(), "in": b"asked", "out": b"askout\n", "err": b"err\n", "code": b"4\n"}


def test_a_recorder_does_not_wait_for_the_end_of_what_nobody_reads(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "SSH_ORIGINAL_COMMAND": "echo there"}
    argv = [sys.executable, str(recording.RECORDER)]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.read() == b"there\n"
        assert running.wait() == 0


def test_descendants_of_descendants_are_found(tmp_path: Path) -> None:
    for parent, children in {1: "2 3", 2: "4", 3: "", 4: ""}.items():
        task = tmp_path / str(parent) / "task" / str(parent)
        task.mkdir(parents=True)
        (task / "children").write_text(children)
    assert sorted(memory.descendants(1, tmp_path)) == [2, 3, 4]
    assert memory.descendants(9, tmp_path) == []


COSTS = {
    number: {"wall_seconds": 2.0 * number, "controller_cpu_seconds": 1.0 + number, "peak_mib": 100.0, "processes": 9}
    for number in (1, 16, 128)
}


def test_beyond_the_largest_fleet_is_a_line_through_the_two_largest() -> None:
    assert tables.steps(COSTS, "controller_cpu_seconds") == {(1, 16): 1.0, (16, 128): 1.0}
    assert tables.beyond(COSTS, 1000) == [2000.0, 1001.0, 100.0]


def test_memory_of_a_fork_is_the_slope_between_the_fewest_and_the_most() -> None:
    found = {"forks": {"5": {"peak_mib": 100.0}, "25": {"peak_mib": 260.0}, "50": {"peak_mib": 460.0}}}
    assert tables.per_fork(found) == 8.0


def test_fleets_stand_in_the_order_of_their_numbers() -> None:
    """As they are kept, 128 stands before 16."""
    kept = {"cpus": 2, "architecture": "x86_64", "kernel": "6.12", "cgroup_version": 2}
    costs = {str(number): COSTS[number] for number in (1, 128, 16)}
    found = {"contenders": {PRODUCT: costs}, "forks": costs, "robots_of_forks": 128, "machine": kept}
    rows = re.findall(r"^\| robot-stack, site.yml(?:, 128 robots)? \| (\d+) ", tables.grown(found), re.MULTILINE)
    assert rows == ["1", "16", "128"] * 2


def test_the_page_holds_the_growth_that_is_kept() -> None:
    text = report.SCALE.read_text(encoding="utf-8")
    assert report.between(text, "growth", tables.grown(results.load("growth"))) == text, (
        "run python -m benchmarks.report"
    )
