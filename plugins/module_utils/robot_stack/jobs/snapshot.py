"""A snapshot of a database, for as long as a backup reads it. The password comes from the database's own file."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import urlencode

from ..ask import answers, http
from ..records.record_file import Fields
from .container import JobError

AWAKE_SECONDS, INTERVAL_SECONDS = 300.0, 2.0  # a host that has just started starts its database as well
SECONDS = 300.0  # what is in memory is written to disk first
Ask = Callable[..., "tuple[int, str]"]  # URL, user name, password
NAME = re.compile(r"[0-9]{14}-[0-9A-Fa-f]{1,32}")  # what becomes part of a path


@dataclass(frozen=True)
class Database:
    """A database that runs: how it is asked, and where its data is on this computer."""

    name: str
    url: str  # of its root
    username: str
    password: str
    path: str
    ask: Ask = http.get

    @classmethod
    def of(cls, raw: Fields, password: str) -> Database:
        """Return the one that a job's settings describe."""
        return cls(raw.text("name"), raw.text("url"), raw.text("username"), password, raw.text("path"))

    def wait(self, seconds: float = AWAKE_SECONDS, pause: Callable[[float], None] = time.sleep) -> None:
        """Wait until the database answers; raise `JobError` where it does not within ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            status, body = self.ask(f"{self.url}/health", self.username, self.password)
            if status == 200:
                return
            if time.monotonic() >= deadline:
                why = f"HTTP {status}" if status else body
                raise JobError(f"{self.name} does not answer ({why}): its log tells why")
            pause(INTERVAL_SECONDS)

    def create(self) -> str:
        """Make a snapshot and return its name."""
        name = self._answer("create", {}).get("snapshot")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise JobError(f"{self.name} says that it made a snapshot, and names none")
        return name

    def drop(self, name: str) -> None:
        """Drop a snapshot; one that is gone already is fine."""
        if name in answers.entries(self._answer("list", {}).get("snapshots")):
            self._answer("delete", {"snapshot": name})

    def _answer(self, action: str, asked: dict[str, str]) -> dict[str, Any]:
        url = f"{self.url}/snapshot/{action}" + (f"?{urlencode(asked)}" if asked else "")
        status, body = self.ask(url, self.username, self.password, timeout=SECONDS)
        found = answers.parsed(body) if status == 200 else None
        if not isinstance(found, dict) or found.get("status") != "ok":
            why = f"HTTP {status}: {body[:200]}" if status else body
            raise JobError(f"{self.url}/snapshot/{action} failed ({why}): the log of {self.name} tells more")
        return found
