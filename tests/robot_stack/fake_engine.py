"""A container engine on a real Unix socket: its API's paths, answers and errors, its containers in memory."""

from __future__ import annotations

import json
import re
import shutil
import socketserver
import tempfile
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from robot_stack.robots import IMAGE, Robot

Answer = tuple[int, Any]
STARTED_AT = "2026-01-01T00:00:00.1Z"
PRINTED_AT = 1767225600.2  # a moment after it


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class FakeEngine:
    """Use as a context; what it was asked stands in ``calls``, what it shall refuse in ``errors``."""

    def __init__(self, robot: Robot | None = None, newest: str = "1.51", oldest: str = "1.24") -> None:
        self.robot, self.newest, self.oldest = robot, newest, oldest
        self.containers: dict[str, dict[str, Any]] = {}
        self.images: dict[str, Mapping[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.volumes: list[str] = []
        self.calls: list[str] = []
        self.printed = [(PRINTED_AT, "one\n"), (PRINTED_AT, "two\n")]
        self.errors: dict[str, tuple[int, bytes]] = {}  # "METHOD /path" -> status and body
        self.loaded = b""
        self.brings: Mapping[str, Any] = IMAGE  # what an archive or a registry turns out to hold
        self.driver_status: list[list[str]] = []
        self.headers: dict[str, str] = {}  # of the last request
        self.killed: list[int] = []  # the signals that processes of its containers were sent
        self.deaf_to: set[int] = set()  # signals that end nothing
        self.failing = ""  # a container whose request holds this word ends as soon as it is started
        self.finishing = ""  # a container whose name holds this word has done its work as soon as it is started
        self._folder = tempfile.mkdtemp(prefix="engine-")  # short: a socket's path has at most 108 characters
        self.socket = f"{self._folder}/s"
        self._server = _Server(self.socket, _handler(self))

    def __enter__(self) -> FakeEngine:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._folder)

    @property
    def changes(self) -> list[str]:
        """What it was asked to change, without the API version."""
        return [re.sub(r"/v[0-9.]+", "", call) for call in self.calls if not call.startswith("GET")]

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Answer one request; bytes go out as they are, everything else as JSON."""
        self.calls.append(f"{method} {target}")
        parts = urlsplit(target)
        path = unquote(re.sub(r"^/v[0-9.]+", "", parts.path))
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if f"{method} {path}" in self.errors:
            return self.errors[f"{method} {path}"]
        group, _, rest = path.lstrip("/").partition("/")
        if group == "containers":
            return self._container(method, rest, query, body)
        if group == "images":
            return self._image(method, rest, query, body)
        if group == "events":
            if float(query["since"]) > float(query["until"]):
                return 400, {"message": "`since` time cannot be after `until` time"}
            return 200, self._told(query)
        return 200, {
            "_ping": b"OK",
            "volumes": {"Volumes": [{"Name": name} for name in self.volumes]},
            "version": {"ApiVersion": self.newest, "MinAPIVersion": self.oldest},
            "info": {
                "ServerVersion": "20.10",
                "CgroupDriver": "cgroupfs",
                "SwapLimit": True,
                "DriverStatus": self.driver_status,
            },
        }[group]

    def _container(self, method: str, rest: str, query: Mapping[str, str], body: bytes) -> Answer:
        if rest == "json":
            return 200, self._listed(json.loads(query.get("filters", "{}")))
        if rest == "create":
            return self._created(query["name"], json.loads(body))
        name, _, action = rest.partition("/")
        found = self.containers.get(name) or next((c for c in self.containers.values() if c["Id"] == name), None)
        if found is None:
            return 404, {"message": f"No such container: {name}"}
        if method == "DELETE":
            del self.containers[name]
        elif action == "json":
            return 200, found
        elif action == "logs":
            return 200, self._printed(query)
        elif action == "rename":
            self.containers[query["name"]] = {**self.containers.pop(name), "Name": f"/{query['name']}"}
        elif action == "stop":
            found["State"] = {"Running": False, "Status": "exited", "Pid": 0}
        elif action in ("start", "restart", "unpause"):
            self._started(found)
        return 204, b""

    def _printed(self, query: Mapping[str, str]) -> bytes:
        since, until = float(query.get("since", 0)), float(query.get("until", "inf"))
        said = [line.encode() for time, line in self.printed if since <= time < until][-int(query["tail"]) :]
        return b"".join(b"\2\0\0\0" + len(line).to_bytes(4, "big") + line for line in said)

    def _told(self, query: Mapping[str, str]) -> bytes:
        since, until = float(query["since"]), float(query["until"])
        wanted = json.loads(query["filters"])["container"]
        told = [
            json.dumps(event)
            for event in self.events
            if event["Actor"]["ID"] in wanted and since <= event["timeNano"] / 1e9 <= until
        ]
        return "\n".join(told).encode()

    def _listed(self, filters: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        wanted = filters.get("label", [])
        return [
            {"Id": c["Id"], "Names": [c["Name"]], "Labels": c["Config"].get("Labels")}
            for c in self.containers.values()
            if all(label in (c["Config"].get("Labels") or {}) for label in wanted)
        ]

    def _created(self, name: str, request: dict[str, Any]) -> Answer:
        if name in self.containers:
            return 409, {"message": f"Conflict. The container name {name} is already in use"}
        if request["Image"] not in self.images:
            return 404, {"message": f"No such image: {request['Image']}"}
        host = request.pop("HostConfig", {})
        self.containers[name] = {
            "Id": f"{len(self.calls):064x}",
            "Name": f"/{name}",
            "Image": self.images[request["Image"]]["Id"],
            "Config": request,
            "HostConfig": host,
            "State": {"Running": False, "Status": "created", "Pid": 0},
            "RestartCount": 0,
        }
        return 201, {"Id": self.containers[name]["Id"], "Warnings": []}

    def _started(self, found: dict[str, Any]) -> None:
        if self.failing and self.failing in json.dumps(found["Config"]):
            found["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 2}
            return
        if self.finishing and self.finishing in found["Name"]:
            found["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 0, "StartedAt": STARTED_AT}
            return
        pid = 100 + len(self.calls)
        found["State"] = {"Running": True, "Status": "running", "Pid": pid, "StartedAt": STARTED_AT}
        if self.robot is not None:
            host = found["HostConfig"]
            path = f"{host['CgroupParent']}/{found['Id']}"
            self.robot.group(path, host["Memory"], host["MemorySwap"] - host["Memory"], 3 << 20, 1 << 20)
            self.robot.process(pid, "service", path, pss=4096, anonymous=3072)

    def kill(self, pid: int, signal: int) -> None:
        """End a process as the kernel does on a signal; the engine sees it, and starts its container again."""
        self.killed.append(signal)
        if signal in self.deaf_to or self.robot is None:
            return
        [found] = [c for c in self.containers.values() if c["State"]["Pid"] == pid]
        shutil.rmtree(self.robot.root / "proc" / str(pid))
        for action in ("die", "start"):
            actor = {"ID": found["Id"], "Attributes": {"exitCode": "143"}}
            self.events.append({"Action": action, "timeNano": time.time_ns(), "Actor": actor})
        found["RestartCount"] += 1
        self.calls.append("GET /restarted")  # so that its process has a number of its own
        self._started(found)

    def _image(self, method: str, rest: str, query: Mapping[str, str], body: bytes) -> Answer:
        if rest == "json":
            return 200, [
                {"Id": found["Id"], "RepoTags": ["<none>:<none>"] if name == found["Id"] else [name]}
                for name, found in self.images.items()
            ]
        if rest == "load":
            self.loaded = body
            self._name(body.decode(), self.brings)
            return 200, b'{"stream": "Loaded image: it"}\n'
        if rest == "create":
            self._name(f"{query['fromImage']}@{query['tag']}", self.brings)
            return 200, b'{"status": "Pulling"}\n{"status": "Downloaded"}\n'
        reference = rest.removesuffix("/json").removesuffix("/tag")
        found = self.images.get(reference) or next((i for i in self.images.values() if i["Id"] == reference), None)
        if found is None:
            return 404, {"message": f"No such image: {reference}"}
        names = [name for name, known in self.images.items() if known["Id"] == found["Id"] != name]
        if method == "DELETE":
            return self._image_removed(reference, found["Id"], names)
        if rest.endswith("/tag"):
            self._name(f"{query['repo']}:{query['tag']}", found)
            self.images.pop(found["Id"], None)  # it has a name by now
        return 200, {**found, "RepoTags": [name for name in names if "@" not in name]}

    def _image_removed(self, reference: str, identity: str, names: list[str]) -> Answer:
        """Take a name off an image, or remove it by its last one or its id; the engine refuses what is used."""
        if reference == identity and len({name.rpartition(":")[0] for name in names}) > 1:
            return 409, {"message": "conflict: unable to delete (must be forced) - image is in multiple repositories"}
        if reference in names and len(names) > 1:
            del self.images[reference]
        elif any(c["Image"] == identity for c in self.containers.values()):
            return 409, {"message": "conflict: the image is used by a container"}
        else:
            self.images = {name: known for name, known in self.images.items() if known["Id"] != identity}
        return 200, []

    def prune(self) -> None:
        """Do what `docker image prune --force` does: what has no tag and no container goes; a digest is no tag."""
        kept = {c["Image"] for c in self.containers.values()}
        kept |= {i["Id"] for name, i in self.images.items() if name != i["Id"] and "@" not in name}
        self.images = {name: i for name, i in self.images.items() if i["Id"] in kept}

    def _name(self, name: str, image: Mapping[str, Any]) -> None:
        """Give an image a name; one that had it before stays without one, as on a classic engine."""
        before = self.images.get(name)
        self.images[name] = image
        if before is not None and before["Id"] not in [known["Id"] for known in self.images.values()]:
            self.images[before["Id"]] = before


def _handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            engine.headers = dict(self.headers)
            status, content = engine.answer(self.command, self.path, body)
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if raw:
                self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
