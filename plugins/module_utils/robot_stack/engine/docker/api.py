"""A small client of the Docker Engine API over its Unix socket, for what this project needs and no more.

Source of the calls: https://docs.docker.com/reference/api/engine/ (1.41 and later; Podman serves the same paths).
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from ...base import wire
from .. import kept
from ..fields import clean, parts, text, texts
from ..protocol import Driver, EngineError, EngineInfo, Event, FoundContainer, FoundImage
from . import found
from .driver import DOCKER

TESTED_API = (1, 41)
# A slow memory card writes an image for minutes, and the engine says nothing meanwhile; a slow network takes hours.
TRANSFER_SECONDS, TRANSFER_SILENCE_SECONDS = 4 * 3600.0, 900.0
# An inspected container has some 10 KiB; it is containers who choose what is in logs, and an image its size.
LARGEST_ANSWER, LARGEST_TRANSFER = 8 << 20, 64 << 20
LONGEST_MESSAGE = 2000
LOST_RACE, STARTS = "unable to apply cgroup configuration", 3
LONGEST_LINE, MOST_ERRORS = 1 << 20, 5  # of what the engine says while it works
DOCKER_HUB = "https://index.docker.io/v1/"  # under which its logins are filed; containerd's store compares it
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


def _version(said: str) -> tuple[int, ...]:
    """Return an API version as numbers. Raises `EngineError`."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", said):
        raise EngineError(0, f"the container engine says that its API is of version {said[:40]!r}")
    return tuple(int(number) for number in said.split("."))


class DockerEngine:
    """One engine behind one socket; see `protocol.Engine`. Every method raises `EngineError`."""

    def __init__(self, socket_path: str, timeout: float = 120.0, driver: Driver = DOCKER) -> None:
        """Remember where the engine listens; nothing is sent before the first call."""
        self._socket_path = socket_path
        self._timeout = timeout
        self._driver = driver
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
        return self._driver

    def _version(self) -> dict[str, Any]:
        """Return the engine's answer to /version, which needs no API version."""
        return _object(self._json("GET", "/version", prefix=""))

    def info(self) -> EngineInfo:
        """Return what the engine says of itself."""
        return found.info(_object(self._json("GET", "/info")), self._version())

    def containers(self) -> list[FoundContainer]:
        """Return all containers, running or not, with no more than id, name and service."""
        query = urlencode({"all": "true"})
        return [found.listed(entry) for entry in _objects(self._json("GET", f"/containers/json?{query}"))]

    def owned(self) -> list[FoundContainer]:
        """Return the containers that bear our label."""
        inspected = [self.inspect(listed.id) for listed in self.containers() if listed.service]
        return [one for one in inspected if one]  # one may have gone between the two calls

    def inspect(self, name: str) -> FoundContainer | None:
        """Return one container, None where there is none."""
        raw = self._optional(f"/containers/{quote(name)}/json")
        return None if raw is None else found.container(raw)

    def image(self, reference: str) -> FoundImage | None:
        """Return one image, None where there is none."""
        raw = self._optional(f"/images/{quote(reference, safe='/:@')}/json")
        return None if raw is None else found.image(raw)

    def image_id(self, reference: str) -> str:
        """Return the id of the image of this reference or id, "" where there is none."""
        found_image = self.image(reference)
        return found_image.id if found_image else ""

    def image_ids(self) -> list[str]:
        """Return the ids of all images, with and without names."""
        return list(filter(None, (text(listed, "Id") for listed in _objects(self._json("GET", "/images/json")))))

    def external(self) -> list[str]:
        """Return nothing: its store is its own."""
        return []

    def image_names(self) -> list[str]:
        """Return the names of all images; 20.10 tells of one without as NAMELESS."""
        names = [name for listed in _objects(self._json("GET", "/images/json")) for name in texts(listed, "RepoTags")]
        return [name for name in names if name != found.NAMELESS and not kept.is_one(name)]

    def kept_images(self) -> list[str]:
        """Return the ids of the images that bear a name by which this project keeps them."""
        listed = _objects(self._json("GET", "/images/json"))
        return [text(one, "Id") for one in listed if any(map(kept.is_one, texts(one, "RepoTags")))]

    def volumes(self) -> list[str]:
        """Return the names of all volumes, with and without a container."""
        listed = parts(_object(self._json("GET", "/volumes")), "Volumes")
        return list(filter(None, (text(volume, "Name") for volume in listed)))

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Create a container."""
        self._json("POST", "/containers/create?" + urlencode({"name": name}), body)

    def start(self, name: str) -> None:
        """Start a container; one that runs already is left alone.

        On cgroup v1 systemd may remove a slice's empty folder of one controller just as runc makes the container's
        below it (seen with systemd 252 and runc 1.1). Nothing has run then, and the next time the folder is there.
        """
        for again in range(STARTS, 0, -1):
            try:
                self._request("POST", f"/containers/{quote(name)}/start")
            except EngineError as error:
                if again == 1 or LOST_RACE not in str(error):
                    raise
            else:
                return

    def resume(self, name: str) -> None:
        """Let a paused container run on."""
        self._request("POST", f"/containers/{quote(name)}/unpause")

    def start_promptly(self, name: str) -> None:
        """Do nothing: what has run for ten seconds Docker starts at once again."""

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
        return found.events(_object(_parsed(line)) for line in raw.splitlines() if line.strip())

    def remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone already is no error."""
        try:
            self._request("DELETE", f"/containers/{quote(name)}?force=true&v=false")
        except EngineError as error:
            if error.status != 404:
                raise

    def remove_image(self, reference: str) -> None:
        """Remove an image, or one of its names; one that is gone or still used by somebody is left alone.

        By its id it goes only where nobody has given it a name.
        """
        found_image = self.image(reference)
        if found_image is None:
            return
        if found_image.kept:
            self._remove_image(kept.name_of(found_image.id))
        if not (reference == found_image.id and found_image.names):
            self._remove_image(reference)

    def _remove_image(self, reference: str) -> None:
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

    def logs(self, name: str, lines: int, since: float = 0.0, until: float = 0.0) -> str:
        """Return the last ``lines`` lines that a container printed, between two times in seconds since 1970.

        A time that is 0 bounds nothing.
        """
        times = {key: f"{value:.6f}" for key, value in (("since", since), ("until", until)) if value > 0}
        wanted = urlencode({"stdout": 1, "stderr": 1, "tail": lines, **times})
        raw = self._request("GET", f"/containers/{quote(name)}/logs?{wanted}")
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
        login = json.dumps({"username": username, "password": password, "serveraddress": _server(name)})
        headers = {"X-Registry-Auth": base64.urlsafe_b64encode(login.encode()).decode()} if username else {}
        _progress(self._transfer(f"/images/create?{query}", headers))

    def _optional(self, path: str) -> dict[str, Any] | None:
        try:
            return _object(self._json("GET", path))
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None, prefix: str | None = None) -> Any:
        return _parsed(self._request(method, path, body, prefix=prefix) or b"null")

    def _negotiated(self) -> str:
        """The API version to speak: the tested one where the engine still knows it, else its oldest or newest."""
        if self._prefix is None:
            answer = self._version()
            newest, oldest = _version(text(answer, "ApiVersion")), _version(text(answer, "MinAPIVersion") or "1.24")
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


