"""What robots answer to playbooks/report.yml, made for tests: fine, tight, killed, silent, and hostile."""

from __future__ import annotations

import copy
from typing import Any

NOW = 1_800_000_000
VERSIONS = {"robot-stack": "0.1.0", "ansible-core": "2.19.14", "Python": "3.12.1"}


def service(name: str = "victoriametrics", limit: float = 50.0, used: float = 20.3, **changes: Any) -> dict[str, Any]:
    return {
        "status": "running",
        "image": f"{name}:v1",
        "limit_mib": limit,
        "kernel_limit_mib": limit,
        "kernel_swap_mib": 0.0,
        "believed_limit_mib": None,
        "working_set_mib": used,
        "pss_mib": used + 11.1,
        "unreclaimable_mib": used - 1.2,
        "peak_mib": used + 2.4,
        "restarts": 0,
        "hangs": 0,
        "oom_kills": 0,
        "major_faults": 3,
        "major_faults_per_minute": 0.0,
        "cgroup": f"/robotstack.slice/robotstack-{name}.slice/abc",
        "verdict": "ok",
        "reasons": [],
        **changes,
    }


def history(hours: float = 30.0) -> dict[str, Any]:
    step = int(hours * 3600 / 60)
    return {
        "measured_at": NOW,
        "step_seconds": step,
        "moments": [NOW - step * (59 - n) for n in range(60)],
        "services": {
            name: {"working_set_mib": [None, *[float(n % 9 + 10) for n in range(59)]], "limit_mib": [limit] * 60}
            for name, limit in (("sensor_service", 32.0), ("victoriametrics", 50.0), ("robotstack", 300.0))
        },
        "sensors": [{"name": "node_thermal_zone_temp", "unit": "°C", "labels": {"zone": "cpu"}, "values": [41.5] * 60}],
        "scrapes": {
            "count": 1234,
            "median_ms": 9.61,
            "p99_ms": 72.1,
            "buckets": [{"up_to_ms": 10.0, "count": 900}, {"up_to_ms": None, "count": 334}],
        },
        "collectors": [{"name": "cgroup", "mean_ms": 1.873, "success_percent": 100.0}],
        "storage": {"series": 238.0, "samples": 89192.0, "bytes": 115000.0},
        "faults": [],
    }


def fine(**changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "changed": False,
        "plan": [],
        "refusals": [],
        "services": {"sensor_service": service("sensor_service", 32.0, 15.5), "victoriametrics": service()},
        "engine_usage": {
            "allowance_mib": 128.0,
            "below_ceiling": True,
            "working_set_mib": 61.2,
            "pss_mib": 57.9,
            "unreclaimable_mib": 38.7,
            "verdict": "ok",
            "reasons": [],
        },
        "budget": {
            "memory_budget_mib": 300,
            "engine_allowance_mib": 128,
            "limits_mib": 82,
            "left_mib": 90,
            "slice_limit_mib": 300.0,
            "used_mib": 110.4,
            "verdict": "ok",
            "reasons": [],
        },
        "robot": {
            "architecture": "amd64",
            "kernel": "6.1.0-18",
            "cgroup_version": 1,
            "engine_version": "20.10.24",
            "memory_total_mib": 500.0,
            "memory_ceiling_mib": 500.0,
            "swap_total_mib": 0.0,
            "disk_available_mib": 9000.0,
        },
        "disk": {
            "sensor_service": {"image_mib": 14.1, "data_mib": None},
            "victoriametrics": {"image_mib": 25.3, "data_mib": 0.7},
        },
        "history": history(),
        "verdict": "ok",
    }
    return {**copy.deepcopy(answer), **changes}


def tight() -> dict[str, Any]:
    found = fine(verdict="tight")
    reason = "41.3 of 50.0 MiB cannot be reclaimed"
    found["services"]["victoriametrics"] = service(used=44.4, verdict="tight", reasons=[reason])
    return found


def killed() -> dict[str, Any]:
    found = fine(verdict="killed", failed=True, msg="victoriametrics: killed (the kernel killed it for lack of memory)")
    reasons = ["the kernel killed it for lack of memory", "it restarted 7 times since it was deployed"]
    found["services"]["victoriametrics"] = service(verdict="killed", reasons=reasons, oom_kills=7, restarts=7)
    return found


def silent() -> dict[str, Any]:
    return {"unreachable": True, "changed": False, "msg": "Failed to connect to the host via ssh: No route to host"}


def newer() -> dict[str, Any]:
    """A robot with cgroup v2 whose engine was there before, and that differs from its declaration."""
    found = fine(plan=["start container robot-stack-vmagent"], failed=True, msg="drift: start container")
    found["robot"]["cgroup_version"] = 2
    found["engine_usage"]["below_ceiling"] = False
    return found


def fleet() -> dict[str, Any]:
    return {"cart": fine(), "lift": tight(), "scout": killed(), "shelf": silent(), "tug": newer(), "void": None}
