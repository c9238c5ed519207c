"""The controller's own engine: every architecture of an image under a name of its own."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.build import base_images
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.engine import ControllerEngine
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.errors import ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.recipe import Recipe
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.store import kept_name


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine answers, so that nothing is known of the controller's images: {error}")
    yield client
    client.close()


@pytest.fixture
def reference(engine: Any) -> Iterator[str]:
    name = f"robot-stack-test/{uuid.uuid4().hex[:12]}:1"
    yield name
    for image in engine.images.list():
        for tag in [tag for tag in image.tags if tag.startswith(name)]:
            engine.images.remove(tag)


def load(engine: Any, name: str, architecture: str) -> str:
    """Put an image of one small layer into the engine, as a pull would; return its id."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(f"{name.replace('/', '-')}-{architecture}"))
    content = layer.getvalue()
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]}
    config = json.dumps({"os": "linux", "architecture": architecture, "config": {}, "rootfs": rootfs}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for part, data in (("layer.tar", content), ("config.json", config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(part)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    engine.images.load(archive.getvalue())
    return f"sha256:{hashlib.sha256(config).hexdigest()}"


def test_a_mixed_fleet_has_each_architecture_without_fetching_one_name_back_and_forth(
    engine: Any, reference: str
) -> None:
    said: list[str] = []
    with ControllerEngine({}, said.append) as controller:
        arm = load(engine, reference, "arm64")
        assert controller.ready(reference, "arm64")["Id"] == arm
        intel = load(engine, reference, "amd64")  # a classic engine gives it the name
        for _ in range(2):
            assert controller.ready(reference, "amd64")["Id"] == intel
            assert controller.ready(reference, "arm64")["Id"] == arm
    assert said == [], "nothing was pulled"


def test_an_image_that_was_renewed_under_its_plain_name_is_the_one_that_robots_get(engine: Any, reference: str) -> None:
    with ControllerEngine({}, lambda _: None) as controller:
        old = load(engine, reference, "amd64")
        assert controller.ready(reference, "amd64")["Id"] == old
        newer = load(engine, f"{reference}-newer", "amd64")
        engine.images.get(newer).tag(*reference.rsplit(":", 1))
        assert controller.ready(reference, "amd64")["Id"] == newer
        assert engine.images.get(kept_name(reference, "amd64")).id == newer


class Builder:
    """An engine's client that builds and pulls at once, and notes what; a classic one: a digest is one image's."""

    def __init__(self) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.built: list[str] = []
        self.pulled: list[str] = []
        self.fails = ""  # what it says in the midst of a pull
        self.api = self.images = self

    def inspect_image(self, name: str) -> dict[str, Any]:
        if name not in self.named:
            raise docker.errors.ImageNotFound(name)
        found = self.named[name]
        names = [one for one, image in self.named.items() if image is found]
        digests = {
            "RepoDigests": [one for one in names if "@" in one],
            "RepoTags": [one for one in names if "@" not in one],
        }
        return {**digests, **found}

    def pull(self, name: str, platform: str, stream: bool, decode: bool) -> list[dict[str, Any]]:
        assert stream
        assert decode
        self.pulled.append(name)
        architecture = platform.partition("/")[2]
        if self.fails:
            return [{"status": "Pulling"}, {"errorDetail": {"message": self.fails}, "error": self.fails}]
        if "@" in name and name in self.named and self.named[name]["Architecture"] != architecture:
            return [{"status": "Pulling"}, {"error": f"cannot overwrite digest {name.partition('@')[2]}"}]
        self.hold(name, architecture, "1")
        return [{"status": "Pulling"}, {"status": "Status: Downloaded newer image"}]

    def remove_image(self, name: str) -> None:
        del self.named[name]

    def hold(self, name: str, architecture: str, version: str) -> None:
        layers = {"Layers": [f"{name} {version}"]}
        identity = f"{name} {architecture} {version}"
        self.named[name] = {"Id": identity, "Architecture": architecture, "RootFS": layers}

    def build(self, tag: str, buildargs: dict[str, str], labels: dict[str, str], **_: Any) -> None:
        bases = [base for name, base in buildargs.items() if name not in RUN_HERE]
        [architecture] = {self.named[base]["Architecture"] for base in bases} or {"amd64"}
        assert all(self.named[base]["Architecture"] == "amd64" for name, base in buildargs.items() if name in RUN_HERE)
        self.built.append(architecture)
        self.named[tag] = {"Id": f"{tag} {labels}", "Architecture": architecture, "Config": {"Labels": labels}}

    def tag(self, identity: str, repository: str, tag: str) -> None:
        self.named[f"{repository}:{tag}"] = next(i for i in self.named.values() if i["Id"] == identity)

    def version(self) -> dict[str, str]:
        return {"Arch": "amd64"}

    def close(self) -> None:
        """Nothing is open."""


SENSOR, ARCHITECTURES = "robot-stack/sensor-service:1", ["amd64", "arm64", "arm"]
RUN_HERE = {"PYTHON_IMAGE": "python:3.13-alpine3.23"}
BASES = {"BASE_IMAGE": "alpine:3.23", "TARGET_PYTHON_IMAGE": "python:3.13-alpine3.23"}


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder()
    monkeypatch.setattr(docker, "from_env", lambda **_: made)
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir(parents=True)
    (tmp_path / "src" / "main.py").write_text("1")
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    return tmp_path


def ready(project: Path, bases: Mapping[str, str] = BASES) -> list[str]:
    with ControllerEngine({SENSOR: Recipe(project, bases)}, lambda _: None) as controller:
        return [controller.ready(SENSOR, architecture)["Architecture"] for architecture in ARCHITECTURES]


def test_a_mixed_fleets_own_image_is_built_once_for_each_architecture(builder: Builder, project: Path) -> None:
    assert ready(project) == ready(project) == ready(project) == ARCHITECTURES
    assert builder.built == ARCHITECTURES
    assert sorted(builder.pulled) == sorted(
        base for architecture in ARCHITECTURES for base in base_images(BASES, architecture, "amd64").values()
    )
    assert builder.named[SENSOR]["Architecture"] == "amd64", "the plain name is this machine's own"


def test_a_changed_source_is_built_again(builder: Builder, project: Path) -> None:
    ready(project)
    (project / "src" / "main.py").write_text("2")
    ready(project)
    assert builder.built == ARCHITECTURES * 2


@pytest.mark.parametrize("base", base_images(BASES, "amd64", "amd64").values())
def test_a_renewed_base_image_is_built_upon_once(builder: Builder, project: Path, base: str) -> None:
    ready(project)
    builder.hold(base, "amd64", "with a security fix")
    ready(project)
    ready(project)
    assert builder.built == [*ARCHITECTURES, "amd64"]


def test_a_base_image_that_is_gone_is_fetched_only_to_build(builder: Builder, project: Path) -> None:
    ready(project)
    for base in base_images(BASES, "arm64", "amd64").values():
        del builder.named[base]
    builder.pulled.clear()
    ready(project)
    assert (builder.built, builder.pulled) == (ARCHITECTURES, [])
    (project / "src" / "main.py").write_text("2")
    ready(project)
    assert builder.pulled == list(base_images(BASES, "arm64", "amd64").values())


def test_somebody_elses_base_image_is_taken_for_the_architecture_that_is_built(builder: Builder, project: Path) -> None:
    bases = {"BASE": "registry.example.org/acme/base:2"}
    assert ready(project, bases) == ready(project, bases) == ARCHITECTURES
    assert builder.built == ARCHITECTURES
    assert builder.pulled == list(bases.values()) * len(ARCHITECTURES), "once for each"


def test_an_image_without_bases_is_built_for_its_own_architecture(builder: Builder, project: Path) -> None:
    with ControllerEngine({SENSOR: Recipe(project)}, lambda _: None) as controller:
        assert controller.ready(SENSOR, "amd64")["Id"] == controller.ready(SENSOR, "amd64")["Id"]
        with pytest.raises(ImageUnavailableError, match="must take its base images from build arguments"):
            controller.ready(SENSOR, "arm64")
    assert builder.built == ["amd64", "amd64"]


def test_a_folder_without_a_dockerfile_is_told(builder: Builder, tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    with ControllerEngine({SENSOR: recipe}, lambda _: None) as controller, pytest.raises(ImageUnavailableError):
        controller.ready(SENSOR, "amd64")


def test_a_controller_without_the_sdk_is_told_what_to_install_or_to_do_without() -> None:
    program = (
        "import sys; sys.modules['docker'] = None; "
        "from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.engine import ControllerEngine; "
        "ControllerEngine({}, print)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install docker, or deliver otherwise (robot_stack_image_delivery: archive, or pull)" in done.stderr
