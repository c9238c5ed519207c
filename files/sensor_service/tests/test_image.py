"""The image: built by the classic builder and through the API, hardened, and for ARM without emulation."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from files.sensor_service.tests.conftest import HERE
from files.sensor_service.tests.service import series
from files.sensor_service.tests.test_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.images import Image

pytestmark = pytest.mark.docker
CONTEXT = HERE.parent
PYTHON = "python:3.13-alpine3.23"
ALPINE = "alpine:3.23"
TARGET_MIB = 40
KEPT = ("local/lib/python3.13/encodings/", "local/lib/python3.13/lib-dynload/")


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerClient]:
    docker = pytest.importorskip("docker", reason="the docker SDK is not installed: nothing is known of the image")
    try:
        client: DockerClient = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine answers, so that nothing is known of the image: {error}")
    for name in (PYTHON, ALPINE):
        try:
            client.images.get(name)
        except docker.errors.ImageNotFound:
            pytest.skip(f"the engine does not have {name}, so that nothing is known of the image")
    yield client
    client.close()


@pytest.fixture(scope="module")
def tag(engine: DockerClient) -> Iterator[str]:
    """A name of this run's own, so that nobody's image is replaced; what was made under it is removed."""
    name = f"robot-stack-test/{uuid.uuid4().hex[:12]}"
    yield name
    for image in engine.images.list():
        for own in [entry for entry in image.tags if entry.startswith(name)]:
            engine.images.remove(own)
    # stages without a name, which the classic builder leaves behind
    for stage in engine.images.list(filters={"label": f"robot-stack.source={name}", "dangling": True}):
        engine.images.remove(str(stage.id))


@pytest.fixture(scope="module")
def image(engine: DockerClient, tag: str) -> Image:
    built, _ = engine.images.build(
        path=str(CONTEXT), tag=f"{tag}:native", buildargs={"SOURCE": tag}, network_mode="none", rm=True
    )
    return built


def test_the_image_is_small_and_says_what_it_is_made_of(image: Image, tag: str) -> None:
    assert image.attrs["Size"] < TARGET_MIB * 1024 * 1024
    assert image.labels["robot-stack.source"] == tag
    config = image.attrs["Config"]
    assert config["User"] == "70100:70100"
    assert not config.get("Healthcheck")


def test_equal_sources_make_equal_layers(engine: DockerClient, image: Image, tag: str) -> None:
    again, _ = engine.images.build(
        path=str(CONTEXT), tag=f"{tag}:again", buildargs={"SOURCE": tag}, network_mode="none", nocache=True, rm=True
    )
    assert again.attrs["RootFS"]["Layers"] == image.attrs["RootFS"]["Layers"]


def test_it_serves_read_only_without_capabilities_in_32_mib(
    engine: DockerClient, image: Image, raspberry_pi: Path
) -> None:
    port = free_port()
    raspberry_pi.chmod(0o755)
    for parent in raspberry_pi.parents[:2]:
        parent.chmod(0o755)
    container = engine.containers.run(
        image,
        detach=True,
        network_mode="host",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit="32m",
        memswap_limit="32m",
        pids_limit=32,
        environment={
            "SENSOR_SERVICE_LISTEN_ADDRESS": f"127.0.0.1:{port}",
            "SENSOR_SERVICE_FILESYSTEMS": "/=/host/fs/0",
            "SENSOR_SERVICE_SIMULATED": "true",
        },
        volumes={
            str(raspberry_pi / "proc"): {"bind": "/host/proc", "mode": "ro"},
            str(raspberry_pi / "sys"): {"bind": "/host/sys", "mode": "ro"},
            "/": {"bind": "/host/fs/0", "mode": "ro"},
        },
    )
    try:
        for _ in range(100):
            try:
                urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except URLError:
                time.sleep(0.1)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            found = series(answer.read().decode())
        failed = [name for name, value in found.items() if name.startswith("sensor_collector_success") and value != 1]
        assert failed == [], container.logs().decode()
        assert found['node_thermal_zone_temp{zone="0",type="cpu-thermal"}'] == 48.686
        assert found["process_resident_memory_bytes"] < 16 * 1024 * 1024
        begun = time.monotonic()
        container.stop(timeout=10)
        assert time.monotonic() - begun < 3
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0
    finally:
        container.remove(force=True)


def foreign_elf(machine: int) -> bytes:
    """Returns the head of a program for another processor: whoever runs it gets "exec format error"."""
    bits = 1 if machine == 40 else 2
    return b"\x7fELF" + bytes([bits, 1, 1, 0]) + bytes(8) + struct.pack("<HHI", 3, machine, 1) + bytes(44)


def tree_of(engine: DockerClient, program: bytes) -> bytes:
    """Returns a tar of a CPython image's /usr/local for another processor: every program in it is `program`."""
    container = engine.containers.create(PYTHON, ["true"])
    try:
        stream, _ = container.get_archive("/usr/local")
        whole = io.BytesIO(b"".join(stream))
    finally:
        container.remove()
    made = io.BytesIO()
    with tarfile.open(fileobj=whole) as original, tarfile.open(fileobj=made, mode="w") as target:
        for member in original.getmembers():
            if member.name.count("/") > 3 and not member.name.startswith(KEPT):
                continue  # packages that the service does not load would only make this slow
            source = original.extractfile(member) if member.isfile() else None
            content = source.read() if source else None
            if content and content.startswith(b"\x7fELF"):
                content = program
                member.size = len(content)
            member.name = f"usr/{member.name}"
            target.addfile(member, io.BytesIO(content) if content is not None else None)
        shell = tarfile.TarInfo("bin/sh")
        shell.size, shell.mode = len(program), 0o755
        target.addfile(shell, io.BytesIO(program))
    return made.getvalue()


def load_image(engine: DockerClient, tree: bytes, name: str, architecture: str) -> None:
    """Puts an image of one layer, for another processor, into the engine."""
    layer = hashlib.sha256(tree).hexdigest()
    config = {"os": "linux", "architecture": architecture, "config": {}}
    config |= {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    parts = {
        "layer.tar": tree,
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for part, content in parts.items():
            entry = tarfile.TarInfo(part)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    engine.images.load(archive.getvalue())


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", 183), ("arm", 40)])
def test_it_builds_for_arm_without_running_anything_of_the_target(
    engine: DockerClient, tag: str, architecture: str, machine: int
) -> None:
    program = foreign_elf(machine)
    stand_in = f"{tag}:stand-in-{architecture}"
    load_image(engine, tree_of(engine, program), stand_in, architecture)
    built, _ = engine.images.build(
        path=str(CONTEXT),
        tag=f"{tag}:{architecture}",
        buildargs={"BASE_IMAGE": stand_in, "TARGET_PYTHON_IMAGE": stand_in, "SOURCE": tag},
        network_mode="none",
        rm=True,
    )
    assert built.attrs["Architecture"] == architecture
    container = engine.containers.create(f"{tag}:{architecture}", ["true"])
    try:
        stream, _ = container.get_archive("/usr/local/bin/python3.13")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            interpreter = tar.extractfile("python3.13")
            assert interpreter is not None
            assert interpreter.read() == program, "the interpreter is the target's"
        stream, _ = container.get_archive("/app")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            assert "app/sensor_service/server.pyc" in tar.getnames()
    finally:
        container.remove()
