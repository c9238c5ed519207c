"""An image that has lost its name to a newer one and is still needed survives anybody's `image prune`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.apply import ServiceFailedError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import image, kept
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_engine import FakeEngine
from robot_stack.fake_podman import FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import IMAGE, Robot, service, write
from robot_stack.test_engine_store import leave_docker, leave_podman
from robot_stack.test_rollback import rollout

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
REFERENCE = "sensor_service:1"
OURS = "robot-stack/kept"


def version(number: int) -> dict[str, Any]:
    """Return the image of a version, as an engine tells of it, with a whole id."""
    layers = ["sha256:a", f"sha256:{number}"]
    return {**IMAGE, "Id": f"sha256:{str(number) * 64}", "RootFS": {"Layers": layers}}


def declared(number: int, **more: Any) -> dict[str, Any]:
    """Return the sensor service of a version: each is built under the same name."""
    fingerprints = {"amd64": image.fingerprint(version(number))}
    return {**service(**more), "image": {"reference": REFERENCE, "fingerprints": fingerprints}}


@dataclass
class Machine:
    """A robot with one of the engines; numbers stand for versions."""

    kind: str
    robot: Robot
    operator: Operator
    docker: FakeEngine
    podman: FakePodman

    def offer(self, number: int) -> None:
        """Have the controller send this version."""
        raw = version(number)
        self.docker.brings = raw
        self.podman.brings = {**raw, "Id": raw["Id"].partition(":")[2]}

    def deploy(self, number: int, **more: Any) -> dict[str, Any]:
        self.offer(number)
        return rollout(self.operator, declared(number, **more))

    def prune(self) -> None:
        """Do what `image prune -f` does, by somebody's cron or by podman-auto-update at each boot."""
        (self.docker if self.kind == "docker" else self.podman).prune()

    @property
    def failing(self) -> str:
        """A word; a container whose request holds it ends as soon as it is started."""
        return self.podman.failing

    @failing.setter
    def failing(self, word: str) -> None:
        self.docker.failing = self.podman.failing = word

    @property
    def images(self) -> dict[int, set[str]]:
        """The names of each version that is here, as its engine tells them."""
        found: dict[int, set[str]] = {}
        if self.kind == "docker":
            for name, raw in self.docker.images.items():
                found.setdefault(int(raw["Id"][-1]), set()).update({name} - {raw["Id"]})
            return found
        return {int(identity[-1]): set(raw["RepoTags"]) for identity, raw in self.podman.images.items()}

    def named(self, number: int) -> str:
        """Return the name by which a version is kept."""
        name = f"{OURS}:{str(number) * 12}"
        return name if self.kind == "docker" else f"localhost/{name}"

    @property
    def reference(self) -> str:
        return REFERENCE if self.kind == "docker" else f"localhost/{REFERENCE}"

    def know(self, **change: Any) -> None:
        """Change what the robot remembers."""
        root = self.robot.root / ROOT
        state.save(replace(state.load(root), **change), root)


@pytest.fixture(params=["docker", "podman"])
def machine(request: pytest.FixtureRequest, robot: Robot, fake: FakeEngine, podman: FakePodman) -> Machine:
    operator = Operator(robot, fake) if request.param == "docker" else PodmanOperator(robot, podman)
    if request.param == "podman":
        operator.fake = None
    return Machine(request.param, robot, operator, fake, podman)


def test_a_rollback_has_its_image_also_after_somebody_has_pruned(machine: Machine) -> None:
    machine.deploy(1)
    machine.deploy(2)
    assert machine.images == {1: {machine.named(1)}, 2: {machine.reference}}
    machine.prune()
    told = machine.operator.call(declared(2), state="restored", sent=False)
    assert told.get("failed") is None, told
    assert f"give image {REFERENCE} its name back" in told["plan"]
    assert machine.reference in machine.images[1]
    machine.prune()
    assert machine.operator.call(declared(1))["plan"] == []


def pulled(number: int) -> dict[str, Any]:
    """Return the sensor service of a version that the robot pulls by its digest."""
    return {**service(), "image": {"reference": f"registry.example/it@sha256:{str(number) * 64}"}}


def test_what_was_pulled_survives_it_as_well(machine: Machine) -> None:
    for number in (1, 2, 3):
        machine.offer(number)
        rollout(machine.operator, pulled(number))
    machine.prune()
    machine.offer(9)  # the registry has it no more
    told = machine.operator.call(pulled(3), state="restored", sent=False)
    assert told.get("failed") is None, told
    assert not any("pull image" in line for line in told["plan"])
    machine.prune()
    assert machine.operator.call(pulled(2), sent=False)["plan"] == []


def test_nothing_of_it_is_a_change_or_drift(machine: Machine) -> None:
    machine.deploy(1)
    machine.deploy(2)
    assert machine.operator.call(declared(2), state="verified", sent=False).get("failed") is None
    again = machine.operator.call(declared(2))
    assert (again["plan"], again["changed"]) == ([], False)


def cut_off_after_load(machine: Machine, number: int) -> None:
    """Have a run lose its power right after a version was loaded, and the boot after that prune."""
    engine = type(machine.operator.engine())
    load = engine.load

    def loaded(self: Any, archive: Any) -> str:
        load(self, archive)
        machine.prune()
        raise EngineError(0, "the power was cut")

    machine.offer(number)
    with pytest.MonkeyPatch.context() as power:
        power.setattr(engine, "load", loaded)
        with pytest.raises(EngineError, match="the power was cut"):
            machine.operator.call(declared(number, command=["boom"]))
    machine.prune()


