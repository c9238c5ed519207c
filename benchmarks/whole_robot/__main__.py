"""Measure what the whole stack costs a small robot's memory, and keep it in benchmarks/results/robot.json.

    make benchmark-robot [VARIANTS="docker prometheus"]
    .venv/bin/python -m benchmarks.whole_robot [VARIANT...]

Each variant (inventory/hosts.yml) gets a virtual machine of its own, which is removed again, whatever happens: the
product's at the same time, and then the others'. A result is kept as soon as there is one, and those of other variants
stay.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

from benchmarks import results
from benchmarks.running import end_cleanly_when_told

from . import course, robot
from .batch import measured, remove
from .batch import run as run_batch
from .robot import FailedError
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


def about(variant: Variant) -> dict[str, Any]:
    """Return what is said of a result beside what was measured."""
    return {
        "title": variant.title,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "commit": commit(),
        "command": f"python -m benchmarks.whole_robot {variant.name}",
        "playbook": course.SITE if variant.is_product else "benchmarks/whole_robot/peer.yml",
    }


def batches(variants: Sequence[Variant]) -> list[list[Variant]]:
    """Return the variants that are measured at the same time: the product's, and then the others."""
    both = ([v for v in variants if v.is_product], [v for v in variants if not v.is_product])
    return [batch for batch in both if batch]


def of_batch(batch: Sequence[Variant]) -> list[str]:
    """Measure a batch, and keep its results; return the names of those that failed."""
    failed = {variant.name for variant in batch}  # until it is measured
    begun = time.monotonic()
    said = {variant.name: about(variant) for variant in batch}
    say(f"machines are made for {', '.join(said)}")
    try:
        with closing(run_batch(batch, lambda one, alone: measured(one, alone, say))) as results_of:
            for variant, found in results_of:
                if isinstance(found, FailedError):
                    say(f"{variant.name}: FAILED: {found}")
                    continue
                failed.discard(variant.name)
                keep(variant, {**said[variant.name], **found})
                words = f"not measured: {found['not_measured']}" if "not_measured" in found else "measured"
                say(f"{variant.name}: {words} ({time.monotonic() - begun:.0f} s)")
    except FailedError as error:  # no machines
        say(f"FAILED: {error}")
    return sorted(failed)


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
    chosen = [variant for name, variant in known.items() if name in (options.variants or known)]
    failed = [name for batch in batches(chosen) for name in of_batch(batch)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
