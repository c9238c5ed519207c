"""What a machine is, as the inventory states it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

KINDS = {"str": str, "int": int, "bool": bool}


@dataclass(frozen=True)
class Machine:
    """One virtual machine. Sizes are in MiB; one that changes in any of this is made anew.

    ``base`` is the folder with its operating system (testbed/machine_images). ``clock`` is the moment at which its
    clock starts, each time, such as 2000-01-01T00:00:00; "" is this computer's clock. ``kernel_line`` is what its
    cmdline.txt holds at first. ``console`` is the file on this computer that keeps what it says on its serial port.
    ``keys`` is a digest of what lets people in.
    """

    name: str
    base: str
    console: str
    keys: str
    kernel_line: str
    ssh_port: int
    memory_mib: int
    disk_mib: int
    swap_mib: int
    cpus: int
    clock: str
    route_out: bool


def parse(text: str) -> Machine:
    """Return the machine that JSON ``text`` states. Raises ValueError, which names what is wrong."""
    stated = json.loads(text)
    if not isinstance(stated, dict):
        raise ValueError(f"a machine is stated as an object, not {text[:40]}")
    known = {field.name: KINDS[str(field.type)] for field in fields(Machine)}
    wrong = sorted(stated.keys() ^ known.keys())
    # exactly: a bool is an int to Python
    wrong += [name for name, kind in known.items() if name in stated and type(stated[name]) is not kind]
    if wrong:
        raise ValueError(f"a machine's settings are {', '.join(known)}; missing, unknown or of another type: {wrong}")
    return Machine(**stated)
