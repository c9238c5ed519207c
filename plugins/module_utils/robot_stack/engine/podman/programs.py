"""Programs that are asked: Podman's, bounded in time and in what they print, below the stack's ceiling; and systemd's.

A `podman` process holds 30 to 50 MiB while it runs. It is put into a scope below the engine's slice, and is the first
that goes when the ceiling is hit: what it was about to do can be done again.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError

from ...base.roots import Roots
from ...host import systemd
from ...host.systemd import CommandError, Run, child_slice
from ..protocol import EngineError

# Where it is looked for, in a shell's order: its owner's own comes before the distribution's.
PODMAN = ("/usr/local/bin/podman", "/usr/bin/podman")
GENERATOR = "podman-system-generator"  # of Quadlet's, by which systemd makes units of files
GENERATORS = tuple(  # where systemd looks for it, in this order (man 7 systemd.generator)
    f"{folder}/systemd/system-generators/{GENERATOR}" for folder in ("/run", "/etc", "/usr/local/lib", "/usr/lib")
)
SECONDS = 120.0
# A slow memory card writes an image for minutes; a slow network takes hours.
TRANSFER_SECONDS = 4 * 3600.0
LARGEST_ANSWER = 32 << 20
LONGEST_MESSAGE = 2000
MISSING = re.compile(r"\bno such (image|container|volume|object|pod)\b|\bimage not known\b")
OOM_SCORE = 900  # above that of containers
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}


@dataclass
class Programs:
    """Asks them; ``parent`` is the stack's slice, ``looks_only`` starts none of Podman's."""

    roots: Roots
    parent: str = ""
    looks_only: bool = False
    run: Run | None = None

    @property
    def podman(self) -> str:
        """Where Podman is, or would be."""
        return str(self.roots.path(next((path for path in PODMAN if self.roots.path(path).exists()), PODMAN[-1])))

    @property
    def there(self) -> bool:
        """Whether Podman is: somebody may have removed it by hand, and left what it was to start."""
        return any(self.roots.path(path).exists() for path in PODMAN)

    @property
    def generator(self) -> str:
        """Where the generator is that systemd runs, "" where there is none, or it is masked by a link to nothing."""
        first = next((path for path in GENERATORS if os.path.lexists(self.roots.path(path))), "")
        return first if first and self.roots.path(first).is_file() else ""

    def ask(self, *words: str, seconds: float = SECONDS, room: Path | None = None) -> str:
        """Run `podman` with ``words`` and return what it printed. Raises `EngineError`.

        It lays images that it reads in ``room`` first; None: in /var/tmp, which may be memory.
        """
        if self.looks_only:
            raise EngineError(0, f"podman {words[0]} is not started here: it would need more memory than there is")
        more = {"TMPDIR": str(room)} if room else {}
        return _answer([*self._scope(), self.podman, *words], f"podman {words[0]}", seconds, {**ENVIRONMENT, **more})

    def _scope(self) -> list[str]:
        """Return what puts a program below the ceiling, where that is there."""
        if not self.parent or not self.roots.path(f"{systemd.UNITS}/{self.parent}").exists():
            return []
        slice_ = child_slice(self.parent, "engine")
        return ["systemd-run", "--scope", "--quiet", "--collect", f"--slice={slice_}", "--"]

    def systemctl(self, *words: str) -> str:
        """Run `systemctl` with ``words`` and return what it printed. Raises `EngineError`."""
        try:
            return (self.run or systemd.run)(["systemctl", *words])
        except (CommandError, OSError, SubprocessError) as error:
            raise EngineError(500, str(error)[:LONGEST_MESSAGE]) from error

    def journal(self, *words: str) -> str:
        """Run `journalctl` with ``words`` and return what it printed. Raises `EngineError`."""
        try:
            return (self.run or systemd.run)(["journalctl", "--quiet", "--no-pager", "--output=cat", *words])
        except (CommandError, OSError, SubprocessError) as error:
            raise EngineError(500, str(error)[:LONGEST_MESSAGE]) from error


@contextmanager
def as_error() -> Iterator[None]:
    """Have what the file system refuses be an `EngineError`."""
    try:
        yield
    except OSError as error:
        raise EngineError(500, str(error)) from error


def _answer(argv: Sequence[str], called: str, seconds: float, environment: Mapping[str, str]) -> str:
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
        try:
            done = subprocess.run(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=complained,
                env=environment,
                timeout=seconds,
                check=False,
                preexec_fn=_first_to_go,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(0, f"{called} did not end within {seconds:.0f} s") from None
        except OSError as error:
            raise EngineError(0, f"{called} cannot be started: {error}") from error
        if done.returncode:
            complained.seek(0)
            words = complained.read(LONGEST_MESSAGE).decode("utf-8", "replace").strip()
            if done.returncode < 0:  # it refused nothing, whatever it had said: what it was given is as good as before
                raise EngineError(0, ": ".join(filter(None, [called, _killed(-done.returncode), words])))
            raise EngineError(_status(words), f"{called}: {words or f'exit code {done.returncode}'}")
        if os.fstat(printed.fileno()).st_size > LARGEST_ANSWER:
            raise EngineError(0, f"{called} answered with more than {LARGEST_ANSWER >> 20} MiB")
        printed.seek(0)
        return printed.read().decode("utf-8", "replace")


def _killed(signal: int) -> str:
    return f"killed by signal {signal} (9: for lack of memory, or by somebody)"


def _status(words: str) -> int:
    """Return Podman's words as the status that another engine gives.

    Only what is asked for can be missing: a layer or a file that is not there is damage, and no answer.
    """
    lower = words.lower()
    if MISSING.search(lower):
        return 404
    return 409 if "in use" in lower or "is used by" in lower else 500


def _first_to_go() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}", encoding="ascii")
