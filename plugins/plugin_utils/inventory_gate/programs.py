"""Programs whose flags an inventory may extend: what a variable of ours says instead, and what the stack holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STACKS_OWN = "the stack counts on it as it is"
ENDS = "the program would print something and end"
NOBODYS = "nobody shall have this key"
FREE_DISK = "storage.minfreediskspacebytes"
INSERTS = "maxconcurrentinserts"
# Held in every program. A pattern stands for the whole of a name, in small letters.
EVERYWHERE: dict[str, str] = {
    r"version|help|h|.*dryrun": ENDS,
    r"envflag\..*": "flags could then come from the environment, past this check",
    r"http\.pathprefix": "the stack asks for health and figures below /",
    r"http\.disablecors": "a page of another origin must not read the answers",
    r"httplistenaddr\..*|tls|tls[a-z]*file|tlsautocert.*|mtls.*": "the stack decides where TLS is, and asks for health",
}
DATABASE: dict[str, str] = {
    r"(delete|forcemerge|lognewseries|metricnamesstatsreset|reload|pprof)authkey|search\.resetcacheauthkey": NOBODYS,
    r"snapshotauthkey": "backups make snapshots with the key that the stack gives it, or with its password",
    r"storagedatapath": "backups and the plan of the disk count on it",
    r"promscrape\.config": "",
}


@dataclass(frozen=True)
class Program:
    """A program whose flags an inventory may extend.

    `variables`: flag, in small letters -> the variable that says it; `held`: pattern -> why the stack holds it;
    `least`: flag -> the variable, in MiB, below which it may not go, since plans count with it; `written`: the modes
    in which it is written to also where SERVICE_accepts_writes is false, None: no variable says whether it is.
    """

    image: str
    version: str
    variables: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, str] = field(default_factory=dict)
    written: tuple[str, ...] | None = None


_HUB_LOGIN = {r"httpauth\..*": "the hub's containers ask each other with this password"}
_HUB_LOOPBACK = {r"httplistenaddr": "vmauth is the only entry point from the network"}
PROGRAMS: dict[str, Program] = {
    "victoriametrics": Program(
        "victoria-metrics",
        "victoriametrics_version",
        {
            "httplistenaddr": "victoriametrics_listen_address",
            "httpauth.username": "victoriametrics_http_username",
            "httpauth.password": "victoriametrics_http_password",
            "retentionperiod": "victoriametrics_retention",
            "inmemorydataflushinterval": "victoriametrics_flush_interval",
            "memory.allowedbytes": "victoriametrics_memory_limit_mib",
            "memory.allowedpercent": "victoriametrics_memory_limit_mib",
            "promscrape.config": "victoriametrics_scrape_configs_extra",
        },
        DATABASE,
        {FREE_DISK: "victoriametrics_min_free_disk_mib"},
        written=("both",),
    ),
    "vmagent": Program(
        "vmagent",
        "vmagent_version",
        {
            "httplistenaddr": "vmagent_listen_address",
            "memory.allowedbytes": "vmagent_memory_limit_mib",
            "memory.allowedpercent": "vmagent_memory_limit_mib",
            "promscrape.config": "vmagent_scrape_configs_extra",
            "remotewrite.url": "vmagent_hub_urls",
            "remotewrite.label": "vmagent_external_labels",
            "remotewrite.maxdiskusageperurl": "vmagent_buffer_disk_mib",
            "remotewrite.ratelimit": "vmagent_send_kib_per_second",
            "remotewrite.tlscafile": "vmagent_hub_ca",
            "remotewrite.basicauth.username": "vmagent_hub_username",
            "remotewrite.basicauth.passwordfile": "vmagent_hub_password",
            "remotewrite.basicauth.password": "vmagent_hub_password",
        },
        {
            r"remotewrite\.tlsinsecureskipverify": "the password would be told to whoever answers in the hub's place",
            r"remotewrite\.(tmpdatapath|keepdanglingqueues|disableondiskqueue)": "what waits for the hub stays on disk",
            r"remotewrite\.shardbyurl.*": "each hub, and a database beside it, would get a part of the samples",
            r"(config|reload|pprof)authkey": NOBODYS,
        },
        written=(),
    ),
    "telemetry_hub_victoriametrics": Program(
        "victoria-metrics",
        "telemetry_hub_victoriametrics_version",
        {
            "retentionperiod": "telemetry_hub_retention",
            "memory.allowedbytes": "telemetry_hub_victoriametrics_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_victoriametrics_memory_limit_mib",
        },
        {
            **DATABASE,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
            r"promscrape\.config|relabelconfig": STACKS_OWN,
            r"vmalert\.proxyurl": STACKS_OWN,
            r"vmselectaddr|accountid|projectid": "it decides whether hosts of a cluster can read from this database",
        },
        {FREE_DISK: "telemetry_hub_min_free_disk_mib"},
    ),
    "telemetry_hub_vmstorage": Program(
        "vmstorage",
        "telemetry_hub_cluster_version",
        {
            "retentionperiod": "telemetry_hub_retention",
            "vminsertaddr": "telemetry_hub_cluster_address",
            "vmselectaddr": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vmstorage_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmstorage_memory_limit_mib",
        },
        {
            r"(snapshot|forcemerge|forceflush|pprof|lognewseries)authkey": NOBODYS,
            r"storagedatapath": "backups and the plan of the disk count on it",
            r"dedup\.minscrapeinterval": "a robot sends to two entry points, and what is the same counts once",
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
        {FREE_DISK: "telemetry_hub_min_free_disk_mib"},
    ),
    "telemetry_hub_vmselect": Program(
        "vmselect",
        "telemetry_hub_cluster_version",
        {
            "storagenode": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vmselect_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmselect_memory_limit_mib",
        },
        {
            r"(delete|pprof|metricnamesstatsreset)authkey|search\.resetcacheauthkey": NOBODYS,
            r"replicationfactor|globalreplicationfactor|dedup\.minscrapeinterval": "vminsert makes as many copies",
            r"search\.denypartialresponse": "an answer with holes looks like one without",
            r"clusternativelistenaddr": "it knows no password",
            r"enablemultitenancyviaheaders": "whoever reads would choose what is read",
            r"cachedatapath|vmalert\.proxyurl|vmui\.customdashboardspath": STACKS_OWN,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vminsert": Program(
        "vminsert",
        "telemetry_hub_vminsert_version",
        {
            "storagenode": "telemetry_hub_cluster_address",
            "memory.allowedbytes": "telemetry_hub_vminsert_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vminsert_memory_limit_mib",
        },
        {
            r"replicationfactor": "with fewer copies samples are lost with a host, and vmselect counts on these",
            r"dropsamplesonoverload|disablerer.*": "what robots were told that it has would be dropped",
            r"relabelconfig": STACKS_OWN,
            r"clusternativelistenaddr": "it knows no password",
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vmagent": Program(
        "vmagent",
        "telemetry_hub_version",
        {
            "memory.allowedbytes": "telemetry_hub_vmagent_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmagent_memory_limit_mib",
        },
        {
            r"promscrape\.config|remotewrite\.(url|tmpdatapath|basicauth\..*|disableondiskqueue)": STACKS_OWN,
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
        },
    ),
    "telemetry_hub_vmauth": Program(
        "vmauth",
        "telemetry_hub_version",
        {
            "httplistenaddr": "telemetry_hub_listen_address",
            "tlscertfile": "telemetry_hub_tls_certificate",
            "tlskeyfile": "telemetry_hub_tls_key",
            "memory.allowedbytes": "telemetry_hub_vmauth_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmauth_memory_limit_mib",
        },
        {
            r"auth\.config|httpinternallistenaddr": STACKS_OWN,
            r"tlsminversion|tlsciphersuites": "older TLS is no protection",
            r"httpauth\..*": "each robot has a password of its own, in vmauth's configuration",
        },
    ),
    "telemetry_hub_vmalert": Program(
        "vmalert",
        "telemetry_hub_version",
        {
            "evaluationinterval": "telemetry_hub_alert_interval",
            "rule": "telemetry_hub_rule_groups_extra",
            "notifier.url": "telemetry_hub_notifier_url",
            "notifier.blackhole": "telemetry_hub_notifier_url",
            "notifier.config": "telemetry_hub_notifier_url",
            "notifier.basicauth.username": "telemetry_hub_notifier_username",
            "notifier.basicauth.password": "telemetry_hub_notifier_password",
            "notifier.basicauth.passwordfile": "telemetry_hub_notifier_password",
            "memory.allowedbytes": "telemetry_hub_vmalert_memory_limit_mib",
            "memory.allowedpercent": "telemetry_hub_vmalert_memory_limit_mib",
        },
        {
            **_HUB_LOGIN,
            **_HUB_LOOPBACK,
            r"(datasource|remoteread|remotewrite)\.(url|basicauth\..*|tlsinsecureskipverify)": STACKS_OWN,
            r"replay\.timefrom": ENDS,
        },
    ),
}
