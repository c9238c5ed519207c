"""What is pulled by a digest is that image, whatever its tag says in the registry meanwhile."""

from __future__ import annotations

import json
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
import waiting
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Recipe, store
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.engine import ControllerEngine
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.errors import ImageUnavailableError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Robot
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.needed_images import NeededImages
from declarations import PROJECT
from images.test_controller_engine import (
    ARCHITECTURES,
    BASES,
    RUN_HERE,
    SENSOR,
    Builder,
    builder,
    engine,
    load,
    project,
)

__all__ = ["builder", "engine", "project"]

HEX = "ab" * 32


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine's loopback."""
    folder = tmp_path_factory.mktemp("registry")
    program = subprocess.run([PROJECT / "testbed" / "registry"], capture_output=True, text=True, check=True).stdout
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
        "log": {"level": "warn"},
    }
    (folder / "settings.yml").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([program.strip(), "serve", folder / "settings.yml"], stdout=log, stderr=log)
    try:
        yield address
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture
def reference(registry: str, engine: Any) -> Iterator[str]:
    name = f"{registry}/robots/{uuid.uuid4().hex[:12]}:1"
    yield name
    forget(engine, name)


def forget(engine: Any, reference: str) -> None:
    repository = reference.rpartition(":")[0]
    for image in engine.images.list():
        names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
        for name in [name for name in names if name.startswith(repository)]:
            with suppress(docker.errors.ImageNotFound):  # a digest goes with the last tag
                engine.images.remove(name, force=True)


def pushed(engine: Any, reference: str, content: str) -> str:
    """Push an image under a name; return the digest by which the registry knows it."""
    name = f"robot-stack-test/{content}-{uuid.uuid4().hex[:8]}:1"
    identity = load(engine, name, "amd64")
    repository, tag = reference.rsplit(":", 1)
    engine.images.get(identity).tag(repository, tag)

    def digest() -> str:
        lines = engine.images.push(repository, tag, stream=True, decode=True)
        return next((str(line["aux"]["Digest"]) for line in lines if "Digest" in (line.get("aux") or {})), "")

    found = waiting.until(digest, f"the registry takes {reference}")  # it may not be up yet
    engine.images.remove(name)
    forget(engine, reference)
    return str(found)


def test_a_tag_that_was_moved_is_not_followed(engine: Any, reference: str) -> None:
    honest = pushed(engine, reference, "honest")
    moved = pushed(engine, reference, "moved")
    assert honest != moved
    said: list[str] = []
    with ControllerEngine({}, said.append, {reference: honest}) as controller:
        found = controller.ready(reference, "amd64")
    assert f"{reference.rpartition(':')[0]}@{honest}" in found["RepoDigests"]
    assert engine.images.get(reference).id == found["Id"]
    assert said == [f"pulling {reference} for amd64, as {reference.rpartition(':')[0]}@{honest}"]
    forget(engine, reference)
    # Without a digest it is followed, and the run says that it has none.
    with ControllerEngine({}, said.append) as controller:
        assert moved in str(controller.ready(reference, "amd64")["RepoDigests"])
    assert said[1].endswith("by its tag, for which robot_stack_image_digests has no digest")


def test_what_was_pulled_by_its_tag_before_is_replaced(engine: Any, reference: str) -> None:
    honest = pushed(engine, reference, "honest")
    moved = pushed(engine, reference, "moved")
    with ControllerEngine({}, lambda _: None) as controller:
        assert moved in str(controller.ready(reference, "amd64")["RepoDigests"])
    with ControllerEngine({}, lambda _: None, {reference: honest}) as controller:
        assert honest in str(controller.ready(reference, "amd64")["RepoDigests"])


def test_a_digest_that_the_registry_does_not_have_is_refused(engine: Any, reference: str) -> None:
    pushed(engine, reference, "honest")
    with (
        ControllerEngine({}, lambda _: None, {reference: f"sha256:{HEX}"}) as controller,
        pytest.raises(ImageUnavailableError, match=f"cannot be pulled .as .*@sha256:{HEX}"),
    ):
        controller.ready(reference, "amd64")


def test_an_image_that_came_from_no_registry_is_used(engine: Any, reference: str) -> None:
    here = load(engine, reference, "amd64")
    with ControllerEngine({}, lambda _: None, {reference: f"sha256:{HEX}"}) as controller:
        assert controller.ready(reference, "amd64")["Id"] == here


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_base_images_of_every_architecture_are_pulled_by_one_digest(
    builder: Builder, project: Path, architecture: str
) -> None:
    digests = dict.fromkeys(BASES.values(), f"sha256:{HEX}")
    with ControllerEngine({SENSOR: Recipe(project, BASES)}, lambda _: None, digests) as controller:
        controller.ready(SENSOR, architecture)
    assert sorted(builder.pulled) == [f"alpine@sha256:{HEX}", f"python@sha256:{HEX}"]
    assert builder.built == [architecture]


@pytest.mark.parametrize("reference", ["acme/thing:1", "alpine:3.23"])
def test_one_digest_brings_every_architecture_to_an_engine_that_gives_it_to_one_image(
    builder: Builder, reference: str
) -> None:
    repository = reference.partition(":")[0]
    for number in "ab":
        builder.pulled.clear()
        digest = f"sha256:{number * 64}"
        with ControllerEngine({}, lambda _: None, {reference: digest}) as controller:
            for _ in range(2):
                for architecture in ARCHITECTURES:
                    assert controller.ready(reference, architecture)["Architecture"] == architecture
        assert builder.pulled == [f"{repository}@{digest}"] * len(ARCHITECTURES), "once for each, and anew for another"


