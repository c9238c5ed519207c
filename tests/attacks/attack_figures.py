"""Whoever took the sensor service over looks for what is no figure: processes, their arguments, the robot's files.

Its container stands on this machine as its role makes it. The machine has a secret in a process's arguments and
environment and one in a file that everybody may read; the attack reads all that the container's user can.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attacks.containers import last_words, start, until

from benchmarks import product

if TYPE_CHECKING:
    from docker.models.containers import Container

SECRET = f"--password=hunter-{os.getpid()}"
# Reads whatever is below /host and /proc, 64 KiB of each file, and says where it met the secret or a process.
LOOK = """
import os, sys
secret, seen = sys.argv[1].encode(), 0
for top in ("/host", "/proc", "/run", "/tmp", "/var", "/etc", "/home"):
    for folder, folders, files in os.walk(top):
        if folder.startswith("/proc/") and folder.split("/")[2] in (str(os.getpid()), "self", "thread-self"):
            folders.clear()
            continue
        for name in files:
            path = os.path.join(folder, name)
            if top == "/host" and name in ("cmdline", "environ", "maps", "mem", "shadow", "passwd"):
                print("LEAK", path)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                held = os.read(descriptor, 65536)
            except OSError:
                continue
            finally:
                os.close(descriptor)
            seen += 1
            if secret in held:
                print("LEAK", path)
print("READ", seen)
"""


@pytest.fixture(scope="module")
def robot() -> Iterator[Path]:
    """A folder of this machine with a file that anybody may read, while a process bears the secret."""
    with tempfile.TemporaryDirectory(prefix="attacked-figures-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "secret").write_text(SECRET)
        (folder / "metrics").mkdir()
        sleep = [sys.executable, "-c", "import sys; sys.stdin.read()", SECRET]
        with subprocess.Popen(sleep, stdin=subprocess.PIPE, env={**os.environ, "SECRET": SECRET}) as bearer:
            yield folder
            bearer.kill()


@pytest.fixture(scope="module")
def sensors(robot: Path) -> Iterator[Container]:
    """The container, once it serves."""
    written = {"sensor_service_textfile_directory": str(robot / "metrics"), "sensor_service_filesystems": ["/"]}
    container = start(product.service("sensor_service", **written), robot)
    try:
        until(lambda: "MemAvailable" in page(container), "it serves figures", lambda: last_words(container))
        yield container
    finally:
        container.remove(force=True, v=True)


def inside(container: Container, program: str, *arguments: str) -> str:
    done: Any = container.exec_run(["python3.13", "-c", program, *arguments])
    return str(done.output.decode(errors="replace"))


def page(container: Container) -> str:
    """What it serves, asked within its own network."""
    # the image's Python has no module socket
    ask = "import _socket\ns = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)\ns.connect(('127.0.0.1', 9101))\n"
    ask += "s.send(b'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
    ask += "while True:\n    piece = s.recv(65536)\n    if not piece: break\n    print(piece.decode(), end='')\n"
    return inside(container, ask)


def test_it_sees_neither_processes_nor_files(sensors: Container) -> None:
    said = inside(sensors, LOOK, SECRET).splitlines()
    assert [line for line in said if line.startswith("LEAK")] == []
    (read,) = [int(line.split()[1]) for line in said if line.startswith("READ")]
    assert read > 20, "it did look"


def test_it_sees_no_process_but_its_own(sensors: Container) -> None:
    listed = inside(sensors, "import os; print(*[n for n in os.listdir('/host/proc') if n.isdigit()])").split()
    assert set(listed) <= {"1"}, "of the robot's first process only what its network counts"
    assert inside(sensors, "import os; print(*sorted(os.listdir('/host/proc/1')))").split() == ["net"]


def test_it_can_write_nowhere_into_what_it_is_shown(sensors: Container) -> None:
    write = """
import os
for folder, _, _ in os.walk("/host"):
    try:
        os.close(os.open(os.path.join(folder, "planted"), os.O_CREAT | os.O_WRONLY))
        print("WROTE", folder)
    except OSError:
        pass
print("DONE")
"""
    assert inside(sensors, write).split() == ["DONE"]
