"""Where data and backups lie: in nothing that goes with something else, that is forgotten, or that nobody sees.

What is written alone counts here; where a path leads, and where an engine really keeps its own, the robot knows
(module_utils, plan/kept.py). A stack that is there from before may leave all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.paths import inside, plain
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms import KNOWN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.check import TAKEN_NAMES

from . import forms
from .declaration import Fault, Robot, fault
from .extras import DAEMON

ROOT = "robot_stack_root"
DATA_ROOT = "data-root"  # in daemon.json
# Of both engines: a robot may have had the other one before, or get it later.
STORES = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers")
SYSTEMS_OWN = ("/var/lib/systemd", *(folder for family in KNOWN for folder in family.folders))
HOMES = "/home"
INSTEAD = "write a folder of its own, such as /data/robot-stack"
# No place for a stack, whose watchdog sees nothing of it; a container makes a backup, and no removal takes that away.
BACKUPS_MAY = ("/root",)


def check(robot: Robot) -> list[Fault]:
    """Return where what ``robot`` shall keep would not stay, and its watchdog would not be found."""
    return [*_root(robot), *_store(robot)]


def goes(robot: Robot, path: str) -> str:
    """Return why what is in ``path`` may go at any time with what is not the stack's; "" if it may not."""
    there = plain(path)
    top = next((one for one in STORES if inside(there, one)), "")
    if top:
        return f"it is in {top}, an engine's own store, which goes with the engine"
    store = _data_root(robot)
    if store and inside(there, store):
        return f"it is in {store}, the engine's own store ({DATA_ROOT} in {DAEMON}), which goes with the engine"
    top = next((one for one in SYSTEMS_OWN if inside(there, one)), "")
    return f"{top} is the system's own" if top else ""


def of_backup(robot: Robot, folder: str) -> str:
    """Return why backups would not stay in ``folder``; "" if they would."""
    there = plain(folder)
    if any(inside(there, top) for top in forms.NOT_KEPT):
        return "what is in there does not outlive a reboot"
    top = next((one for one in forms.SYSTEMS_OWN if inside(there, one) and one not in BACKUPS_MAY), "")
    return f"{top} is the system's own" if top else goes(robot, there)


def _root(robot: Robot) -> list[Fault]:
    root = robot.values.get(ROOT)
    if not isinstance(root, str) or not root.startswith("/"):
        return []  # told by the check of forms
    why = goes(robot, root)
    if not why and inside(plain(root), HOMES):
        why = f"the watchdog, whose program is there, does not see {HOMES}: nothing would be watched"
    return [fault(robot, ROOT, why, INSTEAD)] if why else []


def _store(robot: Robot) -> list[Fault]:
    """A store may be on the same disk, but not in a folder that is removed with the data in it."""
    root, store = robot.values.get(ROOT), _data_root(robot)
    if not isinstance(root, str) or not store:
        return []
    own = [f"{plain(root)}/{name}" for name in (*TAKEN_NAMES, *robot.services)]
    top = next((one for one in own if inside(store, one)), "")
    if not top:
        return []
    why = f"{top} is the stack's own, and the engine's store would go with it"
    return [fault(robot, DAEMON, why, f"write another folder as {DATA_ROOT}", value=f'"{store}"')]


def _data_root(robot: Robot) -> str:
    settings = robot.values.get(DAEMON)
    written = settings.get(DATA_ROOT) if isinstance(settings, Mapping) else None
    return plain(written) if isinstance(written, str) and written.startswith("/") else ""
