"""What the deploy makes true: the values of the usual role's defaults."""

directory = "/etc/telemetry"
data_directory = "/var/lib/telemetry"
metrics_directory = "/run/telemetry/metrics"
sensor_address = "127.0.0.1:9101"
victoriametrics_address = "127.0.0.1:8428"
robot_memory_mib = 500
memory_budget_mib = 300
memory_reserve_mib = 150
min_free_disk_mib = 2048

slices = [
    {"name": "telemetry.slice", "memory_limit_mib": memory_budget_mib},
    {"name": "telemetry-engine.slice"},
    {"name": "telemetry-sensor.slice"},
    {"name": "telemetry-victoriametrics.slice"},
]

services = [
    {
        "name": "sensor",
        "image": "robot-stack/sensor-service:0.1.0",
        "archive": "sensor-service.tar.gz",
        "memory_limit_mib": 32,
        "cpus": 0.5,
        "user": "70100:70100",
        "url": f"http://{sensor_address}/healthz",
        "arguments": ["--pids-limit=32", "--stop-timeout=5", "--log-opt=max-size=512k"],
        "environment": [
            f"SENSOR_SERVICE_LISTEN_ADDRESS={sensor_address}",
            "SENSOR_SERVICE_PROC_ROOT=/host/proc",
            "SENSOR_SERVICE_SYS_ROOT=/host/sys",
            "SENSOR_SERVICE_FILESYSTEMS=/=/host/fs/0",
            "SENSOR_SERVICE_TEXTFILES=/host/textfiles",
            "SENSOR_SERVICE_SLICE=telemetry.slice",
        ],
        "mounts": [
            "type=bind,source=/proc,target=/host/proc,readonly",
            "type=bind,source=/sys,target=/host/sys,readonly",
            f"type=bind,source={metrics_directory},target=/host/textfiles,readonly",
            "type=bind,source=/,target=/host/fs/0,readonly,bind-nonrecursive",
        ],
        "command": [],
    },
    {
        "name": "victoriametrics",
        "image": "victoriametrics/victoria-metrics:v1.148.8",
        "archive": "victoria-metrics.tar.gz",
        "memory_limit_mib": 64,
        "cpus": 1.0,
        "user": "70101:70101",
        "url": f"http://{victoriametrics_address}/health",
        "arguments": ["--pids-limit=128", "--stop-timeout=30", "--log-opt=max-size=1024k"],
        "environment": ["GOMEMLIMIT=22MiB"],
        "mounts": [
            f"type=bind,source={directory}/victoriametrics,target=/config,readonly",
            f"type=bind,source={data_directory},target=/victoria-metrics-data",
        ],
        "command": [
            "-datadog.maxInsertRequestSize=393216",
            "-deleteAuthKey=file:///proc/sys/kernel/random/uuid",
            "-enableMetadata=false",
            "-forceMergeAuthKey=file:///proc/sys/kernel/random/uuid",
            "-fs.disableMmap=true",
            "-futureRetention=100y",
            "-http.disableCORS=true",
            "-http.header.frameOptions=DENY",
            f"-httpListenAddr={victoriametrics_address}",
            "-import.maxLineLen=393216",
            "-influx.maxRequestSize=393216",
            "-inmemoryDataFlushInterval=30s",
            "-insert.maxQueueDuration=0s",
            "-logNewSeriesAuthKey=file:///proc/sys/kernel/random/uuid",
            "-loggerLevel=INFO",
            "-maxConcurrentInserts=0",
            "-maxIngestionRate=10000",
            "-maxInsertRequestSize=393216",
            "-memory.allowedBytes=25165824",
            "-metricNamesStatsResetAuthKey=file:///proc/sys/kernel/random/uuid",
            "-newrelic.maxInsertRequestSize=393216",
            "-opentelemetry.maxRequestSize=393216",
            "-opentsdbhttp.maxInsertRequestSize=393216",
            "-pprofAuthKey=file:///proc/sys/kernel/random/uuid",
            "-promscrape.config=/config/scrape.yml",
            "-promscrape.noStaleMarkers=true",
            "-reloadAuthKey=file:///proc/sys/kernel/random/uuid",
            "-retentionPeriod=30d",
            "-search.disableCache=true",
            "-search.maxConcurrentRequests=1",
            "-search.maxMemoryPerQuery=6291456",
            "-search.maxQueryDuration=10s",
            "-search.maxQueueDuration=30s",
            "-search.maxSamplesPerQuery=4000000",
            "-search.maxUniqueTimeseries=3000",
            "-search.maxWorkersPerQuery=1",
            "-search.queryStats.lastQueriesCount=0",
            "-search.resetCacheAuthKey=file:///proc/sys/kernel/random/uuid",
            "-snapshotAuthKey=file:///proc/sys/kernel/random/boot_id",
            "-storage.cacheSizeIndexDBDataBlocks=2097152",
            "-storage.cacheSizeIndexDBIndexBlocks=1048576",
            "-storage.maxDailySeries=6000",
            "-storage.maxHourlySeries=3000",
            "-storage.minFreeDiskSpaceBytes=536870912",
            "-storageDataPath=/victoria-metrics-data",
            "-vmui.customDashboardsPath=/config/dashboards",
            "-zabbixconnector.maxLineLen=393216",
        ],
    },
]

victoriametrics_own_metrics = [
    r"process_(resident_memory(_anon|_file)?_bytes|memory_limit_bytes|major_pagefaults_total)",
    r"process_(cpu_seconds_total|start_time_seconds|num_threads|io_storage_(read|written)_bytes_total)",
    r"go_(memlimit_bytes|memstats_(heap_inuse|sys)_bytes|gc_cpu_seconds_total)",
    r"vm_((available|allowed)_memory_bytes|app_version)",
    r"vm_(data_size_bytes|rows|free_disk_space(_limit)?_bytes|storage_is_read_only)",
    r"vm_(rows_added_to_storage_total|rows_ignored_total|new_timeseries_created_total)",
    r"vm_(hourly|daily)_series_limit_(current_series|max_series|rows_dropped_total)",
    r"vm_(slow_queries|slow_row_inserts|memory_intensive_queries|too_big_rollup_results)_total",
    r"vm_concurrent_(select|insert)_(current|limit_(reached|timeout)_total)",
    r"vm_request_duration_seconds.*",
]
