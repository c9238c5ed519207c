"""The goals that were set for a robot with Podman, beside what was measured, and verdicts that follow from the two."""

from __future__ import annotations

from typing import Any

from benchmarks.claims import Claim, holds
from benchmarks.tables import NOT_MEASURED, table

from .course import AFTER_CUT, CUT, DASHBOARD, DEPLOYMENT, REST, UPDATE, WATCHDOG
from .parts import ENGINE, pss_of

DOCKER, PODMAN = "docker", "podman"  # their names in the inventory
PSS_MIB, UNRECLAIMABLE_MIB, AT_REST_MIB, SLICE_MIB, LAYER_KB = 60, 45, 3, 150, 50
SERIES = 1000
COURSE = (DEPLOYMENT, UPDATE, WATCHDOG, CUT)
Found = dict[str, Any]


def table_of_goals(known: dict[str, Found]) -> str:
    """Return every goal as a Markdown table."""
    return table(
        ["Goal, with Podman", "Measured", "Verdict"], [[c.claimed, c.measured, c.verdict] for c in claims_of(known)]
    )


def claims_of(known: dict[str, Found]) -> list[Claim]:
    """Return every goal with its verdict; what was not measured says so."""
    podman, docker = known.get(PODMAN, {}), known.get(DOCKER, {})
    return [
        *_serving(podman),
        _at_rest(podman),
        _highest(podman),
        *_unchanged(podman, docker),
        _layer(podman),
    ]


def _serving(podman: Found) -> list[Claim]:
    words = f"whole stack, engine counted, {SERIES:,} series, queries running:"
    goals = {"pss": ("PSS", PSS_MIB), "unreclaimable": ("unreclaimable", UNRECLAIMABLE_MIB)}
    moment, answers = podman.get("moments", {}).get(DASHBOARD), podman.get("answers")
    rows = []
    for figure, (title, goal) in goals.items():
        claimed = f"{words} {title} <= {goal} MiB"
        if not moment or not answers:
            rows.append(Claim(claimed, NOT_MEASURED, NOT_MEASURED))
            continue
        found = float(moment["highest_of_looks"][f"{figure}_mib"])
        unanswered = answers["failed"] + answers["refused"]
        measured = (
            f"{found} MiB; {podman['series']:,} series, {answers['asked']:,} queries, {unanswered} of them unanswered"
        )
        rows.append(Claim(claimed, measured, holds(found <= goal and podman["series"] >= SERIES)))
    return rows


def _at_rest(podman: Found) -> Claim:
    claimed = f"engine at rest: PSS <= {AT_REST_MIB} MiB"
    moments = podman.get("moments", {})
    if REST not in moments:
        return Claim(claimed, NOT_MEASURED, NOT_MEASURED)
    first = pss_of(moments[REST], ENGINE)
    if AFTER_CUT not in moments:
        return Claim(claimed, f"{first} MiB before its first boot", holds(first <= AT_REST_MIB))
    later = pss_of(moments[AFTER_CUT], ENGINE)
    otherwise = "holds once it has booted again" if later <= AT_REST_MIB else "does not hold"
    measured = f"{first} MiB as it was installed, {later} MiB once the robot has booted again"
    return Claim(claimed, measured, holds(max(first, later) <= AT_REST_MIB, otherwise))


def _highest(podman: Found) -> Claim:
    claimed = f"highest of the slice over deployment, update, watchdog and reboot: <= {SLICE_MIB} MiB, no kill"
    highest = {name: podman["highest"][name] for name in COURSE if name in podman.get("highest", {})}
    if not highest:
        return Claim(claimed, NOT_MEASURED, NOT_MEASURED)
    most = max(float(one["current_mib"] if one["peak_mib"] is None else one["peak_mib"]) for one in highest.values())
    # counted since the slice was made: anew after a boot
    kills = max((one["oom_kills"] for name, one in highest.items() if name != CUT), default=0)
    kills += highest[CUT]["oom_kills"] if CUT in highest else 0
    watched = podman.get("watchdog")
    hours = f" ({watched['looks']} looks, {watched['hours']:g} hours' worth)" if watched else ""
    measured = f"{most} MiB, {kills} kills, over {', '.join(highest).replace(WATCHDOG, f'{WATCHDOG}{hours}')}"
    if len(highest) < len(COURSE):
        return Claim(claimed, measured, NOT_MEASURED)
    return Claim(claimed, measured, holds(most <= SLICE_MIB and not kills))


def _unchanged(podman: Found, docker: Found) -> list[Claim]:
    rows = []
    for figure, title in {"wall_seconds": "wall time", "robot_cpu_seconds": "the robot's CPU"}.items():
        claimed = f"a run that changes nothing: {title} <= Docker's"
        if "unchanged" not in podman or "unchanged" not in docker:
            rows.append(Claim(claimed, NOT_MEASURED, NOT_MEASURED))
            continue
        part = podman["unchanged"][figure] / docker["unchanged"][figure]
        rows.append(Claim(claimed, f"{part:.2f} of Docker's", holds(part <= 1)))
    return rows


def _layer(podman: Found) -> Claim:
    claimed = f"a changed application layer on the wire: <= {LAYER_KB} KB"
    update = podman.get("update")
    if not update:
        return Claim(claimed, NOT_MEASURED, NOT_MEASURED)
    measured = (
        f"{update['layer_kb']} KB; {update['received_kb']} KB reached the robot's interface, "
        f"{podman['unchanged']['received_kb']} KB where nothing changes"
    )
    return Claim(claimed, measured, holds(update["layer_kb"] <= LAYER_KB))
