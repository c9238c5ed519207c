"""One service of a robot on this machine, to be attacked: its container as the role makes it, in its limit."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from attacks.containers import PATIENCE_SECONDS, Answer, ended, last_words, start, until

from benchmarks import product

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass
class Alone:
    """A service while it runs. ``listen_address`` names the variable of its address, which is on loopback otherwise.

    ``past`` is another one, whose data it begins with a copy of.
    """

    name: str
    port: int
    listen_address: str
    variables: dict[str, Any] = field(default_factory=dict)
    past: Alone | None = None

    def __enter__(self) -> Alone:
        """Start it and wait until it answers. Raises AssertionError."""
        self.folder = Path(tempfile.mkdtemp(prefix="attacked-robot-"))
        self.folder.chmod(0o755)
        if self.past:
            subprocess.run(["cp", "-a", f"{self.past.folder}/.", str(self.folder)], check=True)
        spec = product.service(self.name, **{self.listen_address: f"0.0.0.0:{self.port}", **self.variables})
        try:
            self.container: Container = start(spec, self.folder, ports={f"{self.port}/tcp": ("127.0.0.1", None)})
            until(lambda: self.ask("/health").status == 200, "it answers", lambda: last_words(self.container))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it, and what it wrote."""
        if hasattr(self, "container"):
            self.container.remove(force=True, v=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End it as an engine does, so that all it knows is on disk."""
        self.container.stop(timeout=PATIENCE_SECONDS)

    @property
    def address(self) -> str:
        """Where it answers, on this machine."""
        self.container.reload()
        (mapped, *_) = self.container.ports[f"{self.port}/tcp"] or []
        return f"http://127.0.0.1:{mapped['HostPort']}"

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask it, or send it something."""
        self.container.reload()
        begun, mapped = time.monotonic(), (self.container.ports or {}).get(f"{self.port}/tcp")
        if not mapped:
            return Answer(0, b"it does not run")
        connection = HTTPConnection("127.0.0.1", int(mapped[0]["HostPort"]), timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST" if body is not None else "GET", path, body, headers)
            page = connection.getresponse()
            return Answer(page.status, page.read(), time.monotonic() - begun)
        except (OSError, HTTPException) as error:
            return Answer(0, repr(error).encode(), time.monotonic() - begun)
        finally:
            connection.close()

    def write(self, block: bytes) -> Answer:
        """Send a block in the remote write protocol."""
        return self.ask("/api/v1/write", block, **{"Content-Encoding": "snappy"})

    def ended(self) -> str:
        """Return why it does not run any more; "" while it does."""
        return ended(self.container)
