"""A failure carries its cause: the line of the log that says so, what is damaged, and no limits of a process that ends
(row A14). The logs are those of the real programs, on data that was damaged by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply.replacement import ServiceFailedError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.roots import Roots
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import procfs
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.judge import cause
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import NAME, ROOT, Operator
from robot_stack.robots import Robot, service, write

MONTH = "/victoria-metrics-data/data/small/2026_11"
HERE = "/var/lib/robot-stack/sensor_service/data/data/small/2026_11"
GOROUTINE = (
    "\ngoroutine 1 [running]:\n"
    + "github.com/VictoriaMetrics/lib/logger.logMessage({0xd2, 0x5})\n\t/lib/a.go:5 +0x13a\n" * 25
)
CUT_SHORT = f'cannot parse "{MONTH}/parts.json": unexpected end of JSON input'
ZEROED = (
    f'cannot unmarshal metaindex data from "{MONTH}/18EC381B13D6B97E": cannot decompress metaindex rows: {"0" * 900}'
)
NO_JSON = f"cannot parse \"{MONTH}/18EC381B13D6B97E/metadata.json\": invalid character '\\x00'"
GONE = f'part "{MONTH}/18EC381B13D6B97E" is listed in "{MONTH}/parts.json", but is missing on disk'


def victoriametrics(why: str) -> str:
    begun = "2026-11-28T13:20:45.000Z\tinfo\tlib/main.go:84\tstarting VictoriaMetrics\n"
    logged = f"2026-11-28T13:20:45.942Z\tpanic\tVictoriaMetrics@v1.148.8/lib/storage/partition.go:1916\tFATAL: {why}\n"
    return f"{begun}{logged}panic: FATAL: {why} [recovered, repanicked]\n{GOROUTINE}"


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (victoriametrics(CUT_SHORT), CUT_SHORT),
        (victoriametrics(NO_JSON), NO_JSON),
        ("panic: runtime error: index out of range [recovered]\n" + GOROUTINE, "runtime error: index out of range"),
        ("fatal error: out of memory\n" + GOROUTINE, "out of memory"),
        ("flag provided but not defined: -no.such\nUsage:\n  -a\n" * 2, "flag provided but not defined: -no.such"),
        ('invalid value "x" for flag -a: parse error\nUsage\n', 'invalid value "x" for flag -a: parse error'),
        (
            'Traceback (most recent call last):\n  File "a", line 1\n    x()\nValueError: no port\nbye\n',
            "ValueError: no port",
        ),
        ('2026/11/28 13:03:15 cannot load timezone "No/Such": unknown\n', 'cannot load timezone "No/Such": unknown'),
        ('{"ts":"1","level":"panic","caller":"a","msg":"FATAL: no disk"}\n', "no disk"),
        ("all is well\n", ""),
        ("", ""),
    ],
)
def test_the_line_that_says_why_is_found_among_those_after_it(log: str, why: str) -> None:
    assert cause.fatal(log) == why


def test_the_last_of_several_ends_counts_and_a_long_one_is_cut() -> None:
    assert cause.fatal(victoriametrics("the first") + victoriametrics("the second")) == "the second"
    assert len(cause.fatal(victoriametrics(ZEROED))) == cause.LONGEST


@pytest.mark.parametrize(
    ("why", "away"),
    [
        (CUT_SHORT, f"move {HERE}/parts.json away"),
        (ZEROED, f"move {HERE}/18EC381B13D6B97E (its samples are lost) and {HERE}/parts.json away"),
        (NO_JSON, f"move {HERE}/18EC381B13D6B97E (its samples are lost) and {HERE}/parts.json away"),
        (GONE, f"move {HERE}/18EC381B13D6B97E (its samples are lost) and {HERE}/parts.json away"),
    ],
)
def test_damaged_data_is_told_by_its_path_on_the_robot_with_both_ways_out(why: str, away: str) -> None:
    (found,) = cause.damage(declared(), "/var/lib/robot-stack", why)
    assert away in found
    assert "playbooks/restore.yml" in found


@pytest.mark.parametrize(
    "why", ["no disk", 'cannot open "/config/scrape.yml"', "see https://docs/victoria-metrics-data/x"]
)
def test_what_is_not_of_its_data_is_no_damage(why: str) -> None:
    assert cause.damage(declared(), "/var/lib/robot-stack", why) == []


DATA: dict[str, Any] = {"data": [{"name": "data", "target": "/victoria-metrics-data"}]}


def declared() -> Any:
    return parse.service_of(service(**DATA))


@pytest.fixture
def fake(robot: Robot) -> Any:
    with FakeEngine(robot) as engine:
        yield engine


@pytest.fixture
def robot(tmp_path: Any) -> Robot:
    return Robot(tmp_path, 1)


@pytest.fixture
def operator(robot: Robot, fake: FakeEngine, any_owner: None) -> Operator:
    return Operator(robot, fake)


def logs(fake: FakeEngine, text: str) -> None:
    raw = text.encode()
    fake.errors[f"GET /containers/{NAME}/logs"] = 200, b"\2\0\0\0" + len(raw).to_bytes(4, "big") + raw


def test_a_verification_tells_why_a_container_restarts(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(**DATA))
    logs(fake, victoriametrics(CUT_SHORT))
    fake.containers[NAME]["State"] = {
        "Running": True,
        "Restarting": True,
        "Status": "restarting",
        "Pid": 0,
        "ExitCode": 2,
    }
    told = operator.call(service(**DATA), state="verified")["msg"]
    assert f"its container is restarting: {CUT_SHORT}" in told
    assert f"its data is damaged: {HERE}/parts.json" in told
    assert "goroutine" not in told


CALIBRATION = [
    (1767225576.0, "listening\n"),
    (1767225599.9, "the lidar's calibration is missing\n"),
    (1767225600.3, "listening again\n"),
]


@pytest.mark.parametrize(
    ("printed", "told", "not_told"),
    [
        (CALIBRATION, "the lidar's calibration is missing", "its log says"),
        (
            [(1767225599.9, "Traceback (most recent call last):\n  File\nOSError: no lidar\n")],
            "log says: OSError",
            "lines",
        ),
        ([(1767220000.0, "a last life but one\n"), *CALIBRATION[2:]], "listening again", "a last life but one"),
    ],
)
def test_what_the_engine_has_started_again_has_its_former_lifes_words_told(
    operator: Operator, fake: FakeEngine, printed: list[tuple[float, str]], told: str, not_told: str
) -> None:
    """It ended and lives again in the same second; nobody has looked in between."""
    operator.call(service())
    fake.printed = printed
    fake.containers[NAME]["State"]["FinishedAt"] = "2026-01-01T00:00:00.05Z"
    said = cause.of(DockerEngine(fake.socket), declared(), "/var/lib/robot-stack")
    assert told in said
    assert not_told not in said


STATES: dict[str, dict[str, Any]] = {
    "ended": {"Running": False, "Status": "exited"},
    "waits to be started again": {"Running": True, "Restarting": True, "Status": "restarting"},
    "lives again": {"Running": True, "Status": "running", "Pid": 1},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("noted_late", [0.0001, 0.2, 2.5])
def test_what_is_said_before_the_engine_has_noted_the_start_is_told(
    operator: Operator, fake: FakeEngine, state: str, noted_late: float
) -> None:
    """A program that ends at once has said why before the engine's time of its start."""
    operator.call(service())
    start = 1767225600.0
    fake.printed = [(start - noted_late, "panic: no lidar\n")]
    ended = "2025-12-31T23:59:57.6Z" if state == "lives again" else "2026-01-01T00:00:00.0002Z"
    times = {"StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": ended}
    fake.containers[NAME]["State"] = {"ExitCode": 2, **STATES[state], **times}
    assert cause.of(DockerEngine(fake.socket), declared(), "/var/lib/robot-stack") == "its log says: no lidar"


