"""What is decided from one look at a robot: steps, refusals, removal. Nothing here touches anything."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base import files, program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container, found
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import DOCKER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.setup import STORE
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import (
    EngineInfo,
    FoundImage,
    name_of,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import (
    cgroup,
    disk_space,
    facts,
    kernel_cmdline,
    systemd,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.debian import DEBIAN
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import (
    actions,
    limits,
    listeners,
    observe,
    plan,
    preflight,
    remove,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan.step import Step
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import layout, parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import (
    ImageNeed,
    PackagesNeed,
    PurgeNeed,
    RebootNeed,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import own_program
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup as watchdog_setup
from robot_stack.operating import Operator
from robot_stack.robots import FINGERPRINT, MIB, parameters, service, write

FACTS = facts.Robot(
    architecture="amd64",
    kernel="6.1",
    hierarchy=cgroup.Hierarchy(2, Path("/sys/fs/cgroup")),
    memory_total=500 * MIB,
    memory_ceiling=500 * MIB,
    swap_total=0,
    disk_available=9000 * MIB,
    systemd=True,
    platform="debian",
)


def info(version: str = "20.10", api: str = "1.41", swap_accounted: bool = True) -> EngineInfo:
    return EngineInfo(version, api, "systemd", swap_accounted, STORE, True)


def change(seen: observe.Observed, **found: Any) -> None:
    """Make the sensor service's container differ."""
    name = "robot-stack-sensor_service"
    containers: Any = seen.containers
    containers[name] = dataclasses.replace(containers[name], **found)


def difference(step: Step) -> dict[str, str]:
    assert step.diff is not None
    return step.diff


def declared(*services: dict[str, Any], **more: Any) -> Any:
    return parse.parse(parameters(*(services or (service(),)), **more))


def bare(**change: Any) -> Any:
    """A robot on which nothing was done yet."""
    facts = {key: change.pop(key) for key in list(change) if hasattr(FACTS, key)}
    seen = observe.Observed(
        robot=dataclasses.replace(FACTS, **facts),
        state=state.State(),
        engine=observe.FoundEngine(installed=False, running=False, missing_packages=["docker.io"]),
        driver=DOCKER,
        store=STORE,
        containers={},
        images={},
        found_files={},
        running_files={},
        slice_limits={},
        data_owners={},
        foreign_containers=[],
        delivered_images=[],
        own_directories={},
        own_units=[],
        own_state=False,
        engine_data=False,
    )
    return dataclasses.replace(seen, **change)


def _found(file: Any) -> Any:
    return files.FoundFile(file.content, file.mode, file.uid, file.gid)


def done(stack: Any, **change: Any) -> Any:
    """A robot that is as ``stack`` says, its engine installed by this project; then ``change``."""
    wanted = systemd.slice_units(stack, 2, True, DOCKER.units) + DOCKER.files(stack)
    wanted += watchdog_setup.settings(stack, DOCKER.units[-1], own_engine=True)
    containers, images = {}, {}
    for one in stack.services:
        wanted += [*layout.config_files(stack, one), watchdog_setup.service_settings(stack, one)]
        body = container.body(stack, one, "systemd", FINGERPRINT)
        raw = {
            "Image": "sha256:1",
            "Name": name_of(one.name),
            "Config": {key: value for key, value in body.items() if key != "HostConfig"},
            "HostConfig": body["HostConfig"],
            "State": {"Running": True},
        }
        containers[name_of(one.name)] = found.container(raw)
        images[one.image] = FoundImage("sha256:1", FINGERPRINT, ["a"], ["PATH=/bin"])
    parts: dict[str, Any] = {
        "state": state.State(["docker.io"], DOCKER.configuration(stack), sorted(images)),
        "engine": observe.FoundEngine(installed=True, running=True),
        "containers": containers,
        "images": images,
        "found_files": {file.path: _found(file) for file in wanted},
        "slice_limits": {
            name: 300 * MIB if name == stack.budget.slice else None
            for name in systemd.slice_names(stack, own_engine=True)
        },
        "delivered_images": sorted(images),
        "own_units": sorted(systemd.slice_names(stack, own_engine=True)),
        "own_state": True,
        "own_watchdog": True,
        "watchdog_program": program.digest(own_program.contents()),
        "own_directories": {"sensor_service": ["sensor_service/config", "sensor_service/data"], "staging": []},
    }
    return bare(**{**parts, **change})


