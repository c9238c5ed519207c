"""Containers of the product's services on this machine, as their roles make them, in their limits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.types import Mount, Ulimit

if TYPE_CHECKING:
    from docker.models.containers import Container

LABEL = "robot-stack.attacks"
PATIENCE_SECONDS = 300  # many times what it takes on two cores: machines of CI are slower, and busy
MIB = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is none at all, and then ``body`` says why."""

    status: int
    body: bytes
    seconds: float = 0.0


def start(spec: dict[str, Any], folder: Path, **more: Any) -> Container:
    """Start a service whose files and data lie in ``folder``; ``more`` are words of the engine's own."""
    memory, files = f"{spec['memory_limit_mib']}m", spec.get("open_files_limit")
    run: Any = docker.from_env().containers.run  # its types know a hundred cases, and not all of them
    started: Container = run(
        spec["image"]["reference"],
        command=list(map(str, spec.get("command") or [])) or None,
        environment={key: str(value) for key, value in spec["environment"].items()},
        user=spec["user"],
        nano_cpus=int(spec["cpu_limit"] * 1_000_000_000),
        pids_limit=spec["pids_limit"],
        ulimits=[Ulimit(name="nofile", soft=files, hard=files)] if files else [],
        mounts=_mounts(spec, folder),
        tmpfs={target: f"size={mib}m,mode=1777" for target, mib in (spec.get("tmpfs") or {}).items()},
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels={LABEL: spec["name"]},
        mem_limit=memory,
        memswap_limit=memory,
        detach=True,
        **more,
    )
    return started


def _mounts(spec: dict[str, Any], folder: Path) -> list[Mount]:
    shown = [mount for mount in spec.get("mounts") or [] if Path(mount["source"]).exists()]  # all of them are optional
    mounts = [Mount(mount["target"], mount["source"], type="bind", read_only=True) for mount in shown]
    for file in spec.get("files") or []:
        path = folder / "config" / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["content"], encoding="utf-8")
    if spec.get("files"):
        target = spec.get("config_target") or "/config"
        mounts.append(Mount(target, str(folder / "config"), type="bind", read_only=True))
    for data in spec.get("data") or []:
        path = folder / data["name"]
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, *(int(word) for word in spec["user"].split(":")))
        mounts.append(Mount(data["target"], str(path), type="bind"))
    return mounts


def ended(container: Container) -> str:
    """Return why a container does not run any more; "" while it does."""
    container.reload()
    state = container.attrs["State"]
    if state["Running"]:
        return ""
    return "killed for lack of memory" if state["OOMKilled"] else f"exit code {state['ExitCode']}"


def peak(container: Container) -> float:
    """Return the most memory that a running container has had, in MiB, with page cache, as the kernel has it."""
    stats: Any = container.stats(stream=False, one_shot=True)
    memory = stats.get("memory_stats") or {}
    return float(memory.get("max_usage", memory.get("usage", 0))) / MIB


def last_words(container: Container) -> str:
    """Return the end of a container's log."""
    lines: Any = container.logs(tail=5)
    return str(lines.decode(errors="replace"))


def until(true: Callable[[], Any], what: str, why: Callable[[], str] = str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until it is true; return what it is. Raises AssertionError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what} {why()}")