def test_a_deployment_that_fails_tells_the_line_and_not_the_twenty_after_it(
    operator: Operator, fake: FakeEngine
) -> None:
    fake.failing = "sensor_service:1"
    logs(fake, victoriametrics("no disk"))
    with pytest.raises(Exception, match=r"its log says: no disk$") as error:
        operator.call(service())
    assert "goroutine" not in str(error.value)


def test_a_failed_deployment_has_the_line_of_its_log_beside_its_message(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(**DATA), service("victoriametrics", 50))
    fake.failing = "nonsense"
    logs(fake, victoriametrics(CUT_SHORT))
    with pytest.raises(ServiceFailedError) as error:
        operator.call(service(**DATA, command=["nonsense"]), service("victoriametrics", 60))
    (why,) = error.value.causes
    assert why.startswith(f"sensor_service: its log says: {CUT_SHORT}; its data is damaged: {HERE}/parts.json")


def test_what_does_not_pass_the_gate_has_the_line_of_its_log_beside_it(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service(**DATA))
    known = state.load(robot.root / ROOT)
    ended = replace(known.services["sensor_service"], restarts=1, last_failure_at=1000.0, last_failure="it ended")
    state.save(known.with_service("sensor_service", ended), robot.root / ROOT)
    logs(fake, victoriametrics(CUT_SHORT))
    told = operator.call(service(**DATA), state="proven", sent=False)
    assert told["objections"][0].startswith("sensor_service: killed")
    (why,) = told["causes"]
    assert why.startswith(f"sensor_service: its log says: {CUT_SHORT}; its data is damaged: {HERE}/parts.json")


def test_an_objection_that_has_its_cause_is_not_told_twice(operator: Operator, fake: FakeEngine) -> None:
    operator.call(service(**DATA))
    fake.containers[NAME]["State"] = {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 2}
    logs(fake, victoriametrics("no disk"))
    told = operator.call(service(**DATA), state="proven", sent=False)
    assert (told["objections"], told["causes"]) == (["sensor_service: down (its container has ended: no disk)"], [])


@pytest.mark.parametrize(
    "status",
    [
        "Name:\tvictoria\nState:\tZ (zombie)\n",
        "Name:\tvictoria\nState:\tX (dead)\n",
        "Name:\tvictoria\nState:\tR (running)\n",
    ],
)
def test_a_process_that_ends_is_not_read_as_unlimited(
    operator: Operator, robot: Robot, fake: FakeEngine, status: str
) -> None:
    """On its way out a process is in the root of all cgroups, whose limit is the robot's own."""
    operator.call(service())
    pid = fake.containers[NAME]["State"]["Pid"]
    robot.group("/", 500 << 20)
    robot.process(pid, "victoria", "/")
    unlimited = operator.call(service(), state="verified")["services"]["sensor_service"]
    assert unlimited["verdict"] == "unlimited", "a process that was moved out and lives is one"
    write(robot.root / "proc" / str(pid) / "status", status)
    ending = operator.call(service(), state="verified")["services"]["sensor_service"]
    assert ending["verdict"] == "down"
    assert ending["kernel_limit_mib"] is None
    assert not [reason for reason in ending["reasons"] if "500" in reason or "runs in /" in reason]


def test_a_process_that_lives_is_seen_to(robot: Robot) -> None:
    robot.process(7, "victoria", "/a")
    roots: Roots = robot.roots
    assert not procfs.ended(7, roots.proc)
    write(robot.root / "proc/7/status", "State:\tS (sleeping)\nVmSize:\t  100 kB\n")
    assert not procfs.ended(7, roots.proc)
    assert procfs.ended(8, roots.proc)
