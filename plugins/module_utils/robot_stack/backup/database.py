"""A database's samples out of a robot and into one: snapshots on one side, restored data on the other."""

from __future__ import annotations

import math
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlencode

from ..ask import answers, data_check, http
from ..base.durations import seconds
from ..base.files import file_digest
from ..base.roots import Roots
from ..base.units import MIB, mib_of
from ..engine import staging
from ..engine.protocol import Engine, EngineError, name_of, unit_of
from ..host import disk_space
from ..spec.model import Service
from . import swap, tar_stream

SNAPSHOT_SECONDS = 120.0  # what is in memory is written to disk first
SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9_]{1,40}(-[A-Za-z0-9_]{1,40})?")  # what becomes part of a path here
KEY = "sys/kernel/random/boot_id"  # below the database's own /proc: what it wants to be told (snapshotAuthKey)
LONGEST_KEY = 64  # bytes
NOTE = "snapshot-of-backup"  # beside the data: the snapshot that a backup has made and not yet dropped
MARGIN = 64 * MIB


def retention_seconds(retention: str) -> float:
    """Return a retention such as 30d in seconds; one that cannot be read is taken for endless."""
    try:
        return seconds(retention)
    except ValueError:
        return math.inf


class BackupError(RuntimeError):
    """A snapshot or a restore did not come about; the message says what was found and what to do."""