def test_there_is_no_moment_without_a_name(machine: Machine) -> None:
    """It moves while the new image is loaded, and nothing of the old one runs that would hold it."""
    machine.deploy(1)
    machine.operator.engine().remove(NAME)
    cut_off_after_load(machine, 2)
    assert machine.images == {1: {machine.named(1)}, 2: {machine.reference}}
    assert machine.deploy(2).get("failed") is None
    assert machine.images == {1: {machine.named(1)}, 2: {machine.reference}}


def test_what_was_set_aside_runs_again_after_a_power_cut(machine: Machine) -> None:
    machine.deploy(1)
    engine = machine.operator.engine()
    engine.stop(NAME, 5)
    engine.rename(NAME, f"{NAME}.previous")
    cut_off_after_load(machine, 2)
    machine.failing = "boom"
    with pytest.raises(ServiceFailedError, match="the last good container was put back"):
        machine.operator.call(declared(2, command=["boom"]))
    machine.failing = ""
    assert machine.operator.engine().inspect(NAME).running  # type: ignore[union-attr]


def test_what_is_needed_no_more_goes_with_its_name(machine: Machine) -> None:
    for number in (1, 2, 3, 4):
        machine.deploy(number)
    assert machine.images == {3: {machine.named(3)}, 4: {machine.reference}}, "the last two good versions"
    assert state.load(machine.robot.root / ROOT).images == [REFERENCE, version(3)["Id"]]


def test_an_image_that_an_earlier_version_of_this_project_left_nameless_is_kept(machine: Machine) -> None:
    machine.deploy(1)
    machine.deploy(2)
    if machine.kind == "docker":
        machine.docker.images[version(1)["Id"]] = machine.docker.images.pop(machine.named(1))
    else:
        machine.podman.images[version(1)["Id"].partition(":")[2]]["RepoTags"] = []
    again = machine.operator.call(declared(2))
    assert (again["plan"], again["changed"]) == ([], False)
    machine.prune()
    assert machine.images[1] == {machine.named(1)}


@pytest.mark.parametrize("remembered", [True, False])
def test_a_removal_takes_them(machine: Machine, remembered: bool) -> None:
    machine.deploy(1)
    machine.deploy(2)
    if not remembered:  # state.json is gone
        machine.know(images=[], image_history={})
    told = machine.operator.call(declared(2), state="absent", sent=False)
    assert told.get("failed") is None, told
    assert 1 not in machine.images
    assert machine.operator.call(declared(2), state="absent", sent=False)["plan"] == []


@pytest.mark.parametrize("remembered", [True, False])
def test_a_change_of_the_engine_takes_them(machine: Machine, remembered: bool) -> None:
    machine.deploy(1)
    machine.deploy(2)
    if not remembered:
        machine.know(images=[REFERENCE], image_history={})
    write(machine.robot.root / "usr/bin/dockerd", "")
    other = leave_docker if machine.kind == "docker" else leave_podman
    more = machine.docker.socket if machine.kind == "docker" else machine.docker
    machine.docker.brings = IMAGE
    machine.podman.brings = {**IMAGE, "Id": "5" * 64}
    told = other("change", machine.robot, machine.podman, more)  # type: ignore[arg-type]
    assert told.get("failed") is None, told
    assert not {1, 2} & set(machine.images)


def test_they_are_nobodys_but_ours(machine: Machine) -> None:
    """An engine of ours may go with them, whatever is remembered; thin images are built on them as on others."""
    machine.deploy(1)
    machine.deploy(2)
    engine = machine.operator.engine()
    assert engine.image_names() == [machine.reference]
    assert engine.kept_images() == [version(1)["Id"]]
    assert version(1)["Id"] in engine.image_ids()
    found = engine.image(version(1)["Id"])
    assert found is not None
    assert (found.kept, found.names) == (True, [])
    assert kept.is_one(machine.named(1))
    assert not kept.is_one(f"somebody/{OURS}:{'1' * 12}")


def test_somebody_elses_image_of_that_name_is_not_kept(machine: Machine) -> None:
    """It was here before, and it is theirs to lose."""
    raw = version(9)
    if machine.kind == "docker":
        machine.docker.images[REFERENCE] = raw
    else:
        machine.podman.name(machine.reference, {**raw, "Id": raw["Id"].partition(":")[2]})
    machine.deploy(1)
    assert machine.images == {9: set(), 1: {machine.reference}}


def test_one_that_somebody_has_named_too_stays_for_them(machine: Machine) -> None:
    machine.deploy(1)
    machine.operator.engine().tag(REFERENCE, "theirs:1")
    for number in (2, 3, 4):
        machine.deploy(number)
    theirs = "theirs:1" if machine.kind == "docker" else "localhost/theirs:1"
    assert machine.images[1] == {theirs}
    assert set(machine.images) == {1, 3, 4}


def test_a_load_that_fails_leaves_the_image_its_name(machine: Machine) -> None:
    machine.deploy(1)
    machine.offer(3)  # which is not what is declared
    with pytest.raises(EngineError, match="is not the image that the controller sent"):
        machine.operator.call(declared(2))
    assert machine.reference in machine.images[1]
    machine.offer(2)
    for number in (2, 4, 5):
        machine.deploy(number)
    assert 1 not in machine.images
