"""The unit of a container: whatever is declared, what Podman is given by it is that, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import (
    container,
    quadlet,
    status,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.driver import PODMAN_DRIVER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import (
    EngineError,
    FoundContainer,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import Service, Stack
from robot_stack.fake_podman import BUDGET, SPEC, Quadlet, cpu_max, expanded, words_of
from robot_stack.robots import MIB, Robot, parameters, service, write

IMAGE = "sha256:" + "a" * 64
HOSTILE = [
    "plain",
    "with space",
    "a\ttab",
    "two\nlines\n",
    "50 %",
    "%h%%",
    "$HOME ${A} $$",
    'double " quote',
    "single ' quote",
    "back \\ slash \\",
    "ends in \\",
    "; semicolon",
    "#hash",
    "=equals=",
    "[Service]",
    "$(reboot)",
    "`reboot`",
    "é ü 漢",
    "-flag=value,with:all;of&it|(now)",
]


def declared(**more: Any) -> tuple[Stack, Service]:
    stack = parse.parse(parameters(service(**more), engine=SPEC, budget=BUDGET))
    return stack, stack.services[0]


def running(request: dict[str, Any]) -> FoundContainer:
    """The container of half a processor that a unit has just made."""
    return FoundContainer(
        id="c0ffee",
        name="robot-stack-sensor_service",
        spec=PODMAN_DRIVER.spec_of(request),
        running=True,
        status="running",
        memory=32 * MIB,
        memory_and_swap=32 * MIB,
        nano_cpus=500_000_000,
        pids=32,
        cgroup_parent="robotstack-sensor_service.slice",
    )


def written(tmp_path: Path, request: dict[str, Any]) -> Quadlet:
    path = tmp_path / "robot-stack-sensor_service.container"
    path.write_text(quadlet.text_of("sensor_service", request, IMAGE, "c0ffee", 5.0))
    return Quadlet(path)


@pytest.mark.parametrize("text", HOSTILE)
def test_words_reach_podman_as_they_were_declared(tmp_path: Path, text: str) -> None:
    stack, one = declared(command=["run", text, f"--x={text}"], environment={"A": text})
    made = written(tmp_path, container.body(stack, one, "f"))
    command = [expanded(word) for word in words_of(made.one("Container.Exec"))]
    assert command == ["run", text, f"--x={text}"]
    assert made.arguments["--env"] == [f"A={text}"]


def test_no_word_of_any_letters_becomes_another_one_or_another_line(tmp_path: Path) -> None:
    rng = random.Random(15)
    letters = string.ascii_letters + string.digits + "\"'\\%$;#=[]{}()&|<>~* `!?"
    for _ in range(300):
        words = ["".join(rng.choices(letters, k=rng.randint(1, 12))) for _ in range(3)]
        if ";" in words:
            continue
        stack, one = declared(command=words, environment={"A": words[0]})
        made = written(tmp_path, container.body(stack, one, "f"))
        assert [expanded(word) for word in words_of(made.one("Container.Exec"))] == words
        assert made.arguments["--env"] == [f"A={words[0]}"]
        assert made.values["Service.Slice"] == ["robotstack-sensor_service.slice"]


@pytest.mark.parametrize("text", ["", ";", "a\0b", "a\rb", "\x1b[0m", "a\u2028b", "a\x85b"])
def test_what_no_unit_can_say_is_refused(text: str) -> None:
    stack, one = declared()
    with pytest.raises(EngineError, match="cannot be a word"):
        container.body(stack, dataclasses.replace(one, command=(text,)), "f")


@pytest.mark.parametrize("path", ["/a:b", "/a,b"])
def test_a_path_that_podman_would_take_apart_is_refused(path: str) -> None:
    stack, one = declared(mounts=[{"source": path, "target": "/x"}])
    with pytest.raises(EngineError, match="holds a colon or a comma"):
        container.body(stack, one, "f")


def test_a_service_has_no_rights_and_all_of_its_limits(tmp_path: Path) -> None:
    stack, one = declared(
        data=[{"name": "data", "target": "/data"}],
        mounts=[{"source": "/proc", "target": "/host/proc"}, {"source": "/", "target": "/r", "recursive": True}],
        files=[{"path": "a.yml", "content": "x"}],
        tmpfs={"/tmp": 8},
        open_files_limit=100,
        stop_timeout_seconds=33,
    )
    made = written(tmp_path, container.body(stack, one, "f"))
    given = made.arguments
    assert given["--read-only"] == [""]
    assert {key: given[key] for key in ("--cap-drop", "--security-opt", "--read-only-tmpfs", "--user")} == {
        "--cap-drop": ["all"],
        "--security-opt": ["no-new-privileges"],
        "--read-only-tmpfs": ["false"],
        "--user": [one.user],
    }
    apart = ("--ipc", "--cgroupns", "--systemd", "--http-proxy")
    assert [given[key] for key in apart] == [["private"], ["private"], ["false"], ["false"]]
    assert (given["--memory"], given["--memory-swap"]) == ([f"{32 * MIB}b"], [f"{32 * MIB}b"])
    assert (given["--cpu-period"], given["--cpu-quota"]) == (["100000"], ["50000"])
    assert (given["--pids-limit"], given["--ulimit"]) == (["32"], ["nofile=100:100"])
    assert given["--tmpfs"] == ["/tmp:size=8m,mode=1777,noexec,nosuid"]
    mounts = [mount.split(":") for mount in given["--volume"]]
    assert [mount[2] for mount in mounts] == ["ro,bind", "ro,rbind", "ro,rbind", "rw,rbind"]
    assert (made.one("Container.Pull"), made.one("Container.Image")) == ("never", "a" * 64)
    assert (made.one("Service.Restart"), made.one("Unit.StartLimitIntervalSec")) == ("always", "0")
    assert int(made.one("Service.TimeoutStopSec")) > 33
    assert given["--stop-timeout"] == ["33"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("userns", "--userns=host"),  # "auto": its users are others outside, and its data are not its own
        ("privileged", "--privileged=false"),
        ("pidns", "--pid=private"),
        ("utsns", "--uts=private"),
        ("env_host", "--env-host=false"),
        ("umask", "--umask=0022"),
        ("ipcns", "--ipc=private"),
        ("cgroupns", "--cgroupns=private"),
        ("http_proxy", "--http-proxy=false"),
        ("read_only", "--read-only"),
        ("oom_score_adj", "--oom-score-adj=500"),
        ("pids_limit", "--pids-limit=32"),
    ],
)
def test_what_an_owner_sets_for_all_containers_holds_for_none_of_ours(tmp_path: Path, setting: str, said: str) -> None:
    """[containers] of an owner's containers.conf is what `podman run` takes where it is told nothing else."""
    stack, one = declared()
    made = written(tmp_path, container.body(stack, one, "f"))
    given = {f"{key}={value}" if value else key for key, values in made.arguments.items() for value in values}
    assert said in given, setting


