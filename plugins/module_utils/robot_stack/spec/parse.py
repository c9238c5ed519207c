"""Turns the module's parameters (plain dicts and lists whose types Ansible has already enforced) into a typed spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import check
from .model import (
    Adoption,
    Budget,
    ControllerSpec,
    DataDirectory,
    EngineSpec,
    Job,
    ManagedFile,
    Mount,
    Probe,
    Registry,
    Service,
    Shares,
    SpecError,
    Stack,
)


def parse(params: Mapping[str, Any]) -> Stack:
    """Return the typed spec of ``params`` or raise `SpecError` naming every fault."""
    services = tuple(service_of(raw) for raw in params["services"] if raw.get("enabled", True))
    budget, engine, controller = params["budget"], params["engine"], params["memory_controller"]
    stack = Stack(
        state=params["state"],
        scope=tuple(params.get("scope") or ()),
        budget=Budget(**budget),
        engine=EngineSpec(
            install=engine["install"],
            packages=tuple(engine["packages"]),
            daemon=engine["daemon"],
            service_environment=_strings(engine["service_environment"]),
            socket=engine["socket"],
            kind=engine.get("kind") or EngineSpec.kind,
        ),
        controller=ControllerSpec(
            enable=controller["enable"],
            reboot_allowed=controller["reboot_allowed"],
            boot_files=tuple(controller["boot_files"]),
        ),
        architecture=params["architecture"],
        services=services,
        remove_data=bool(params.get("remove_data")),
        remove_engine=bool(params.get("remove_engine")),
        registry=Registry(**_strings(params.get("registry"))),
        watchdog_interval_seconds=int(params.get("watchdog_interval_seconds") or 30),
        accept_tight=bool(params.get("accept_tight")),
        stopped=tuple(params.get("stopped") or ()),
        fresh=tuple(params.get("fresh") or ()),
        robot=str(params.get("robot") or ""),
        former_name=str(params.get("former_name") or ""),
        controller_clock=float(params.get("controller_clock") or 0),
    )
    found = check.found(stack)
    if found:
        raise SpecError("; ".join(found))
    return stack


def _strings(raw: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (raw or {}).items()}


def service_of(raw: Mapping[str, Any]) -> Service:
    """Return the typed service of one entry of the module's `services`."""
    health, evidence, log = raw.get("health") or {}, raw.get("limit_evidence") or {}, raw.get("log") or {}
    return Service(
        name=raw["name"],
        image=raw["image"]["reference"],
        fingerprints=dict(raw["image"].get("fingerprints") or {}),
        memory_limit_mib=raw["memory_limit_mib"],
        cpu_limit=float(raw["cpu_limit"]),
        pids_limit=raw["pids_limit"],
        user=raw["user"],
        command=tuple(str(word) for word in raw.get("command") or ()),
        environment=_strings(raw.get("environment")),
        mounts=tuple(_mount(m) for m in raw.get("mounts") or ()),
        files=tuple(
            ManagedFile(f["path"], f.get("content") or "", bool(f.get("sensitive"))) for f in raw.get("files") or ()
        ),
        config_target=raw.get("config_target") or "/config",
        data=tuple(_data(d) for d in raw.get("data") or ()),
        tmpfs={target: int(size) for target, size in (raw.get("tmpfs") or {}).items()},
        listens=tuple(raw.get("listens") or ()),
        probe=Probe(
            url=health.get("url") or "",
            timeout_seconds=health.get("timeout_seconds") or 30,
            username=health.get("username") or "",
            password_file=health.get("password_file") or "",
            evidence_url=evidence.get("url") or "",
            evidence_metric=evidence.get("metric") or "",
        ),
        history_url=raw.get("history_url") or "",
        stop_timeout_seconds=raw.get("stop_timeout_seconds") or 10,
        log_max_size_kib=log.get("max_size_kib") or 1024,
        log_max_files=log.get("max_files") or 2,
        disk_mib=int(raw.get("disk_mib") or 0),
        filesystems=tuple(str(path) for path in raw.get("filesystems") or ()),
        notes=tuple(str(note) for note in raw.get("notes") or ()),
        shares=shares_of(raw.get("shares") or {}),
        open_files_limit=int(raw.get("open_files_limit") or 0),
        job=job_of(raw.get("job") or {}),
        raw=raw,
    )


def _mount(raw: Mapping[str, Any]) -> Mount:
    return Mount(raw["source"], raw["target"], bool(raw.get("recursive")), bool(raw.get("optional")))


def _data(raw: Mapping[str, Any]) -> DataDirectory:
    written = (raw, *(raw.get("also_adopts") or ()))
    adopts = [(one.get("adopts") or "", one.get("adopts_from") or "") for one in written]
    return DataDirectory(raw["name"], raw["target"], tuple(Adoption(*one) for one in adopts if all(one)))


def job_of(raw: Mapping[str, Any]) -> Job:
    """Return what makes a service a job; of one that runs all the time, nothing."""
    keys = ("kind", "database", "destination", "place", "calendar", "retention")
    kind, database, destination, place, calendar, retention = (str(raw.get(key) or "") for key in keys)
    delay, free = (int(raw.get(key) or 0) for key in ("delay_seconds", "free_mib"))
    return Job(kind, database, destination, place, calendar, delay, free, bool(raw.get("start_over")), retention)


def shares_of(raw: Mapping[str, Any]) -> Shares:
    """Return the typed shares of a service's; of one without, those of nobody."""
    texts = ("file", "backend", "count_url", "usage_url", "restarts", "username", "password_file")
    series = raw.get("series") or {}
    overrides = {str(user): int(most) for user, most in series.items()}
    file, backend, count_url, usage_url, restarts, username, password_file = (str(raw.get(key) or "") for key in texts)
    each, copies, turn, turns = (
        int(raw.get(key) or least) for key, least in (("each", 0), ("copies", 1), ("turn", 0), ("turns", 1))
    )
    return Shares(
        file, backend, count_url, usage_url, restarts, username, password_file, each, overrides, copies, turn, turns
    )
