"""The stack's own cgroups, in both versions: services, engine, and the slice above them."""

from __future__ import annotations

from pathlib import Path

from sensor_service.catalogue import COLLECTORS
from sensor_service.output import Output
from sensor_service.robot import Robot

from files.sensor_service.tests.test_collectors import collected
from files.sensor_service.tests.trees import write

MIB = 1024 * 1024


def test_cgroup_v2_tells_services_engine_and_slice(raspberry_pi: Path) -> None:
    found = collected(raspberry_pi, "cgroup")
    assert found['container_memory_usage_bytes{service="robotstack"}'] == 200 * MIB
    assert found['container_spec_memory_limit_bytes{service="robotstack"}'] == 300 * MIB
    assert found['container_memory_working_set_bytes{service="engine"}'] == 80 * MIB
    # memory and limit are the container's own
    assert found['container_memory_usage_bytes{service="sensor_service"}'] == 10 * MIB
    assert found['container_memory_working_set_bytes{service="sensor_service"}'] == 8 * MIB
    assert found['container_spec_memory_limit_bytes{service="sensor_service"}'] == 32 * MIB
    assert found['container_memory_max_usage_bytes{service="sensor_service"}'] == 10 * MIB + 4096
    assert found['container_memory_rss{service="sensor_service"}'] == MIB
    assert found['container_memory_kernel_usage{service="sensor_service"}'] == MIB // 2
    # counters are the slice's, which outlives a container
    assert found['container_oom_events_total{service="sensor_service"}'] == 2
    assert found['container_memory_failures_total{service="sensor_service",failure_type="pgmajfault"}'] == 77
    assert found['container_pressure_memory_waiting_seconds_total{service="sensor_service"}'] == 0.25
    assert found['container_pressure_memory_stalled_seconds_total{service="sensor_service"}'] == 0.125
    # no limit reads as 0, as cAdvisor has it
    assert found['container_spec_memory_limit_bytes{service="victoriametrics"}'] == 0
    assert not [name for name in found if "other" in name or "docker.service" in name]


def test_cgroup_v1_tells_services_engine_and_slice(x86_robot: Path) -> None:
    found = collected(x86_robot, "cgroup")
    assert found['container_memory_usage_bytes{service="robotstack"}'] == 200 * MIB
    assert found['container_memory_working_set_bytes{service="robotstack"}'] == 160 * MIB
    assert found['container_spec_memory_limit_bytes{service="engine"}'] == 0
    assert found['container_memory_usage_bytes{service="sensor_service"}'] == 10 * MIB
    assert found['container_spec_memory_limit_bytes{service="sensor_service"}'] == 32 * MIB
    assert found['container_oom_events_total{service="sensor_service"}'] == 1
    assert found['container_memory_failures_total{service="sensor_service",failure_type="pgmajfault"}'] == 7
    assert not [name for name in found if "pressure" in name]


def test_a_service_that_is_down_has_no_memory_but_keeps_its_kills_on_v2(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cgroup.controllers": "memory",
            "sys/fs/cgroup/robotstack.slice/robotstack-vmagent.slice/memory.events": "oom_kill 4",
        },
    )
    assert collected(tmp_path, "cgroup") == {'container_oom_events_total{service="vmagent"}': 4}


def test_podmans_containers_are_below_their_units_beside_their_monitors(tmp_path: Path) -> None:
    slice_ = "sys/fs/cgroup/robotstack.slice/robotstack-vmagent.slice"
    unit = f"{slice_}/robot-stack-vmagent.service"
    payload = f"{unit}/libpod-payload-{'5' * 64}"
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cgroup.controllers": "memory",
            f"{slice_}/memory.events": "oom_kill 4",
            f"{slice_}/memory.current": 12 * MIB,
            f"{unit}/memory.current": 11 * MIB,
            f"{unit}/memory.max": "max",
            f"{unit}/runtime/memory.current": MIB,
            f"{unit}/runtime/memory.max": "max",
            f"{payload}/memory.current": 10 * MIB,
            f"{payload}/memory.max": 32 * MIB,
        },
    )
    assert collected(tmp_path, "cgroup") == {
        'container_oom_events_total{service="vmagent"}': 4,
        'container_memory_usage_bytes{service="vmagent"}': 10 * MIB,
        'container_spec_memory_limit_bytes{service="vmagent"}': 32 * MIB,
    }


def test_a_unit_between_two_containers_of_podmans_has_none(tmp_path: Path) -> None:
    unit = "sys/fs/cgroup/robotstack.slice/robotstack-vmagent.slice/robot-stack-vmagent.service"
    write(tmp_path, {"sys/fs/cgroup/cgroup.controllers": "memory", f"{unit}/memory.max": "max"})
    assert collected(tmp_path, "cgroup") == {}


def test_another_slice_can_be_the_stacks(tmp_path: Path) -> None:
    write(
        tmp_path, {"sys/fs/cgroup/cgroup.controllers": "", "sys/fs/cgroup/lab.slice/lab-a.slice/x.scope/memory.max": 5}
    )
    out = Output()
    COLLECTORS["cgroup"](Robot(str(tmp_path), str(tmp_path / "sys"), slice_name="lab.slice"), out)
    assert list(out.families) == ["container_spec_memory_limit_bytes"]
    assert list(out.families["container_spec_memory_limit_bytes"].samples) == [
        'container_spec_memory_limit_bytes{service="a"}'
    ]
