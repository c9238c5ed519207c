"""Somebody who looks at a page of the hub all the time, from a robot: what was answered, and what was not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from waiting import until

UNIT = "reading"
# Five times a second, each time with a connection of its own, as several people would. Beside it: how many processes
# want each of the processors, itself excepted.
READER = """
import base64, http.client, json, os, pathlib, ssl, threading, time, urllib.request
def watch():
    with open("/run/reading.busy", "w") as out:
        while True:
            running = int(pathlib.Path("/proc/loadavg").read_text().split()[3].split("/")[0]) - 1
            out.write(json.dumps({"at": time.time(), "wanted": running / os.cpu_count()}) + chr(10))
            out.flush()
            time.sleep(0.1)
threading.Thread(target=watch, daemon=True).start()
asked = json.loads(pathlib.Path("/run/reading.json").read_text())
trusted = ssl.create_default_context(cadata=asked["authority"])
words = base64.b64encode((asked["user"] + ":" + asked["password"]).encode()).decode()
with open("/run/reading.lines", "w") as out:
    while not pathlib.Path("/run/reading.stop").exists():
        began, found = time.time(), []
        try:
            request = urllib.request.Request(asked["url"], headers={"Authorization": "Basic " + words})
            with urllib.request.urlopen(request, timeout=5, context=trusted) as page:
                found = json.load(page)["data"]["result"]
        except (OSError, ValueError, http.client.HTTPException) as error:
            out.write(json.dumps({"began": began, "ended": time.time(), "error": repr(error)}) + chr(10))
        else:
            out.write(json.dumps({"began": began, "ended": time.time(), "series": len(found)}) + chr(10))
        out.flush()
        time.sleep(0.2)
"""


@dataclass
class Seen:
    """What was answered, in order; empty until the reading ends."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    busy: list[dict[str, float]] = field(default_factory=list)  # how often the processors were wanted, by moment

    @property
    def answered(self) -> list[dict[str, Any]]:
        """The answers that had something in them."""
        return [line for line in self.lines if line.get("series")]

    @property
    def errors(self) -> list[str]:
        """What was said instead of an answer."""
        return [line["error"] for line in self.lines if "error" in line]

    def longest_gap(self) -> float:
        """Return for how many seconds at most there was no answer, from one that there was to the next."""
        return max((later - before for before, later in self._gaps()), default=float("inf"))

    def longest_wait(self) -> float:
        """Return the same in seconds of a computer that has nothing else to do: where others want it, it is late."""
        return max(
            ((later - before) / self.lateness(before, later) for before, later in self._gaps()), default=float("inf")
        )

    def lateness(self, begin: float, end: float) -> float:
        """Return how many times slower than alone the computer was between two moments; at least 1."""
        wanted = [one["wanted"] for one in self.busy if begin <= one["at"] <= end]
        return max(1.0, sum(wanted) / len(wanted)) if wanted else 1.0

    def _gaps(self) -> Iterator[tuple[float, float]]:
        moments = [line["ended"] for line in self.answered]
        yield from zip(moments, moments[1:])


@contextmanager
def reading(robot: Any, url: str, authority: str, user: str, password: str) -> Iterator[Seen]:
    """Have ``robot`` read a query at ``url`` while the context lasts; it begins when the first answer is there."""
    seen = Seen()
    asked = json.dumps({"url": url, "authority": authority, "user": user, "password": password})
    for content, path in ((asked, "/run/reading.json"), (READER, "/run/reading.py")):
        robot.run(f"umask 077; echo {base64.b64encode(content.encode()).decode()} | base64 -d > {path}")
    robot.run("rm -f /run/reading.stop /run/reading.lines")
    robot.run(f"systemd-run --quiet --collect --unit={UNIT} python3 /run/reading.py")
    try:
        until(lambda: "series" in robot.host.run("cat /run/reading.lines").stdout, f"{url} is answered", pause=0.2)
        yield seen
    finally:
        robot.run("touch /run/reading.stop")
        until(lambda: robot.host.run(f"systemctl is-active --quiet {UNIT}").rc != 0, "the reading ends")
        seen.lines = lines(robot, "/run/reading.lines")
        seen.busy = lines(robot, "/run/reading.busy")
        robot.run("rm -f /run/reading.json")


def lines(robot: Any, path: str) -> list[dict[str, Any]]:
    """Return the lines of JSON in a file; the last one may have been cut off."""
    return [json.loads(line) for line in robot.run(f"cat {path}").splitlines() if line.endswith("}")]
