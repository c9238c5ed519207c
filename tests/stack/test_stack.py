"""The robot_stack package on fixture trees and a fake engine: what it reads, decides, refuses and puts back."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.robot_stack import (
    apply,
    bootline,
    cgroup,
    container,
    files,
    image,
    judge,
    probe,
    procfs,
    readback,
    run,
    spec,
    state,
)
from ansible.module_utils.robot_stack.engine_api import EngineError, demultiplex
from ansible.module_utils.robot_stack.robot import Roots
from controller_images import fingerprint as controller_fingerprint
from hypothesis import given
from hypothesis import strategies as st

MIB = 1024 * 1024
IMAGE = {
    "Id": "sha256:1",
    "Os": "linux",
    "Architecture": "amd64",
    "RootFS": {"Layers": ["sha256:a", "sha256:b"]},
    "Config": {"Env": ["PATH=/bin"], "Cmd": ["run"], "User": "1:1", "Labels": None},
}
PRINT = image.fingerprint(IMAGE)


def service(name: str = "sensor_service", limit: int = 32, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": {"reference": f"{name}:1", "fingerprints": {"amd64": PRINT}},
        "memory_limit_mib": limit,
        "cpu_limit": 0.5,
        "pids_limit": 32,
        "user": f"{os.getuid() or 70100}:{os.getgid() or 70100}",
        **more,
    }


def parameters(*services: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "state": "present",
        "scope": [],
        "architecture": "amd64",
        "budget": {"memory_budget_mib": 300, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 128},
        "engine": {"install": True, "packages": ["docker.io"], "daemon": {}, "service_environment": {}, "socket": "/s"},
        "memory_controller": {"enable": True, "reboot_allowed": False, "boot_files": ["/boot/cmdline.txt"]},
        "services": list(services),
        **more,
    }


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def v2_group(root: Path, path: str, limit: str, current: int = 0, **stat: int) -> None:
    directory = root / "sys/fs/cgroup" / path.lstrip("/")
    write(directory / "memory.max", f"{limit}\n")
    write(directory / "memory.swap.max", "0\n")
    write(directory / "memory.current", f"{current}\n")
    write(directory / "memory.stat", "".join(f"{key} {value}\n" for key, value in stat.items()))
    write(directory / "memory.events", f"oom 1\noom_kill {stat.pop('oom_kill', 0)}\n")
    write(directory / "memory.pressure", "some avg10=0.00 avg60=1.50 avg300=0.00 total=5\n")


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    """A robot with cgroup v2, 500 MiB and no engine."""
    write(tmp_path / "sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
    write(tmp_path / "proc/meminfo", "MemTotal: 512000 kB\nSwapTotal: 0 kB\n")
    write(tmp_path / "proc/1/cgroup", "0::/init.scope\n")
    write(tmp_path / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


class FakeEngine:
    """An engine in memory: containers get a process and a cgroup of the fixture tree, as a real one's would."""

    def __init__(self, root: Path, running: bool = True) -> None:
        self.root, self.running, self.broken = root, running, ""
        self.images: dict[str, Mapping[str, Any]] = {}
        self.all: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def reachable(self) -> bool:
        return self.running

    def info(self) -> dict[str, Any]:
        return {"ServerVersion": "27", "CgroupDriver": "systemd"}

    def image(self, reference: str) -> Mapping[str, Any] | None:
        return self.images.get(reference)

    def containers(self, label: str) -> list[dict[str, Any]]:
        return [{"Id": n, "Names": [f"/{n}"], "Labels": c["Config"]["Labels"]} for n, c in self.all.items()]

    def inspect(self, name: str) -> dict[str, Any] | None:
        return self.all.get(name)

    def create(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(f"create {name}")
        self.all[name] = {
            "Id": f"{name}-{len(self.calls)}",
            "Name": f"/{name}",
            "Image": self.images[body["Image"]]["Id"],
            "Config": {k: v for k, v in body.items() if k != "HostConfig"},
            "HostConfig": json.loads(json.dumps(body["HostConfig"])),
            "State": {"Running": False, "Status": "created", "Pid": 0},
            "RestartCount": 0,
        }
        return {"Warnings": []}

    def start(self, name: str) -> None:
        self.calls.append(f"start {name}")
        found = self.all[name]
        pid = 100 + len(self.calls)
        found["State"] = {"Running": True, "Status": "running", "Pid": pid, "StartedAt": "2026-01-01T00:00:00.1Z"}
        if self.broken and self.broken in json.dumps(found["Config"]):
            found["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 2}
            return
        parent = found["HostConfig"]["CgroupParent"]
        path = f"/robotstack.slice/{parent}/docker-{pid}.scope"
        v2_group(self.root, path, str(found["HostConfig"]["Memory"]), current=4 * MIB, anon=3 * MIB, kernel=MIB)
        write(self.root / f"proc/{pid}/cgroup", f"0::{path}\n")

    def stop(self, name: str, timeout_seconds: int) -> None:
        self.calls.append(f"stop {name}")
        self.all[name]["State"] = {"Running": False, "Status": "exited", "Pid": 0}

    def rename(self, name: str, new_name: str) -> None:
        self.all[new_name] = {**self.all.pop(name), "Name": f"/{new_name}"}

    def remove(self, name: str) -> None:
        self.all.pop(name, None)

    def remove_image(self, reference: str) -> None:
        self.images.pop(reference, None)

    def logs(self, name: str, lines: int) -> str:
        return "the last words"

    def load(self, archive: Path) -> str:
        self.images[archive.read_text()] = IMAGE
        return ""


def call(root: Path, engine: FakeEngine, check: bool = False, **more: Any) -> run.Call:
    stack = spec.parse(parameters(*more.pop("services", [service()]), **more))
    archives = {}
    for declared in stack.services:
        path = root / "var/lib/robot-stack/staging" / declared.name
        if declared.image not in engine.images:
            write(path, declared.image)
            archives[declared.image] = apply.Archive(
                f"/var/lib/robot-stack/staging/{declared.name}", image.file_digest(path)
            )
    made = run.Call(stack, Roots(root, root / "proc", root / "sys"), engine, archives, check=check)
    made.applier = apply.Applier(stack, made.roots, engine, archives, run=systemctl(root))
    return made


def systemctl(root: Path) -> Any:
    """A systemd that gives a slice the limit that it is told to."""

    def command(argv: list[str]) -> str:
        if argv[1] == "set-property":
            name, limit = argv[3], argv[4].split("=")[1]
            path = name if name == "robotstack.slice" else f"robotstack.slice/{name}"
            v2_group(root, path, "max" if limit == "infinity" else limit)
        return ""

    return command


@pytest.fixture(autouse=True)
def _owners_are_the_tests_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(files, "equal", lambda d, f: f is not None and (d.content, d.mode) == (f.content, f.mode))


def test_a_second_run_changes_nothing(robot: Path) -> None:
    engine = FakeEngine(robot)
    first = run.execute(call(robot, engine))
    assert first["changed"]
    assert not first.get("failed"), first
    assert first["services"]["sensor_service"]["kernel_limit_mib"] == 32
    assert first["budget"]["slice_limit_mib"] == 300
    assert first["verdict"] == "ok"
    engine.calls.clear()
    second = run.execute(call(robot, engine))
    assert (second["changed"], second["plan"], engine.calls) == (False, [], [])


def test_check_mode_tells_and_does_nothing(robot: Path) -> None:
    engine = FakeEngine(robot)
    told = run.execute(call(robot, engine, check=True))
    assert told["changed"]
    assert any("create container robot-stack-sensor_service (32 MiB)" in line for line in told["plan"])
    assert engine.calls == []
    assert not (robot / "etc").exists()


def test_a_robot_without_an_engine_is_planned_whole(robot: Path) -> None:
    told = run.execute(call(robot, FakeEngine(robot, running=False), check=True))
    assert "install docker.io" in told["plan"]
    assert any("create container" in line for line in told["plan"])


def test_missing_packages_and_images_are_asked_for_at_once(robot: Path) -> None:
    made = call(robot, FakeEngine(robot, running=False))
    made.archives = {}
    made.applier.archives = {}
    told = run.execute(made)
    assert [need["kind"] for need in told["needs"]] == ["packages", "image"]
    assert state.load(robot / "var/lib/robot-stack").engine_packages == ["docker.io"]


def test_a_changed_limit_recreates_only_its_service(robot: Path) -> None:
    engine = FakeEngine(robot)
    both = [service(), service("victoriametrics", 50)]
    run.execute(call(robot, engine, services=both))
    engine.calls.clear()
    changed = run.execute(call(robot, engine, services=[service(limit=40), both[1]]))
    assert changed["services"]["sensor_service"]["kernel_limit_mib"] == 40
    assert all("victoriametrics" not in done for done in engine.calls)


def test_what_does_not_become_healthy_is_put_back(robot: Path) -> None:
    engine = FakeEngine(robot)
    run.execute(call(robot, engine))
    before = engine.all["robot-stack-sensor_service"]["Id"]
    engine.broken = "nonsense"
    with pytest.raises(apply.ServiceFailedError, match=r"last good container was put back(.|\n)*the last words"):
        run.execute(call(robot, engine, services=[service(command=["nonsense"])]))
    assert engine.all["robot-stack-sensor_service"]["Id"] == before
    assert engine.all["robot-stack-sensor_service"]["State"]["Running"]
    assert list(engine.all) == ["robot-stack-sensor_service"]


def test_a_first_deployment_that_fails_leaves_nothing_running(robot: Path) -> None:
    engine = FakeEngine(robot)
    engine.broken = "nonsense"
    with pytest.raises(apply.ServiceFailedError, match="nothing is left running"):
        run.execute(call(robot, engine, services=[service(command=["nonsense"])]))
    assert engine.all == {}


def test_verified_fails_on_a_limit_raised_by_hand(robot: Path) -> None:
    engine = FakeEngine(robot)
    run.execute(call(robot, engine))
    engine.all["robot-stack-sensor_service"]["HostConfig"]["Memory"] = 64 * MIB
    pid = engine.all["robot-stack-sensor_service"]["State"]["Pid"]
    path = (robot / f"proc/{pid}/cgroup").read_text().strip().split("::")[1]
    v2_group(robot, path, str(64 * MIB))
    told = run.execute(call(robot, engine, state="verified"))
    assert told["failed"]
    assert "Memory is 64.0 MiB, not 32.0 MiB" in told["msg"]
    assert "the kernel's limit is 64.0 MiB, declared are 32.0 MiB" in told["msg"]


def test_a_damaged_archive_is_refused_before_it_is_loaded(robot: Path) -> None:
    engine = FakeEngine(robot)
    made = call(robot, engine)
    write(robot / "var/lib/robot-stack/staging/sensor_service", "damaged")
    with pytest.raises(EngineError, match="damaged on its way"):
        run.execute(made)
    assert engine.images == {}


def test_absent_removes_what_is_ours_and_keeps_data(robot: Path) -> None:
    engine = FakeEngine(robot)
    with_data = [service(data=[{"name": "data", "target": "/data"}])]
    run.execute(call(robot, engine, services=with_data))
    write(robot / "var/lib/robot-stack/sensor_service/data/precious", "1")
    gone = run.execute(call(robot, engine, services=with_data, state="absent"))
    assert gone["changed"]
    assert engine.all == {}
    assert not list((robot / "etc/systemd/system").glob("*.slice"))
    assert (robot / "var/lib/robot-stack/sensor_service/data/precious").exists()
    run.execute(call(robot, engine, services=with_data, state="absent", remove_data=True))
    assert not (robot / "var/lib/robot-stack/sensor_service").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "arm64"}, "this robot is amd64"),
        (
            {
                "budget": {
                    "memory_budget_mib": 400,
                    "memory_reserve_mib": 150,
                    "engine_memory_allowance_mib": 128,
                }
            },
            "is more than this robot's 500.0 MiB",
        ),
        ({"services": [service(listens=["127.0.0.1:9101"])]}, "taken by another program"),
    ],
)
def test_what_cannot_work_is_refused_untouched(robot: Path, change: dict[str, Any], words: str) -> None:
    write(robot / "proc/net/tcp", "head\n 0: 0100007F:238D 00000000:0000 0A\n")
    engine = FakeEngine(robot)
    told = run.execute(call(robot, engine, **change))
    assert words in told["msg"]
    assert not told["changed"]
    assert engine.calls == []