def kinds(made: Any) -> list[type[actions.Action]]:
    return [type(step.action) for step in made.steps]


def test_a_bare_robot_gets_everything_in_order() -> None:
    made = plan.make(declared(), bare())
    foundation = [actions.MakeSlice] * 3 + [actions.WriteEngineFile] * 3 + [actions.InstallPackages]
    expected = [
        *foundation,
        *[actions.WriteWatchdogFile] * 4,
        actions.InstallWatchdog,
        actions.BringImage,
        actions.MakeContainer,
        actions.WriteWatch,
    ]
    assert kinds(made) == expected
    assert [type(need) for need in made.needs] == [PackagesNeed, ImageNeed]
    assert made.steps[0].summary == "cap the whole stack at 300 MiB in robotstack.slice"
    assert [type(step.action) for step in made.foundation] == foundation


def test_where_nothing_differs_there_is_nothing_to_do() -> None:
    stack = declared(service(), service("victoriametrics", 50, files=[{"path": "a", "content": "b"}]))
    made = plan.make(stack, done(stack))
    assert (made.steps, made.refusals, made.changes) == ([], [], False)


def test_a_changed_limit_touches_its_service_alone() -> None:
    before = declared(service(), service("victoriametrics", 50))
    after = declared(service(), service("victoriametrics", 60))
    step, watched = plan.make(after, done(before)).steps
    assert watched.summary == "have the watchdog look after victoriametrics"
    assert step.summary == (
        "recreate container robot-stack-victoriametrics: Memory is 50.0 MiB, not 60.0 MiB; "
        "MemorySwap is 50.0 MiB, not 60.0 MiB"
    )
    assert "memory: 50.0 MiB" in difference(step)["before"]
    assert "memory: 60.0 MiB" in difference(step)["after"]
    assert "PATH" not in difference(step)["before"]


def test_another_image_under_the_same_name_is_brought_and_used() -> None:
    stack = declared()
    old = {"sensor_service:1": FoundImage("sha256:0", "sha256:old", ["a", "b"], [])}
    made = plan.make(stack, done(stack, images=old))
    assert kinds(made) == [actions.BringImage, actions.MakeContainer]
    assert made.steps[0].need == ImageNeed("sensor_service:1", "amd64")
    assert made.steps[1].summary.endswith(": its image changes")


def test_a_container_of_an_image_that_was_replaced_is_made_anew() -> None:
    stack = declared()
    new = {"sensor_service:1": FoundImage("sha256:2", FINGERPRINT, [], [])}
    assert kinds(plan.make(stack, done(stack, images=new))) == [actions.MakeContainer]


def test_a_name_that_was_given_to_another_image_restarts_nothing_that_runs_the_right_one() -> None:
    stack = declared()
    swapped = {"sensor_service:1": FoundImage("sha256:9", "sha256:other", [], [])}
    right = {"sensor_service": FoundImage("sha256:1", FINGERPRINT, [], [])}
    (step,) = plan.make(stack, done(stack, images=swapped, running_images=right)).steps
    assert type(step.action) is actions.BringImage
    assert difference(step)["before"] == "fingerprint: sha256:other\n"
    wrong = {"sensor_service": FoundImage("sha256:9", "sha256:other", [], [])}
    assert kinds(plan.make(stack, done(stack, running_images=wrong))) == [actions.MakeContainer]


def test_a_container_that_somebody_else_made_is_no_longer_ours_whatever_labels_it_bears() -> None:
    stack = declared()
    seen = done(stack)
    change(seen, id="theirs")

    def made(identity: str) -> Any:
        records = {"sensor_service": state.ServiceRecord(made=identity)}
        return dataclasses.replace(seen, state=dataclasses.replace(seen.state, services=records))

    (step,) = plan.make(stack, made("ours")).steps
    assert step.summary.endswith("it was made by hand, or by another program")
    assert plan.make(stack, made("theirs")).steps == []
    assert plan.make(stack, made("")).steps == []  # made by a version that did not remember it