def _server(name: str) -> str:
    """Return whose login it is that an image's ``name`` needs: the first part is a registry if it looks like a host."""
    first, slash, _ = name.partition("/")
    host = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    return DOCKER_HUB if host in ("docker.io", "index.docker.io") else host


def _parsed(content: bytes) -> Any:
    """Return what JSON says. Raises `EngineError`."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EngineError(0, f"the container engine's answer is no JSON: {error}") from error


def _object(raw: Any) -> dict[str, Any]:
    """Return a JSON object. Raises `EngineError` where it is something else."""
    if not isinstance(raw, dict):
        raise EngineError(0, f"the container engine answered with {_kind(raw)} where an object was asked for")
    return raw


def _objects(raw: Any) -> list[dict[str, Any]]:
    """Return a list of JSON objects. Raises `EngineError` where it is something else."""
    if not isinstance(raw, list):
        raise EngineError(0, f"the container engine answered with {_kind(raw)} where a list was asked for")
    return [_object(entry) for entry in raw]


def _kind(raw: Any) -> str:
    return "nothing" if raw is None else f"a {type(raw).__name__}"


def _message(content: bytes) -> str:
    try:
        return clean(str(json.loads(content)["message"])[:LONGEST_MESSAGE])
    except (ValueError, KeyError, TypeError, RecursionError):
        return content[:LONGEST_MESSAGE].decode("utf-8", "replace").strip()


def _progress(pieces: Iterable[bytes]) -> str:
    """Return what the engine said last while it worked; an error in between is raised: the status was 200."""
    errors: list[str] = []
    said, rest = "", b""
    for piece in itertools.chain(pieces, [b"\n"]):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise EngineError(0, "the container engine's answer has a line without end")
        for line in filter(bytes.strip, lines):
            message = _object(_parsed(line))
            said = (text(message, "stream") or said).strip()
            if "error" in message and len(errors) < MOST_ERRORS:
                errors.append(clean(str(message["error"])[:LONGEST_MESSAGE]))
    if errors:
        raise EngineError(500, "; ".join(errors))
    return said


def demultiplex(raw: bytes) -> bytes:
    """Return the text inside the engine's log stream: frames of 8 header bytes, the last 4 a big-endian length."""
    inner, position = [], 0
    while position + 8 <= len(raw):
        length = int.from_bytes(raw[position + 4 : position + 8], "big")
        inner.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(inner)
