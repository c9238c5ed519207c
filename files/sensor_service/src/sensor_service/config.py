"""Settings, from environment variables only.

| variable | default | meaning |
|---|---|---|
| SENSOR_SERVICE_LISTEN_ADDRESS | 127.0.0.1:9101 | address:port, IPv6 in brackets; `:port` is every address |
| SENSOR_SERVICE_PROC_ROOT | /host/proc | where the robot's /proc is mounted |
| SENSOR_SERVICE_SYS_ROOT | /host/sys | where the robot's /sys is mounted |
| SENSOR_SERVICE_FILESYSTEMS | | `robot path=path inside`, separated by commas |
| SENSOR_SERVICE_COLLECTORS | | names, separated by commas; empty: every one but `simulated` |
| SENSOR_SERVICE_SIMULATED | false | true adds the collector `simulated` |
| SENSOR_SERVICE_COLLECTOR_DEADLINE_SECONDS | 2 | after this, or in time for its scraper, a scrape omits what hangs |
| SENSOR_SERVICE_TEXTFILES | | a directory whose `*.prom` files hold metrics that others write |
| SENSOR_SERVICE_SLICE | robotstack.slice | the systemd slice above the stack's containers |
"""

from __future__ import annotations

from .catalogue import COLLECTORS, SIMULATED
from .files import parse_float
from .listen import parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SENSOR_SERVICE_"
# Below, no disk answers in time; above, the scraper itself has given up.
SHORTEST_DEADLINE = 0.05
LONGEST_DEADLINE = 60.0


class ConfigurationError(Exception):
    """One or more settings are wrong; the text has one line for each."""


class Settings:
    """The settings, checked. `unknown` holds variables with our prefix that mean nothing: typing errors."""

    __slots__ = (
        "address",
        "collectors",
        "deadline",
        "filesystems",
        "proc",
        "slice_name",
        "sys",
        "textfiles",
        "unknown",
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Reads `environment`. Raises ConfigurationError with every fault that it finds."""
        given = {name[len(PREFIX) :]: text for name, text in environment.items() if name.startswith(PREFIX)}
        faults: list[str] = []
        self.address = ("", 0)
        try:
            self.address = parse_address(given.pop("LISTEN_ADDRESS", "") or "127.0.0.1:9101")
        except ValueError as error:
            faults.append(f"{PREFIX}LISTEN_ADDRESS: {error}")
        self.proc = given.pop("PROC_ROOT", "") or "/host/proc"
        self.sys = given.pop("SYS_ROOT", "") or "/host/sys"
        self.slice_name = given.pop("SLICE", "") or "robotstack.slice"
        if "/" in self.slice_name or not self.slice_name.endswith(".slice"):
            faults.append(f"{PREFIX}SLICE: {self.slice_name!r} is not the name of a slice")
        self.filesystems = _filesystems(given.pop("FILESYSTEMS", ""), faults)
        self.textfiles = given.pop("TEXTFILES", "")
        if self.textfiles and not self.textfiles.startswith("/"):
            faults.append(f"{PREFIX}TEXTFILES: {self.textfiles!r} is not an absolute path")
        self.deadline = _deadline(given.pop("COLLECTOR_DEADLINE_SECONDS", "") or "2", faults)
        simulated = _truth("SIMULATED", given.pop("SIMULATED", ""), faults)
        self.collectors = _collectors(given.pop("COLLECTORS", ""), simulated, faults)
        self.unknown = sorted(PREFIX + name for name in given)
        if faults:
            raise ConfigurationError("\n".join(faults))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _filesystems(text: str, faults: list[str]) -> dict[str, str]:
    """Returns the path inside for each path on the robot. The last `=` separates them."""
    found = {}
    for word in _words(text):
        path, _, inside = word.rpartition("=")
        if not (path.startswith("/") and inside.startswith("/")):
            faults.append(f"{PREFIX}FILESYSTEMS: {word!r} is not `/path on the robot=/path inside`")
        found[path] = inside
    return found


def _deadline(text: str, faults: list[str]) -> float:
    try:
        seconds = parse_float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_DEADLINE <= seconds <= LONGEST_DEADLINE:
        allowed = f"from {SHORTEST_DEADLINE:g} to {LONGEST_DEADLINE:g}"
        faults.append(f"{PREFIX}COLLECTOR_DEADLINE_SECONDS: {text!r} is not a number of seconds {allowed}")
    return seconds


def _truth(name: str, text: str, faults: list[str]) -> bool:
    lower = text.strip().lower()
    if lower not in ("", "true", "false"):
        faults.append(f"{PREFIX}{name}: {text!r} is neither true nor false")
    return lower == "true"


def _collectors(text: str, simulated: bool, faults: list[str]) -> list[str]:
    """Returns the names of the collectors to run, in the catalogue's order."""
    wanted = _words(text) or [name for name in COLLECTORS if name != SIMULATED]
    for name in wanted:
        if name not in COLLECTORS:
            faults.append(f"{PREFIX}COLLECTORS: there is no {name!r}; there are {', '.join(COLLECTORS)}")
    return [name for name in COLLECTORS if name in wanted or (simulated and name == SIMULATED)]