def test_a_replacement_that_was_cut_off_is_finished() -> None:
    stack = declared()
    seen = done(stack)
    ours = seen.containers["robot-stack-sensor_service"]
    seen.containers["robot-stack-sensor_service.previous"] = dataclasses.replace(ours, running=False)
    records = {"sensor_service": state.ServiceRecord(made="the one before")}  # it was cut off before it remembered
    seen = dataclasses.replace(seen, state=dataclasses.replace(seen.state, services=records))
    assert kinds(plan.make(stack, seen)) == [actions.SettleReplacement]
    change(seen, running=False, status="created")
    (step,) = plan.make(stack, seen).steps
    assert step.summary.endswith("it is created; its replacement was interrupted")


def test_swap_that_no_kernel_counts_is_no_drift_for_ever() -> None:
    stack = declared()
    seen = done(stack)
    change(seen, memory_and_swap=-1)
    assert kinds(plan.make(stack, seen)) == [actions.MakeContainer]
    uncounted = observe.FoundEngine(True, True, info=info(swap_accounted=False))
    assert kinds(plan.make(stack, dataclasses.replace(seen, engine=uncounted))) == []


def test_somebody_elses_engine_is_never_configured() -> None:
    stack = declared()
    theirs = done(stack, state=state.State())
    engines = {file.path for file in DOCKER.files(stack)}
    kept = {path: found for path, found in theirs.found_files.items() if path not in engines}
    not_ours = watchdog_setup.settings(stack, DOCKER.units[-1], own_engine=False)
    kept.update({file.path: _found(file) for file in not_ours})
    theirs = dataclasses.replace(theirs, found_files=kept)
    # a slice that an earlier version made for it goes: it is empty
    (step,) = plan.make(stack, theirs).steps
    assert (type(step.action), step.subject) == (actions.DropSlice, "robotstack-engine.slice")
    units = [name for name in theirs.own_units if "engine" not in name]
    assert plan.make(stack, dataclasses.replace(theirs, own_units=units)).steps == []


def test_our_engine_follows_its_configuration() -> None:
    stack = declared()
    other = declared(engine={**parameters()["engine"], "service_environment": {"GOGC": 20}})
    assert kinds(plan.make(other, done(stack))) == [
        actions.WriteEngineFile,
        actions.WriteEngineFile,
        actions.RestartEngine,
    ]
    # written, but the run ended before the restart
    stale = state.State(["docker.io"], "older")
    assert kinds(plan.make(stack, done(stack, state=stale))) == [actions.RestartEngine]


def test_data_gets_its_owner() -> None:
    stack = declared(service(data=[{"name": "data", "target": "/data"}]))
    path = "/var/lib/robot-stack/sensor_service/data"
    assert kinds(plan.make(stack, done(stack, data_owners={path: [0, 0]}))) == [actions.OwnData]
    assert kinds(plan.make(stack, done(stack, data_owners={path: list(stack.services[0].uid_gid)}))) == []


def test_a_changed_file_shows_what_changes() -> None:
    before = declared(service(files=[{"path": "a", "content": "old\n"}]))
    after = declared(service(files=[{"path": "a", "content": "new\n"}]))
    running = {"sensor_service/a": files.FoundFile("old\n", 0o444, 0, 0)}
    made = plan.make(after, done(before, running_files=running))
    assert kinds(made) == [actions.WriteServiceFile, actions.MakeContainer]
    assert (difference(made.steps[0])["before"], difference(made.steps[0])["after"]) == ("old\n", "new\n")


def test_orphans_go_only_where_everything_is_in_scope() -> None:
    both = declared(service(), service("victoriametrics", 50))
    assert [step.subject for step in plan.make(declared(), done(both)).steps] == [
        "robot-stack-victoriametrics",
        "robotstack-victoriametrics.slice",
    ]
    assert plan.make(declared(scope=["sensor_service"]), done(both)).steps == []


