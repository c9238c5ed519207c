"""How each figure was read, in words, for the cgroup versions that the fleet really has."""

from __future__ import annotations

FILES = {
    1: {
        "limit": "memory.limit_in_bytes",
        "swap": "memory.memsw.limit_in_bytes, less the limit",
        "used": "memory.usage_in_bytes less total_inactive_file of memory.stat",
        "held": "total_rss and total_shmem of memory.stat plus memory.kmem.usage_in_bytes",
    },
    2: {
        "limit": "memory.max",
        "swap": "memory.swap.max",
        "used": "memory.current less inactive_file of memory.stat",
        "held": "anon, shmem and kernel of memory.stat, less slab_reclaimable",
    },
}


def of(versions: list[int]) -> list[tuple[str, str]]:
    """Return what each figure is and where it comes from; ``versions`` are those of the robots' cgroups."""

    def kernel(fact: str) -> str:
        known = [version for version in versions if version in FILES]
        return "; ".join(f"{FILES[version][fact]} (cgroup v{version})" for version in known) or "no robot was measured"

    return [
        ("Budget, declared", "The inventory's variables, as the robot was given them. 1 MiB is 1,048,576 bytes."),
        (
            "Limit in the kernel",
            f"{kernel('limit')}, in the cgroup of the container's own process (/proc/PID/cgroup). Section 3 names each "
            "file. A smaller limit anywhere above it would be a fault.",
        ),
        ("Ceiling in the kernel", f"{kernel('limit')} of robotstack.slice, the cgroup above all services."),
        ("Swap", f"{kernel('swap')}. It must be 0: no hidden memory."),
        ("Used", f"The working set: {kernel('used')}. What docker stats shows."),
        (
            "Peak",
            "The highest working set seen: by any look at the robot, and by its own history since the service started. "
            "The kernel's own peak counts page cache and is not used.",
        ),
        ("Headroom", "The limit less the peak; less what is used, where there is no peak."),
        ("PSS", "Proportional set size, program text included: Pss of /proc/PID/smaps_rollup, all processes."),
        ("Held", f"What cannot be reclaimed without swap: {kernel('held')}. The verdict `tight` is about this."),
        (
            "Engine",
            "What the container engine (dockerd, containerd, shims; with Podman, conmon) holds. Below the ceiling: its "
            "slice, as above. "
            "Elsewhere: Anonymous of its processes' smaps_rollup. Its limit is an allowance inside the budget.",
        ),
        (
            "Whole stack",
            "The working set of robotstack.slice, and what an engine outside it holds. The history has only the slice.",
        ),
        (
            "OOM kills, exits, hangs",
            "How often the kernel killed it for memory, it exited unasked, and it hung, since it was deployed: "
            "from the engine's events and restart counts, kept on the robot.",
        ),
        (
            "Images, data on disk",
            "Size of the engine's image description; blocks of the files below the data directory.",
        ),
        (
            "History, scrapes, samples",
            "The robot's VictoriaMetrics, asked on the robot: the sensor service's container_memory_working_set_bytes "
            "and container_spec_memory_limit_bytes, sensor_scrape_duration_seconds, sensor_collector_*, vm_rows, "
            "vm_data_size_bytes. Each point is the highest of its step.",
        ),
        (
            "Verdict",
            "Rules over these figures, applied on the robot, worst first: down, unlimited, over budget, killed, "
            "thrashing, tight, stopped, ok. `stopped`: kept so on purpose, as declared. `differs`: its limits hold, "
            "but it is not what the inventory declares.",
        ),
    ]
