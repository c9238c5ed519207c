"""The two collectors that are compared, told to read the same targets."""

from __future__ import annotations

import json
from typing import Any

from . import product
from .running import Program

PROMETHEUS_IMAGE = "robot-stack-benchmark/prometheus:bookworm"
SENSOR_LIMIT_MIB = 32
SCRAPE_INTERVAL = "1s"  # a minute of samples, as many as a quarter of an hour has at the product's default
# Program text and the kernel's share, which a Go heap must leave room for. VictoriaMetrics' own is in
# victoriametrics_fit; Prometheus' text is twice as large.
PROMETHEUS_OUTSIDE_HEAP_MIB = 36

VICTORIAMETRICS = "VictoriaMetrics, fitted"
WITHOUT_GOMEMLIMIT = "VictoriaMetrics, without GOMEMLIMIT"
UPSTREAM = "VictoriaMetrics, its own defaults"
PROMETHEUS = "Prometheus, its own defaults"
PROMETHEUS_GOMEMLIMIT = "Prometheus with GOMEMLIMIT"
KINDS = (VICTORIAMETRICS, WITHOUT_GOMEMLIMIT, UPSTREAM, PROMETHEUS, PROMETHEUS_GOMEMLIMIT)

# What victoriametrics_fit derives from the limit; null drops a flag.
FITTED_FLAGS = (
    "memory.allowedBytes",
    "maxConcurrentInserts",
    "search.maxConcurrentRequests",
    "search.maxWorkersPerQuery",
    "search.maxMemoryPerQuery",
    "search.maxUniqueTimeseries",
    "search.maxSamplesPerQuery",
    "search.disableCache",
    "search.queryStats.lastQueriesCount",
    "storage.cacheSizeIndexDBDataBlocks",
    "storage.cacheSizeIndexDBIndexBlocks",
    "fs.disableMmap",
    "maxIngestionRate",
)


def collector(
    kind: str,
    limit_mib: int | None,
    series: int,
    address: str,
    targets: dict[str, str],
    inventory: dict[str, Any],
) -> Program:
    """Return collector ``kind`` listening on ``address`` and reading ``targets`` (job: address).

    ``inventory`` holds further variables of the product.
    """
    if kind.startswith("Prometheus"):
        return _prometheus(kind == PROMETHEUS_GOMEMLIMIT, limit_mib, address, targets)
    roomy = inventory.get("victoriametrics_memory_limit_mib", product.default("victoriametrics_memory_limit_mib"))
    variables: dict[str, Any] = {
        **inventory,
        "victoriametrics_memory_limit_mib": limit_mib or roomy,
        "victoriametrics_expected_series": series,
        "victoriametrics_listen_address": address,
        "victoriametrics_accepts_writes": True,  # benchmarks fill it with a past
        "victoriametrics_scrape_interval": SCRAPE_INTERVAL,
        "victoriametrics_scrape_targets": {job: [target] for job, target in targets.items()},
    }
    if kind in (WITHOUT_GOMEMLIMIT, UPSTREAM):
        variables["victoriametrics_environment_extra"] = {"GOMEMLIMIT": "off"}
    if kind == UPSTREAM:
        variables["victoriametrics_flags_extra"] = dict.fromkeys(FITTED_FLAGS)
    spec = product.service("victoriametrics", **variables)
    return Program("victoriametrics", spec, limit_mib, address, "/health")


def _prometheus(with_gomemlimit: bool, limit_mib: int | None, address: str, targets: dict[str, str]) -> Program:
    own = {"job_name": "prometheus", "static_configs": [{"targets": [address]}]}
    jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in sorted(targets.items())]
    # JSON is YAML.
    config = json.dumps({"global": {"scrape_interval": SCRAPE_INTERVAL}, "scrape_configs": [own, *jobs]})
    heap = max(limit_mib - PROMETHEUS_OUTSIDE_HEAP_MIB, limit_mib * 2 // 5) if limit_mib and with_gomemlimit else None
    spec = {
        "image": {"reference": PROMETHEUS_IMAGE},
        "command": [
            "prometheus",
            "--config.file=/config/prometheus.yml",
            "--storage.tsdb.path=/data",
            "--storage.tsdb.retention.time=30d",
            f"--web.listen-address={address}",
        ],
        "environment": {"GOMEMLIMIT": f"{heap}MiB"} if heap else {},
        "cpu_limit": product.default("victoriametrics_cpu_limit"),
        "pids_limit": product.default("victoriametrics_pids_limit"),
        "user": "65534:65534",
        "files": [{"path": "prometheus.yml", "content": config}],
        "config_target": "/config",
        "data": [{"name": "data", "target": "/data"}],
    }
    return Program("prometheus", spec, limit_mib, address, "/-/ready")


def sensor_service(limit_mib: int, address: str) -> Program:
    """Return the sensor service as the product runs it, listening on ``address``."""
    spec = product.service(
        "sensor_service",
        sensor_service_memory_limit_mib=limit_mib,
        sensor_service_listen_address=address,
        sensor_service_simulated=True,
        sensor_service_textfile_directory="",  # no stack runs on this machine that would leave something there
    )
    return Program("sensor_service", spec, limit_mib, address, "/healthz")
