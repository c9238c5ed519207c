"""Measure what the whole stack costs a small robot's memory, and keep it in benchmarks/results/robot.json.

    make benchmark-robot [VARIANTS="docker prometheus"]
    .venv/bin/python -m benchmarks.whole_robot [VARIANT...]

Each variant (inventory/hosts.yml) gets a virtual machine of its own, one after the other, which is removed again,
whatever happens. A result is kept as soon as there is one, and those of other variants stay.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from typing import Any

from benchmarks import results
from benchmarks.running import end_cleanly_when_told

from . import course, robot
from .variants import Variant, all_of_them

NAME = "robot"


def commit() -> str:
    """Return the commit that is measured; with a mark where the code differs from it (results and docs may)."""
    git = ["git", "-C", str(robot.PROJECT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return "unknown: this is no clone"
    code = [".", ":!benchmarks/results", ":!docs", ":!README.md"]
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *code], check=False).returncode
    return head.stdout.strip() + (", changed" if changed else "")


def measured(variant: Variant) -> dict[str, Any]:
    """Return the result of one variant; its machine is gone afterwards. Raises FailedError."""
    about = {
        "title": variant.title,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "commit": commit(),
        "command": f"python -m benchmarks.whole_robot {variant.name}",
        "playbook": course.SITE if variant.is_product else "benchmarks/whole_robot/peer.yml",
    }
    try:
        found = course.run(robot.Robot(variant), lambda words: say(f"{variant.name}: {words}"))
    except course.NotToBeHadError as error:
        return {**about, "not_measured": str(error)}
    finally:
        remove()
    return {**about, **found}


def remove() -> None:
    """Remove all machines of this benchmark, their disks and their keys; nothing interrupts that."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        robot.playbook("testbed/destroy.yml", log="removal")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def keep(variant: Variant, found: dict[str, Any]) -> None:
    """Put a result in the place of the one that was measured before."""
    known = results.load(NAME).get("variants", {})
    results.keep(NAME, {"variants": {**known, variant.name: found}})


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    known = {variant.name: variant for variant in all_of_them()}
    parser = argparse.ArgumentParser(description="Measure the memory of a whole robot, in virtual machines.")
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"of {', '.join(known)}; all of them if none")
    options = parser.parse_args()
    if unknown := set(options.variants) - known.keys():
        parser.error(f"no such variant: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    end_cleanly_when_told()
    remove()  # what a run that was killed has left
    failed = []
    for name in options.variants or known:
        begun = time.monotonic()
        try:
            found = measured(known[name])
        except robot.FailedError as error:
            failed.append(name)
            say(f"{name}: FAILED: {error}")
            continue
        keep(known[name], found)
        words = f"not measured: {found['not_measured']}" if "not_measured" in found else "measured"
        say(f"{name}: {words} ({time.monotonic() - begun:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
