"""A robot's Podman and the part of its systemd that Quadlet's units need: what it does is what the units say.

A unit's own command lines are run, by a real shell, with the robot's trees in place of this machine's. Limits come from
the words of its unit, and nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import images, programs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.engine import PodmanEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.systemd import CommandError
from robot_stack.operating import Operator
from robot_stack.robots import IMAGE, MIB, Robot, parameters, service, write

QUADLETS, UNITS = "etc/containers/systemd", "etc/systemd/system"
PROGRAM, LOCAL = "usr/bin/podman", "usr/local/bin/podman"
GENERATOR = "usr/lib/systemd/system-generators/podman-system-generator"
SPEC = {
    "kind": "podman",
    "install": True,
    "packages": ["podman", "crun"],
    "daemon": {},
    "service_environment": {},
    "socket": "",
}
BUDGET = {"memory_budget_mib": 150, "memory_reserve_mib": 150, "engine_memory_allowance_mib": 48}
IMAGE_ID = "5" * 64


def words_of(line: str) -> list[str]:
    """Take a unit's line apart as systemd and Quadlet do: words between quotes, escapes in them."""
    found, word, quote, rest = list[str](), "", "", iter(line)
    inside = False
    for letter in rest:
        if letter == "\\":
            escaped = next(rest)
            word, inside = word + {"n": "\n", "t": "\t"}.get(escaped, escaped), True
        elif quote:
            word, quote = (word, "") if letter == quote else (word + letter, quote)
        elif letter in "\"'":
            quote, inside = letter, True
        elif letter.isspace():
            found, word, inside = ([*found, word] if inside else found), "", False
        else:
            word, inside = word + letter, True
    assert not quote, f"a quote is not closed: {line}"
    return [*found, word] if inside else found


def expanded(word: str) -> str:
    """Return a word of a command line after systemd has read specifiers and variables in it."""
    assert not re.search(r"(?<!%)(?:%%)*%(?!%)", word), f"a specifier: {word}"
    return word.replace("%%", "%").replace("$$", "$")


def cpu_max(arguments: Mapping[str, Sequence[str]]) -> str:
    """Return what the kernel is told of processors: Podman cuts off what a number of them comes to."""
    if "--cpus" in arguments:
        assert not {"--cpu-period", "--cpu-quota"} & set(arguments), "Podman takes one or the other"
        return f"{int(float(arguments['--cpus'][0]) * 100000)} 100000\n"
    return f"{int(arguments['--cpu-quota'][0])} {int(arguments['--cpu-period'][0])}\n"


class Quadlet:
    """The file of a unit, as it stands in Quadlet's folder."""

    def __init__(self, path: Path) -> None:
        self.name = path.name.removesuffix(".container")
        self.values: dict[str, list[str]] = {}
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                key, _, value = line.partition("=")
                self.values.setdefault(f"{section}.{key}", []).append(value)

    def one(self, key: str) -> str:
        return (self.values.get(key) or [""])[-1]

    @property
    def arguments(self) -> dict[str, list[str]]:
        """What `podman run` is given, by the option's name."""
        found: dict[str, list[str]] = {}
        for line in self.values.get("Container.PodmanArgs", []):
            for word in map(expanded, words_of(line)):
                key, _, value = word.partition("=")
                found.setdefault(key, []).append(value)
        return found


class Unit:
    """What systemd knows of one unit of Quadlet's."""

    def __init__(self, quadlet: Quadlet) -> None:
        self.quadlet = quadlet
        self.loaded = True
        self.active, self.sub, self.restarts, self.status = "inactive", "dead", 0, 0
        self.entered, self.job, self.container, self.frozen = 0, 0, "", False
        self.paused = False  # as Podman remembers it, whatever the kernel does

    @property
    def cgroup(self) -> str:
        slice_ = self.quadlet.one("Service.Slice")
        return f"/{slice_.split('-')[0]}.slice/{slice_}/{self.quadlet.name}.service"