def test_each_of_these_words_is_part_of_what_a_container_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one that was made without it is drift, and one whose unit lost it as well."""
    stack, one = declared()
    request = container.body(stack, one, "f")
    content = quadlet.text_of("sensor_service", request, IMAGE, "c0ffee", 5.0)
    for words in ("--userns=host", "--privileged=false"):
        changed = quadlet.read(content.replace(words, words.replace("host", "auto").replace("false", "true")))
        assert changed is not None
        assert changed.spec == quadlet.CHANGED
    arguments = quadlet._arguments
    monkeypatch.setattr(quadlet, "_arguments", lambda one: [x for x in arguments(one) if "userns" not in x])
    assert PODMAN_DRIVER.spec_of(container.body(stack, one, "f")) != PODMAN_DRIVER.spec_of(request)


def test_what_ended_is_started_again_by_systemd_alone_later_each_time(tmp_path: Path) -> None:
    """Podman's own restarts have left containers dead after kills for memory."""
    stack, one = declared()
    made = written(tmp_path, container.body(stack, one, "f"))
    assert "--restart" not in made.arguments
    # Podman would have systemd start a program of its own every so often, outside of the ceiling, for an image with one
    assert made.arguments["--no-healthcheck"] == [""]
    given = {key: made.one(f"Service.{key}") for key in ("RestartSec", "RestartSteps", "RestartMaxDelaySec")}
    assert given == {"RestartSec": "1", "RestartSteps": "5", "RestartMaxDelaySec": "20"}
    assert PODMAN_DRIVER.restart_seconds > float(given["RestartMaxDelaySec"])


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ({"max_size_kib": 1024, "max_files": 2}, "2048"),
        ({"max_size_kib": 5, "max_files": 1}, "5"),
    ],
)
def test_a_service_logs_as_many_lines_a_minute_as_its_log_has_kib(
    tmp_path: Path, log: dict[str, int], lines: str
) -> None:
    stack, one = declared(log=log)
    made = written(tmp_path, container.body(stack, one, "f"))
    assert made.one("Container.LogDriver") == "journald"
    assert (made.one("Service.LogRateLimitIntervalSec"), made.one("Service.LogRateLimitBurst")) == ("60", lines)
    assert not {"--log-driver", "--log-opt"} & set(made.arguments)


