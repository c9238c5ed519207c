"""The unit of one container, as Quadlet reads it: written from a request, and read again. Pure.

Whatever is no matter of systemd's stands in PodmanArgs=, words as `podman run` takes them: these are the same in every
version, and Quadlet's own keys are not. Source: https://docs.podman.io/en/stable/markdown/podman-systemd.unit.5.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...host.systemd import WRITTEN_BY_US, slice_cgroup
from .. import fields
from ..protocol import SERVICE_LABEL, SPEC_LABEL, EngineError, name_of
from . import lives
from .programs import OOM_SCORE

HEAD = f"{WRITTEN_BY_US} changes are overwritten."
ABOUT = "# robot-stack: "
CHANGED = "changed by hand"  # stands in place of the spec that a unit was made of
# What ended is started again after a second, and later the later, the oftener it has.
RESTART_SECONDS, RESTART_STEPS, RESTART_MOST_SECONDS = 1, 5, 20
START_SECONDS = 180  # Podman itself is slow on a slow card
STOP_MORE_SECONDS = 30  # beside the service's own: Podman ends it by force after those, and takes it apart
ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n"), ("\t", "\\t"))
# Podman cuts off what --cpus comes to in these microseconds: 0.29 of a processor would be 28999 of them.
CPU_PERIOD = 100_000
# What an owner may have set for all containers (containers.conf, [containers]) holds for none of ours: in another user
# namespace, as with userns = "auto", its users are others than those whom its data belong to.
FOR_ITSELF = (
    "--privileged=false",
    "--userns=host",
    "--ipc=private",
    "--pid=private",
    "--uts=private",
    "--cgroupns=private",
    "--env-host=false",
    "--http-proxy=false",
    "--umask=0022",
)
LOG_SECONDS = 60  # in which the journal takes so many lines of it as its limits say


@dataclass(frozen=True)
class Unit:
    """What a unit file of ours tells: the `request` that it was made of, `image` its id, `made` seconds since 1970."""

    id: str
    image: str
    made: float
    request: Mapping[str, Any]
    spec: str


def text_of(service: str, request: Mapping[str, Any], image: str, identity: str, made: float) -> str:
    """Return the whole file of the container ``identity`` of ``service``; `EngineError`: no unit can say that."""
    unit = text(service, request, image)
    about = {"id": identity, "image": image, "made": made, "request": request, "seal": _seal(unit)}
    return f"{HEAD}\n{ABOUT}{json.dumps(about, sort_keys=True)}\n{unit}"


def read(content: str) -> Unit | None:
    """Return what a file tells; None where it is none of ours."""
    head, _, rest = content.partition("\n")
    about, _, unit = rest.partition("\n")
    if head != HEAD or not about.startswith(ABOUT):
        return None
    try:
        told: Any = json.loads(about[len(ABOUT) :])
    except (ValueError, RecursionError):
        return None
    request = fields.part(told, "request")
    labels = fields.part(request, "Labels")
    if not (isinstance(told, dict) and fields.text(told, "id") and fields.text(labels, SERVICE_LABEL)):
        return None
    spec = fields.text(labels, SPEC_LABEL) if fields.text(told, "seal") == _seal(unit) else CHANGED
    made = told.get("made")
    return Unit(
        id=fields.text(told, "id"),
        image=fields.text(told, "image"),
        made=float(made) if isinstance(made, (int, float)) and not isinstance(made, bool) and 0 <= made < 1e15 else 0.0,
        request=request,
        spec=spec,
    )


def _seal(unit: str) -> str:
    return hashlib.sha256(unit.encode()).hexdigest()


def text(service: str, request: Mapping[str, Any], image: str) -> str:
    """Return the unit's sections."""
    name = name_of(service)
    lines = [
        "[Unit]",
        f"Description={service} of this robot's telemetry stack",
        "StartLimitIntervalSec=0",
        "",
        "[Container]",
        f"ContainerName={name}",
        f"Image={image.partition(':')[2]}",
        "Pull=never",
        f"Network={request['Network']}",
        # lines go to the journal, whose own limits bound the disk; what the service may add to it is bounded below
        "LogDriver=journald",
        *([f"Exec={' '.join(map(word, request['Cmd']))}"] if request["Cmd"] else []),
        *(f"PodmanArgs={word(argument)}" for argument in _arguments(request)),
        "",
        "[Service]",
        f"Slice={request['Slice']}",
        "Restart=always",
        f"RestartSec={RESTART_SECONDS}",
        f"RestartSteps={RESTART_STEPS}",
        f"RestartMaxDelaySec={RESTART_MOST_SECONDS}",
        # a process that the kernel kills ends its container or not: systemd leaves the rest alone
        "OOMPolicy=continue",
        # `podman run`, which systemd repeats, ends before a service that works; conmon and the container have their own
        f"OOMScoreAdjust={OOM_SCORE}",
        # asked to end, it ends by the signal
        "SuccessExitStatus=143",
        f"TimeoutStartSec={START_SECONDS}",
        f"TimeoutStopSec={request['StopTimeout'] + STOP_MORE_SECONDS}",
        f"LogRateLimitIntervalSec={LOG_SECONDS}",
        f"LogRateLimitBurst={request['LogLines']}",
        *lives.directives(name, slice_cgroup(request["Parent"], service)),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)


def _arguments(request: Mapping[str, Any]) -> list[str]:
    labels, open_files = request["Labels"], request["OpenFiles"]
    return [
        f"--memory={request['Memory']}b",
        f"--memory-swap={request['MemorySwap']}b",
        f"--cpu-period={CPU_PERIOD}",
        f"--cpu-quota={round(request['NanoCpus'] * CPU_PERIOD / 1e9)}",
        f"--pids-limit={request['PidsLimit']}",
        *([f"--ulimit=nofile={open_files}:{open_files}"] if open_files else []),
        f"--user={request['User']}",
        "--read-only",
        "--read-only-tmpfs=false",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        *FOR_ITSELF,
        f"--oom-score-adj={request['OomScoreAdj']}",
        f"--stop-timeout={request['StopTimeout']}",
        "--systemd=false",
        # an image's own would be a `podman` of 31 MiB and more each time, from a timer outside of the stack's ceiling
        "--no-healthcheck",
        *(f"--env={pair}" for pair in request["Env"]),
        *(f"--tmpfs={_plain(t)}:size={mib}m,mode=1777,noexec,nosuid" for t, mib in request["Tmpfs"].items()),
        *(f"--volume={_bind(*bind)}" for bind in request["Binds"]),
        *(f"--label={key}={value}" for key, value in sorted(labels.items())),
    ]


def _bind(source: str, target: str, read_only: bool, recursive: bool) -> str:
    options = f"{'ro' if read_only else 'rw'},{'rbind' if recursive else 'bind'}"
    return f"{_plain(source)}:{_plain(target)}:{options}"


def _plain(path: str) -> str:
    """Return a path that can stand between colons and commas."""
    if ":" in path or "," in path:
        raise EngineError(400, f"{path!r} cannot be shown to a container of Podman: it holds a colon or a comma")
    return path


def word(argument: str) -> str:
    """Return one word of a command line between quotes: % begins a specifier there, $ a variable, \\ an escape.

    Quadlet takes it apart and puts it together again for systemd, which is what reads % and $.
    """
    if not argument or argument == ";" or not argument.replace("\n", "").replace("\t", "").isprintable():
        raise EngineError(400, f"{argument!r} cannot be a word of a unit's command line")
    for letter, escaped in ESCAPES:
        argument = argument.replace(letter, escaped)
    return f'"{argument}"'
