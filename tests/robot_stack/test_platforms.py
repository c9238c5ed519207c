"""A further family of distributions is a folder: one that is made up here is planned for, installed on and purged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import drivers
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import Docker
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import Engine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import platforms
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.debian import DEBIAN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.protocol import EngineNames
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.unknown import UNKNOWN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import answer, run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import ENGINES
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import (
    PackagesNeed,
    PurgeNeed,
    told,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack_arguments import ARGUMENTS
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs import packages
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.declared import Declared
from declarations import PROJECT
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service, write

DOCKER, PODMAN = ENGINES
UNITS = ("acme-shims.service", "acme-containers.service")


class Options:
    """A boot file with the kernel's command line in quotes, and other settings beside it."""

    places = ("/etc/acme/boot.conf",)

    def line(self, text: str) -> str:
        return text.partition('kernel="')[2].partition('"')[0]

    def with_line(self, text: str, line: str) -> str:
        return text.replace(f'kernel="{self.line(text)}"', f'kernel="{line}"')


class Acme:
    """The robot's half of the family; it has no Podman."""

    name, words, boot = "acme", "Acme Linux", Options()
    folders = ("/var/lib/acme",)

    def here(self, roots: Roots) -> bool:
        return roots.path("/etc/acme").is_dir()

    def missing(self, names: Iterable[str], roots: Roots) -> list[str]:
        return sorted(name for name in names if not roots.path(f"/etc/acme/installed/{name}").exists())

    def bare(self, names: Iterable[str]) -> list[str]:
        return list(names)

    def interrupted(self, roots: Roots) -> bool:
        return False

    def needing(self, names: Iterable[str], roots: Roots) -> list[str]:
        return []

    def engine(self, kind: str) -> EngineNames:
        return EngineNames(("acme-containers",), ("acme-shims",), UNITS, ()) if kind == DOCKER else EngineNames()

    def too_old_for(self, kind: str, roots: Roots) -> str:
        return ""


class Installer:
    """The controller's half."""

    def install(self, connection: Any, need: PackagesNeed) -> list[str]:
        return [f"acme add {' '.join(need.names)}"]

    def install_from(self, connection: Any, need: PackagesNeed, directory: str, root: str) -> list[str]:
        return [f"acme add {' '.join(need.names)} from {directory}"]

    def purge(self, connection: Any, need: PurgeNeed) -> list[str]:
        return [f"acme remove {' '.join(need.names)}"]


@pytest.fixture
def acme(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> Robot:
    """A robot of the family, which both sides know as they know Debian."""
    monkeypatch.setattr(platforms, "KNOWN", (*platforms.KNOWN, Acme()))
    monkeypatch.setitem(packages.FAMILIES, "acme", Installer())
    return _of_another_family(robot, "acme")


def _of_another_family(robot: Robot, name: str) -> Robot:
    shutil.rmtree(robot.root / "var/lib/dpkg")
    (robot.root / f"etc/{name}").mkdir(parents=True)
    return robot


def undecided(**engine: Any) -> dict[str, Any]:
    """What a declaration says that leaves packages and boot files to the distribution."""
    controller = {**parameters()["memory_controller"], "boot_files": [], "reboot_allowed": True}
    return {"engine": {**parameters()["engine"], "packages": [], **engine}, "memory_controller": controller}


class OwnEngine(Operator):
    """The module's own call, with the engine as this distribution calls it."""

    def engine(self) -> Engine:
        names = platforms.find(self.robot.roots).engine(DOCKER)
        return DockerEngine("/nowhere", driver=Docker.called(names))


def test_a_robot_of_a_further_family_gets_its_own_packages(acme: Robot) -> None:
    operator = OwnEngine(acme, None)
    planned = operator.call(service(), state="planned", sent=False, **undecided())
    assert planned["refusals"] == []
    assert "install acme-containers" in planned["plan"]
    asked = operator.call(service(), sent=False, **undecided())
    need = {"kind": "packages", "names": ["acme-containers"], "platform": "acme", "staged": [], "replaces": False}
    assert asked["needs"][0] == need
    write(acme.root / "etc/acme/installed/acme-containers", "")
    asked = operator.call(service(), sent=False, **undecided())
    assert [need for need in asked.get("needs", []) if need["kind"] == "packages"] == []


def test_its_engines_units_are_called_as_there(acme: Robot) -> None:
    operator = OwnEngine(acme, None)
    diff = operator.call(service(), sent=False, check=True, **undecided())["diff"]
    (watchdog,) = (one["after"] for one in diff if "watchdog.service" in one["after_header"])
    assert "After=acme-containers.service" in watchdog
    operator.call(service(), sent=False, **undecided())
    drop_ins = sorted(path.parent.name for path in (acme.root / "etc/systemd/system").glob("*.service.d/*"))
    assert drop_ins == sorted(f"{unit}.d" for unit in UNITS)


def test_the_engine_that_is_asked_here_has_the_names_of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Acme, "here", lambda *_: True)
    before = drivers.connect(DOCKER, "/nowhere").driver
    assert (before.units, before.needs) == (("containerd.service", "docker.service"), ("docker.socket",))
    monkeypatch.setattr(platforms, "KNOWN", (Acme(),))
    assert drivers.connect(DOCKER, "/nowhere").driver.units == UNITS
    assert drivers.connect(PODMAN, "").driver.units == ()


