"""Measure what the whole stack costs a small robot's memory, and keep it in benchmarks/results/robot.json.

    make benchmark-robot [ROBOTS=podman,docker] [NEW=1]
    .venv/bin/python -m benchmarks.whole_robot [--new] [--looks N] [ROBOT...]

Each robot (inventory/hosts.yml) gets a virtual machine of its own, one after another, which is removed again, whatever
happens. What is known of it is kept after each phase. Without names those are measured that the run lacks: one that was
ended goes on. All results are those of one run: one computer, one commit (runs.py).
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from benchmarks import product, results
from benchmarks.running import end_cleanly_when_told

from . import course, goals, machines, next_image, robot, runs
from .changes import NextImage, Watch
from .course import Plan
from .looking import SITE
from .robot import FailedError
from .variants import Variant, all_of_them

NAME = "robot"
LOCK = robot.PROJECT / ".testbed" / "whole-robot.lock"
LOOKS = 240
WATCHDOG_SECONDS = 1200.0
# On two cores without KVM that do nothing else.
MINUTES = {True: 45, False: 20}
BEGUN = time.monotonic()


def say(line: str) -> None:
    """Write a line at once, with the time, and how many minutes this program has run."""
    sys.stdout.write(f"{datetime.now(timezone.utc):%H:%M:%S} +{(time.monotonic() - BEGUN) / 60:.0f} min {line}\n")
    sys.stdout.flush()


def about(variant: Variant, run: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a result beside what was measured."""
    return {
        "title": variant.title,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "run": run["id"],
        "commit": run["commit"],
        "command": f"make benchmark-robot ROBOTS={variant.name}",
        "playbook": SITE if variant.is_product else course.PEER,
    }


def keep(variant: Variant, run: dict[str, Any], found: dict[str, Any]) -> None:
    """Put a result in the place of the one that was measured before; those of another run are dropped."""
    known = {name: one for name, one in results.load(NAME).get("variants", {}).items() if one.get("run") == run["id"]}
    results.keep(NAME, {"run": run, "variants": {**known, variant.name: {**about(variant, run), **found}}})


def lacking(variants: Sequence[Variant], run: dict[str, Any]) -> list[Variant]:
    """Return those of which the run does not know everything yet."""
    known = results.load(NAME).get("variants", {})
    return [v for v in variants if known.get(v.name, {}).get("run") != run["id"] or known[v.name].get("missing")]


def measure(variant: Variant, peers: Sequence[Variant], run: dict[str, Any], plan: Plan) -> set[str]:
    """Measure one robot, and keep it; return which of ``peers`` are not to be had, as its machine tells.

    Raises FailedError.
    """

    def tell(words: str) -> None:
        say(f"{variant.name}: {words}")

    tell("its machine is made")
    with machines.made(variant, tell) as machine:
        absent = {} if variant.is_product else course.absent(machine, peers)
        for peer in peers:
            if peer.name in absent:
                say(f"{peer.name}: not measured: {absent[peer.name]}")
                keep(peer, run, {"not_measured": absent[peer.name]})
        if variant.name not in absent:
            course.run(machine, plan, tell, lambda found: keep(variant, run, found))
            tell("measured")
    return set(absent)


def every(chosen: Sequence[Variant], run: dict[str, Any], plan: Plan) -> list[str]:
    """Measure robots, one after another; return the names of those that failed."""
    failed, absent = [], set()
    for number, variant in enumerate(chosen):
        if variant.name in absent:
            continue
        try:
            absent |= measure(variant, [one for one in chosen[number:] if not one.is_product], run, plan)
        except FailedError as error:
            say(f"{variant.name}: FAILED: {error}")
            failed.append(variant.name)
    return failed


def image_for(chosen: Sequence[Variant]) -> NextImage | None:
    """Have the images that the product's robots get; return the next one, None where there is none."""
    for variant in (one for one in chosen if one.is_product):
        say("images are made")
        try:
            return next_image.ready(variant)
        except FailedError as error:
            say(f"there will be no update: {error}")
            return None
    return None


@contextmanager
def alone() -> Iterator[None]:
    """See that this program runs once: another one would remove its machines. Raises SystemExit."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("ERROR: it runs already: two would be busy with each other") from None
        yield


def parsed(known: dict[str, Variant]) -> tuple[argparse.Namespace, list[Variant]]:
    """Return the options, and the robots that are named, in that order."""
    parser = argparse.ArgumentParser(description="Measure the memory of a whole robot, in virtual machines.")
    parser.add_argument(
        "robots", nargs="*", metavar="ROBOT", help=f"of {', '.join(known)}, with commas or blanks between"
    )
    parser.add_argument("--new", action="store_true", help="begin a new run, and drop what was measured before")
    parser.add_argument("--looks", type=int, default=LOOKS, help="of the watchdog (%(default)s)")
    options = parser.parse_args()
    names = [name for words in options.robots for name in words.split(",") if name]
    if unknown := set(names) - known.keys():
        parser.error(f"no such robot: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options, [known[name] for name in dict.fromkeys(names)]


def main() -> int:
    """Run as a program."""
    known = {variant.name: variant for variant in all_of_them()}
    options, named = parsed(known)
    end_cleanly_when_told()
    with alone():
        try:
            run = runs.joined(results.load(NAME), results.machine(), options.new)
            chosen = named or lacking(list(known.values()), run)
            minutes = sum(MINUTES[variant.is_product] for variant in chosen)
            say(f"run {run['id']}: {', '.join(v.name for v in chosen) or 'nothing is missing'}; some {minutes} minutes")
            machines.remove()  # what a run that was killed has left
            interval = int(product.default("robot_stack_watchdog_interval_seconds"))
            watch = Watch(options.looks, WATCHDOG_SECONDS, interval)
            failed = every(chosen, run, Plan(image_for(chosen), watch))
        except (FailedError, runs.MixedError) as error:
            sys.stderr.write(f"ERROR: {error}\n")
            return 1
    for claim in goals.claims_of(results.load(NAME).get("variants", {})):
        say(f"goal: {claim.claimed}: {claim.measured}: {claim.verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