@pytest.mark.parametrize("both_declared", [True, False])
def test_what_a_run_leaves_alone_counts_with_the_limit_that_it_has(both_declared: bool) -> None:
    there = done(declared(service(), service("victoriametrics", 140)))
    more = [service("victoriametrics", 50)] if both_declared else []  # False: a role on its own

    def partly(limit: int) -> Any:
        return declared(service(limit=limit), *more, scope=["sensor_service"])

    assert plan.make(partly(32), there).refusals == []  # 128 + 32 + 140 = 300
    refused = plan.make(partly(33), there)
    assert refused.steps == []
    (words,) = refused.refusals
    assert words.startswith("engine and limits would be 301 MiB")
    assert "(victoriametrics 140)" in words
    assert "robot_stack_memory_budget_mib is 300" in words
    assert limits.total(partly(32), there) == 172
    # everything in one run: then it is what is declared
    assert plan.make(declared(service(limit=33), service("victoriametrics", 50)), there).refusals == []


def test_a_limit_that_was_taken_away_or_is_there_twice_counts_once() -> None:
    there = done(declared(service(), service("victoriametrics", 50)))
    left = dataclasses.replace(there.containers["robot-stack-victoriametrics"], memory=0)
    there = dataclasses.replace(there, containers={**there.containers, "robot-stack-victoriametrics.previous": left})
    alone = declared(service(), scope=["sensor_service"])
    assert limits.kept(alone, there) == {"victoriametrics": 50}
    assert limits.kept(declared(service()), there) == {}


def _controller(**change: Any) -> dict[str, Any]:
    return {**parameters()["memory_controller"], **change}


WRITTEN = kernel_cmdline.with_memory_controller("quiet", DEBIAN.boot)
NO_CONTROLLER = {
    "hierarchy": cgroup.Hierarchy(0, Path("/none")),
    "controller": cgroup.SWITCHED_OFF,
    "boot_file_changed_at": 8.0,
    "booted_at": 7.0,
    "boot_file": "/boot/cmdline.txt",
    "boot_line": "root=/dev/sda quiet\n",
}


def test_a_service_that_may_use_more_processors_than_there_are_is_refused() -> None:
    stack = declared(service(cpu_limit=4))
    assert preflight.reasons(stack, bare(cpus=4)) == []
    (reason,) = preflight.reasons(stack, bare(cpus=2))
    assert reason == "sensor_service_cpu_limit 4 is more than this robot's 2 processors: lower it"


def test_what_a_service_shows_and_is_not_there_is_refused_before_anything_is_sent() -> None:
    folder, ours = "/run/mytool/metrics", "/run/robot-stack/metrics"

    def refusals(*mounts: dict[str, Any], absent: list[str], **more: Any) -> list[str]:
        return preflight.reasons(declared(service(mounts=list(mounts)), **more), bare(absent_mounts=absent))

    textfiles = {"source": folder, "target": "/host/textfiles"}
    (reason,) = refusals(textfiles, absent=[folder])
    assert reason == (
        f"{folder} is not there, and sensor_service shows it to its container: make it (where it is in RAM, as below "
        "/run, at each boot: systemd-tmpfiles), or change sensor_service_textfile_directory"
    )
    (reason,) = refusals({**textfiles, "target": "/x"}, absent=[folder])
    assert reason.endswith(", or have sensor_service show another one")
    assert refusals(textfiles, absent=[]) == []
    assert refusals({**textfiles, "optional": True}, absent=[folder]) == []
    assert refusals(textfiles, absent=[folder], stopped=["sensor_service"]) == []
    for made in (ours, f"{ours}/"):  # by the run itself
        assert refusals({**textfiles, "source": made}, absent=[made]) == []


def test_an_engines_variable_is_what_was_declared_whatever_systemd_reads_into_it() -> None:
    file = systemd.service_drop_in("docker.service", "robotstack.slice", ['PROXY=http://u:p%40"\\@proxy'])
    assert 'Environment="PROXY=http://u:p%%40\\"\\\\@proxy"' in file.content.splitlines()


