"""How a rollout goes over the fleet: each value on its own, and that all robots say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from ..rollout.shards import RUN, VARIABLE
from ..rollout.waves import size
from .declaration import Fault, Robot, fault, show, written

WAVES = "rollout_waves"
FLEET_WIDE = (WAVES, "rollout_canaries", "rollout_soak_seconds", "rollout_max_failures")
REMEDY = 'write numbers of robots, or shares of the fleet such as "10%": [1, "10%", "100%"]'


def check(robot: Robot) -> list[Fault]:
    """Return the waves of ``robot`` that nobody can make."""
    waves = robot.values.get(WAVES)
    if not isinstance(waves, (list, tuple)):
        return []  # told by the check of types
    if not waves:
        return [fault(robot, WAVES, "there is no wave in it", REMEDY)]
    faults = []
    for wave in waves:
        try:
            size(wave, 100)
        except ValueError as error:
            faults.append(fault(robot, WAVES, str(error), REMEDY))
    return faults


def agree(robots: Sequence[Robot]) -> list[Fault]:
    """Return where robots disagree about what the whole fleet must have in common."""
    faults = []
    for name in FLEET_WIDE:
        said = {robot.name: written(robot.values[name]) for robot in robots if name in robot.values}
        usual = Counter(said.values()).most_common(1)[0][0] if said else ""
        odd = [robot for robot in robots if said.get(robot.name, usual) != usual]
        if not odd:
            continue
        others = next(robot.values[name] for robot in robots if said.get(robot.name) == usual)
        why = f"it is one for all robots of a run, and others have {show(others)}"
        remedy = "write it once, in group_vars/robots or group_vars/all"
        faults += [fault(robot, name, why, remedy) for robot in odd]
    return faults


def stated(robots: Sequence[Robot], given: Collection[str]) -> list[Fault]:
    """Return where the inventory says what is another thing in each process; ``given`` are the extra variables."""
    why = "it is another one in each process of a run, and an inventory is the same for all of them"
    return [
        fault(robot, name, why, f"delete the line, and give it to the process: -e {name}=...")
        for robot in robots
        for name in (VARIABLE, RUN)
        if robot.values.get(name) and name not in given
    ]
