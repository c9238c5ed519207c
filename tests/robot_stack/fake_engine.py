"""A container engine on a real Unix socket: its API's paths, answers and errors, its containers in memory."""

from __future__ import annotations

import json
import re
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from robot_stack.robots import IMAGE, Robot

Answer = tuple[int, Any]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class FakeEngine:
    """Use as a context; what it was asked stands in ``calls``, what it shall refuse in ``errors``."""

    def __init__(self, robot: Robot | None = None, newest: str = "1.51", oldest: str = "1.24") -> None:
        self.robot, self.newest, self.oldest = robot, newest, oldest
        self.containers: dict[str, dict[str, Any]] = {}
        self.images: dict[str, Mapping[str, Any]] = {}
        self.calls: list[str] = []
        self.errors: dict[str, tuple[int, bytes]] = {}  # "METHOD /path" -> status and body
        self.loaded = b""
        self.failing = ""  # a container whose request holds this word ends as soon as it is started
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
            return self._image(method, rest, body)
        return 200, {
            "_ping": b"OK",
            "version": {"ApiVersion": self.newest, "MinAPIVersion": self.oldest},
            "info": {"ServerVersion": "20.10", "CgroupDriver": "cgroupfs", "SwapLimit": True},
        }[group]

    def _container(self, method: str, rest: str, query: Mapping[str, str], body: bytes) -> Answer:
        if rest == "json":
            return 200, self._listed(json.loads(query["filters"]))
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
            return 200, b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x04two\n"
        elif action == "rename":
            self.containers[query["name"]] = {**self.containers.pop(name), "Name": f"/{query['name']}"}
        elif action == "stop":
            found["State"] = {"Running": False, "Status": "exited", "Pid": 0}
        elif action == "start":
            self._started(found)
        return 204, b""

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
        pid = 100 + len(self.calls)
        found["State"] = {"Running": True, "Status": "running", "Pid": pid, "StartedAt": "2026-01-01T00:00:00.1Z"}
        if self.robot is not None:
            host = found["HostConfig"]
            path = f"{host['CgroupParent']}/{found['Id']}"
            self.robot.group(path, host["Memory"], host["MemorySwap"] - host["Memory"], 3 << 20, 1 << 20)
            self.robot.process(pid, "service", path, pss=4096, anonymous=3072)

    def _image(self, method: str, rest: str, body: bytes) -> Answer:
        if rest == "load":
            self.loaded = body
            self.images[body.decode()] = IMAGE
            return 200, b'{"stream": "Loaded image: it"}\n'
        reference = rest.removesuffix("/json").removesuffix("/tag")
        if reference not in self.images:
            return 404, {"message": f"No such image: {reference}"}
        if method == "DELETE":
            del self.images[reference]
        return 200, self.images.get(reference, {})


def _handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
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