def test_base_images_of_all_architectures_come_by_one_digest(builder: Builder, project: Path) -> None:
    with ControllerEngine(
        {SENSOR: Recipe(project, BASES)}, lambda _: None, dict.fromkeys(BASES.values(), f"sha256:{HEX}")
    ) as controller:
        for _ in range(2):
            for architecture in ARCHITECTURES:
                controller.ready(SENSOR, architecture)
    assert builder.built == ARCHITECTURES
    assert len(builder.pulled) == len(ARCHITECTURES) * len(BASES)


def test_what_runs_while_building_is_pulled_by_its_digest_for_this_machine(builder: Builder, project: Path) -> None:
    """And built upon anew with another one; without a digest nothing of it is looked at, as before."""
    base = RUN_HERE["PYTHON_IMAGE"]
    built = {}
    for what, recipe in (("without", Recipe(project, BASES)), ("with", Recipe(project, BASES, RUN_HERE))):
        with ControllerEngine({SENSOR: recipe}, lambda _: None) as controller:
            built[what] = controller.ready(SENSOR, "arm64")["Config"]["Labels"]
    assert built["with"] == built["without"]
    assert builder.built == ["arm64"]
    assert base not in builder.named

    (project / "src" / "main.py").write_text("2")
    for number, times in (("a", 2), ("b", 3)):
        digests = {base: f"sha256:{number * 64}"}
        with ControllerEngine({SENSOR: Recipe(project, BASES, RUN_HERE)}, lambda _: None, digests) as controller:
            for _ in range(2):
                controller.ready(SENSOR, "arm64")
        assert builder.named[base]["Architecture"] == "amd64"
        assert builder.named[base]["Id"].startswith(f"python@{digests[base]}")
        assert builder.built == ["arm64"] * times


def test_what_the_engine_says_in_the_midst_of_a_pull_is_told(builder: Builder) -> None:
    builder.hold("acme/thing:1", "amd64", "old")
    builder.fails = "write /var/lib/docker/tmp/x: no space left on device"
    with (
        ControllerEngine({}, lambda _: None) as controller,
        pytest.raises(ImageUnavailableError, match=r"for arm64 cannot be pulled .*no space left on device"),
    ):
        controller.ready("acme/thing:1", "arm64")


def test_a_base_image_of_another_digest_is_pulled_anew_and_the_image_is_built_on_it(
    builder: Builder, project: Path
) -> None:
    recipes = {SENSOR: Recipe(project, BASES)}
    for base in BASES.values():
        builder.hold(base, "amd64", "old")
        builder.named[base]["RepoDigests"] = [f"{base.partition(':')[0]}@sha256:{'0' * 64}"]
    with ControllerEngine(recipes, lambda _: None) as controller:
        controller.ready(SENSOR, "amd64")
    assert (builder.pulled, builder.built) == ([], ["amd64"])
    with ControllerEngine(recipes, lambda _: None, {"alpine:3.23": f"sha256:{HEX}"}) as controller:
        controller.ready(SENSOR, "amd64")
    assert builder.pulled == [f"alpine@sha256:{HEX}"]
    assert builder.built == ["amd64", "amd64"]


def test_the_digest_is_looked_up_by_the_usual_name() -> None:
    digests = {"alpine:3.23": "sha256:1", "acme/thing:1": "sha256:2"}
    assert store.pinned("arm64v8/alpine:3.23", digests) == "alpine@sha256:1"
    assert store.pinned("acme/thing:1", digests) == "acme/thing@sha256:2"
    assert store.pinned("acme/alpine:3.23", digests) == ""
    assert store.pinned("victoriametrics/vmagent:v1", digests) == ""


def test_the_digests_of_ones_own_registry_are_not_those_by_which_this_machine_pulls() -> None:
    """Who builds for robots that pull (playbooks/images.yml) pushes to that registry: it cannot be asked before."""

    def robot(name: str, registry: str, digest: str) -> Robot:
        values = {"robot_stack_image_delivery": "push", "robot_stack_registry": registry}
        return Robot(name, {**values, "robot_stack_image_digests": {"acme/thing:1": digest}})

    images = NeededImages()
    assert images.add(robot("pulls", "registry.example.org:5000/fleet", f"sha256:{HEX}"), []) == []
    assert images.digests == {}
    assert images.add(robot("is sent", "", f"sha256:{'0' * 64}"), []) == []
    assert images.add(robot("pulls, too", "registry.example.org:5000/fleet", f"sha256:{HEX}"), []) == []
    assert images.digests == {"acme/thing:1": f"sha256:{'0' * 64}"}
    pulled = {"RepoDigests": [f"acme/thing@sha256:{'0' * 64}"]}
    assert store.fits(pulled, "acme/thing:1", images.digests)


def test_digests_that_cannot_be_or_differ_are_refused() -> None:
    def robot(name: str, **digests: str) -> Robot:
        values = {"robot_stack_image_delivery": "push", "robot_stack_image_digests": {"alpine:3.23": digests["alpine"]}}
        return Robot(name, values)

    images = NeededImages()
    assert images.add(robot("one", alpine=f"sha256:{HEX}"), []) == []
    (other,) = images.add(robot("two", alpine=f"sha256:{'0' * 64}"), [])
    (odd,) = images.add(robot("three", alpine="latest"), [])
    assert "another digest for another robot" in str(other)
    assert "not sha256:HEX" in str(odd)
    assert images.digests == {"alpine:3.23": f"sha256:{HEX}"}