@pytest.mark.parametrize(
    ("controller", "seen", "words"),
    [
        ({"enable": False}, {}, "set memory_cgroup_enable: true"),
        ({}, {"boot_file": ""}, "no boot line to change"),
        ({}, {}, "memory_cgroup_reboot_allowed: true"),
        (
            {},
            {"boot_line": WRITTEN},
            "or reboot by hand (/boot/cmdline.txt is written)",
        ),
        ({"reboot_allowed": True}, {"boot_line": WRITTEN, "booted_at": 9.0}, "was started since without reading that"),
        (
            {"reboot_allowed": True},
            {"running_boot_line": WRITTEN},
            "although the kernel was started with",
        ),
        ({"reboot_allowed": True}, {"controller": cgroup.NOT_BUILT}, "CONFIG_MEMCG"),
        ({"reboot_allowed": True}, {"controller": cgroup.NOT_MOUNTED}, "mount it at /sys/fs/cgroup/memory"),
    ],
)
def test_without_the_memory_controller_it_is_refused(
    controller: dict[str, Any], seen: dict[str, Any], words: str
) -> None:
    made = plan.make(declared(memory_controller=_controller(**controller)), bare(**{**NO_CONTROLLER, **seen}))
    assert made.steps == []
    assert words in made.refusals[0]


def test_the_memory_controller_is_switched_on_where_a_reboot_is_allowed() -> None:
    made = plan.make(declared(memory_controller=_controller(reboot_allowed=True)), bare(**NO_CONTROLLER))
    assert kinds(made) == [actions.WriteBootLine, actions.Reboot]
    written = made.steps[0].action
    assert isinstance(written, actions.WriteBootLine)
    assert written.file.content == "root=/dev/sda quiet cgroup_enable=memory cgroup_memory=1\n"
    assert made.needs == [RebootNeed()]
    # a run that was cut off between the two is finished
    made = plan.make(
        declared(memory_controller=_controller(reboot_allowed=True)), bare(**{**NO_CONTROLLER, "boot_line": WRITTEN})
    )
    assert kinds(made) == [actions.Reboot]


@pytest.mark.parametrize(
    ("seen", "more", "words"),
    [
        ({"architecture": "arm64"}, {}, "this robot is arm64, robot_stack_architecture says amd64"),
        ({"systemd": False}, {}, "systemd does not run here"),
        ({"memory_ceiling": 449 * MIB}, {}, "more than this robot's 449.0 MiB"),
        ({"architecture": "armv6l"}, {}, "there are images for amd64, arm64, arm (ARMv7) only"),
        ({"kernel": "4.9.337-tegra"}, {}, "its kernel is 4.9.337-tegra, 4.14 or later is needed"),
        ({"swap_total": MIB, "swap_accounted": False}, {}, "cannot limit a service's swap"),
        ({"clock": 1e9}, {"controller_clock": 1e9 + 3601}, "its clock says 2001-09-09 01:46 UTC"),
        ({"disks": {"/": disk_space.Disk(1, 299 * MIB)}}, {}, "299.0 MiB of disk are free for /, 300 MiB are needed"),
        (
            {"engine": observe.FoundEngine(True, True, info=info("19.03.13", "1.40"))},
            {},
            "its container engine is 19.03.13 (API 1.40), Docker 20.10 (API 1.41) or later is needed",
        ),
        ({"platform": ""}, {}, "(it knows Debian and its relatives): install Docker by this system's own means"),
        ({}, {"engine": {**parameters()["engine"], "install": False}}, "set container_engine_install: true"),
    ],
)
def test_a_robot_that_cannot_hold_the_stack_is_refused(seen: dict[str, Any], more: dict[str, Any], words: str) -> None:
    made = plan.make(declared(**more), bare(**seen))
    assert made.steps == []
    assert len(made.refusals) == 1
    assert words in made.refusals[0]


def test_a_budget_that_fits_exactly_is_accepted() -> None:
    assert preflight.reasons(declared(), bare(memory_ceiling=450 * MIB)) == []


@pytest.mark.parametrize(
    ("seen", "more"),
    [
        ({"kernel": "4.14.0"}, {}),
        ({"swap_total": 0, "swap_accounted": False}, {}),
        ({"swap_total": MIB}, {}),
        ({"clock": 1e9}, {"controller_clock": 1e9 - 3600}),
        ({"clock": 0.0}, {}),  # without a controller's clock there is nothing to compare with
        ({"engine": observe.FoundEngine(True, True, info=info("20.10.24", "1.41"))}, {}),
        ({"engine": observe.FoundEngine(True, True)}, {}),
    ],
)
def test_what_is_just_good_enough_is_accepted(seen: dict[str, Any], more: dict[str, Any]) -> None:
    assert preflight.reasons(declared(**more), bare(**seen)) == []


