"""What a real robot answers to each command of one run, in their order, for light robots to say the same."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.provision.measure import FLEET, on_robot

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

RECORDER = Path(__file__).resolve().parent / "robot" / "record"
ON_ROBOT = "/usr/local/lib/record"
CONFIGURATION = "/etc/ssh/sshd_config.d/00-record.conf"
KEPT = "/home/operator/recorded"
MARK = re.compile(rb"BECOME-SUCCESS-[a-z]+\r?\n")  # Ansible's own, of which each run has another


@contextmanager
def recorded(engine: DockerClient, robot: str, folder: Path) -> Iterator[None]:
    """Have ``robot`` keep what it answers inside of this context, and lay it down in ``folder``.

    Each command has a folder of its own, as robot/record says. Connections of before are not recorded. Raises
    RuntimeError where nothing was.
    """
    container = engine.containers.get(FLEET + robot)
    _put(container, ON_ROBOT, RECORDER.read_bytes(), 0o755)
    _put(container, CONFIGURATION, f"ForceCommand {ON_ROBOT}\n".encode(), 0o644)
    on_robot(engine, robot, ["rm", "-rf", KEPT])
    on_robot(engine, robot, ["systemctl", "reload", "ssh"])
    try:
        yield
        _fetch(container, folder)
    finally:
        on_robot(engine, robot, ["rm", "-rf", CONFIGURATION, ON_ROBOT, KEPT])
        on_robot(engine, robot, ["systemctl", "reload", "ssh"])
    if not any(folder.iterdir()):
        raise RuntimeError(f"{robot} was asked nothing")


def without_mark(said: bytes) -> bytes:
    """Return what a command said without the line that tells Ansible that it is root, which is another each time."""
    return MARK.sub(b"", said, count=1)


def _put(container: Container, path: str, content: bytes, mode: int) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        about = tarfile.TarInfo(path.lstrip("/"))
        about.size, about.mode = len(content), mode
        tar.addfile(about, io.BytesIO(content))
    container.put_archive("/", archive.getvalue())


def _fetch(container: Container, folder: Path) -> None:
    chunks, _ = container.get_archive(KEPT)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            path = folder / Path(member.name).relative_to(Path(KEPT).name)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = file.read()
            path.write_bytes(without_mark(content) if path.name in ("out", "err") else content)
