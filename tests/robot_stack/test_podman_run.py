"""A whole call on a robot with Podman: what is declared becomes true, stays, is healed, and leaves again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman import driver
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from robot_stack.fake_podman import BUDGET, IMAGE_ID, FakePodman, PodmanOperator
from robot_stack.operating import NAME, ROOT
from robot_stack.robots import MIB, Robot, service, write

pytestmark = [pytest.mark.usefixtures("any_owner"), pytest.mark.parametrize("robot", [2], indirect=True)]
QUADLET, RESTING = f"etc/containers/systemd/{NAME}.container", f"etc/containers/robot-stack/{NAME}.container"
UNIT = f"{NAME}.service"
DATABASE = "robot-stack-victoriametrics"
BELOW = ["systemd-run", "--scope", "--quiet", "--collect", "--slice=robotstack-engine.slice"]


@pytest.fixture
def operator(robot: Robot, podman: FakePodman) -> PodmanOperator:
    return PodmanOperator(robot, podman)


def test_what_is_declared_becomes_true_and_stays(operator: PodmanOperator, robot: Robot, podman: FakePodman) -> None:
    data: dict[str, Any] = {"tmpfs": {"/tmp": 4}, "environment": {"A": "50 %"}}
    first = operator.call(service(**data), service("victoriametrics", 50))
    assert (first["changed"], first["verdict"], first.get("failed")) == (True, "ok", None), first
    assert {name: row["kernel_limit_mib"] for name, row in first["services"].items()} == {
        "sensor_service": 32.0,
        "victoriametrics": 50.0,
    }
    row = first["services"]["sensor_service"]
    assert (row["kernel_swap_mib"], row["unreclaimable_mib"], row["status"]) == (0.0, 4.0, "running")
    parent = f"/robotstack.slice/robotstack-sensor_service.slice/{UNIT}/libpod-payload-"
    assert row["cgroup"].startswith(parent)
    assert (first["budget"]["slice_limit_mib"], first["robot"]["engine_version"]) == (150.0, "5.4.2")
    # the monitors are the engine, and below the ceiling
    engine = first["engine_usage"]
    assert (engine["below_ceiling"], engine["pss_mib"], engine["verdict"]) == (True, 1.6, "ok")
    assert (robot.root / QUADLET).stat().st_mode & 0o777 == 0o600

    second = operator.call(service(**data), service("victoriametrics", 50))
    assert (second["changed"], second["plan"], second["diff"]) == (False, [], [])
    assert (podman.changes, podman.told, operator.systemctl) == ([], [], [])
    assert [call.split()[0] for call in podman.calls] == ["info", "ps", "images", "image"], "each is asked once"


def test_podmans_programs_run_below_the_ceiling_as_soon_as_that_is_there(
    operator: PodmanOperator, podman: FakePodman, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoped = []
    real = podman.answer

    def answer(argv: Any, *more: Any) -> str:
        scoped.append(list(argv))
        return real(argv, *more)

    monkeypatch.setattr(
        "ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.programs._answer", answer
    )
    operator.call(service())
    assert "--scope" not in scoped[0]
    assert scoped[-1][:5] == BELOW
    heavy = [argv for argv in scoped if "load" in argv]
    assert heavy, "what is brought is the largest of all"
    operator.engine().pull(f"alpine@sha256:{'e' * 64}")
    heavy += [argv for argv in scoped if "pull" in argv]
    assert len(heavy) == 2
    assert {tuple(argv[:5]) for argv in heavy} == {tuple(BELOW)}


def test_check_mode_says_the_same_and_touches_nothing(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    before = sorted(str(path) for path in robot.root.rglob("*"))
    told = operator.call(service(), check=True, sent=False)
    assert told["changed"]
    assert (podman.changes, podman.told, operator.systemctl) == ([], [], [])
    assert sorted(str(path) for path in robot.root.rglob("*")) == before
    assert operator.call(service())["plan"] == told["plan"]


def test_a_run_about_one_service_leaves_the_container_of_the_other_alone(
    operator: PodmanOperator, podman: FakePodman
) -> None:
    """As --tags do it: what is declared for the other one has changed as well, and waits for a whole run."""
    operator.call(service(), service("victoriametrics", 50))
    database = podman.units[DATABASE].container
    podman.told.clear()
    told = operator.call(service(limit=30), service("victoriametrics", 54), scope=["sensor_service"])
    assert (told["changed"], told.get("failed")) == (True, None), told
    assert podman.units[NAME].quadlet.arguments["--memory"] == [f"{30 * MIB}b"]
    assert [words for words in podman.told if words[-1].startswith(DATABASE)] == []
    assert podman.units[DATABASE].container == database
    rest = operator.call(service(limit=30), service("victoriametrics", 54))
    assert any(f"recreate container {DATABASE}" in line for line in rest["plan"]), rest["plan"]
    assert podman.units[DATABASE].quadlet.arguments["--memory"] == [f"{54 * MIB}b"]


def test_a_robot_without_podman_is_asked_for_it_and_then_it_is_this_projects(robot: Robot, podman: FakePodman) -> None:
    (robot.root / "usr/bin/podman").unlink()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    operator = PodmanOperator(robot, podman)
    planned = operator.call(service(), check=True, sent=False)
    assert "install crun, podman" in planned["plan"]
    assert podman.calls == []
    told = operator.call(service(), sent=False)
    assert [need["kind"] for need in told["needs"]] == ["packages", "image"]
    known = state.load(robot.root / ROOT)
    assert (known.engine_packages, known.engine_kind) == (["podman", "crun"], "podman")
    podman.install()
    done = operator.call(service())
    assert (done.get("failed"), done["verdict"]) == (None, "ok"), done
    assert (robot.root / driver.DROP_IN[1:]).read_text().startswith("# Written by robot_stack;")
    assert operator.call(service())["plan"] == []


def test_a_podman_of_somebody_elses_is_used_and_not_configured(operator: PodmanOperator, robot: Robot) -> None:
    operator.call(service())
    assert not (robot.root / driver.DROP_IN[1:]).exists()
    assert state.load(robot.root / ROOT).engine_packages == []
    slices = {path.name for path in (robot.root / "etc/systemd/system").glob("*.slice")}
    assert slices == {"robotstack.slice", "robotstack-sensor_service.slice"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "4.3.1"}, "Podman 4.3.1, 4.9 or later is needed"),
        ({"rootless": True}, "has to be able to mount (CAP_SYS_ADMIN)"),
        ({"runtime": "krun"}, 'default runtime is krun, in which no limit can be read back: write runtime = "crun"'),
    ],
)
def test_a_podman_that_cannot_do_it_is_refused(
    operator: PodmanOperator, podman: FakePodman, change: dict[str, Any], words: str
) -> None:
    vars(podman).update(change)
    told = operator.call(service())
    assert told["failed"]
    assert words in told["msg"]
    for of_docker in ("container_engine_socket", "default-runtime"):
        assert of_docker not in told["msg"], "the gate refuses it beside Podman, or Podman does not know it"
    assert (podman.changes, podman.told) == ([], [])


def test_a_podman_that_fails_is_no_podman_that_is_not_there(
    operator: PodmanOperator, podman: FakePodman, robot: Robot
) -> None:
    operator.call(service())
    podman.errors["info"] = "database is locked"
    told = operator.call(service())
    assert told["failed"]
    assert "podman info: database is locked" in told["msg"]
    assert "podman info says more" in told["msg"]
    assert podman.told == []


@pytest.mark.parametrize(
    "where",
    [
        "etc/containers/systemd/{}.container",
        "etc/systemd/system/{}.service",
        "run/systemd/system/{}.service",
        "run/containers/systemd/{}.container",  # Quadlet takes it before ours
        "run/containers/systemd/theirs/{}.container",
        "etc/containers/systemd/{}.kube",  # becomes a service of the same name
        "usr/share/containers/systemd/theirs/{}.kube",
    ],
)
@pytest.mark.parametrize("deployed", [True, False])
def test_somebody_elses_unit_of_that_name_is_refused_by_name(
    operator: PodmanOperator, robot: Robot, podman: FakePodman, where: str, deployed: bool
) -> None:
    path = where.format(NAME)
    if deployed:
        operator.call(service())
        (robot.root / f"etc/containers/systemd/{NAME}.container").unlink()
    theirs = write(robot.root / path, "[Container]\nImage=theirs\n")
    told = operator.call(service(limit=40))
    assert told["failed"]
    assert f"/{path} is not this project's: move it away" in told["msg"]
    assert theirs.read_text() == "[Container]\nImage=theirs\n"
    assert (podman.told, podman.changes) == ([], [])
    removed = operator.call(state="absent")
    assert removed.get("failed") is None, removed
    assert theirs.exists()


def test_another_limit_makes_another_container_and_nothing_else(
    operator: PodmanOperator, podman: FakePodman, robot: Robot
) -> None:
    operator.call(service(), service("victoriametrics", 50))
    other = podman.units["robot-stack-victoriametrics"].container
    told = operator.call(service(limit=40), service("victoriametrics", 50))
    [line] = [line for line in told["plan"] if "container" in line]
    assert line == f"recreate container {NAME}: Memory is 32.0 MiB, not 40.0 MiB; MemorySwap is 32.0 MiB, not 40.0 MiB"
    assert told["services"]["sensor_service"]["kernel_limit_mib"] == 40.0
    assert podman.units["robot-stack-victoriametrics"].container == other
    assert sorted(path.name for path in (robot.root / "etc/containers").rglob("*.container")) == [
        f"{NAME}.container",
        "robot-stack-victoriametrics.container",
    ]


def test_a_container_that_fails_is_put_back_as_it_was(
    operator: PodmanOperator, podman: FakePodman, robot: Robot
) -> None:
    operator.call(service())
    before = (robot.root / QUADLET).read_text()
    podman.failing = "nonsense"
    with pytest.raises(apply.ServiceFailedError, match="the last good container was put back"):
        operator.call(service(command=["nonsense"]))
    assert (robot.root / QUADLET).read_text() == before
    assert podman.units[NAME].active == "active"
    assert operator.call(service())["plan"] == []


def test_a_first_deployment_that_fails_leaves_nothing_running(
    operator: PodmanOperator, podman: FakePodman, robot: Robot
) -> None:
    podman.failing = "nonsense"
    with pytest.raises(apply.ServiceFailedError, match="nothing is left running"):
        operator.call(service(command=["nonsense"]))
    assert [path.name for path in (robot.root / "etc/containers").rglob("*.container")] == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (QUADLET, None),
        (f"{QUADLET}.d/10.conf", "[Container]\nPodmanArgs=--privileged\n"),
        (f"etc/systemd/system/{UNIT}.d/override.conf", "[Service]\nSlice=other.slice\n"),
        (f"etc/systemd/system.control/{UNIT}.d/50-MemoryMax.conf", "[Service]\nMemoryMax=infinity\n"),
    ],
)
def test_a_unit_that_was_changed_by_hand_is_drift_and_is_healed(
    operator: PodmanOperator, robot: Robot, path: str, content: str | None
) -> None:
    operator.call(service())
    file = robot.root / path
    write(file, content if content else file.read_text().replace("--read-only", "--privileged"))
    found = operator.call(service(), state="verified", sent=False)
    assert "settings, files or image differ from the spec it was made of" in found["msg"]
    operator.call(service())
    assert operator.call(service(), state="verified", sent=False).get("failed") is None
    assert not list(file.parent.glob("*.conf"))


@pytest.mark.parametrize(
    ("file", "value", "words"),
    [
        ("memory.max", "67108864", "Memory is 64.0 MiB, not 32.0 MiB"),
        ("memory.max", "max", "Memory is 0, not 32.0 MiB"),
        ("memory.swap.max", "max", "MemorySwap is -1, not 32.0 MiB"),
        ("pids.max", "max", "PidsLimit is -1, not 32"),
        ("cpu.max", "max 100000", "NanoCpus is 0, not 500000000"),
    ],
)
def test_a_limit_that_the_kernel_does_not_have_is_drift(
    operator: PodmanOperator, podman: FakePodman, file: str, value: str, words: str
) -> None:
    """As after `podman update`, which says nothing to the unit."""
    operator.call(service())
    write(podman.payload(podman.units[NAME]) / file, f"{value}\n")
    assert words in operator.call(service(), state="verified", sent=False)["msg"]
    operator.call(service())
    assert operator.call(service(), state="verified", sent=False).get("failed") is None


@pytest.mark.parametrize("cpus", [1 / 3, 0.29])
def test_a_share_of_a_processor_that_is_no_round_number_is_no_drift(operator: PodmanOperator, cpus: float) -> None:
    declared = {**service(), "cpu_limit": cpus}
    operator.call(declared)
    assert operator.call(declared)["plan"] == []


def test_a_masked_unit_is_drift_and_is_unmasked_without_a_restart(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    operator.call(service())
    running = podman.units[NAME].container
    (robot.root / "etc/systemd/system" / UNIT).symlink_to("/dev/null")
    words = f"have container {NAME} start at the next boot: it would not run after the next boot: {UNIT} is masked"
    assert operator.call(service(), state="verified", sent=False)["msg"] == f"drift: {words}"
    assert operator.call(service())["plan"] == [words]
    assert podman.units[NAME].container == running
    assert operator.call(service())["plan"] == []


def test_a_unit_that_somebody_stopped_and_masked_is_started(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    operator.call(service())
    podman.stop(NAME)
    (robot.root / "etc/systemd/system" / UNIT).symlink_to("/dev/null")
    [line] = operator.call(service())["plan"]
    assert line.startswith(f"start container {NAME}: it is exited; it would not run after the next boot")
    assert podman.units[NAME].active == "active"


@pytest.fixture(params=["edited so that Quadlet refuses it", "before daemon-reload"])
def unknown_to_systemd(
    request: pytest.FixtureRequest, operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    """A unit's file lies in Quadlet's folder, and systemd has no unit of it."""
    operator.call(service())
    if request.param == "before daemon-reload":
        podman.stop(NAME)
        podman.units.clear()
    else:
        file = robot.root / QUADLET
        write(file, file.read_text().replace("Image=", "Imgae="))
        podman.boot()
    assert podman.units == {}


@pytest.mark.usefixtures("unknown_to_systemd")
def test_a_unit_that_systemd_does_not_know_is_stopped_on_purpose(operator: PodmanOperator, robot: Robot) -> None:
    told = operator.call(service(), stopped=["sensor_service"])
    assert (told.get("failed"), told["services"]["sensor_service"]["verdict"]) == (None, "stopped"), told
    assert ((robot.root / RESTING).exists(), (robot.root / QUADLET).exists()) == (True, False)


@pytest.mark.usefixtures("unknown_to_systemd")
def test_a_unit_that_systemd_does_not_know_is_replaced(operator: PodmanOperator, podman: FakePodman) -> None:
    told = operator.call(service(limit=40))
    assert (told.get("failed"), told["verdict"]) == (None, "ok"), told
    assert podman.units[NAME].active == "active"
    assert operator.call(service(limit=40))["plan"] == []


@pytest.mark.usefixtures("unknown_to_systemd")
def test_a_unit_that_systemd_does_not_know_is_removed(operator: PodmanOperator, robot: Robot) -> None:
    told = operator.call(state="absent")
    assert told.get("failed") is None, told
    assert list((robot.root / "etc/containers").rglob("*.container")) == []


@pytest.mark.parametrize("active", ["active", "activating", "deactivating"])
def test_what_runs_of_a_unit_that_systemd_no_longer_finds_is_stopped(
    operator: PodmanOperator, robot: Robot, podman: FakePodman, active: str
) -> None:
    operator.call(service())
    payload = podman.payload(podman.units[NAME])
    podman.units[NAME].active = active
    file = robot.root / QUADLET
    write(file, file.read_text().replace("Image=", "Imgae="))
    podman.reload()
    podman.told.clear()
    operator.engine().stop(NAME, 5)
    assert podman.told[0] == ["stop", UNIT]
    assert not payload.exists()


def test_what_is_kept_stopped_stays_so_over_a_boot_and_runs_again_when_it_may(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    operator.call(service())
    told = operator.call(service(), stopped=["sensor_service"])
    assert told["services"]["sensor_service"]["verdict"] == "stopped"
    assert (robot.root / RESTING).exists()
    assert not (robot.root / QUADLET).exists()
    podman.boot()
    assert podman.units == {}
    assert operator.call(service(), stopped=["sensor_service"])["plan"] == []
    [start] = [line for line in operator.call(service())["plan"] if "container" in line]
    assert start.startswith(f"start container {NAME}: it is ")
    podman.boot()
    assert podman.units[NAME].active == "active"


def test_what_is_kept_stopped_and_was_stopped_by_hand_is_kept_from_the_next_boot(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    operator.call(service())
    podman.stop(NAME)
    told = operator.call(service(), stopped=["sensor_service"])
    assert any("as robot_stack_stopped_services says" in line for line in told["plan"])
    podman.boot()
    assert podman.units == {}


def test_what_was_set_aside_is_not_started_at_boot(operator: PodmanOperator, robot: Robot, podman: FakePodman) -> None:
    operator.call(service())
    engine = operator.engine()
    engine.rename(NAME, f"{NAME}.previous")
    podman.boot()
    assert podman.units == {}
    told = operator.call(service())
    assert [line for line in told["plan"] if "container" in line] == [f"repair container {NAME} (32 MiB)"]
    assert sorted(path.name for path in (robot.root / "etc/containers").rglob("*.container")) == [f"{NAME}.container"]


@pytest.mark.parametrize("moment", ["created", "previous alone", "both"])
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    operator: PodmanOperator, podman: FakePodman, robot: Robot, moment: str
) -> None:
    operator.call(service())
    engine = operator.engine()
    request = json.loads((robot.root / QUADLET).read_text().splitlines()[1].partition(": ")[2])["request"]
    engine.rename(NAME, f"{NAME}.previous")
    if moment != "previous alone":
        engine.create(NAME, request)
    if moment == "both":
        engine.start(NAME)
    told = operator.call(service())
    assert (told.get("failed"), told["verdict"]) == (None, "ok"), told
    assert operator.call(service())["plan"] == []


def test_the_stack_leaves_and_the_data_stays(operator: PodmanOperator, robot: Robot, podman: FakePodman) -> None:
    declared = service(data=[{"name": "data", "target": "/data"}])
    operator.call(declared)
    told = operator.call(declared, state="absent")
    assert told.get("failed") is None, told
    assert [path.name for path in (robot.root / "etc/containers").rglob("*.container")] == []
    assert not list((robot.root / "etc/systemd/system").glob("robotstack*"))
    assert podman.images == {}
    assert (robot.root / ROOT / "sensor_service/data").is_dir()
    assert operator.call(declared, state="absent", sent=False)["plan"] == []


def test_an_engine_of_ours_leaves_on_request_and_one_that_others_use_does_not(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    (robot.root / "usr/bin/podman").unlink()
    write(robot.root / "var/lib/dpkg/status", "Package: base\nStatus: install ok installed\n")
    operator.call(service(), sent=False)
    podman.install()
    operator.call(service())
    write(robot.root / "etc/containers/systemd/theirs.container", "[Container]\nImage=x\n")
    told = operator.call(state="absent", remove_engine=True)
    assert "remove_engine: the engine also runs theirs" in told["msg"]
    (robot.root / "etc/containers/systemd/theirs.container").unlink()
    podman.unlisted = {"alpine-working-container": "7" * 64}  # buildah from alpine
    told = operator.call(state="absent", remove_engine=True)
    assert "remove_engine: the engine also runs alpine-working-container, which are not ours" in told["msg"]
    assert podman.changes == []
    podman.unlisted = {}
    podman.name("docker.io/somebody/theirs:1", {**podman.brings, "Id": "9" * 64})
    told = operator.call(state="absent", remove_engine=True)
    assert "remove_engine: the engine also keeps the images docker.io/somebody/theirs:1, which are" in told["msg"]
    operator.engine().remove_image("docker.io/somebody/theirs:1")
    podman.unlisted = {NAME: "7" * 64}  # of a `podman run` of ours that was killed
    told = operator.call(state="absent", remove_engine=True)
    assert told["needs"] == [{"kind": "purge", "names": ["podman", "crun"], "platform": "debian"}]


def test_damaged_images_of_ours_go_all_the_same_and_nobody_elses(
    operator: PodmanOperator, robot: Robot, podman: FakePodman
) -> None:
    operator.call(service())
    former, theirs = "7" * 64, "8" * 64
    podman.name("localhost/sensor_service:0", {**podman.brings, "Id": former})
    podman.name("localhost/theirs:1", {**podman.brings, "Id": theirs})
    podman.damaged = {former, theirs}
    known = state.load(robot.root / ROOT)
    state.save(replace(known, images=[*known.images, "sensor_service:0"]), robot.root / ROOT)
    assert operator.call(service(limit=40)).get("failed") is None
    assert (sorted(podman.images), state.load(robot.root / ROOT).images) == ([IMAGE_ID, theirs], known.images)
    podman.damaged.add(IMAGE_ID)
    assert "remove image sensor_service:1" in operator.call(state="absent", sent=False)["plan"]
    assert list(podman.images) == [theirs]


def test_images_of_units_that_do_not_run_are_not_removed(operator: PodmanOperator, podman: FakePodman) -> None:
    operator.call(service())
    operator.call(service(), stopped=["sensor_service"])
    engine = operator.engine()
    engine.remove_image("sensor_service:1")
    assert podman.images
    engine.remove(NAME)
    engine.remove_image("sensor_service:1")
    assert podman.images == {}


def test_what_prune_took_away_is_brought_again(operator: PodmanOperator, podman: FakePodman) -> None:
    operator.call(service())
    podman.stop(NAME)
    podman.images.clear()  # podman system prune --all
    told = operator.call(service())
    assert "load image sensor_service:1" in told["plan"]
    assert told["verdict"] == "ok"


def test_a_container_of_that_name_that_somebody_made_by_hand_makes_room(
    operator: PodmanOperator, podman: FakePodman
) -> None:
    podman.others = [{"Id": "f" * 64, "Names": [NAME], "Labels": None, "State": "running", "ImageID": "e" * 64}]
    told = operator.call(service())
    assert (told.get("failed"), told["verdict"]) == (None, "ok"), told
    assert podman.others == []


def test_the_budget_counts_the_engines_share(operator: PodmanOperator) -> None:
    told = operator.call(service(), state="planned", sent=False)
    assert told["declared"]["sum_mib"] == BUDGET["engine_memory_allowance_mib"] + 32
    assert operator.call(service())["budget"]["slice_limit_mib"] * MIB == 150 * MIB


def test_the_watchdog_is_told_which_engine_and_may_write_its_units(operator: PodmanOperator, robot: Robot) -> None:
    operator.call(service())
    about = json.loads((robot.root / ROOT / "watchdog/stack.json").read_text())
    assert (about["kind"], about["socket"]) == ("podman", "")
    assert "engine_unit" not in about
    unit = (robot.root / "etc/systemd/system/robot-stack-watchdog.service").read_text()
    # both folders between which it moves a unit, as one mount
    assert [line for line in unit.splitlines() if line.startswith("ReadWritePaths=")] == [
        "ReadWritePaths=-/etc/containers"
    ]
    assert "After=\n" not in unit
