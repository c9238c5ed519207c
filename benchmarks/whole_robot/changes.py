"""What happens to a robot that has the product: runs that change nothing, an update, hours of its watchdog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median

from . import parts
from .looking import SITE, Looking, Say
from .robot import FailedError

RATE_SECONDS = 15.0
RUNS = 3
UNCHANGED = "Nothing changed."
KB = 1000
UNIT_KB = {"KB": 1.0, "MB": 1000.0}
WATCHDOG_UNIT = "robot-stack-watchdog.service"
LOOKS_AT_ONCE = 10
# systemd would take the tenth start within ten seconds for a loop: its count begins anew each time.
START = (
    "i=0; while [ $i -lt {count} ]; do systemctl reset-failed {unit} 2>/dev/null; systemctl start {unit} || exit 1; "
    "i=$((i+1)); done"
)


@dataclass(frozen=True)
class NextImage:
    """An image of the sensor service whose application's layer differs from that of the one that is deployed."""

    image: str
    version: str

    @property
    def reference(self) -> str:
        """Return its whole name."""
        return f"{self.image}:{self.version}"

    def words(self) -> tuple[str, ...]:
        """Return how a run is told of it."""
        return ("-e", f"sensor_service_image={self.image}", "-e", f"sensor_service_version={self.version}")


@dataclass(frozen=True)
class Watch:
    """How often the watchdog is to look: ``looks`` times, for ``seconds`` at most; its timer would every ``interval``.

    All in seconds.
    """

    looks: int
    seconds: float
    interval: int


def unchanged(looking: Looking) -> dict[str, float]:
    """Return what a run that changes nothing costs: medians of some runs.

    Wall time and the robot's CPU time (s), and what reached its network interface (KB). Raises FailedError where a run
    changed something.
    """
    looking.settle()
    first = looking.look()
    looking.sleep(RATE_SECONDS)
    at_rest = parts.rate(first, looking.look())
    walls, cpus, bytes_ = [], [], []
    for _ in range(RUNS):
        before = looking.look()
        said = looking.machine.playbook(SITE)
        after = looking.look()
        if UNCHANGED not in said:
            raise FailedError(f"{looking.machine.variant.name}: a second run changed something:\n{said[-3000:]}")
        walls.append(float(after["at"] - before["at"]))
        cpus.append(parts.cpu_seconds(before, after, at_rest))
        bytes_.append(int(after["received"] - before["received"]))
    return {
        "wall_seconds": round(median(walls), 2),
        "robot_cpu_seconds": round(median(cpus), 2),
        "received_kb": round(median(bytes_) / KB, 1),
        "runs": RUNS,
    }


def told_to_be_sent(said: str, reference: str) -> float:
    """Return how much of an image a run says that it sends (KB); 0 where it says nothing of it.

    What was sent twice, because the robot did not take it the first time, counts twice.
    """
    told = re.findall(rf"sending {re.escape(reference)} \(([0-9.]+) (KB|MB)", said)
    return sum(float(size) * UNIT_KB[unit] for size, unit in told)


def update(looking: Looking, next_image: NextImage, nothing_kb: float) -> dict[str, float]:
    """Have a next image of the sensor service on the robot; return what went over the wire for it (KB).

    ``layer_kb`` is what reached the robot's network interface less two runs that change nothing, since a robot is asked
    once more where something was changed; or what the product itself says that it sends, if that is more. Raises
    FailedError.
    """
    before = looking.look()
    said = looking.machine.playbook(SITE, *next_image.words())
    after = looking.look()
    sent = told_to_be_sent(said, next_image.reference)
    if not sent:
        raise FailedError(f"{looking.machine.variant.name}: the run did not send {next_image.reference}")
    received = (after["received"] - before["received"]) / KB
    return {
        "received_kb": round(received, 1),
        "sent_kb": round(sent, 1),
        "layer_kb": round(max(sent, received - 2 * nothing_kb), 1),
    }


def watchdog(looking: Looking, watch: Watch, say: Say) -> dict[str, float]:
    """Have the watchdog look again and again, by starting its service; return how often and how long (s).

    ``hours`` is how long its timer takes for as many looks. Raises FailedError.
    """
    begun = now = float(looking.look()["at"])
    looks = 0
    while looks < watch.looks and now - begun < watch.seconds:
        looking.machine.run(START.format(count=LOOKS_AT_ONCE, unit=WATCHDOG_UNIT))
        looks += LOOKS_AT_ONCE
        now = float(looking.look()["at"])
        if looks % 60 == 0:
            say(f"{looks} of {watch.looks} looks of the watchdog")
    return {
        "looks": looks,
        "seconds": round(now - begun),
        "hours": round(looks * watch.interval / 3600, 2),
    }
