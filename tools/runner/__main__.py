"""Run linters, unit tests and scenarios.

Usage: python -m tools.runner core                    linters, unit tests and the core scenarios (make test)
       python -m tools.runner all                     the same with attacks and every scenario (make test-all)
       python -m tools.runner ci --since EPOCH        the same with as many scenarios as there is time for (.ci/run)
       python -m tools.runner scenarios NAME...       these scenarios only, or "all" (make scenarios)

With --times 3 --load 2, each of these scenarios runs three times, while two busy processes compete with it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from dataclasses import replace

from tools.runner import choice, lanes, load, summary
from tools.runner.jobs import Job

GOAL_SECONDS = 40 * 60  # .ci/run: no scenario is begun that would end later
END_SECONDS = 80 * 60  # .ci/run: what still runs is ended; its caller gives up after 90 minutes
NEVER = float("inf")
SET_UP = "set-up"
PARTS = ("playbooks", "modules")  # of the unit tests; which folders they are: Makefile


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Run linters, unit tests and scenarios.")
    parser.add_argument("what", choices=("core", "all", "ci", "scenarios"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios to run")
    parser.add_argument("--lanes", type=int, default=2, help="how many jobs run side by side")
    parser.add_argument("--since", type=float, default=time.time(), help="when it began, in seconds since 1970")
    parser.add_argument("--times", type=int, default=1, help="how often each of the scenarios is run")
    parser.add_argument("--load", type=int, default=0, help="how many busy processes run beside the scenarios")
    asked = parser.parse_intermixed_args()
    table, known = choice.load(), choice.existing()
    names = list(dict.fromkeys(asked.names))  # a scenario that is named twice would run beside itself
    if names == ["all"]:
        names = sorted(known, key=lambda name: name in table.alone)
    unknown = sorted(set(names) - set(known))
    if unknown or bool(names) != (asked.what == "scenarios"):
        parser.error(f"there is no scenario {', '.join(unknown)}" if unknown else "names belong to 'scenarios'")
    if asked.times < 1 or asked.load < 0 or (asked.what != "scenarios" and (asked.times, asked.load) != (1, 0)):
        parser.error("--times (1 or more) and --load (0 or more) belong to 'scenarios'")
    jobs = [replace(job, times=asked.times) for job in wanted(asked.what, names, table, known)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with this program
    told = ", ".join(job.name for job in jobs)
    sys.stdout.write(f"To be run: {told}\n")
    limited = asked.what == "ci"
    clock = lanes.Clock(asked.since, GOAL_SECONDS if limited else NEVER, END_SECONDS if limited else NEVER)
    with load.busy(asked.load):
        results = lanes.run(jobs, clock, asked.lanes)
    sys.stdout.write(f"\n{summary.text(results, clock.elapsed())}")
    return 1 if any(result.failed for result in results) else 0


def wanted(what: str, names: list[str], table: choice.Table, known: list[str]) -> list[Job]:
    """Return all that is to be run, in order; what runs alone comes last, since all others would wait for it."""
    found = [*(checks() if what != "scenarios" else []), *scenarios(what, names, table, known)]
    if what == "all":
        found += attacks()
        found.sort(key=lambda job: job.alone)
    return found


def checks() -> list[Job]:
    """Return what is run beside the scenarios; unit tests about images need them."""
    return [
        Job(SET_UP, ("make", "--no-print-directory", "images", "browser"), 240),
        Job("linters", ("make", "--no-print-directory", "lint"), 80),
        *(
            Job(f"tests of {part}", ("make", "--no-print-directory", "unit", f"PART={part}"), 400, after=SET_UP)
            for part in PARTS
        ),
    ]


def attacks() -> list[Job]:
    """Return what attacks: alone, since some of them measure."""
    return [Job("attacks", ("make", "--no-print-directory", "attacks"), 700, alone=True, after=SET_UP)]


def scenarios(what: str, names: list[str], table: choice.Table, known: list[str]) -> list[Job]:
    """Return the scenarios to be run, in order: the core, the longest of what must run, then what there is time for."""
    order = choice.order(table, known, choice.changed_paths(), choice.turn_of())
    if what == "core":
        order = []
    if what == "all":
        order.sort(key=lambda name: -table.seconds.get(name, choice.UNKNOWN_SECONDS))
    return [
        Job(
            name,
            command(name, table.needs.get(name, "")),
            table.seconds.get(name, choice.UNKNOWN_SECONDS),
            scenario=True,
            alone=name in table.alone,
            optional=what == "ci" and name not in table.core,
            after="" if names else SET_UP,
        )
        for name in (names or [*table.core, *order])
    ]


def command(name: str, need: str = "") -> tuple[str, ...]:
    """Return what runs a scenario: ``need`` first, whose exit code may be that the scenario lacks something here."""
    scenario = ("molecule", "test", "-s", name)
    return ("bash", "-ec", '"$0"; exec "$@"', need, *scenario) if need else scenario


if __name__ == "__main__":
    sys.exit(main())
