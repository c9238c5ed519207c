#!/usr/bin/env python3
"""Write the measured tables of docs/telemetry.md from what scenario `outage` found out. Nothing is typed by hand.

Usage: tools/telemetry_table.py          take over .artifacts/outage.json, and write the tables
       tools/telemetry_table.py --check  change nothing; exit 1 where the page does not say what was kept
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
MEASURED = PROJECT / ".artifacts" / "outage.json"
KEPT = PROJECT / "benchmarks" / "results" / "outage.json"
PAGE = PROJECT / "docs" / "telemetry.md"
BEGIN = "<!-- measured: begin (made by tools/telemetry_table.py from what scenario outage found out) -->"
END = "<!-- measured: end -->"
PARTS = ("cut", "kill", "hub_restarted", "hub_disk_full", "overflow")


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write the measured tables of docs/telemetry.md.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where the page is out of date")
    if parser.parse_args().check:
        current = PAGE.read_text(encoding="utf-8")
        return 0 if renewed(current, tables(json.loads(KEPT.read_text(encoding="utf-8")))) == current else 1
    if not MEASURED.exists():
        sys.exit(f"{MEASURED.relative_to(PROJECT)} is not there: run the scenario outage first")
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    missing = [part for part in PARTS if part not in found]
    if missing:
        sys.exit(f"{MEASURED.relative_to(PROJECT)} lacks {', '.join(missing)}: the scenario did not get that far")
    shutil.copyfile(MEASURED, KEPT)
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(PROJECT)} is written\n")
    return 0


def renewed(text: str, made: str) -> str:
    """Return the page with ``made`` between its markers. Raises ValueError where a marker is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def tables(found: dict[str, Any]) -> str:
    """Return all tables."""
    return "\n\n".join([_lost(found), _memory(found), _bytes(found)])


def _table(head: list[str], rows: list[list[Any]]) -> str:
    line = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, line, *rows])


def _lost(found: dict[str, Any]) -> str:
    cut, kill, over = found["cut"], found["kill"], found["overflow"]
    stated = f"{kill['stated_seconds']} s"
    rows = [
        [
            f"the way to the hub cut for {robot['cut_seconds']} s ({robot['samples']:,} samples, {name})",
            f"{robot['samples_lost']} samples",
            "nothing",
        ]
        for name, robot in sorted(cut.items())
    ]
    power = kill["power_cut"]
    power_lost = (
        f"{power['seconds_lost']} s ({power['seconds_under_way']} under way, {power['seconds_in_memory']} in memory)"
    )
    rows += [
        ["vmagent killed while cut off", f"{kill['killed_while_cut']['seconds_lost']} s", stated],
        ["vmagent killed, the hub there", f"{kill['killed_with_hub']['seconds_lost']} s", stated],
        ["the robot's power cut while cut off", power_lost, stated],
        ["the hub restarted", f"{found['hub_restarted']['seconds_lost']} s", "nothing"],
        ["the hub's disk full", f"{found['hub_disk_full']['seconds_lost']} s", "nothing"],
        [
            f"{over['put_in_mib']} MiB for a buffer of {over['cap_mib']}",
            f"the oldest {over['dropped_mib']} MiB, of the robot's own samples the first {over['seconds_lost']} s",
            "the oldest only",
        ],
    ]
    return _table(["What happened", "lost", "stated at most"], rows)


def _memory(found: dict[str, Any]) -> str:
    seen = {name: robot["agent_mib"] for name, robot in sorted(found["cut"].items())}
    seen["filled over its cap, and draining that"] = found["overflow"]["agent_mib"]
    moments = ("calm", "buffering", "draining")
    rows = [[name, *(at.get(moment, "-") for moment in moments)] for name, at in seen.items()]
    return _table(["Peak working set of vmagent in its 32 MiB (MiB)", *moments], rows)


def _bytes(found: dict[str, Any]) -> str:
    rows = [
        [name, robot["samples_per_second"], robot["bytes_per_sample"]["disk"], robot["bytes_per_sample"]["wire"]]
        for name, robot in sorted(found["cut"].items())
    ]
    return _table(["Bytes per sample", "samples a second", "on disk", "on the wire, TLS and all"], rows)


if __name__ == "__main__":
    sys.exit(main())