class FakePodman:
    """One robot's; what its programs were asked stands in `calls`, what systemd was told in `told`."""

    def __init__(self, robot: Robot, version: str = "5.4.2") -> None:
        self.robot, self.version = robot, version
        self.calls: list[str] = []
        self.told: list[list[str]] = []
        self.images: dict[str, dict[str, Any]] = {}
        self.damaged: set[str] = set()  # images that cannot be inspected, by id
        self.others: list[dict[str, Any]] = []  # containers without a unit
        self.volumes: list[str] = []
        self.units: dict[str, Unit] = {}
        self.brings: Mapping[str, Any] = {**IMAGE, "Id": IMAGE_ID}
        self.failing = ""  # what holds this word in its unit ends at once, or cannot be started
        self.errors: dict[str, str] = {}  # by a program's first word
        self.journal: dict[str, str] = {}
        self.rootless, self.runtime = False, "crun"
        self.room = ""  # where the last program was to lay images that it reads
        self.unlisted: dict[str, str] = {}  # containers by name that only the storage knows, and their images
        self.store = "/var/lib/containers/storage"
        self._number = 100

    def install(self) -> None:
        write(self.robot.root / PROGRAM, "")
        write(self.robot.root / GENERATOR, "")
        for name in SPEC["packages"]:  # type: ignore[attr-defined]
            status = self.robot.root / "var/lib/dpkg/status"
            status.write_text(status.read_text() + f"\nPackage: {name}\nStatus: install ok installed\n")

    @property
    def there(self) -> bool:
        """Whether a unit that names it can be started."""
        return any((self.robot.root / path).exists() for path in (PROGRAM, LOCAL))

    def engine(self, looks_only: bool = False) -> PodmanEngine:
        return PodmanEngine(self.robot.roots, "robotstack.slice", looks_only, self.run)

    @property
    def changes(self) -> list[str]:
        """What Podman's programs were asked to change."""
        reads = ("info", "ps", "images", "image inspect", "volume ls")
        return [call for call in self.calls if not call.startswith(reads)]

    # Podman's programs

    def answer(self, argv: Sequence[str], called: str, _seconds: float, environment: Mapping[str, str]) -> str:
        self.room = environment.get("TMPDIR", "")
        program = next(word for word in argv if word.endswith("/bin/podman"))
        if not Path(program).exists():
            raise EngineError(0, f"{called} cannot be started: [Errno 2] No such file or directory: '{program}'")
        words = list(argv)[list(argv).index(program) + 1 :]
        self.calls.append(" ".join(words))
        if words[0] in self.errors:
            raise EngineError(programs._status(self.errors[words[0]]), f"{called}: {self.errors[words[0]]}")
        answer: Any = getattr(self, f"_{words[0]}")(words[1:])
        if self.damaged:
            self._write_list()
        return answer if isinstance(answer, str) else json.dumps(answer)

    def _info(self, _: list[str]) -> Any:
        return {
            "host": {
                "cgroupVersion": "v2",
                "cgroupManager": "systemd",
                "ociRuntime": {"name": self.runtime},
                "security": {"rootless": self.rootless},
            },
            "store": {"graphRoot": self.store},
            "version": {"Version": self.version, "APIVersion": self.version},
        }

    def _ps(self, words: list[str]) -> Any:
        running = [unit for unit in self.units.values() if unit.container]
        ours = [
            {
                "Id": unit.container,
                "Names": [unit.quadlet.name],
                "Labels": self._labels(unit),
                "State": "paused" if unit.paused else "running",
            }
            for unit in running
        ]
        external = [
            {"Id": f"{number:x}" * 64, "Names": [name], "Labels": None, "State": "storage", "Command": ["buildah"]}
            for number, name in enumerate(self.unlisted, start=10)
        ]
        return [*ours, *self.others, *(external if "--external" in words else [])]

    @staticmethod
    def _labels(unit: Unit) -> dict[str, str]:
        pairs = [label.partition("=") for label in unit.quadlet.arguments.get("--label", [])]
        return {key: value for key, _, value in pairs}

    def _images(self, _: list[str]) -> str:
        return "".join(f"sha256:{identity}\n" for identity, raw in self.images.items() for _ in raw["RepoTags"] or [""])

    def _write_list(self) -> None:
        """Write what the storage itself knows of images, damaged ones among them."""
        known = [
            {"id": identity, "names": [*raw["RepoTags"], *raw.get("RepoDigests", [])]}
            for identity, raw in self.images.items()
        ]
        write(self.robot.root / "var/lib/containers/storage/overlay-images/images.json", json.dumps(known))

    def _image(self, words: list[str]) -> Any:
        assert words[0] == "inspect"
        for word in self.damaged.intersection(words):
            raise EngineError(500, f"podman image: {word}: layer not known")
        return [self.images[word] for word in words[1:]]

    def _load(self, words: list[str]) -> str:
        [path] = [word.removeprefix("--input=") for word in words if word.startswith("--input=")]
        self.name(images.local_name(Path(path).read_text()), self.brings)
        return "Loaded image: it\n"

    def _pull(self, words: list[str]) -> str:
        name = words[-1]
        self.images[self.brings["Id"]] = {**self.brings, "RepoTags": [], "RepoDigests": [name]}
        return f"{self.brings['Id']}\n"

    def _tag(self, words: list[str]) -> str:
        self.name(words[1], self.images[words[0]])
        return ""

    def _untag(self, words: list[str]) -> str:
        self.images[words[0]]["RepoTags"].remove(words[1])
        return ""

    def _rmi(self, words: list[str]) -> str:
        for identity, raw in list(self.images.items()):
            if words[0] in (identity, *raw["RepoTags"], *raw.get("RepoDigests", [])):
                left = [name for name in raw["RepoTags"] if name != words[0]]
                if words[0] == identity and len(left) > 1:
                    said = f'unable to delete image "{identity}" by ID with more than one tag: please force removal'
                    raise EngineError(programs._status(said), said)
                if words[0] == identity or not left:
                    self._not_held(identity)
                    del self.images[identity]
                raw["RepoTags"] = left
                return ""
        raise EngineError(404, f"podman rmi: {words[0]}: image not known")

    def _not_held(self, identity: str) -> None:
        if identity in self.unlisted.values():
            said = (
                f"image used by {9:064x}: image is in use by a container: "
                "consider listing external containers and force-removing image"
            )
            raise EngineError(programs._status(said), said)

    def _volume(self, _: list[str]) -> Any:
        return [{"Name": name} for name in self.volumes]

    def _rm(self, words: list[str]) -> str:
        self.others = [one for one in self.others if words[-1] not in one["Names"]]
        self.unlisted.pop(words[-1], None)
        return ""

    def _stop(self, words: list[str]) -> str:
        for one in self.others:
            one["State"] = "exited" if words[-1] in one["Names"] else one["State"]
        return ""

    def _rename(self, words: list[str]) -> str:
        for one in self.others:
            one["Names"] = [words[1] if name == words[0] else name for name in one["Names"]]
        return ""

    def _start(self, words: list[str]) -> str:
        for one in self.others:
            one["State"] = "running" if words[-1] in one["Names"] else one["State"]
        return ""

    def _unpause(self, words: list[str]) -> str:
        unit = self.units[words[0]]
        assert unit.paused, "what is not paused, to its knowledge, it refuses"
        unit.paused = False
        write(self.payload(unit) / "cgroup.freeze", "0\n")
        return ""

    def pause(self, name: str) -> None:
        """Pause a container, as somebody does by hand (`podman pause`)."""
        self.units[name].paused = True
        write(self.payload(self.units[name]) / "cgroup.freeze", "1\n")

    def name(self, name: str, image: Mapping[str, Any]) -> None:
        """Give an image a name; one that had it before stays without one."""
        for raw in self.images.values():
            raw["RepoTags"] = [one for one in raw["RepoTags"] if one != name]
        known = self.images.setdefault(image["Id"], {**image, "RepoTags": [], "RepoDigests": []})
        known["RepoTags"] = [*known["RepoTags"], name]

    def prune(self) -> None:
        """Do what `podman image prune --force` does: what has no name and runs in no container goes."""
        used = {unit.quadlet.one("Container.Image") for unit in self.units.values() if unit.container}
        nameless = [i for i, raw in self.images.items() if not (raw["RepoTags"] or raw.get("RepoDigests"))]
        for identity in set(nameless) - used:
            del self.images[identity]

    # systemd

    def run(self, argv: Sequence[str]) -> str:
        """Answer what systemd and the journal are asked, and do what they are told, of Quadlet's units."""
        if argv[0] == "journalctl":
            wanted = [word.partition("=")[2] for word in argv if word.startswith("CONTAINER_NAME=")]
            return self.journal.get(wanted[0] if wanted else "", "")
        name = argv[-1].removesuffix(".service")
        if argv[1] == "show":
            return self._shown(name)
        self.told.append(list(argv[1:]))
        if argv[1] == "daemon-reload":
            self.reload()
        elif argv[1] == "start" or argv[1:3] == ["--no-block", "start"]:
            self.start(name)
        elif argv[1] == "stop":
            self.stop(name)
        elif argv[1] == "reset-failed":
            self._forgiven(name)
        elif argv[1] == "unmask":
            folder = self.robot.root / ("run/systemd/system" if "--runtime" in argv else UNITS)
            (folder / f"{name}.service").unlink(missing_ok=True)
        elif argv[1] == "thaw":
            self._thawed(name)
        return ""

    def _forgiven(self, name: str) -> None:
        unit = self.units.get(name)
        if unit is None:
            raise CommandError(f"systemctl reset-failed {name}.service: exit 1: Unit {name}.service not loaded.")
        unit.restarts, unit.active = 0, "inactive" if unit.active == "failed" else unit.active

    def _thawed(self, name: str) -> None:
        if not self.units[name].frozen:
            raise CommandError("systemctl thaw: exit 1: it is not frozen")
        self.units[name].frozen = False

    def reload(self) -> None:
        """Read Quadlet's folder as its generator does; what runs stays, if only as something that is not found."""
        files = sorted((self.robot.root / QUADLETS).glob("*.container"))
        all_there = {path.name.removesuffix(".container"): Quadlet(path) for path in files}
        # it refuses what names no image
        there = {name: quadlet for name, quadlet in all_there.items() if quadlet.one("Container.Image")}
        for name, quadlet in there.items():
            self.units.setdefault(name, Unit(quadlet)).quadlet = quadlet
        for name, unit in list(self.units.items()):
            unit.loaded = name in there
            if not unit.loaded and unit.active == "inactive":
                del self.units[name]

    def boot(self) -> None:
        """Start the robot anew: /run is empty, and what is wanted starts unless it is masked."""
        for unit in self.units.values():
            shutil.rmtree(self.payload(unit).parent, ignore_errors=True)
        shutil.rmtree(self.robot.root / "run/robot-stack-podman", ignore_errors=True)
        self.units = {}
        self.reload()
        for name, unit in self.units.items():
            wanted = unit.quadlet.one("Install.WantedBy") == "multi-user.target"
            if wanted and not (self.robot.root / UNITS / f"{name}.service").is_symlink():
                self.start(name)

    def _shown(self, name: str) -> str:
        unit = self.units.get(name)
        masked = (self.robot.root / UNITS / f"{name}.service").is_symlink()
        load = "masked" if masked else "loaded" if unit and unit.loaded else "not-found"
        values = {"LoadState": load, "ActiveState": "inactive", "NeedDaemonReload": "no"}
        if unit:
            self._freezer(unit)
            values.update(
                ActiveState=unit.active,
                SubState=unit.sub,
                Job=str(unit.job) if unit.job else "",
                NRestarts=str(unit.restarts),
                ExecMainStatus=str(unit.status),
                ActiveEnterTimestamp=f"@{unit.entered}" if unit.entered else "",
                ControlGroup=unit.cgroup if unit.active in ("active", "deactivating") else "",
                FreezerState="frozen" if unit.frozen else "running",
            )
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _freezer(self, unit: Unit) -> None:
        """Tell what the kernel does of what it was told."""
        with suppress(OSError):
            frozen = (self.payload(unit) / "cgroup.freeze").read_text().strip()
            write(self.payload(unit) / "cgroup.events", f"populated 1\nfrozen {frozen}\n")

    def start(self, name: str) -> None:
        """Start a unit, as somebody asks for it or systemd does by itself."""
        unit = self.units.get(name)
        if unit is None:
            raise CommandError(f"systemctl start {name}.service: exit 5: Unit {name}.service not found.")
        if unit.quadlet.one("Container.Image") not in self.images or not self.there:
            unit.active, unit.sub, unit.status, unit.restarts = "activating", "auto-restart", 125, unit.restarts + 1
            self.hooks(unit, "ExecStopPost", EXIT_CODE="exited", EXIT_STATUS="125", SERVICE_RESULT="exit-code")
            raise CommandError(f"systemctl start {name}.service: exit 1: Job for {name}.service failed.")
        (self.robot.root / "run" / unit.quadlet.one("Service.RuntimeDirectory")).mkdir(parents=True, exist_ok=True)
        self._number += 1
        unit.container, unit.active, unit.sub, unit.job = f"{self._number:064x}", "active", "running", 0
        unit.entered, unit.status = int(time.time()), 0
        self._payload_made(unit)
        self.hooks(unit, "ExecStartPost", MAINPID=str(self._number))
        if self.failing and self.failing in json.dumps(unit.quadlet.values):
            self.end(name, "2")

    def _payload_made(self, unit: Unit) -> None:
        arguments, pid = unit.quadlet.arguments, self._number
        size = {key: int(arguments[f"--{key}"][0].removesuffix("b")) for key in ("memory", "memory-swap")}
        path = f"{unit.cgroup}/libpod-payload-{unit.container}"
        group = self.robot.group(path, size["memory"], size["memory-swap"] - size["memory"], 3 << 20, 1 << 20)
        write(group / "cpu.max", cpu_max(arguments))
        write(group / "pids.max", f"{arguments['--pids-limit'][0]}\n")
        write(group / "cgroup.freeze", "0\n")
        write(group / "cgroup.procs", f"{pid}\n{pid + 5000}\n")
        for one, inside in ((pid, 1), (pid + 5000, 7)):
            self.robot.process(one, "service", path, pss=2048, anonymous=1536)
            write(self.robot.root / f"proc/{one}/status", f"State:\tS\nVmSize:\t1 kB\nNSpid:\t{one}\t{inside}\n")
        monitor = f"{unit.cgroup}/supervisor"
        self.robot.process(pid + 9000, "conmon", monitor, pss=840, anonymous=400)

    def payload(self, unit: Unit) -> Path:
        return Path(self.robot.root) / "sys/fs/cgroup" / f"{unit.cgroup}/libpod-payload-{unit.container}".lstrip("/")

    def hooks(self, unit: Unit, key: str, **environment: str) -> None:
        """Run a unit's own command lines of one kind."""
        for line in unit.quadlet.values.get(f"Service.{key}", []):
            assert line.startswith("-"), "a note that cannot be made is no failure of the service"
            argv = [expanded(word) for word in words_of(line.lstrip("-"))]
            script = argv[2].replace("/run/", f"{self.robot.root}/run/").replace("/sys/", f"{self.robot.root}/sys/")
            subprocess.run([*argv[:2], script], env={"PATH": os.environ["PATH"], **environment}, check=False)

    def stop(self, name: str) -> None:
        """Stop a unit; systemd refuses that of one which it has not loaded and which does not run."""
        unit = self.units.get(name)
        if unit is None:
            raise CommandError(f"systemctl stop {name}.service: exit 5: Unit {name}.service not loaded.")
        if unit.container:
            self.hooks(unit, "ExecStop", MAINPID=str(self._number))
            frozen = (self.payload(unit) / "cgroup.freeze").read_text().strip() == "1"
            self._gone(unit)
            # what the kernel has frozen ends by force alone
            code, status = ("killed", "KILL") if frozen else ("exited", "0")
            self.hooks(unit, "ExecStopPost", EXIT_CODE=code, EXIT_STATUS=status, SERVICE_RESULT="success")
        unit.active, unit.sub = "inactive", "dead"
        if not unit.loaded:
            del self.units[name]

    def _gone(self, unit: Unit) -> None:
        shutil.rmtree(self.payload(unit), ignore_errors=True)
        pid = int(unit.container, 16)
        for one in (pid, pid + 5000, pid + 9000):
            shutil.rmtree(self.robot.root / f"proc/{one}", ignore_errors=True)
        unit.container, unit.paused = "", False

    def end(self, name: str, status: str, code: str = "exited", kills: int = 0) -> None:
        """Have a container end without being asked to; systemd is about to start it again."""
        unit = self.units[name]
        self._gone(unit)
        if kills:
            self.killed(unit, kills)
        self.hooks(unit, "ExecStopPost", EXIT_CODE=code, EXIT_STATUS=status, SERVICE_RESULT="exit-code")
        unit.active, unit.sub, unit.status = "activating", "auto-restart", int(status) if status.isdigit() else 0
        unit.restarts += 1

    def killed(self, unit: Unit, kills: int) -> None:
        """Count kills for lack of memory in the service's slice, and in what is above it."""
        slice_ = Path(self.robot.root) / "sys/fs/cgroup" / unit.cgroup.rpartition("/")[0].lstrip("/")
        events = slice_ / "memory.events"
        before = int(events.read_text().split("oom_kill ")[1].split()[0]) if events.exists() else 0
        write(events, f"oom {before + kills}\noom_kill {before + kills}\n")

    def failed_attempt(self, name: str) -> None:
        """Have an attempt to start it again fail, as Podman's does on what a killed monitor has left."""
        unit = self.units[name]
        self.hooks(unit, "ExecStopPost", EXIT_CODE="exited", EXIT_STATUS="125", SERVICE_RESULT="exit-code")
        unit.restarts += 1

    def kill(self, pid: int, signal: int) -> None:
        """End a process by a signal; its monitor ends with it, and systemd starts both again."""
        [name] = [name for name, unit in self.units.items() if unit.container and int(unit.container, 16) == pid]
        self.end(name, str(128 + signal))
        self.start(name)


class PodmanOperator(Operator):
    """Calls the module on a robot with Podman."""

    def __init__(self, robot: Robot, podman: FakePodman) -> None:
        super().__init__(robot, None)
        self.podman = podman

    def engine(self) -> PodmanEngine:
        return self.podman.engine()

    def parameters(self, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
        return parameters(*services, **{"engine": SPEC, "budget": BUDGET, **more})

    def call(self, *services: dict[str, Any], check: bool = False, sent: bool = True, **more: Any) -> dict[str, Any]:
        self.podman.calls.clear()
        self.podman.told.clear()
        return super().call(*services, check=check, sent=sent, **more)


__all__ = ["BUDGET", "MIB", "SPEC", "FakePodman", "PodmanOperator", "service"]
