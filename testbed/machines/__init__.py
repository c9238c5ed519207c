"""Robots of the testbed that are virtual machines: a kernel, a disk and a power switch of their own, run by QEMU.

``python -m testbed.machines`` starts, stops and cuts them; a keeper process for each machine (`keeper`) starts QEMU
again when the robot reboots. What is in a machine's folder, `control` says.
"""