def test_without_a_memory_controller_nothing_is_promised(robot: Path) -> None:
    write(robot / "sys/fs/cgroup/cgroup.controllers", "cpu pids\n")
    write(robot / "boot/cmdline.txt", "console=tty1 cgroup_disable=memory\n")
    told = run.execute(call(robot, FakeEngine(robot)))
    assert "memory_cgroup_reboot_allowed" in told["msg"]
    allowed = {"enable": True, "reboot_allowed": True, "boot_files": ["/boot/cmdline.txt"]}
    told = run.execute(call(robot, FakeEngine(robot), memory_controller=allowed))
    assert told["needs"] == [{"kind": "reboot"}]
    assert (robot / "boot/cmdline.txt").read_text() == "console=tty1 cgroup_enable=memory cgroup_memory=1\n"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (service(user="0:0"), "non-root"),
        (service(limit=400), "the budget is 300"),
        (service(files=[{"path": "../x", "content": ""}]), "leaves its directory"),
        (service("Bad Name"), "lower-case"),
    ],
)
def test_a_spec_that_cannot_work_names_its_fault(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(spec.SpecError, match=words):
        spec.parse(parameters(wrong))


def test_every_container_goes_through_the_one_door() -> None:
    stack = spec.parse(parameters(service()))
    body = container.body(stack, stack.services[0], "systemd", PRINT)
    host = body["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 32 * MIB
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["CgroupParent"] == "robotstack-sensor_service.slice"
    other = dataclasses.replace(stack.services[0], environment={"A": "1"})
    changed = container.body(stack, other, "systemd", PRINT)["Labels"][container.SPEC_LABEL]
    assert changed != body["Labels"][container.SPEC_LABEL]


def test_a_sensitive_file_is_never_shown() -> None:
    secret = files.DesiredFile("/x", "hunter2", 0o400, sensitive=True)
    shown = files.difference(secret, files.FoundFile("hunter1", 0o400, 0, 0))
    assert "hunter" not in json.dumps(shown)


def test_a_smaller_limit_above_wins(tmp_path: Path) -> None:
    write(tmp_path / "sys/fs/cgroup/cgroup.controllers", "memory\n")
    v2_group(tmp_path, "/a", str(10 * MIB))
    v2_group(tmp_path, "/a/b", str(20 * MIB), current=9, inactive_file=4, anon=3, kernel=2, pgmajfault=7, oom_kill=2)
    tree = cgroup.detect(tmp_path / "sys")
    assert cgroup.smallest_limit(tree, "/a/b") == (10 * MIB, "/a")
    usage = cgroup.usage(tree, "/a/b")
    assert usage == cgroup.Usage(9, 4, 3, 2, 7, 2, 1.5)
    assert (usage.working_set, usage.unreclaimable) == (5, 5)


def test_cgroup_v1_is_read_with_swap(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/memory/a"
    write(group.parent / "memory.stat", "total_rss 0\n")
    write(group / "memory.stat", "total_rss 3\ntotal_inactive_file 4\ntotal_pgmajfault 7\n")
    write(group / "memory.usage_in_bytes", "9\n")
    write(group / "memory.limit_in_bytes", f"{32 * MIB}\n")
    write(group / "memory.memsw.limit_in_bytes", f"{48 * MIB}\n")
    write(group / "memory.kmem.usage_in_bytes", "2\n")
    write(group / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    tree = cgroup.detect(tmp_path / "sys")
    assert tree.version == 1
    assert cgroup.limits(tree, "/a") == cgroup.Limits(32 * MIB, 16 * MIB)
    assert cgroup.usage(tree, "/a") == cgroup.Usage(9, 4, 3, 2, 7, 1)
    write(group / "memory.limit_in_bytes", "9223372036854771712\n")
    found = cgroup.limits(tree, "/a")
    assert found is not None
    assert found.memory is None


GOOD = readback.Reading(
    "s",
    32 * MIB,
    status="running",
    container="c",
    limits=cgroup.Limits(32 * MIB, 0),
    smallest=(32 * MIB, "/x"),
    usage=cgroup.Usage(8 * MIB, 0, 4 * MIB, MIB, 100, 0),
    below_ceiling=True,
)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "ok"),
        ({"status": "exited"}, "down"),
        ({"healthy": "HTTP 500"}, "down"),
        ({"limits": cgroup.Limits(None, None)}, "unlimited"),
        ({"limits": cgroup.Limits(32 * MIB, 32 * MIB)}, "unlimited"),
        ({"smallest": (16 * MIB, "/y")}, "unlimited"),
        ({"below_ceiling": False}, "unlimited"),
        ({"evidence": 64.0 * MIB}, "unlimited"),
        ({"restarts": 1}, "killed"),
        ({"oom_killed": True}, "killed"),
        ({"usage": cgroup.Usage(8 * MIB, 0, 0, 0, 200, 0)}, "thrashing"),
        ({"usage": cgroup.Usage(8 * MIB, 0, 0, 0, 100, 0, 20.0)}, "thrashing"),
        ({"usage": cgroup.Usage(32 * MIB, 0, 26 * MIB, 0, 100, 0)}, "tight"),
        ({"usage": cgroup.Usage(32 * MIB, 0, 5 * MIB, 0, 100, 0)}, "ok"),
    ],
)
def test_each_verdict_has_its_rule(change: dict[str, Any], verdict: str) -> None:
    remembered = state.ServiceMemory(container="c", major_faults=100, faults_counted_at=1000.0)
    judged = judge.service(dataclasses.replace(GOOD, **change), remembered, swap_total=MIB, now=1300.0)
    assert judged.verdict == verdict, judged.reasons
    assert bool(judged.reasons) == (verdict != "ok")


@given(st.lists(st.sampled_from(judge.VERDICTS)))
def test_the_worst_verdict_wins(verdicts: list[str]) -> None:
    assert judge.worst(verdicts) == max(verdicts, key=judge.VERDICTS.index, default="ok")


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\r\n")))
def test_the_boot_line_keeps_its_words(line: str) -> None:
    once = bootline.with_memory_controller(line)
    assert bootline.with_memory_controller(once) == once
    assert set(line.split()) - {bootline.DISABLING} <= set(once.split())


@given(st.lists(st.text()), st.lists(st.text(max_size=5)), st.one_of(st.none(), st.dictionaries(st.text(), st.text())))
def test_controller_and_robot_tell_images_apart_alike(
    layers: list[str], environment: list[str], labels: dict[str, str] | None
) -> None:
    inspected = {**IMAGE, "RootFS": {"Layers": layers}, "Config": {"Env": environment, "Labels": labels}}
    assert image.fingerprint(inspected) == controller_fingerprint(inspected)


@given(st.lists(st.binary(max_size=50)))
def test_log_frames_are_joined(parts: list[bytes]) -> None:
    raw = b"".join(b"\x01\0\0\0" + len(part).to_bytes(4, "big") + part for part in parts)
    assert demultiplex(raw) == b"".join(parts)


def test_a_metric_is_found_with_and_without_labels() -> None:
    page = 'a_b 1\na{x="y z"} 2.5\n'
    assert probe.metric(page, "a") == 2.5
    assert probe.metric(page, "a_b") == 1
    assert probe.metric(page, "c") is None


def test_a_damaged_state_file_is_an_empty_state(tmp_path: Path) -> None:
    kept = state.State(["docker.io"], "x", ["i:1"], {"s": state.ServiceMemory("c", 1.0, 2, 3, 4.0)})
    state.save(kept, tmp_path)
    assert state.load(tmp_path) == kept
    (tmp_path / state.FILE).write_text("{")
    assert state.load(tmp_path) == state.State()


def test_listening_is_seen_where_it_collides(tmp_path: Path) -> None:
    write(tmp_path / "net/tcp", "head\n 0: 0100007F:20EC 00000000:0000 0A\n 1: 0100007F:0050 00000000:0000 01\n")
    assert procfs.listens("127.0.0.1:8428", tmp_path)
    assert procfs.listens("0.0.0.0:8428", tmp_path)
    assert not procfs.listens("127.0.0.2:8428", tmp_path)
    assert not procfs.listens("127.0.0.1:80", tmp_path)