def test_its_memory_controller_is_switched_on_in_its_own_boot_file(acme: Robot) -> None:
    if acme.version == 1:
        shutil.rmtree(acme.root / "sys/fs/cgroup/memory")
    else:
        write(acme.root / "sys/fs/cgroup/cgroup.controllers", "cpu pids\n")
    boot = write(acme.root / "etc/acme/boot.conf", 'timeout=3\nkernel="root=/dev/sda quiet"\ntheme=dark\n')
    assert OwnEngine(acme, None).call(service(), **undecided())["needs"] == [{"kind": "reboot"}]
    line = "root=/dev/sda quiet cgroup_enable=memory cgroup_memory=1"
    assert boot.read_text() == f'timeout=3\nkernel="{line}"\ntheme=dark\n'


def test_an_engine_that_it_does_not_have_is_refused_before_anything_is_changed(acme: Robot) -> None:
    told = OwnEngine(acme, None).call(service(), sent=False, **undecided(kind=PODMAN))
    assert told["failed"]
    assert "does not know the packages" in told["msg"]
    assert not (acme.root / ROOT).exists()


@pytest.mark.usefixtures("acme")
def test_the_controller_brings_and_takes_what_the_family_calls_so() -> None:
    def declared(**engine: Any) -> Declared:
        service: dict[str, Any] = {"state": "present", "architecture": "amd64", "services": []}
        return Declared.of({**service, "engine": {"install": True, "packages": [], **engine}})

    need = PackagesNeed(("acme-containers",), "acme")
    assert declared().allowed([told(need)]) == [need]
    for platform in ("debian", "", "other"):
        with pytest.raises(AnsibleActionFail, match="the packages acme-containers, which were not declared"):
            declared().allowed([told(PackagesNeed(need.names, platform))])
    left = PurgeNeed(("acme-containers", "acme-shims"), "acme")
    assert declared(kind=PODMAN).allowed([told(left)]) == [left]
    with pytest.raises(AnsibleActionFail, match="which this run has not declared"):
        declared().allowed([told(left)])
    robot: Any = None
    assert packages.install(robot, need, "", ROOT) == ["acme add acme-containers"]
    assert packages.install(robot, need, "/here", ROOT) == ["acme add acme-containers from /here"]
    assert packages.purge(robot, left) == ["acme remove acme-containers acme-shims"]


@pytest.mark.parametrize("listed", [[], ["docker.io"]])
def test_a_distribution_that_nobody_knows_is_refused_and_told_which_are_known(robot: Robot, listed: list[str]) -> None:
    _of_another_family(robot, "other")
    told = OwnEngine(robot, None).call(service(), sent=False, **undecided(packages=listed))
    (reason,) = told["refusals"]
    assert "(it knows Debian and its relatives): install Docker by this system's own means" in reason
    with pytest.raises(AnsibleActionFail, match="packages of this distribution cannot be installed from here"):
        packages.install(None, PackagesNeed(("a",), ""), "", ROOT)  # type: ignore[arg-type]


def test_a_call_is_completed_by_the_robot_that_answers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[run.Call]()

    def note(call: run.Call) -> dict[str, Any]:
        calls.append(call)
        return {}

    monkeypatch.setattr(run, "execute", note)
    monkeypatch.setattr(answer, "ROOT", os.geteuid())
    monkeypatch.setattr(Acme, "here", lambda *_: True)
    monkeypatch.setattr(platforms, "KNOWN", (Acme(),))
    given = {"state": "planned", "engine": {"socket": "/none"}}
    assert answer.answer(ArgumentSpecValidator(ARGUMENTS).validate(given).validated_parameters, check=False) == {}
    assert calls[0].stack.engine.packages == ("acme-containers",)
    assert calls[0].stack.controller.boot_files == Options.places
    assert calls[0].engine.driver.units == UNITS


def test_what_is_declared_is_not_completed(robot: Robot) -> None:
    own = {"engine": {**parameters()["engine"], "packages": ["docker-ce"]}}
    stack = parse.parse(parameters(**own))
    assert platforms.completed(stack, robot.roots) == stack
    empty = platforms.completed(parse.parse(parameters(**undecided())), robot.roots)
    assert empty.engine.packages == ("docker.io",)
    assert empty.controller.boot_files == ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")
    podman = platforms.completed(parse.parse(parameters(**undecided(kind=PODMAN, socket="", daemon={}))), robot.roots)
    assert podman.engine.packages == ("podman", "crun")


def test_every_family_has_both_halves() -> None:
    assert {platform.name for platform in platforms.KNOWN} == set(packages.FAMILIES)
    assert platforms.named("debian") is DEBIAN
    assert platforms.named("") is platforms.named("acme") is UNKNOWN


def test_the_pages_say_what_an_empty_list_means_on_debian() -> None:
    files = ("docs/podman.md", "roles/container_engine/README.md", "roles/memory_cgroup/README.md")
    texts = [" ".join((PROJECT / file).read_text(encoding="utf-8").replace("`", "").split()) for file in files]
    words = f"{' and '.join(DEBIAN.engine(DOCKER).packages)}, or {' and '.join(DEBIAN.engine(PODMAN).packages)}"
    assert [f"on {DEBIAN.words} {words}" in text for text in texts] == [True, True, False]
    assert all(place in texts[2] for place in DEBIAN.boot.places)