@dataclass
class Database:
    """One robot's database; ``root`` is the stack's directory there, ``data`` the name of its data below."""

    service: Service
    root: str
    data: str
    roots: Roots
    engine: Engine
    ask: data_check.Ask = http.get
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = field(default=time.sleep)

    @property
    def path(self) -> Path:
        """Where the samples are."""
        return self.roots.path(f"{self.root}/{self.service.name}/{self.data}")

    @property
    def _note(self) -> Path:
        return self.path.parent / NOTE

    def snapshot(self) -> dict[str, Any]:
        """Make a snapshot, which costs no disk while it is young, and return what it is."""
        if not swap.entries(self.path):
            raise BackupError(f"{self.path} holds no samples: there is nothing to back up")
        self.release()
        moment = self.clock() - data_check.SETTLED_SECONDS
        series = data_check.series_at(self.service, moment, ask=self.ask)
        name = self._api("create", {}).get("snapshot")
        if not isinstance(name, str) or not SNAPSHOT_NAME.fullmatch(name):
            raise BackupError(f"{self.service.name} says that it made a snapshot, and names none")
        self._note.write_text(name, encoding="utf-8")
        directory = self.path / "snapshots" / name
        if not directory.is_dir():
            raise BackupError(f"VictoriaMetrics says that it made snapshot {name}, but {directory} is not there")
        size, files = tar_stream.size(str(directory), str(self.path))
        where = {"directory": str(directory), "within": str(self.path)}
        about = {"snapshot": name, **where, "bytes": size, "files": files}
        return {**about, "moment": moment, "series": series or 0}

    def release(self, made: str = "") -> None:
        """Drop the snapshot that a backup has made, also one that was cut off; those of others stay.

        ``made`` is the backup's own one: where another backup has begun since, that one's stays.
        """
        if not self._note.exists():
            return
        name = self._note.read_text(encoding="utf-8").strip()
        if made and name != made:
            return
        if name in answers.entries(self._api("list", {}).get("snapshots")):
            self._api("delete", {"snapshot": name})
        self._note.unlink()

    def _api(self, action: str, asked: dict[str, str]) -> dict[str, Any]:
        base = self.service.probe.url.rsplit("/", 1)[0]
        url = f"{base}/snapshot/{action}?{urlencode({**asked, 'authKey': self._key()})}"
        login = (self.service.probe.username, http.password_of(self.service))
        status, body = self.ask(url, *login, timeout=SNAPSHOT_SECONDS)
        answer = answers.parsed(body) if status == 200 else None
        if not isinstance(answer, dict) or answer.get("status") != "ok":
            why = f"HTTP {status}: {body[:200]}" if status else body
            raise BackupError(f"{base}/snapshot/{action} failed ({why}); is {self.service.name} up? verify.yml tells")
        return answer

    def _key(self) -> str:
        """Return what the database wants to be told: known on the robot, and to no page in a browser; "": unknown."""
        container = self.engine.inspect(name_of(self.service.name)) if self.engine.reachable() else None
        try:
            with (self.roots.proc / f"{container.pid if container else 0}/root/proc" / KEY).open("rb") as file:
                return file.read(LONGEST_KEY).decode("ascii", "replace").strip()
        except OSError:
            return ""

    def room(self, name: str, archive: int, unpacked: int, replace: bool) -> dict[str, Any]:
        """Raise unless a backup of so many bytes may, and can, be restored here; return what has arrived of it.

        ``name`` is what the archive is called where it is staged: that may be another disk than the data's.
        """
        if swap.kept(self.path) and not replace:
            raise BackupError(
                f"{self.path} holds samples already ({mib_of(disk_space.used(self.path))} MiB): nothing was touched. "
                "To replace them by those of the backup, add -e restore_replace=true"
            )
        staged = staging.listed(self.roots.path(self.root))
        missing = max(0, archive - sum(part["bytes"] for part in staged if part["name"] == name))
        folder, data = self.roots.path(self.root) / staging.DIRECTORY, self.path
        disks = {str(path): disk_space.of(path) for path in (folder, data)}
        claims = (
            disk_space.Claim("the archive", str(folder), missing),
            disk_space.Claim("its files", str(data), unpacked),
        )
        for here in disk_space.by_device((claim for claim in claims if claim.size), disks).values():
            paths = {claim.path: claim.what for claim in here}
            free, needed = disks[here[0].path].available, sum(claim.size for claim in here) + MARGIN
            freed = swap.left_over(data) if str(data) in paths else 0  # once the archive is there
            if needed > free + freed or (str(folder) in paths and missing > free):
                raise BackupError(
                    f"{mib_of(free)} MiB of disk are free for {' and '.join(paths)}, {mib_of(needed)} MiB are needed "
                    f"for {' and '.join(paths.values())}: free some space"
                )
        return {"staged": staged}

    def restore(self, archive: Path, digest: str, moment: float, series: int, replace: bool) -> None:
        """Put the samples of ``archive`` into place; where the database then does not find them, put back what was."""
        if file_digest(archive) != digest:
            archive.unlink()
            raise BackupError("the archive did not arrive as it was sent; nothing was touched: run again")
        if swap.kept(self.path) and not replace:
            raise BackupError(f"{self.path} holds samples already: nothing was touched (restore_replace=true)")
        name, runs = name_of(self.service.name), self._runs()
        try:
            if runs:  # from here on: what lies there is its user's, who shall not be at work beside root
                self._end_earlier()
                self.engine.stop(name, self.service.stop_timeout_seconds)
            swap.recover(self.path)
            swap.unpack(archive, self.path, *self.service.uid_gid)
            swap.swap(self.path)
            reason = self._started(moment, series) if runs else ""
        except BaseException:
            self._back(name, runs)
            raise
        if reason:
            self._back(name, runs)
            raise BackupError(f"{self.service.name} with the restored samples: {reason}; what was there was put back")
        swap.keep(self.path)
        shutil.rmtree(archive.parent)

    def _runs(self) -> bool:
        """Whether there is a container of the database; with live-restore, one outlives an engine that is down."""
        if self.engine.reachable():
            return self.engine.inspect(name_of(self.service.name)) is not None
        if self.engine.driver.installed(self.roots):
            unit = unit_of(self.engine.driver)
            start = f"Start it first (systemctl start {unit})" if unit else "Mend it first"
            raise BackupError(
                "the container engine does not answer, so nobody knows whether the database is at work: nothing was "
                f"touched. {start}"
            )
        return False

    def _end_earlier(self) -> None:
        """End a restore that was cut off at its end: a database that serves has gone on with what it brought."""
        name, probe = name_of(self.service.name), self.service.probe
        if swap.unended(self.path) and not self._ended(name):
            status, _ = self.ask(probe.url, probe.username, http.password_of(self.service))
            if status == 200:
                swap.keep(self.path)

    def _back(self, name: str, runs: bool) -> None:
        if runs:
            self.engine.stop(name, self.service.stop_timeout_seconds)
        swap.undo(self.path)
        if runs:
            self.engine.start(name)

    def _started(self, moment: float, series: int) -> str:
        name = name_of(self.service.name)
        try:
            self.engine.start(name)
        except EngineError as error:
            return str(error)
        reason = http.wait_until_healthy(self.service, lambda: self._ended(name), self.ask, self.pause)
        return reason or self.missing(moment, series)

    def _ended(self, name: str) -> str:
        now = self.engine.inspect(name)
        return "" if now and now.running else f"its container ended (exit code {now.exit_code if now else 'unknown'})"

    def missing(self, moment: float, series: int) -> str:
        """Return "" where the database finds what the backup's robot found at ``moment``, else what is missing."""
        return data_check.lost(self.service, moment, series, ask=self.ask, pause=self.pause)