def test_what_shares_a_disk_must_fit_there_together() -> None:
    stack = declared(service(disk_mib=100))
    paths = ("/", "/var/lib/docker", "/var/lib/robot-stack")
    # packages, image, archive, log, own files, data
    needed = 300 + 64 + 16 + 2 + 8 + 100
    one = {path: disk_space.Disk(1, needed * MIB) for path in paths}
    assert preflight.reasons(stack, bare(disks=one)) == []
    short = {path: disk_space.Disk(1, needed * MIB - 1) for path in paths}
    (reason,) = preflight.reasons(stack, bare(disks=short))
    assert "the engine's packages 300, sensor_service's image 64" in reason
    assert "sensor_service's data 100" in reason
    # what the data occupies already is not asked for again
    assert preflight.reasons(stack, bare(disks=short, data_used={"sensor_service": MIB})) == []
    three = {"/": 300, "/var/lib/docker": 64 + 2, "/var/lib/robot-stack": 16 + 8 + 100}
    apart = {path: disk_space.Disk(number, mib * MIB) for number, (path, mib) in enumerate(three.items())}
    assert preflight.reasons(stack, bare(disks=apart)) == []


def test_data_on_a_disk_of_its_own_must_fit_there() -> None:
    stack = declared(service(disk_mib=100, data=[{"name": "data", "target": "/data"}]))
    path = "/var/lib/robot-stack/sensor_service/data"
    rest = {"/": 300, "/var/lib/docker": 64 + 2, "/var/lib/robot-stack": 16 + 8}
    disks = {one: disk_space.Disk(1, sum(rest.values()) * MIB) for one in rest}
    assert preflight.reasons(stack, bare(disks={**disks, path: disk_space.Disk(2, 100 * MIB)})) == []
    (reason,) = preflight.reasons(stack, bare(disks={**disks, path: disk_space.Disk(2, 99 * MIB)}))
    assert f"99.0 MiB of disk are free for {path}, 100 MiB are needed (sensor_service's data 100)" in reason


def test_a_robot_is_asked_for_the_disk_that_its_data_is_on(operator: Operator) -> None:
    declared = service(disk_mib=100, data=[{"name": "data", "target": "/data"}])
    stack = parse.parse(operator.parameters(declared))
    seen = observe.observe(stack, operator.robot.roots, operator.engine())
    assert "/var/lib/robot-stack/sensor_service/data" in seen.disks


def test_a_robot_that_has_its_images_and_packages_needs_no_room_for_them() -> None:
    stack = declared()
    there = {path: disk_space.Disk(1, 10 * MIB) for path in ("/", "/var/lib/docker", "/var/lib/robot-stack")}
    assert preflight.reasons(stack, done(stack, disks=there)) == []


def test_an_image_that_is_pulled_needs_room_once_and_no_archive() -> None:
    pinned = {**service(), "image": {"reference": "registry.example/sensor_service@sha256:" + "0" * 64}}
    stack = declared(pinned)
    small = {path: disk_space.Disk(1, 10 * MIB) for path in ("/", "/var/lib/docker", "/var/lib/robot-stack")}
    assert preflight.reasons(stack, done(stack, disks=small)) == []
    (reason,) = preflight.reasons(stack, done(stack, disks=small, images={}))
    assert "sensor_service's image 64" in reason
    assert "archive" not in reason


def test_every_reason_is_told_at_once() -> None:
    faults = {"architecture": "arm64", "memory_ceiling": 400 * MIB, "clock": 9.0, "disks": {"/": disk_space.Disk(1, 0)}}
    made = plan.make(declared(controller_clock=1e9), bare(**{**NO_CONTROLLER, **faults}))
    assert made.steps == []
    words = ("arm64", "robot_stack_memory_budget_mib 300", "clock", "disk", "memory_cgroup_reboot_allowed")
    for word in words:
        assert [reason for reason in made.refusals if word in reason], word
    assert len(made.refusals) == len(words)


def test_our_own_listener_is_not_in_the_way(tmp_path: Path) -> None:
    _listens(tmp_path, 7, "docker-c0ffee.scope")
    stack = declared(service(listens=["127.0.0.1:9101"]))
    seen = done(stack)
    change(seen, id="c0ffee")
    assert listeners.reasons(stack, seen, tmp_path) == []
    (reason,) = listeners.reasons(stack, bare(), tmp_path)
    assert "127.0.0.1:9101 is taken by squatter (process 7): stop it, or change sensor_service_listen" in reason