def test_a_podman_that_starts_ends_before_any_container_that_works(tmp_path: Path) -> None:
    stack, one = declared()
    made = written(tmp_path, container.body(stack, one, "f"))
    [its_own] = made.arguments["--oom-score-adj"]
    assert int(its_own) < int(made.one("Service.OOMScoreAdjust")) <= 1000


def test_a_unit_tells_what_it_was_made_of_and_whether_it_was_changed() -> None:
    stack, one = declared(environment={"A": "1"})
    request = container.body(stack, one, "f")
    content = quadlet.text_of("sensor_service", request, IMAGE, "c0ffee", 5.0)
    found = quadlet.read(content)
    assert found is not None
    assert (found.id, found.image, found.made, found.request) == ("c0ffee", IMAGE, 5.0, request)
    assert found.spec == PODMAN_DRIVER.spec_of(request)
    changed = quadlet.read(content.replace("--cap-drop=all", "--cap-drop=none"))
    assert changed is not None
    assert changed.spec == quadlet.CHANGED


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[Container]\nImage=x\n",
        f"{quadlet.HEAD}\n",
        f"{quadlet.HEAD}\n{quadlet.ABOUT}[]\n",
        f"{quadlet.HEAD}\n{quadlet.ABOUT}{{\n",
        f"{quadlet.HEAD}\n{quadlet.ABOUT}" + "[" * 9999 + "\n",
        f"{quadlet.HEAD}\n{quadlet.ABOUT}" + json.dumps({"id": 5, "request": {"Labels": 7}}) + "\n",
        f"{quadlet.HEAD}\n{quadlet.ABOUT}" + json.dumps({"id": "x", "request": None}) + "\n",
    ],
)
def test_another_file_of_that_name_is_none_of_ours(content: str) -> None:
    assert quadlet.read(content) is None


@pytest.mark.parametrize(
    "change",
    [
        {"memory_limit_mib": 40},
        {"cpu_limit": 0.7},
        {"pids_limit": 5},
        {"command": ["other"]},
        {"environment": {"A": "2"}},
        {"tmpfs": {"/tmp": 5}},
        {"user": "70101:70101"},
        {"stop_timeout_seconds": 5},
        {"log": {"max_size_kib": 5, "max_files": 1}},
        {"open_files_limit": 9},
    ],
)
def test_each_setting_makes_another_unit(change: dict[str, Any]) -> None:
    one, other = declared(), declared(**change)
    specs = {PODMAN_DRIVER.spec_of(container.body(*each, "f")) for each in (one, other)}
    assert len(specs) == 2
    assert len({PODMAN_DRIVER.spec_of(container.body(*one, image)) for image in ("f", "g")}) == 2


@pytest.mark.parametrize("cpus", [*(hundredths / 100 for hundredths in range(1, 401)), 1 / 3, 0.123456789, 2.000004])
def test_a_share_of_processors_is_what_the_kernel_then_has(tmp_path: Path, cpus: float) -> None:
    stack, one = declared()
    request = container.body(stack, dataclasses.replace(one, cpu_limit=cpus), "f")
    robot = Robot(tmp_path / "robot", 2)
    payload = f"it.service/libpod-payload-{'c' * 64}"
    write(robot.roots.sys / "fs/cgroup" / payload / "cpu.max", cpu_max(written(tmp_path, request).arguments))
    write(robot.roots.sys / "fs/cgroup" / payload / "cgroup.procs", "7\n")
    kernels = status.payload_of("/it.service", robot.roots)
    assert kernels is not None
    assert kernels.nano_cpus is not None
    found = dataclasses.replace(running(request), nano_cpus=kernels.nano_cpus)
    assert PODMAN_DRIVER.drift(request, found, made="c0ffee") == []


def test_drift_names_each_thing_that_differs() -> None:
    stack, one = declared()
    request = container.body(stack, one, "f")
    equal = running(request)
    assert PODMAN_DRIVER.drift(request, equal, made="c0ffee") == []
    for change, kind in (
        ({"memory": MIB}, "limit"),
        ({"memory_and_swap": -1}, "limit"),
        ({"nano_cpus": 400_000_000}, "limit"),
        ({"pids": -1}, "limit"),
        ({"cgroup_parent": "system.slice"}, "parent"),
        ({"spec": "other"}, "spec"),
        ({"id": "other"}, "maker"),
        ({"running": False, "status": "exited"}, "state"),
        ({"status": "paused"}, "state"),
        ({"lost_at_boot": "it is masked"}, "boot"),
    ):
        [found] = PODMAN_DRIVER.drift(request, dataclasses.replace(equal, **change), made="c0ffee")
        assert found.kind == kind
    unaccounted = dataclasses.replace(equal, memory_and_swap=-1)
    assert PODMAN_DRIVER.drift(request, unaccounted, swap_accounted=False) == []
