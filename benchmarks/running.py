"""A service in a container on this machine, in a limit, and what the kernel says of it.

Needs root: another user's PSS is root's to read, and so are the files of an image.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.error import URLError
from urllib.request import urlopen

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import cgroup, procfs
from docker.errors import NotFound
from docker.types import Mount, Ulimit

from . import cold
from .rule import Counters

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MIB = 1024 * 1024
WORK = Path(__file__).resolve().parents[1] / ".cache" / "benchmarks"
LABEL = "robot-stack.benchmark"


@dataclass(frozen=True)
class Program:
    """What is run: a service's spec as the roles make it, in ``limit_mib`` MiB (None: without a limit)."""

    name: str
    spec: dict[str, Any]
    limit_mib: int | None
    address: str  # host:port
    ready: str  # the page that answers when it serves
    history: Path | None = None  # a data directory to begin with


@dataclass
class Memory:
    """What a container holds at one moment, in MiB; ``peak`` is that of the working sets sampled so far."""

    working_set: float
    pss: float
    peak: float = 0.0


def end_cleanly_when_told() -> None:
    """Have `kill` end this program as an error would: containers and files go with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def free_address() -> str:
    """Return an address on loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@dataclass
class Running:
    """A program while it runs: a context that leaves neither a container nor files behind."""

    engine: DockerClient
    program: Program
    folder: Path = field(init=False)
    container: Container = field(init=False)
    pid: int = 0
    path: str = ""
    peak: float = 0.0
    work: ClassVar[Path] = WORK  # where its files are meanwhile

    def __enter__(self) -> Self:
        """Start the program with nothing in the page cache and wait until it serves. Raises RuntimeError."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.program.name}-", dir=self.work))
        self.folder.chmod(0o755)
        try:
            self.container = self._start()
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the container and its files."""
        if hasattr(self, "container"):
            self.container.remove(force=True, v=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _text(self) -> list[Mount]:
        """Have the program's text on disk alone, for this container to read; return what is mounted for that."""
        cold.forget_text(self.engine, self.program.spec["image"]["reference"])
        return []

    def _beside(self) -> dict[str, Any]:
        """Return what the engine is told beside the service's own settings."""
        return {"network_mode": "host", "labels": {LABEL: self.program.name}}

    def _serves(self) -> bool:
        """Whether its page answers. Raises OSError where nothing does."""
        with urlopen(f"http://{self.program.address}{self.program.ready}", timeout=5):
            return True

    def _start(self) -> Container:
        spec, limit = self.program.spec, self.program.limit_mib
        files = spec.get("open_files_limit")
        memory = f"{limit}m" if limit else None
        container: Container = self.engine.containers.run(
            spec["image"]["reference"],
            command=list(map(str, spec.get("command") or [])),
            environment={key: str(value) for key, value in spec["environment"].items()},
            user=spec["user"],
            nano_cpus=int(spec["cpu_limit"] * 1_000_000_000),
            pids_limit=spec["pids_limit"],
            mounts=[*self._text(), *self._mounts()],
            ulimits=[Ulimit(name="nofile", soft=files, hard=files)] if files else None,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=memory,
            memswap_limit=memory,
            detach=True,
            **self._beside(),
        )
        return container

    def _mounts(self) -> list[Mount]:
        spec = self.program.spec
        shown = [m for m in spec.get("mounts") or [] if not m.get("optional") or Path(m["source"]).exists()]
        mounts = [Mount(m["target"], m["source"], type="bind", read_only=True) for m in shown]
        for file in spec.get("files") or []:
            path = self.folder / "config" / file["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file["content"], encoding="utf-8")
        if spec.get("files"):
            mounts.append(Mount(spec["config_target"], str(self.folder / "config"), type="bind", read_only=True))
        uid, gid = (int(word) for word in spec["user"].split(":"))
        for data in spec.get("data") or []:
            path = self.folder / data["name"]
            if self.program.history:
                cold.copy(self.program.history, path)
                cold.cool(path)
            path.mkdir(exist_ok=True)
            for own in (path, *path.rglob("*")):
                os.chown(own, uid, gid)
            mounts.append(Mount(data["target"], str(path), type="bind"))
        return mounts

    def _wait(self) -> None:
        until = time.monotonic() + 40
        while time.monotonic() < until:
            if not self.alive():
                raise RuntimeError(self.last_words())
            try:
                if self._serves():
                    self._find()
                    return
            except (URLError, OSError):
                pass
            time.sleep(0.2)
        raise RuntimeError("it did not serve within 40 s")

    def _find(self) -> None:
        """Learn which process it is, and in which cgroup."""
        self.pid = int(self.container.attrs["State"]["Pid"])
        self.path = cgroup.path_of(self.pid, Path("/proc"), cgroup.detect(Path("/sys"))) or ""

    def alive(self) -> bool:
        """Whether its process runs."""
        try:
            self.container.reload()
        except NotFound:
            return False
        return bool(self.container.attrs["State"]["Running"])

    def last_words(self) -> str:
        """Return why it ended: the exit code, and the end of its log."""
        state = self.container.attrs["State"]
        killed = ", killed for lack of memory" if state.get("OOMKilled") else ""
        line = self.container.logs(tail=1).decode(errors="replace").strip()
        return f"it ended with exit code {state['ExitCode']}{killed}: {line[:160]}"

    def counters(self) -> Counters:
        """Return what the kernel counts for its cgroup. Raises RuntimeError where it has ended."""
        hierarchy = cgroup.detect(Path("/sys"))
        usage = cgroup.usage(hierarchy, self.path)
        limits = cgroup.limits(hierarchy, self.path)
        if usage is None or limits is None:
            self.alive()
            raise RuntimeError(self.last_words())
        self.peak = max(self.peak, usage.working_set / MIB)
        started = self.container.attrs["State"]["StartedAt"]
        return Counters(started, limits.memory, usage.major_faults, usage.oom_kills, usage.working_set)

    def memory(self) -> Memory:
        """Return what it holds now, all of its processes together."""
        held = self.counters()
        pids = cgroup.processes(cgroup.detect(Path("/sys")), self.path)
        share = procfs.share(pids, Path("/proc"))
        return Memory(held.working_set / MIB, (share.pss if share else 0) / MIB, self.peak)

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used, threads that have ended included."""
        answer = self.container.stats(stream=False, one_shot=True)
        if not isinstance(answer, dict):
            raise TypeError("the engine streams where it should answer once")
        return int(answer["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