def test_a_container_of_ours_that_has_the_address_is_named(tmp_path: Path) -> None:
    """A service that is renamed keeps its address, or two exchange theirs."""
    _listens(tmp_path, 7, "docker-c0ffee.scope")
    seen = done(declared(service()))
    change(seen, id="c0ffee")
    renamed = declared(service("camera_service", listens=["127.0.0.1:9101"]))
    (reason,) = listeners.reasons(renamed, seen, tmp_path)
    assert "taken by our own container robot-stack-sensor_service: stop it first" in reason


def test_the_slice_that_the_engine_runs_in_stays_although_its_state_was_lost() -> None:
    stack = declared(service())
    seen = done(stack, state=state.State())
    assert not seen.own_engine
    assert "robotstack-engine.slice" in seen.own_units
    assert not [step for step in plan.make(stack, seen).steps if type(step.action) is actions.DropSlice]
    drop_ins = {file.path for file in DOCKER.files(stack)}
    left = {path: found for path, found in seen.found_files.items() if path not in drop_ins}
    without = plan.make(stack, dataclasses.replace(seen, found_files=left))
    assert [step.subject for step in without.steps if type(step.action) is actions.DropSlice] == [
        "robotstack-engine.slice"
    ]


def test_a_listener_is_in_the_way_although_our_container_runs(tmp_path: Path) -> None:
    """The address of a running service is changed to one that somebody has."""
    _listens(tmp_path, 7, "system.slice/squatter.service")
    stack = declared(service(listens=["127.0.0.1:9101"]))
    seen = done(stack)
    change(seen, id="c0ffee")
    assert len(listeners.reasons(stack, seen, tmp_path)) == 1


def test_a_listener_that_cannot_be_named_is_told_nevertheless(tmp_path: Path) -> None:
    _listens(tmp_path, 0, "")
    (reason,) = listeners.reasons(declared(service(listens=["127.0.0.1:9101"])), bare(), tmp_path)
    assert "127.0.0.1:9101 is taken by another program" in reason
    for name, remedy in (
        ("vmagent", ", or change vmagent_listen_address"),
        ("telemetry_hub_vmalert", ""),
        ("lidar", ", or have lidar listen elsewhere"),
    ):
        stack = declared(service(name, listens=["127.0.0.1:9101"]))
        assert listeners.reasons(stack, bare(), tmp_path) == [
            f"127.0.0.1:9101 is taken by another program: stop it{remedy}"
        ]


def _listens(proc: Path, pid: int, group: str) -> None:
    """Let process ``pid`` (0: none that can be seen), in cgroup ``group``, listen at port 9101."""
    write(proc / "net/tcp", "head\n 0: 0100007F:238D 0:0 0A 0:0 0:0 0 0 0 4711 1\n")
    if pid:
        write(proc / f"{pid}/comm", "squatter\n")
        write(proc / f"{pid}/cgroup", f"0::/{group}\n")
        (proc / f"{pid}/fd").mkdir()
        (proc / f"{pid}/fd/3").symlink_to("socket:[4711]")


def test_removal_takes_services_before_their_ceiling() -> None:
    stack = declared(state="absent")
    made = remove.make(stack, done(stack))
    assert kinds(made) == [
        actions.RemoveWatchdog,
        actions.RemoveService,
        actions.RemoveImage,
        actions.RemoveDirectory,
        actions.RemoveDirectory,
        actions.RemoveFile,
        actions.RemoveFile,
        actions.RestartOutside,
        actions.DropSlice,
        actions.DropSlice,
        actions.DropSlice,
    ]
    dropped = [
        step.subject
        for step in made.steps
        if type(step.action) in (actions.DropSlice, actions.RemoveDirectory, actions.RemoveFile)
    ]
    assert "/var/lib/robot-stack/sensor_service" not in dropped  # its data stays
    assert DOCKER.settings_file not in dropped  # so does the engine, as it was set up
    assert dropped[-1] == "robotstack.slice"  # children go before their parent


