"""The images on the controller: built or pulled once, archived once, told apart by a digest that engines agree on.

Everything here runs on the controller only, where the `docker` SDK is at hand. A lock keeps parallel workers from
building or compressing the same image twice.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

SENSOR_REPOSITORY = "robot-stack/sensor-service"
SOURCE_LABEL = "robot-stack.source"
IGNORED = ("tests", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
# Docker Hub keeps the official images of each architecture under a name of its own as well.
REGISTRY_PREFIXES = {"amd64": "amd64", "arm64": "arm64v8", "arm": "arm32v7"}
SETTINGS = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels")
GZIP_LEVEL = 6


class ImageUnavailableError(RuntimeError):
    """An image cannot be had; the message says which, why, and what to do."""


class Images:
    """The controller's engine, and a folder for archives."""

    def __init__(self, project: Path, cache: Path, say: Callable[[str], None]) -> None:
        """``project`` holds files/sensor_service; ``say`` tells a person about long work."""
        self._project = project
        self._cache = cache
        self._say = say

    def fingerprints(self, wanted: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
        """Have every image ready; return reference -> architecture -> digest."""
        self._cache.mkdir(parents=True, exist_ok=True)
        with self._lock():
            client = self._client()
            try:
                return {
                    reference: {arch: fingerprint(self._ready(client, reference, arch)) for arch in sorted(set(archs))}
                    for reference, archs in sorted(wanted.items())
                }
            finally:
                client.close()

    def archive(self, reference: str, architecture: str) -> tuple[Path, str]:
        """Return a gzipped archive of an image, made once, and its digest."""
        with self._lock():
            client = self._client()
            try:
                inspected = self._ready(client, reference, architecture)
                name = fingerprint(inspected).split(":")[1][:24]
                path = self._cache / f"{name}.tar.gz"
                if not path.exists():
                    self._say(f"compressing {reference} for {architecture}, once")
                    self._save(client, reference, path)
                return path, _file_digest(path)
            finally:
                client.close()

    def _client(self) -> Any:
        try:
            return docker.from_env(timeout=600)
        except DockerException as error:
            raise ImageUnavailableError(
                f"no container engine answers on this machine ({error}); the controller needs one to build and "
                "send images: run testbed/engine, or start Docker"
            ) from error

    def _ready(self, client: Any, reference: str, architecture: str) -> dict[str, Any]:
        if reference.rpartition(":")[0] == SENSOR_REPOSITORY:
            return self._built(client, reference, architecture)
        found = _inspect(client, reference)
        if found is None or found["Architecture"] != architecture:
            self._say(f"pulling {reference} for {architecture}")
            try:
                client.images.pull(reference, platform=f"linux/{architecture}")
            except (APIError, ImageNotFound) as error:
                raise ImageUnavailableError(f"{reference} for {architecture} cannot be pulled: {error}") from error
            found = _inspect(client, reference)
        if found is None or found["Architecture"] != architecture:
            raise ImageUnavailableError(f"{reference} is not to be had for {architecture}")
        return found

    def _built(self, client: Any, reference: str, architecture: str) -> dict[str, Any]:
        context = self._project / "files" / "sensor_service"
        source = source_digest(context)
        found = _inspect(client, reference)
        labels = ((found or {}).get("Config") or {}).get("Labels") or {}
        if found and labels.get(SOURCE_LABEL) == source and found["Architecture"] == architecture:
            return found
        self._say(f"building {reference} for {architecture}")
        try:
            client.images.build(
                path=str(context),
                tag=reference,
                buildargs=_target(client, architecture),
                labels={SOURCE_LABEL: source},
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            log = "".join(str(line.get("stream", "")) for line in error.build_log)[-2000:]
            raise ImageUnavailableError(f"{reference} cannot be built: {error}\n{log}") from error
        except APIError as error:
            raise ImageUnavailableError(f"{reference} cannot be built: {error}") from error
        built = _inspect(client, reference)
        if built is None or built["Architecture"] != architecture:
            raise ImageUnavailableError(f"{reference} was not built for {architecture}")
        return built

    def _save(self, client: Any, reference: str, path: Path) -> None:
        partial = path.with_suffix(".partial")
        with partial.open("wb") as raw, gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed:
            for chunk in client.images.get(reference).save(named=True):
                packed.write(chunk)
        partial.replace(path)
        for other in sorted(self._cache.glob("*.tar.gz"), key=lambda p: p.stat().st_mtime)[:-8]:
            other.unlink()  # eight archives are four services in two versions

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._cache / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _target(client: Any, architecture: str) -> dict[str, str]:
    """Return the build arguments that name another architecture's base images; nothing of it runs while building."""
    if client.version()["Arch"] == architecture:
        return {}
    prefix = REGISTRY_PREFIXES[architecture]
    return {
        "BASE_IMAGE": f"{prefix}/alpine:3.23",
        "TARGET_PYTHON_IMAGE": f"{prefix}/python:3.13-alpine3.23",
    }


def _inspect(client: Any, reference: str) -> dict[str, Any] | None:
    try:
        return dict(client.api.inspect_image(reference))
    except ImageNotFound:
        return None


def fingerprint(inspected: Mapping[str, Any]) -> str:
    """Return the digest that module_utils/robot_stack/image.py computes on the robot; a test keeps the two equal."""
    config = inspected.get("Config") or {}
    essence = {
        "layers": (inspected.get("RootFS") or {}).get("Layers") or [],
        "platform": [inspected.get("Os"), inspected.get("Architecture")],
        "settings": {key: config.get(key) or None for key in SETTINGS},
    }
    return "sha256:" + hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()


def source_digest(context: Path) -> str:
    """Return a digest over every file that goes into the image; tests and caches do not."""
    digest = hashlib.sha256()
    for path in sorted(context.rglob("*")):
        relative = path.relative_to(context)
        if path.is_file() and not any(part in IGNORED for part in relative.parts) and path.suffix != ".pyc":
            digest.update(f"{relative}\0{path.stat().st_mode & 0o111}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()
