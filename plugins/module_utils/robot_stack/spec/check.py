"""What contradicts itself in a robot's spec, before anything on the robot is read. Pure: a spec in, sentences out."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ..base.paths import inside
from .model import BUCKET_SCHEME, ENGINES, Service, Shares, Stack

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
USER = re.compile(r"[0-9]+:[0-9]+")
SLICE = re.compile(r"[a-z0-9]+\.slice")
SHORTEST_WATCHDOG_SECONDS = 5
SMALLEST_LIMIT_MIB = 6  # the engine itself refuses less
# what the stack itself calls its directories and slices
TAKEN_NAMES = ("engine", "staging", "watchdog", "jobs")
JOBS = ("", "backup", "restore")
PLACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
TAKEN_DATA_NAMES = ("config",)
UNCOUNTED_STATES = ("restored", "absent")  # what is declared is not what shall run


def found(stack: Stack) -> list[str]:
    """Return every fault of ``stack``, a sentence each; none: it can be tried."""
    faults: list[str] = []
    names = [service.name for service in stack.services]
    faults += [f"service '{name}' is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if not SLICE.fullmatch(stack.budget.slice):
        faults.append(f"budget.slice '{stack.budget.slice}' is not a top-level slice name such as robotstack.slice")
    if not _absolute(stack.budget.root) or stack.budget.root == "/":
        faults.append(f"budget.root '{stack.budget.root}' is not an absolute directory below /")
    if stack.engine.kind not in ENGINES:
        faults.append(f"engine.kind '{stack.engine.kind}' is none of {', '.join(ENGINES)}")
    if stack.watchdog_interval_seconds < SHORTEST_WATCHDOG_SECONDS:
        faults.append(
            f"watchdog_interval_seconds {stack.watchdog_interval_seconds} is below {SHORTEST_WATCHDOG_SECONDS}"
        )
    for service in stack.services:
        found = _service_faults(service) + _job_faults(stack, service)
        faults += [f"service '{service.name}': {fault}" for fault in found]
    total = stack.budget.engine_memory_allowance_mib + sum(s.memory_limit_mib for s in stack.services)
    if stack.state not in UNCOUNTED_STATES and total > stack.budget.memory_budget_mib:
        faults.append(
            f"engine allowance plus limits are {total} MiB, the budget is {stack.budget.memory_budget_mib} MiB"
        )
    return faults


def _service_faults(service: Service) -> list[str]:
    faults = []
    if not NAME.fullmatch(service.name):
        faults.append("a name is lower-case letters, digits and underscores")
    if service.name in TAKEN_NAMES:
        faults.append(f"the name '{service.name}' is taken by the stack itself")
    if service.memory_limit_mib < SMALLEST_LIMIT_MIB:
        faults.append(f"memory_limit_mib {service.memory_limit_mib} is below {SMALLEST_LIMIT_MIB}")
    if service.cpu_limit <= 0 or service.pids_limit <= 0:
        faults.append("cpu_limit and pids_limit must be above zero")
    if service.open_files_limit < 0:
        faults.append(f"open_files_limit {service.open_files_limit} is below zero")
    if not USER.fullmatch(service.user) or 0 in service.uid_gid:
        faults.append(f"user '{service.user}' is not a numeric non-root uid:gid")
    faults += [f"file path '{f.path}' leaves its directory" for f in service.files if not _inside(f.path)]
    faults += [f"data name '{d.name}' is not a plain name" for d in service.data if not NAME.fullmatch(d.name)]
    faults += [f"data name '{d.name}' holds the service's files" for d in service.data if d.name in TAKEN_DATA_NAMES]
    adopted = [path for d in service.data for one in d.adopts for path in (one.folder, one.left_by)]
    faults += [f"data folder '{folder}' leaves its directory" for folder in adopted if not _inside(folder)]
    faults += [f"file system '{path}' is not an absolute path" for path in service.filesystems if not _absolute(path)]
    faults += _share_faults(service)
    targets = [m.target for m in service.mounts] + [d.target for d in service.data] + list(service.tmpfs)
    faults += [f"mount target '{target}' is not absolute" for target in targets if not _absolute(target)]
    return faults


def _share_faults(service: Service) -> list[str]:
    shares = service.shares
    if shares == Shares():
        return []
    paths = [file.path for file in service.files]
    faults = [
        f"shares name the file '{p}', which it has not" for p in (shares.file, shares.password_file) if p not in paths
    ]
    urls = (shares.backend, shares.count_url, shares.usage_url)
    faults += [f"shares have '{url}' for an URL" for url in urls if not url.startswith("http://127.0.0.1:")]
    faults += [f"shares count each series {shares.copies} times"] if shares.copies < 1 else []
    faults += [] if 0 <= shares.turn < shares.turns else [f"shares have turn {shares.turn} of {shares.turns}"]
    each = {"each user": shares.each, **shares.series}
    return faults + [f"the share of {user} is {most}, below 1" for user, most in each.items() if most < 1]


def _job_faults(stack: Stack, service: Service) -> list[str]:
    job = service.job
    if not job.kind:
        return []
    if job.kind not in JOBS:
        return [f"job.kind '{job.kind}' is none of {', '.join(filter(None, JOBS))}"]
    faults = []
    database = stack.service(job.database)
    if database is None or not (database.data and database.probe.url):
        faults.append(f"job.database '{job.database}' is no service with data that is declared as well")
    if not PLACE.fullmatch(job.place):
        faults.append(f"job.place '{job.place}' is no plain name")
    bucket = job.destination[len(BUCKET_SCHEME) :].split("/") if job.destination.startswith(BUCKET_SCHEME) else []
    if not job.folder and not (len(bucket) > 1 and all(bucket)):
        faults.append(f"job.destination '{job.destination}' is neither fs:///PATH nor s3://BUCKET/PREFIX")
    if job.folder:
        folder, root = job.folder, stack.budget.root
        if not _absolute(folder) or inside(folder, root) or inside(root, folder):
            faults.append(f"job.destination '{job.destination}' is no folder of its own outside of {stack.budget.root}")
    if job.delay_seconds < 0 or job.free_mib < 0 or "\n" in job.calendar:
        faults.append("job.delay_seconds and job.free_mib are not below zero, and job.calendar is one line")
    return faults


def _absolute(path: str) -> bool:
    return path.startswith("/") and ".." not in PurePosixPath(path).parts


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts
