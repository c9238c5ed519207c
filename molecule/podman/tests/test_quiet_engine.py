"""What the engine costs while nobody asks it for anything. The figures are in .artifacts/podman/figures.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quadlet import SLICE, pss_kib
from waiting import patience, until

FIGURES = Path(__file__).resolve().parents[3] / ".artifacts" / "podman" / "figures.txt"
MIB = 1024 * 1024
AT_REST_MIB = 3  # two conmons


def bytes_of(robot: Any, name: str) -> int:
    return int(robot.run(f"cat /sys/fs/cgroup/{SLICE}/{name}"))


def test_at_rest_an_engine_is_one_small_process_for_each_container(robot: Any) -> None:
    def at_rest() -> bool:
        return all(robot.host.run(f"pidof {program}").rc != 0 for program in ("podman", "crun"))

    until(at_rest, "no podman is left of what was asked before", patience(robot))
    assert len(robot.run("pidof conmon").split()) == len(robot.services)
    engine = pss_kib(robot, "conmon") / 1024
    current, peak, limit = (bytes_of(robot, f"memory.{name}") / MIB for name in ("current", "peak", "max"))
    used = int(robot.run("free --mebi | awk '/^Mem:/ {print $3}'"))
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figures = (
        f"engine at rest, PSS: {engine:.1f} MiB\n"
        f"the slice, page cache included: {current:.1f} MiB of {limit:.0f}; at its highest since the boot {peak:.1f}\n"
        f"free, used: {used} MiB\n"
    )
    FIGURES.write_text(figures, encoding="utf-8")
    assert limit == robot.declared("robot_stack_memory_budget_mib")
    assert 0 < engine <= AT_REST_MIB
    assert peak < limit + 1, "the kernel may overrun a limit by some pages"


def test_the_ceiling_was_never_the_reason_of_a_kill(robot: Any) -> None:
    """Since the boot before these tests: a service's own limit is another matter."""
    lines = robot.run(f"cat /sys/fs/cgroup/{SLICE}/memory.events.local").splitlines()
    assert dict(line.split() for line in lines)["oom"] == "0"


def test_the_report_has_the_engine_among_its_figures(robot: Any, playbook: Any, tmp_path: Path) -> None:
    done = playbook("playbooks/report.yml", "-e", f"report_directory={tmp_path}")
    assert done.returncode == 0, done.stdout
    told = json.loads((tmp_path / "performance-budget-report.json").read_text(encoding="utf-8"))["robots"][robot.name]
    assert told["state"] == "measured"
    engine = told["engine_usage"]
    assert engine["below_ceiling"] is True
    assert 0 < engine["pss_mib"] <= AT_REST_MIB, "what it asks Podman for has ended when it measures"
    assert told["robot"]["engine_version"] == robot.run("podman version --format '{{.Client.Version}}'").strip()
    assert told["history"]["moments"], "the samples that it draws are there"
