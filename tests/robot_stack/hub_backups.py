"""A hub in a fixture tree, a database that answers on loopback, and a vmbackup that copies files as upstream's does."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import container, contents
from robot_stack.robots import service, write

DATABASE, JOB = "telemetry_hub_victoriametrics", "telemetry_hub_backup"
DATA = f"var/lib/robot-stack/{DATABASE}/data"
SNAPSHOT = "20260101000000-0A"
DAY = 86_400_000
START = 1_767_225_600_000  # 2026-01-01, ms


class Database:
    """A database that makes snapshots of what lies in its folder, and answers whatever else it is asked with 200."""

    def __init__(self, data: Path) -> None:
        self.data, self.snapshots, self.asked = data, list[str](), list[str]()
        self.refuses = False
        self.url = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        self.asked.append(path)
        if self.refuses and path.startswith("/snapshot"):
            return 500, "no"
        if path == "/snapshot/create":
            self._made()
            return 200, json.dumps({"status": "ok", "snapshot": SNAPSHOT})
        if path == "/snapshot/list":
            return 200, json.dumps({"status": "ok", "snapshots": self.snapshots})
        if path == "/snapshot/delete":
            self.snapshots.remove(query["snapshot"][0])
            for kind in contents.KINDS:
                shutil.rmtree(self.data / "data" / kind / "snapshots" / SNAPSHOT)
            return 200, '{"status": "ok"}'
        result = [{"metric": {}, "value": [1, "1"]}]
        return 200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})

    def _made(self) -> None:
        self.snapshots.append(SNAPSHOT)
        for kind in contents.KINDS:
            folder = self.data / "data" / kind
            folder.mkdir(parents=True, exist_ok=True)
            kept = [one for one in folder.iterdir() if one.name != "snapshots"]
            for one in kept:
                shutil.copytree(one, folder / "snapshots" / SNAPSHOT / one.name)
            (folder / "snapshots" / SNAPSHOT).mkdir(parents=True, exist_ok=True)


@contextmanager
def answering(database: Database) -> Iterator[Database]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = database.answer(parts.path, parse_qs(parts.query))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    database.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield database
    finally:
        server.shutdown()
        server.server_close()


def part(data: Path, name: str, rows: int, first: int, last: int, size: int = 100) -> None:
    """Write a part of a database: ``rows`` samples from ``first`` to ``last`` (ms)."""
    folder = data / "data/small/2026_01" / name
    about = {"RowsCount": rows, "BlocksCount": 1, "MinTimestamp": first, "MaxTimestamp": last}
    write(folder / "metadata.json", json.dumps(about))
    write(folder / "values.bin", "v" * size)


def lay(backup: Path, data: Path) -> None:
    """Make a backup of what lies in ``data``, as vmbackup does."""
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        size = file.stat().st_size
        write(backup / file.relative_to(data) / f"{size:016X}_{0:016X}_{size:016X}", file.read_text())
    write(backup / contents.COMPLETE, "")


def declared(url: str, destination: str, **job: Any) -> list[dict[str, Any]]:
    """Return a hub's database and its backup, as the role gives them to the module."""
    database = service(
        DATABASE,
        64,
        data=[{"name": "data", "target": "/victoria-metrics-data"}],
        files=[{"path": "database_password", "content": "hunter2", "sensitive": True}],
        health={"url": f"{url}/health", "username": "hub", "password_file": "database_password"},
    )
    about: dict[str, Any] = {"kind": "backup", "database": DATABASE, "destination": destination, "place": "hub"}
    about.update({"calendar": "*-*-* 02:30:00", "delay_seconds": 60, "free_mib": 0, **job})
    return [database, service(JOB, 48, command=["-concurrency=2"], job=about)]


class CopyingWorker(container.Worker):
    """A worker that does with folders what vmbackup does; ``destination`` is what its container has as /backups."""

    destination = Path()
    source = Path()
    cut_off_at = ""  # the name of the backup in whose middle it is ended

    def run(self, *flags: str) -> str:
        told = dict(flag.lstrip("-").split("=", 1) for flag in flags)
        target = self.destination / told["dst"].split("/backups/")[1]
        (target / contents.COMPLETE).unlink(missing_ok=True)
        if "origin" in told:
            return self._copied(self.destination / told["origin"].split("/backups/")[1], target)
        return self._uploaded(told["snapshotName"], target)

    def _copied(self, origin: Path, target: Path) -> str:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(origin, target, copy_function=os.link, ignore=shutil.ignore_patterns("*.ignore"))
        self._complete(target)
        return ""

    def _uploaded(self, snapshot: str, target: Path) -> str:
        sent, wanted = 0, set()
        for kind in contents.KINDS:
            top = self.source / "data" / kind / "snapshots" / snapshot
            for file in sorted(path for path in top.rglob("*") if path.is_file()):
                size = file.stat().st_size
                piece = target / "data" / kind / file.relative_to(top) / f"{size:016X}_{0:016X}_{size:016X}"
                wanted.add(piece)
                if not piece.exists():
                    sent += size
                    write(piece, file.read_text())
                if self.cut_off_at and target.name == self.cut_off_at:
                    raise container.JobError("it was stopped")
        for piece in [path for path in target.rglob("*") if path.is_file() and path not in wanted]:
            piece.unlink()
        self._complete(target)
        return f"backup is complete; uploaded {sent} bytes"

    def _complete(self, target: Path) -> None:
        write(target / contents.COMPLETE, "")
