"""A machine of the testbed, for tests about machines."""

from __future__ import annotations

from testbed.machines.settings import Machine

MACHINE = Machine(
    name="one",
    base="/cache/debian13-1",
    console="/artifacts/a,b.log",
    keys="k",
    kernel_line="root=/dev/vda rw",
    ssh_port=2201,
    memory_mib=512,
    disk_mib=4096,
    swap_mib=0,
    cpus=2,
    clock="",
    route_out=True,
)
