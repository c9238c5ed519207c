"""Fixture trees that stand for a robot: cgroup v1 and v2, /proc, and the parameters of a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import image
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError

MIB = 1024 * 1024
UNLIMITED_V1 = 9223372036854771712
IMAGE: dict[str, Any] = {
    "Id": "sha256:1",
    "Os": "linux",
    "Architecture": "amd64",
    "RootFS": {"Layers": ["sha256:a", "sha256:b"]},
    "Config": {"Env": ["PATH=/bin"], "Cmd": ["run"], "User": "1:1", "Labels": None},
}
FINGERPRINT: str = image.fingerprint(IMAGE)
# The user that runs the tests where that is not root, so that owners can be set either way.
USER = f"{os.getuid() or 70100}:{os.getgid() or 70100}"


def write(path: Path, text: str) -> Path:
    """Write a file of a fixture tree, its directories included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def service(name: str = "sensor_service", limit: int = 32, **more: Any) -> dict[str, Any]:
    """Return a service as the inventory gives it to the module."""
    return {
        "name": name,
        "image": {"reference": f"{name}:1", "fingerprints": {"amd64": FINGERPRINT}},
        "memory_limit_mib": limit,
        "cpu_limit": 0.5,
        "pids_limit": 32,
        "user": USER,
        **more,
    }


def parameters(*services: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the module's parameters."""
    return {
        "state": "present",
        "scope": [],
        "architecture": "amd64",
        "budget": {"memory_budget_mib": 300, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 128},
        "engine": {
            "install": True,
            "packages": ["docker.io"],
            "daemon": {"live-restore": True},
            "service_environment": {"GOGC": 50},
            "socket": "/var/run/docker.sock",
        },
        "memory_controller": {"enable": True, "reboot_allowed": False, "boot_files": ["/boot/cmdline.txt"]},
        "services": list(services),
        **more,
    }


class Robot:
    """A directory that looks like a robot of 500 MiB; ``version`` is that of its cgroups."""

    def __init__(self, root: Path, version: int) -> None:
        self.root, self.version = root, version
        self.roots: Any = Roots(root, root / "proc", root / "sys")
        top = root / "sys/fs/cgroup"
        if version == 1:
            write(top / "memory/memory.stat", "total_rss 0\n")
            write(top / "memory/memory.limit_in_bytes", f"{UNLIMITED_V1}\n")
            write(top / "memory/memory.memsw.limit_in_bytes", f"{UNLIMITED_V1}\n")
        else:
            write(top / "cgroup.controllers", "cpu memory pids\n")
        write(root / "proc/meminfo", "MemTotal:  512000 kB\nSwapTotal: 1024 kB\nHugePages_Total: 3\n")
        self.process(1, "systemd", "/")
        self.units: dict[str, dict[str, str]] = {}  # what systemd says of a unit, where that is not the best
        self.journal = ""
        self.refuses_to_start = ""  # a unit
        write(root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
        (root / "run/systemd/system").mkdir(parents=True)

    def group(self, path: str, limit: int | None, swap: int | None = 0, anonymous: int = 0, kernel: int = 0) -> Path:
        """Make cgroup ``path``, limited to ``limit`` bytes and ``swap`` bytes of swap."""
        return (self._group_v1 if self.version == 1 else self._group_v2)(path, limit, swap, anonymous, kernel)

    def _group_v1(self, path: str, limit: int | None, swap: int | None, anonymous: int, kernel: int) -> Path:
        directory = self.root / "sys/fs/cgroup/memory" / path.lstrip("/")
        with_swap = UNLIMITED_V1 if limit is None or swap is None else limit + swap
        write(directory / "memory.limit_in_bytes", f"{UNLIMITED_V1 if limit is None else limit}\n")
        write(directory / "memory.memsw.limit_in_bytes", f"{with_swap}\n")
        write(directory / "memory.usage_in_bytes", f"{anonymous + kernel + 4096}\n")
        write(directory / "memory.kmem.usage_in_bytes", f"{kernel}\n")
        write(directory / "memory.stat", f"rss 1\ntotal_rss {anonymous}\ntotal_inactive_file 4096\n")
        write(directory / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
        write(directory / "cgroup.procs", "")
        return directory

    def _group_v2(self, path: str, limit: int | None, swap: int | None, anonymous: int, kernel: int) -> Path:
        directory = self.root / "sys/fs/cgroup" / path.lstrip("/")
        write(directory / "memory.max", f"{'max' if limit is None else limit}\n")
        write(directory / "memory.swap.max", f"{'max' if swap is None else swap}\n")
        write(directory / "memory.current", f"{anonymous + kernel + 4096}\n")
        write(directory / "memory.stat", f"anon {anonymous}\nkernel {kernel}\ninactive_file 4096\n")
        write(directory / "memory.events", "oom 0\noom_kill 0\n")
        write(directory / "cgroup.procs", "")
        return directory

    def process(self, pid: int, name: str, path: str, pss: int = 0, anonymous: int = 0) -> None:
        """Make process ``pid`` in cgroup ``path``; its sizes are in KiB."""
        own = self.root / "proc" / str(pid)
        write(own / "comm", f"{name}\n")
        line = f"0::{path}" if self.version == 2 else f"5:cpu,cpuacct:/elsewhere\n4:memory:{path}\n0::/"
        write(own / "cgroup", f"{line}\n")
        rollup = f"Rss: {pss + 9} kB\nPss: {pss} kB\nPss_Anon: 7 kB\nAnonymous: {anonymous} kB\n"
        write(own / "smaps_rollup", f"0-1 ---p 0 00:00 0 [rollup]\n{rollup}")

    def tells(self, argv: Sequence[str]) -> str | None:
        """Answer what systemd is asked; None: it is told to do something."""
        if argv[0] == "journalctl":
            return self.journal
        if argv[1] != "show":
            return None
        well = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}
        asked = argv[argv.index("--") + 1 :]
        told = ({"Id": name, **well, "Result": "success", **self.units.get(name, {})} for name in asked)
        return "\n".join("".join(f"{key}={value}\n" for key, value in unit.items()) for unit in told)

    def _obeys(self, argv: Sequence[str]) -> None:
        """Let a unit be what systemd was told to make of it."""
        ended = {
            "enable": ("UnitFileState", *(("ActiveState",) if "--now" in argv else ())),
            "unmask": ("LoadState", "UnitFileState"),
            "restart": ("ActiveState", "SubState", "Result"),
        }
        for key in ended.get(argv[1], ()):
            self.units.get(argv[-1], {}).pop(key, None)

    def systemctl(self, calls: list[list[str]]) -> Callable[[Sequence[str]], str]:
        """Return a systemctl that notes what it is told and gives a slice its limit."""

        def run(argv: Sequence[str]) -> str:
            told = self.tells(argv)
            if told is not None:
                return told
            calls.append(list(argv))
            if self.refuses_to_start and argv[1:] == ["restart", self.refuses_to_start]:
                raise CommandError(f"{' '.join(argv)}: exit 1: Job failed.")
            self._obeys(argv)
            if argv[1] == "set-property":
                name, limit = argv[3], argv[4].split("=")[1]
                parent = "" if name == "robotstack.slice" else "/robotstack.slice"
                self.group(f"{parent}/{name}", None if limit == "infinity" else int(limit))
            return ""

        return run
