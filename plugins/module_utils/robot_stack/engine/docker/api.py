"""A small client of the Docker Engine API over its Unix socket, for what this project needs and no more.

Source of the calls: https://docs.docker.com/reference/api/engine/ (1.41 and later; Podman serves the same paths).
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from ...base import wire
from ..protocol import Driver, EngineError, EngineInfo, Event, FoundContainer, FoundImage
from . import found
from .driver import DOCKER

TESTED_API = (1, 41)
# A slow memory card writes an image for minutes, and the engine says nothing meanwhile; a slow network takes hours.
TRANSFER_SECONDS, TRANSFER_SILENCE_SECONDS = 4 * 3600.0, 900.0
# An inspected container has some 10 KiB; it is containers who choose what is in logs, and an image its size.
LARGEST_ANSWER, LARGEST_TRANSFER = 8 << 20, 64 << 20
LONGEST_MESSAGE = 2000
LOGGED_AT_ONCE = 64 * 1024  # what people are shown of a container's last lines


class _UnixConnection(wire.Connection):
    def __init__(self, path: str, seconds: float, largest: int, silence: float | None = None) -> None:
        super().__init__("localhost", None, seconds, largest, silence)
        self._path = path

    def connecting(self, seconds: float) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(seconds)
            made.connect(self._path)
        except OSError:
            made.close()
            raise
        return made


def _version(text: str) -> Any:
    return tuple(int(part) for part in text.split("."))


class DockerEngine:
    """One engine behind one socket; see `protocol.Engine`. Every method raises `EngineError`."""

    def __init__(self, socket_path: str, timeout: float = 120.0) -> None:
        """Remember where the engine listens; nothing is sent before the first call."""
        self._socket_path = socket_path
        self._timeout = timeout
        self._prefix: str | None = None

    def reachable(self) -> bool:
        """Whether the engine answers on its socket."""
        try:
            self._request("GET", "/_ping", prefix="")
        except EngineError:
            return False
        return True

    @property
    def driver(self) -> Driver:
        """What is known of Docker."""
        return DOCKER

    def _version(self) -> dict[str, Any]:
        """Return the engine's answer to /version, which needs no API version."""
        return dict(self._json("GET", "/version", prefix=""))

    def info(self) -> EngineInfo:
        """Return what the engine says of itself."""
        return found.info(self._json("GET", "/info"), self._version())

    def containers(self) -> list[FoundContainer]:
        """Return all containers, running or not, with no more than id, name and service."""
        query = urlencode({"all": "true"})
        return [found.listed(entry) for entry in self._json("GET", f"/containers/json?{query}")]

    def inspect(self, name: str) -> FoundContainer | None:
        """Return one container, None where there is none."""
        raw = self._optional(f"/containers/{quote(name)}/json")
        return None if raw is None else found.container(raw)

    def image(self, reference: str) -> FoundImage | None:
        """Return one image, None where there is none."""
        raw = self._optional(f"/images/{quote(reference, safe='/:@')}/json")
        return None if raw is None else found.image(raw)

    def image_ids(self) -> list[str]:
        """Return the ids of all images, with and without names."""
        return [str(listed["Id"]) for listed in self._json("GET", "/images/json")]

    def volumes(self) -> list[str]:
        """Return the names of all volumes, with and without a container."""
        return [str(listed["Name"]) for listed in self._json("GET", "/volumes").get("Volumes") or []]

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Create a container."""
        self._json("POST", "/containers/create?" + urlencode({"name": name}), body)

    def start(self, name: str) -> None:
        """Start a container; one that runs already is left alone."""
        self._request("POST", f"/containers/{quote(name)}/start")

    def resume(self, name: str) -> None:
        """Let a paused container run on."""
        self._request("POST", f"/containers/{quote(name)}/unpause")

    def stop(self, name: str, timeout_seconds: int) -> None:
        """Stop a container, giving it ``timeout_seconds`` to flush what it holds."""
        self._request("POST", f"/containers/{quote(name)}/stop?t={timeout_seconds}", more_seconds=timeout_seconds)

    def rename(self, name: str, new_name: str) -> None:
        """Rename a container."""
        self._request("POST", f"/containers/{quote(name)}/rename?" + urlencode({"name": new_name}))

    def events(self, container: str, since: float, until: float) -> tuple[Event, ...]:
        """Return what the engine saw of one container between two times; it remembers its last 256 events."""
        kinds = json.dumps({"container": [container], "event": ["oom", "die", "kill", "start"]})
        query = {"since": f"{since:.9f}", "until": f"{until:.9f}", "filters": kinds}
        raw = self._request("GET", "/events?" + urlencode(query))
        return found.events(json.loads(line) for line in raw.splitlines() if line.strip())

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone already is no error."""
        try:
            self._request("DELETE", f"/containers/{quote(name)}?force=true&v=false")
        except EngineError as error:
            if error.status != 404:
                raise

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is gone or still used by somebody is left alone."""
        try:
            self._request("DELETE", f"/images/{quote(reference, safe='/:@')}")
        except EngineError as error:
            if error.status not in (404, 409):
                raise

    def tag(self, reference: str, new_reference: str) -> None:
        """Give an image a second name."""
        repository, _, tag = new_reference.rpartition(":")
        self._request(
            "POST",
            f"/images/{quote(reference, safe='/:@')}/tag?" + urlencode({"repo": repository, "tag": tag}),
        )

    def logs(self, name: str, lines: int) -> str:
        """Return the last ``lines`` lines that a container printed."""
        raw = self._request("GET", f"/containers/{quote(name)}/logs?stdout=1&stderr=1&tail={lines}")
        return demultiplex(raw)[-LOGGED_AT_ONCE:].decode("utf-8", "replace").strip()

    def load(self, archive: Path) -> str:
        """Load an image archive (tar, may be gzipped) from disk without holding it in memory."""
        with archive.open("rb") as stream:
            headers = {"Content-Type": "application/x-tar", "Content-Length": str(os.fstat(stream.fileno()).st_size)}
            return _progress(self._transfer("/images/load?quiet=1", headers, stream))

    def pull(self, reference: str, username: str = "", password: str = "") -> None:
        """Pull NAME@sha256:HEX from its registry; a login travels in a header of the socket, and nowhere else."""
        name, _, digest = reference.partition("@")
        query = urlencode({"fromImage": name, "tag": digest})
        login = json.dumps({"username": username, "password": password, "serveraddress": name.partition("/")[0]})
        headers = {"X-Registry-Auth": base64.urlsafe_b64encode(login.encode()).decode()} if username else {}
        _progress(self._transfer(f"/images/create?{query}", headers))

    def _optional(self, path: str) -> dict[str, Any] | None:
        try:
            return dict(self._json("GET", path))
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None, prefix: str | None = None) -> Any:
        return json.loads(self._request(method, path, body, prefix=prefix) or b"null")

    def _negotiated(self) -> str:
        """The API version to speak: the tested one where the engine still knows it, else its oldest or newest."""
        if self._prefix is None:
            answer = self._version()
            newest, oldest = _version(answer["ApiVersion"]), _version(answer.get("MinAPIVersion") or "1.24")
            chosen = min(max(TESTED_API, oldest), newest)
            self._prefix = "/v" + ".".join(str(part) for part in chosen)
        return self._prefix

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        prefix: str | None = None,
        more_seconds: float = 0.0,
    ) -> bytes:
        """Return the whole answer, which may take ``more_seconds`` than others."""
        prefix = self._negotiated() if prefix is None else prefix
        payload = None if body is None else json.dumps(body).encode()
        connection = _UnixConnection(self._socket_path, self._timeout + more_seconds, LARGEST_ANSWER)
        headers = {"Content-Type": "application/json"}
        return b"".join(self._answer(connection, method, prefix + path, payload, headers))

    def _transfer(self, path: str, headers: Mapping[str, str], stream: BinaryIO | None = None) -> Iterator[bytes]:
        """Yield the answer to a request that moves an image."""
        path = self._negotiated() + path
        seconds, silence = TRANSFER_SECONDS, TRANSFER_SILENCE_SECONDS
        connection = _UnixConnection(self._socket_path, seconds, LARGEST_TRANSFER, silence)
        return self._answer(connection, "POST", path, stream, {"Content-Type": "application/json", **headers})

    def _answer(
        self, connection: _UnixConnection, method: str, path: str, payload: Any, headers: Mapping[str, str]
    ) -> Iterator[bytes]:
        try:
            connection.request(method, path, body=payload, headers=headers)
            response = connection.getresponse()
            pieces = connection.pieces(response)
            if response.status >= 400:
                raise EngineError(response.status, _message(b"".join(pieces)))
            yield from pieces
        except wire.FAILURES as error:
            raise EngineError(0, f"the container engine at {self._socket_path} does not answer: {error}") from error
        finally:
            connection.close()


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])[:LONGEST_MESSAGE]
    except (ValueError, KeyError, TypeError, RecursionError):
        return content[:LONGEST_MESSAGE].decode("utf-8", "replace").strip()


def _progress(pieces: Iterable[bytes]) -> str:
    """Return what the engine said last while it worked; an error in between is raised: the status was 200."""
    errors: list[str] = []
    said, rest = "", b""
    for piece in itertools.chain(pieces, [b"\n"]):
        *lines, rest = (rest + piece).split(b"\n")
        for line in filter(bytes.strip, lines):
            message = json.loads(line)
            said = str(message.get("stream") or said).strip()
            errors += [str(message["error"])[:LONGEST_MESSAGE]] if "error" in message else []
    if errors:
        raise EngineError(500, "; ".join(errors[:5]))
    return said


def demultiplex(raw: bytes) -> bytes:
    """Return the text inside the engine's log stream: frames of 8 header bytes, the last 4 a big-endian length."""
    text, position = [], 0
    while position + 8 <= len(raw):
        length = int.from_bytes(raw[position + 4 : position + 8], "big")
        text.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(text)