def test_removal_of_one_service_leaves_the_others() -> None:
    stack = declared(service(), service("victoriametrics", 50), state="absent", scope=["sensor_service"])
    whole = declared(service(), service("victoriametrics", 50))
    made = remove.make(stack, done(whole))
    assert [(type(step.action), step.subject) for step in made.steps] == [
        (actions.RemoveService, "robot-stack-sensor_service"),
        (actions.RemoveImage, "sensor_service:1"),
        (actions.RemoveDirectory, "/var/lib/robot-stack/sensor_service/config"),
        (actions.DropSlice, "robotstack-sensor_service.slice"),
    ]


def test_the_engine_goes_only_where_it_is_ours_and_runs_nothing_else() -> None:
    stack = declared(state="absent", remove_engine=True)
    refused = remove.make(stack, done(stack, foreign_containers=["theirs"]))
    assert refused.steps == []
    assert "the engine also runs theirs" in refused.refusals[0]
    kept = remove.make(stack, done(stack, foreign_volumes=["theirs"]))
    assert kept.steps == []
    assert "keeps the volumes theirs" in kept.refusals[0]
    shown = remove.make(stack, done(stack, foreign_images=["theirs:1"]))
    assert shown.steps == []
    assert "keeps the images theirs:1, which are not ours: remove them first" in shown.refusals[0]
    on_a_disk = remove.make(stack, done(stack, foreign_images=["theirs:1"], store="/mnt/ssd"))
    assert on_a_disk.refusals == [], "where the store stays, they stay"
    assert remove.make(stack, done(stack, engine_data=True)).needs == [PurgeNeed(("docker.io",), "debian")]
    theirs = remove.make(stack, done(stack, state=state.State(), engine_data=True))
    assert not {actions.PurgePackages, actions.RestartOutside} & set(kinds(theirs))
    assert "/var/lib/docker" not in [step.subject for step in theirs.steps]


def test_an_engines_store_goes_with_it_unless_somebody_chose_its_folder() -> None:
    """An owner's `data-root` may be a disk, with more on it than what the engine has put there."""
    stack = declared(state="absent", remove_engine=True)
    for store, goes in ((STORE, True), ("/mnt/ssd", False), (f"{STORE}/100000.100000", True)):
        dropped = [one.subject for one in remove.make(stack, done(stack, engine_data=True, store=store)).steps]
        assert (store in dropped) is goes


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("remove_engine", [True, False])
def test_nothing_is_removed_while_nobody_knows_what_the_engine_holds(ours: bool, remove_engine: bool) -> None:
    stack = declared(state="absent", remove_engine=remove_engine)
    silent = observe.FoundEngine(installed=True, running=False)
    change = {} if ours else {"state": state.State()}
    made = remove.make(stack, done(stack, engine=silent, containers={}, engine_data=True, **change))
    assert made.steps == []
    assert "does not run, so what is on it cannot be observed" in made.refusals[0]


def test_a_robot_without_an_engine_or_without_a_stack_has_nothing_to_refuse() -> None:
    stack = declared(state="absent", remove_engine=True)
    gone = done(stack, engine=observe.FoundEngine(installed=False, running=False), containers={})
    assert remove.make(stack, gone).refusals == []
    assert remove.make(stack, bare(engine=observe.FoundEngine(installed=True, running=False))) == plan.Plan([], [])


@pytest.mark.parametrize(
    ("lowest", "address", "refused"),
    [
        ("1024", "0.0.0.0:443", True),
        ("1024", "[::]:1023", True),
        ("1024", "127.0.0.1:8427", False),
        ("443", "0.0.0.0:443", False),
        ("0", "0.0.0.0:80", False),
        ("", "0.0.0.0:443", False),
    ],
)
def test_a_port_that_is_roots_is_refused_before_anything_is_changed(
    tmp_path: Path, lowest: str, address: str, refused: bool
) -> None:
    """Nobody could tell afterwards why a hub that was reached until then has no entry point."""
    if lowest:
        write(tmp_path / "sys/net/ipv4/ip_unprivileged_port_start", f"{lowest}\n")
    reasons = listeners.reasons(declared(service(listens=[address])), bare(), tmp_path)
    assert [f"{address}: only root may listen below port {lowest}" in reason for reason in reasons] == [True] * refused
