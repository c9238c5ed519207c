"""The container engine as it was found: there or not, answering or not, and what systemd says of its units.

An engine that is there and does not answer is a state of its own. What it holds cannot be observed, and is not taken
for absent: nothing is planned that depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.roots import Roots
from ..engine.protocol import Driver, Engine, EngineError, EngineInfo, unit_of
from ..host import platforms, units
from ..host.systemd import Run
from ..records.state import State
from ..spec.model import Stack


@dataclass(frozen=True)
class FoundEngine:
    """The container engine: there, answering, and as whose; ``info`` is what it says of itself while it runs."""

    installed: bool
    running: bool
    missing_packages: list[str] = field(default_factory=list)
    info: EngineInfo | None = None
    units: Mapping[str, units.Unit] = field(default_factory=dict)
    silence: str = ""  # why one that is there does not answer
    unusable: str = ""  # why one that is there cannot be used, whether it answers or not
    stranding: list[str] = field(default_factory=list)  # declared settings by which it would not find what it holds

    @property
    def unobserved(self) -> bool:
        """Whether it is there and does not answer, so that nobody knows what it holds."""
        return self.installed and not self.running

    @property
    def cgroup_driver(self) -> str:
        """How it names cgroups; an engine of ours will do as its settings say."""
        return self.info.cgroup_driver if self.info else "systemd"

    @property
    def swap_accounted(self) -> bool:
        """Whether it can limit swap."""
        return self.info.swap_accounted if self.info else True

    @property
    def masked(self) -> list[str]:
        """Those of its units that nobody can start."""
        return [name for name, unit in self.units.items() if unit.masked]

    def lost_at_boot(self, driver: Driver) -> str:
        """Why it will not run after the next boot, "" where it will; what it needs comes along with it."""
        unit = self.units.get(unit_of(driver))
        return unit.lost_at_boot if unit else ""


def find(
    stack: Stack,
    roots: Roots,
    engine: Engine,
    driver: Driver,
    known: State,
    told: Mapping[str, units.Unit],
    run: Run | None,
) -> FoundEngine:
    """Look at the engine; ``told`` is what systemd says of its units, ``known`` what is remembered of the robot."""
    platform = platforms.find(roots)
    installed, running = driver.installed(roots), engine.reachable()
    # one of ours may be half installed: its files are there after a power cut, and not set up, and it may even run
    cut_off = not running or platform.interrupted(roots)
    # what its owner has put beside ours runs on without our packages
    declared = known.engine_packages if stack.state == "absent" else stack.engine.packages
    asks = cut_off or stack.remove_engine or not set(platform.bare(declared)) <= set(known.engine_packages)
    wanted = declared if asks and (known.engine_packages or not (installed or running)) else ()
    missing = platform.missing(wanted, roots)
    if running:
        info = engine.info()
        stranding = driver.stranding(stack, info, roots) if known.engine_packages else []
        return FoundEngine(True, True, missing, info, told, "", driver.unusable(roots, info), stranding)
    words = (_silence(stack, driver, told, run) if driver.units else _error(engine)) if installed else ""
    unusable = "" if installed else driver.unusable(roots, None)
    return FoundEngine(installed, False, missing, None, told, words, unusable)


def _error(engine: Engine) -> str:
    """Return what an engine says that has no process of its own, and does not work."""
    try:
        engine.info()
    except EngineError as error:
        return str(error)
    return ""


def _silence(stack: Stack, driver: Driver, told: Mapping[str, units.Unit], run: Run | None) -> str:
    """Return why an engine that is there does not answer: its unit's state, and its own last words."""
    masked = [unit for unit in told.values() if unit.masked]
    unit = masked[0] if masked else told.get(unit_of(driver))
    if unit is None or not unit.there:
        return f"nobody answers at {stack.engine.socket}"
    if unit.active == "active":
        return f"{unit.name} is active, and nobody answers at {stack.engine.socket}"
    said = units.last_words(unit.name, driver.programs, run)
    return "; ".join([unit.words, *(f"it said: {line}" for line in said)])
