"""What is decided from one look at a robot: steps, refusals, removal. Nothing here touches anything."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.robot_stack import (
    bootline,
    cgroup,
    container,
    engine_setup,
    files,
    observe,
    plan,
    refuse,
    remove,
    robot,
    spec,
    state,
    systemd,
)
from robot_stack.robots import FINGERPRINT, MIB, parameters, service, write

FACTS = robot.Robot(
    architecture="amd64",
    kernel="6.1",
    hierarchy=cgroup.Hierarchy(2, Path("/sys/fs/cgroup")),
    memory_total=500 * MIB,
    memory_ceiling=500 * MIB,
    swap_total=0,
    disk_available=9000 * MIB,
    systemd=True,
    debian=True,
)


def declared(*services: dict[str, Any], **more: Any) -> Any:
    return spec.parse(parameters(*(services or (service(),)), **more))


def bare(**change: Any) -> Any:
    """A robot on which nothing was done yet."""
    facts = {key: change.pop(key) for key in list(change) if hasattr(FACTS, key)}
    seen = observe.Observed(
        robot=dataclasses.replace(FACTS, **facts),
        state=state.State(),
        engine=observe.FoundEngine(installed=False, running=False, missing_packages=["docker.io"]),
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
    wanted = systemd.slice_units(stack, 2) + engine_setup.engine_files(stack)
    containers, images = {}, {}
    for one in stack.services:
        wanted += container.config_files(stack, one)
        body = container.body(stack, one, "systemd", FINGERPRINT)
        containers[container.name_of(one.name)] = {
            "Image": "sha256:1",
            "Config": {key: value for key, value in body.items() if key != "HostConfig"},
            "HostConfig": body["HostConfig"],
            "State": {"Running": True},
        }
        images[one.image] = observe.FoundImage("sha256:1", FINGERPRINT, ["a"], ["PATH=/bin"])
    parts: dict[str, Any] = {
        "state": state.State(["docker.io"], engine_setup.configuration(stack), sorted(images)),
        "engine": observe.FoundEngine(installed=True, running=True),
        "containers": containers,
        "images": images,
        "found_files": {file.path: _found(file) for file in wanted},
        "slice_limits": {
            name: 300 * MIB if name == stack.budget.slice else None for name in systemd.slice_names(stack)
        },
        "delivered_images": sorted(images),
        "own_units": sorted(systemd.slice_names(stack)),
        "own_state": True,
        "own_directories": {"sensor_service": ["sensor_service/config", "sensor_service/data"], "staging": []},
    }
    return bare(**{**parts, **change})


def kinds(made: Any) -> list[str]:
    return [step.kind for step in made.steps]


def test_a_bare_robot_gets_everything_in_order() -> None:
    made = plan.make(declared(), bare())
    expected = ["slice"] * 3 + ["engine-file"] * 3 + ["packages", "image", "container"]
    assert kinds(made) == expected
    assert [need["kind"] for need in made.needs] == ["packages", "image"]
    assert made.steps[0].summary == "cap the whole stack at 300 MiB in robotstack.slice"
    assert [step.kind for step in made.foundation] == expected[:-2]


def test_where_nothing_differs_there_is_nothing_to_do() -> None:
    stack = declared(service(), service("victoriametrics", 50, files=[{"path": "a", "content": "b"}]))
    made = plan.make(stack, done(stack))
    assert (made.steps, made.refusals, made.changes) == ([], [], False)


def test_a_changed_limit_touches_its_service_alone() -> None:
    before = declared(service(), service("victoriametrics", 50))
    after = declared(service(), service("victoriametrics", 60))
    (step,) = plan.make(after, done(before)).steps
    assert step.summary == (
        "recreate container robot-stack-victoriametrics: Memory is 50.0 MiB, not 60.0 MiB; "
        "MemorySwap is 50.0 MiB, not 60.0 MiB"
    )
    assert "memory: 50.0 MiB" in step.diff["before"]
    assert "memory: 60.0 MiB" in step.diff["after"]
    assert "PATH" not in step.diff["before"]


def test_another_image_under_the_same_name_is_brought_and_used() -> None:
    stack = declared()
    old = {"sensor_service:1": observe.FoundImage("sha256:0", "sha256:old", ["a", "b"], [])}
    made = plan.make(stack, done(stack, images=old))
    assert kinds(made) == ["image", "container"]
    assert made.steps[0].needs["layers"] == ["a", "b"]  # what the robot has need not be sent again
    assert made.steps[1].summary.endswith(": its image changes")


def test_a_container_of_an_image_that_was_replaced_is_made_anew() -> None:
    stack = declared()
    new = {"sensor_service:1": observe.FoundImage("sha256:2", FINGERPRINT, [], [])}
    assert kinds(plan.make(stack, done(stack, images=new))) == ["container"]


def test_swap_that_no_kernel_counts_is_no_drift_for_ever() -> None:
    stack = declared()
    seen = done(stack)
    seen.containers["robot-stack-sensor_service"]["HostConfig"]["MemorySwap"] = -1
    assert kinds(plan.make(stack, seen)) == ["container"]
    uncounted = observe.FoundEngine(installed=True, running=True, swap_accounted=False)
    assert kinds(plan.make(stack, dataclasses.replace(seen, engine=uncounted))) == []


def test_somebody_elses_engine_is_never_configured() -> None:
    stack = declared()
    theirs = done(stack, state=state.State())
    theirs = dataclasses.replace(theirs, found_files={p: f for p, f in theirs.found_files.items() if "slice" in p})
    assert plan.make(stack, theirs).steps == []


def test_our_engine_follows_its_configuration() -> None:
    stack = declared()
    other = declared(engine={**parameters()["engine"], "service_environment": {"GOGC": 20}})
    assert kinds(plan.make(other, done(stack))) == ["engine-file", "engine-file", "engine-restart"]
    # written, but the run ended before the restart
    stale = state.State(["docker.io"], "older")
    assert kinds(plan.make(stack, done(stack, state=stale))) == ["engine-restart"]


def test_data_gets_its_owner() -> None:
    stack = declared(service(data=[{"name": "data", "target": "/data"}]))
    path = "/var/lib/robot-stack/sensor_service/data"
    assert kinds(plan.make(stack, done(stack, data_owners={path: [0, 0]}))) == ["data"]
    assert kinds(plan.make(stack, done(stack, data_owners={path: list(stack.services[0].uid_gid)}))) == []


def test_a_changed_file_shows_what_changes() -> None:
    before = declared(service(files=[{"path": "a", "content": "old\n"}]))
    after = declared(service(files=[{"path": "a", "content": "new\n"}]))
    running = {"sensor_service/a": files.FoundFile("old\n", 0o444, 0, 0)}
    made = plan.make(after, done(before, running_files=running))
    assert kinds(made) == ["file", "container"]
    assert (made.steps[0].diff["before"], made.steps[0].diff["after"]) == ("old\n", "new\n")


def test_orphans_go_only_where_everything_is_in_scope() -> None:
    both = declared(service(), service("victoriametrics", 50))
    assert [step.subject for step in plan.make(declared(), done(both)).steps] == ["robot-stack-victoriametrics"]
    assert plan.make(declared(scope=["sensor_service"]), done(both)).steps == []


def _controller(**change: Any) -> dict[str, Any]:
    return {**parameters()["memory_controller"], **change}


NO_CONTROLLER = {
    "hierarchy": cgroup.Hierarchy(0, Path("/none")),
    "boot_file": "/boot/cmdline.txt",
    "boot_line": "root=/dev/sda quiet\n",
}


@pytest.mark.parametrize(
    ("controller", "seen", "words"),
    [
        ({"enable": False}, {}, "set memory_cgroup_enable: true"),
        ({}, {"boot_file": ""}, "no boot line to change"),
        ({}, {}, "memory_cgroup_reboot_allowed: true"),
        ({}, {"boot_line": bootline.with_memory_controller("quiet")}, "although /boot/cmdline.txt switches it on"),
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
    assert kinds(made) == ["boot-line", "reboot"]
    assert made.steps[0].file.content == "root=/dev/sda quiet cgroup_enable=memory cgroup_memory=1\n"
    assert made.needs == [{"kind": "reboot"}]


def test_the_new_boot_path_stands_before_the_old_one(tmp_path: Path) -> None:
    names = ["/boot/firmware/cmdline.txt", "/boot/cmdline.txt"]
    assert bootline.boot_file(names, tmp_path) is None
    for name in reversed(names):
        expected = write(tmp_path / name.lstrip("/"), "")
        assert bootline.boot_file(names, tmp_path) == expected


@pytest.mark.parametrize(
    ("seen", "more", "words"),
    [
        ({"architecture": "arm64"}, {}, "this robot is arm64, robot_stack_architecture says amd64"),
        ({"systemd": False}, {}, "systemd does not run here"),
        ({"memory_ceiling": 449 * MIB}, {}, "more than this robot's 449.0 MiB"),
        ({"disk_available": 255 * MIB}, {}, "free some space"),
        ({"debian": False}, {}, "no Debian"),
        ({}, {"engine": {**parameters()["engine"], "install": False}}, "set container_engine_install: true"),
    ],
)
def test_a_robot_that_cannot_hold_the_stack_is_refused(seen: dict[str, Any], more: dict[str, Any], words: str) -> None:
    made = plan.make(declared(**more), bare(**seen))
    assert made.steps == []
    assert len(made.refusals) == 1
    assert words in made.refusals[0]


def test_a_budget_that_fits_exactly_is_accepted() -> None:
    assert refuse.reasons(declared(), bare(memory_ceiling=450 * MIB)) == []


def test_our_own_listener_is_not_in_the_way(tmp_path: Path) -> None:
    write(tmp_path / "net/tcp", "head\n 0: 0100007F:238D 0:0 0A\n")
    stack = declared(service(listens=["127.0.0.1:9101"]))
    assert refuse.busy_listeners(stack, done(stack), tmp_path) == []
    (reason,) = refuse.busy_listeners(stack, bare(), tmp_path)
    assert "127.0.0.1:9101 is taken by another program" in reason
    assert "sensor_service_listen_address" in reason


def test_removal_takes_services_before_their_ceiling() -> None:
    stack = declared(state="absent")
    made = remove.make(stack, done(stack))
    assert kinds(made) == [
        "stop",
        "drop-image",
        "drop-directory",
        "drop-directory",
        "drop-file",
        "drop-file",
        "engine-leave",
        "drop-slice",
        "drop-slice",
        "drop-slice",
    ]
    dropped = [step.subject for step in made.steps if step.kind in ("drop-slice", "drop-directory", "drop-file")]
    assert "/var/lib/robot-stack/sensor_service" not in dropped  # its data stays
    assert engine_setup.DAEMON_JSON not in dropped  # so does the engine, as it was set up
    assert dropped[-1] == "robotstack.slice"  # children go before their parent


def test_removal_of_one_service_leaves_the_others() -> None:
    stack = declared(service(), service("victoriametrics", 50), state="absent", scope=["sensor_service"])
    whole = declared(service(), service("victoriametrics", 50))
    made = remove.make(stack, done(whole))
    assert [(step.kind, step.subject) for step in made.steps] == [
        ("stop", "robot-stack-sensor_service"),
        ("drop-image", "sensor_service:1"),
        ("drop-directory", "/var/lib/robot-stack/sensor_service/config"),
        ("drop-slice", "robotstack-sensor_service.slice"),
    ]


def test_the_engine_goes_only_where_it_is_ours_and_runs_nothing_else() -> None:
    stack = declared(state="absent", remove_engine=True)
    refused = remove.make(stack, done(stack, foreign_containers=["theirs"]))
    assert refused.steps == []
    assert "the engine also runs theirs" in refused.refusals[0]
    assert remove.make(stack, done(stack, engine_data=True)).needs == [{"kind": "purge", "names": ["docker.io"]}]
    theirs = remove.make(stack, done(stack, state=state.State(), engine_data=True))
    assert not {"purge", "engine-leave"} & set(kinds(theirs))
    assert "/var/lib/docker" not in [step.subject for step in theirs.steps]
