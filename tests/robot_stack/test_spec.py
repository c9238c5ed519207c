"""What a spec may say, and the request that a container is made with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container, found
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import DOCKER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import SPEC_LABEL
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import systemd
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import model, parse
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import FileMissingError, rendered
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.robots import FINGERPRINT, MIB, USER, parameters, service


@given(st.lists(st.integers(6, 120), max_size=5), st.integers(0, 128))
def test_limits_and_allowance_must_fit_the_budget(limits: list[int], allowance: int) -> None:
    budget = {"memory_budget_mib": 300, "memory_reserve_mib": 150, "engine_memory_allowance_mib": allowance}
    raw = parameters(*(service(f"s{i}", limit) for i, limit in enumerate(limits)), budget=budget)
    if allowance + sum(limits) <= 300:
        assert [s.memory_limit_mib for s in parse.parse(raw).services] == limits
        return
    with pytest.raises(model.SpecError, match=f"are {allowance + sum(limits)} MiB, the budget is 300 MiB"):
        parse.parse(raw)
    assert parse.parse({**raw, "state": "absent"}).services  # too large a stack can still be removed


def test_a_service_that_is_switched_off_costs_nothing() -> None:
    assert parse.parse(parameters(service(limit=400, enabled=False))).services == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": "root"}, "non-root"),
        ({"user": "1000:0"}, "non-root"),
        ({"memory_limit_mib": 5}, "below 6"),
        ({"cpu_limit": 0}, "above zero"),
        ({"files": [{"path": "/etc/passwd"}]}, "leaves its directory"),
        ({"files": [{"path": ""}]}, "leaves its directory"),
        ({"files": [{"path": "../x"}]}, "leaves its directory"),
        ({"name": "Bad Name"}, "lower-case"),
        ({"data": [{"name": "../other", "target": "/data"}]}, "not a plain name"),
        ({"data": [{"name": "config", "target": "/data"}]}, "'config' holds the service's files"),
        ({"mounts": [{"source": "/", "target": "/a/../b"}]}, "not absolute"),
        ({"name": "engine"}, "'engine' is taken"),
        ({"name": "staging"}, "'staging' is taken"),
    ],
)
def test_a_fault_of_a_service_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(model.SpecError, match=words):
        parse.parse(parameters(service(**{"name": "x", **change})))


@pytest.mark.parametrize("change", [{"root": "/"}, {"root": "var"}, {"root": "/a/../b"}, {"slice": "a-b.slice"}])
def test_a_fault_of_the_budget_is_named(change: dict[str, str]) -> None:
    raw = parameters()
    raw["budget"] = {**raw["budget"], **change}
    with pytest.raises(model.SpecError, match=f"budget.{next(iter(change))}"):
        parse.parse(raw)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(model.SpecError, match=r"declared twice.*non-root"):
        parse.parse(parameters(service(), service(user="0:0")))


def _body(change: dict[str, Any] | None = None, driver: str = "systemd", fingerprint: str = FINGERPRINT) -> Any:
    stack = parse.parse(parameters(service()))
    return container.body(stack, dataclasses.replace(stack.services[0], **(change or {})), driver, fingerprint)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "other:1"},
        {"memory_limit_mib": 33},
        {"cpu_limit": 0.6},
        {"pids_limit": 33},
        {"user": "5:5"},
        {"command": ("-x",)},
        {"environment": {"A": "1"}},
        {"mounts": (model.Mount("/proc", "/host/proc"),)},
        {"files": (model.ManagedFile("a", "b"),)},
        {"data": (model.DataDirectory("data", "/data"),)},
        {"tmpfs": {"/tmp": 1}},
        {"stop_timeout_seconds": 11},
        {"log_max_size_kib": 1},
        {"log_max_files": 1},
    ],
)
def test_any_setting_changes_the_digest(change: dict[str, Any]) -> None:
    label = SPEC_LABEL
    assert _body(change)["Labels"][label] != _body()["Labels"][label]
    assert _body(fingerprint="other")["Labels"][label] != _body()["Labels"][label]
    assert _body()["Labels"] == _body()["Labels"]


def test_a_tmpfs_belongs_to_the_user_of_its_service() -> None:
    made = _body({"tmpfs": {"/cache": 2}, "user": "5:6"})["HostConfig"]["Tmpfs"]
    assert made == {"/cache": "size=2m,mode=0700,uid=5,gid=6,noexec,nosuid"}


@given(st.integers(6, 4096), st.floats(0.01, 64))
def test_there_is_never_hidden_swap(limit: int, cpus: float) -> None:
    host = _body({"memory_limit_mib": limit, "cpu_limit": cpus})["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == limit * MIB
    assert abs(host["NanoCpus"] / 1e9 - cpus) < 1e-9


def test_every_container_goes_through_the_one_entry_point() -> None:
    made = _body()
    host = made["HostConfig"]
    assert (made["User"], host["ReadonlyRootfs"], host["CapDrop"]) == (USER, True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["CgroupParent"] == "robotstack-sensor_service.slice"
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (32 * MIB, 32 * MIB, 32)


def test_mounts_are_read_only_but_for_data() -> None:
    mounts = _body(
        {
            "mounts": (model.Mount("/proc", "/p"), model.Mount("/sys", "/s", recursive=True)),
            "files": (model.ManagedFile("a", "b"),),
            "data": (model.DataDirectory("data", "/data"),),
        }
    )["HostConfig"]["Mounts"]
    assert [(m["Target"], m["ReadOnly"]) for m in mounts] == [
        ("/p", True),
        ("/s", True),
        ("/config", True),
        ("/data", False),
    ]
    assert [m.get("BindOptions") for m in mounts[:2]] == [{"NonRecursive": True}, None]


def test_the_cgroup_parent_is_as_the_driver_wants_it() -> None:
    assert _body()["HostConfig"]["CgroupParent"] == "robotstack-sensor_service.slice"
    path = _body(driver="cgroupfs")["HostConfig"]["CgroupParent"]
    assert path == "/robotstack.slice/robotstack-sensor_service.slice"


def _running(**host: Any) -> dict[str, Any]:
    made = _body()
    return {
        "Config": {"Labels": made["Labels"]},
        "HostConfig": {**made["HostConfig"], **host},
        "State": {"Running": True},
    }


def differences(body: dict[str, Any], raw: dict[str, Any]) -> list[str]:
    return [one.words for one in container.drift(body, found.container(raw))]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"Memory": 64 * MIB}, "Memory is 64.0 MiB, not 32.0 MiB"),
        ({"MemorySwap": -1}, "MemorySwap is -1, not 32.0 MiB"),
        ({"NanoCpus": 0}, "NanoCpus is 0, not 500000000"),
        ({"PidsLimit": None}, "PidsLimit is 0, not 32"),
        ({"RestartPolicy": {"Name": "no"}}, "restart policy is 'no'"),
        ({"CgroupParent": ""}, "cgroup parent is '', not 'robotstack-sensor_service.slice'"),
    ],
)
def test_what_was_changed_behind_our_back_is_drift(host: dict[str, Any], words: str) -> None:
    assert differences(_body(), _running()) == []
    assert differences(_body(), _running(**host)) == [words]


def test_a_container_that_ended_is_drift() -> None:
    ended = {**_running(), "State": {"Running": False, "Status": "exited"}}
    assert differences(_body(), ended) == ["it is exited"]
    other = _body({"environment": {"A": "1"}})
    assert differences(other, _running()) == ["settings, files or image differ from the spec it was made of"]


def test_the_ceiling_stands_on_the_parent_alone() -> None:
    units = systemd.slice_units(parse.parse(parameters(service())), 2, True, DOCKER.units)
    limited = [unit.path.rsplit("/", 1)[1] for unit in units if "MemoryMax=" in unit.content]
    assert limited == ["robotstack.slice"]
    assert f"MemoryMax={300 * MIB}\nMemorySwapMax=0\n" in units[0].content
    assert (
        f"MemoryLimit={300 * MIB}\n"
        in systemd.slice_units(parse.parse(parameters()), 1, False, DOCKER.units)[0].content
    )


def test_a_command_that_fails_is_told_with_its_words() -> None:
    assert systemd.run(["echo", "fine"]) == "fine\n"
    assert systemd.run(["printf", r"caf\351"]) == "caf\ufffd", "a log's bytes are whatever a program has printed"
    with pytest.raises(systemd.CommandError, match=r"sh -c .*: exit 3: oh") as failed:
        systemd.run(["sh", "-c", "echo oh >&2; exit 3"])
    assert failed.value.words == "oh"


def test_templates_and_sources_become_content(tmp_path: Path) -> None:
    for kind in ("templates", "files"):
        (tmp_path / "role" / kind).mkdir(parents=True)
        (tmp_path / "role" / kind / "x").write_text(kind)
    given_files: list[dict[str, Any]] = [
        {"path": "a", "template": "role/x", "sensitive": True},
        {"path": "b", "src": "role/x"},
        {"path": "c", "content": "as it is"},
    ]
    found = rendered(given_files, [tmp_path / "none", tmp_path], lambda path: f"rendered {path.read_text()}")
    assert [file["content"] for file in found] == ["rendered templates", "files", "as it is"]
    assert found[0] == {"path": "a", "sensitive": True, "content": "rendered templates"}
    assert json.dumps(given_files).count("content") == 1  # what was given is left as it was
    with pytest.raises(FileMissingError, match="no role has role/files/y"):
        rendered([{"path": "a", "src": "role/y"}], [tmp_path], str)
