"""Hanging, failing and slow collectors: the others answer, in time."""

from __future__ import annotations

import os
import threading
import time
from _thread import start_new_thread
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sensor_service import runner, scraper, server, slow
from sensor_service.catalogue import COLLECTORS
from sensor_service.metric import gauge
from sensor_service.output import MAX_FAULTS
from sensor_service.scraper import MAX_TOLD

from files.sensor_service.tests.service import PATIENCE, Service, series, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensor_service.output import Output
    from sensor_service.robot import Robot

GOOD = gauge("good", "A good value.")
PARTIAL = gauge("partial", "What was read before the failure.")
# Seconds for a round in which a collector hangs: the others need their turn, on a machine that stalls, too.
DEADLINE = 3.0


def good(_: Robot, out: Output) -> None:
    out.add(GOOD, 1)


def failing(_: Robot, out: Output) -> None:
    out.add(PARTIAL, 2)
    raise RuntimeError("the bus is stuck")


def exiting(_: Robot, out: Output) -> None:
    raise SystemExit(3)


class Hanging:
    """A collector that hangs until it is let go, and counts its calls."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.calls = 0

    def __call__(self, _: Robot, out: Output) -> None:
        self.calls += 1
        self.release.wait(PATIENCE)  # which fails who waits for it
        out.add(PARTIAL, self.calls)


def timed(service: Service) -> tuple[dict[str, float], float]:
    begun = time.monotonic()
    found = series(service.get().body)
    return found, time.monotonic() - begun


def success(found: dict[str, float], name: str) -> float:
    return found[f'sensor_collector_success{{collector="{name}"}}']


def test_a_failing_collector_is_told_and_the_others_answer(start_service: Callable[..., Service]) -> None:
    service = start_service(collectors={"failing": failing, "exiting": exiting, "good": good})
    for _ in range(3):
        found = series(service.get().body)
        assert [success(found, name) for name in ("failing", "exiting", "good")] == [0, 0, 1]
        assert found["good"] == 1
        assert found["partial"] == 2
    assert sorted(service.log) == ["exiting: SystemExit: 3", "failing: RuntimeError: the bus is stuck"]


def test_a_sensor_that_fails_now_and_then_fills_no_log(start_service: Callable[..., Service]) -> None:
    """A DHT11, or a loose wire, fails in every second scrape."""
    rounds = iter(range(1000))

    def flapping(_: Robot, out: Output) -> None:
        out.add(GOOD, 1)
        if next(rounds) % 2 == 0:
            out.fault("in_humidity", "Input/output error")

    service = start_service(collectors={"flapping": flapping})
    found = [success(series(service.get().body), "flapping") for _ in range(20)]
    assert found == [0, 1] * 10
    assert service.log == ["flapping: in_humidity: Input/output error"]


def test_each_further_fault_is_told_once_until_the_collector_recovers(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label that is broken for good must not hide the sensor that dies later."""
    monkeypatch.setattr(scraper, "CALM_SECONDS", 0)
    broken: dict[str, str] = {}

    def monitors(_: Robot, out: Output) -> None:
        out.add(GOOD, 1)
        for path, reason in broken.items():
            out.fault(path, reason)

    service = start_service(collectors={"hwmon": monitors})
    label, sensor = "/sys/class/hwmon/hwmon0/temp1_label", "/sys/class/hwmon/hwmon3/temp1_input"
    broken[label] = "Input/output error"
    service.get()
    broken[sensor] = "Remote I/O error"
    service.get()
    broken[sensor] = "Connection timed out"
    service.get()
    del broken[sensor]
    service.get()
    broken[sensor] = "Remote I/O error"
    service.get()
    first, second = f"hwmon: {label}: Input/output error", f"hwmon: {sensor}: Remote I/O error"
    assert service.log == [first, second]
    told = service.get("/healthz").body
    assert f"hwmon: {label}: Input/output error; {sensor}: Remote I/O error\n" in told
    broken.clear()
    service.get()
    broken[label] = "Input/output error"
    service.get()
    assert service.log == [first, second, "hwmon: answers again", first]


def test_faults_beyond_those_that_are_kept_are_counted(start_service: Callable[..., Service]) -> None:
    def broken(_: Robot, out: Output) -> None:
        out.add(GOOD, 1)
        for number in range(MAX_FAULTS + 3):
            out.fault(f"sensor{number}", "Input/output error")

    service = start_service(collectors={"broken": broken})
    service.get()
    assert service.log[0].endswith(f"sensor{MAX_FAULTS - 1}: Input/output error (and 3 more)")
    assert service.get("/healthz").body.endswith(" (and 3 more)\n")


def test_subjects_that_change_each_time_fill_no_log(start_service: Callable[..., Service]) -> None:
    rounds = iter(range(1000))

    def changing(_: Robot, out: Output) -> None:
        out.add(GOOD, 1)
        out.fault(f"file{next(rounds)}", "not a regular file")

    service = start_service(collectors={"changing": changing})
    for _ in range(MAX_TOLD + 10):
        service.get()
    assert len(service.log) == MAX_TOLD


def test_a_hanging_collector_fails_within_the_deadline_and_the_others_answer(
    start_service: Callable[..., Service],
) -> None:
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good}, deadline=DEADLINE)
    found, seconds = timed(service)
    assert DEADLINE <= seconds < PATIENCE
    assert (success(found, "hanging"), success(found, "good"), found["good"]) == (0, 1, 1)
    duration = 'sensor_collector_duration_seconds{collector="hanging"}'
    assert found[duration] > 0
    assert series(service.get().body)[duration] > found[duration], "the time so far"
    assert "partial" not in found
    hanging.release.set()


def test_a_collector_that_still_hangs_costs_later_scrapes_nothing(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scraper, "CALM_SECONDS", 0)
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good}, deadline=DEADLINE)
    timed(service)
    later = []
    for _ in range(3):
        found, seconds = timed(service)
        later.append(seconds)
        assert (success(found, "hanging"), success(found, "good")) == (0, 1)
    assert min(later) < DEADLINE
    assert hanging.calls == 1
    hanging.release.set()
    pages = []

    def answers() -> bool:
        pages.append(series(service.get().body))
        return success(pages[-1], "hanging") == 1

    until(answers)
    assert pages[-1]["partial"] == 2, "a late answer is thrown away, not shown as a new one"
    assert service.log == ["hanging: no answer within 3 s", "hanging: answers again"]


def test_several_hanging_collectors_share_one_deadline_and_workers_stay_few(
    start_service: Callable[..., Service],
) -> None:
    hanging = {f"hanging{index}": Hanging() for index in range(6)}
    service = start_service(collectors={**hanging, "good": good}, deadline=DEADLINE)
    found, seconds = timed(service)
    assert seconds < 2 * DEADLINE
    assert success(found, "good") == 1
    for _ in range(10):
        timed(service)
    assert service.runner.workers <= len(hanging) + 2
    for collector in hanging.values():
        collector.release.set()
    for _ in range(2):
        until(lambda: service.runner.workers == 1)  # surplus workers end
        service.get()


def test_a_round_ends_before_its_scraper_gives_up(start_service: Callable[..., Service]) -> None:
    """VictoriaMetrics waits 10 s and never longer than its interval: one slow sensor must not cost all of them."""
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good})
    found = series(service.get(timeout="3.000").body)
    assert (success(found, "hanging"), success(found, "good"), found["good"]) == (0, 1, 1)
    assert service.log == ["hanging: no answer within 2.7 s"]
    hanging.release.set()


def test_who_joins_a_round_shares_its_end(start_service: Callable[..., Service]) -> None:
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good})
    with service.connect() as first:
        first.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 3\r\n\r\n")
        until(lambda: service.scraper.running)
        found = series(service.get().body)
    assert (success(found, "hanging"), success(found, "good")) == (0, 1)
    assert service.log == ["hanging: no answer within 2.7 s"]
    hanging.release.set()


def test_no_scraper_waits_beyond_the_deadline(start_service: Callable[..., Service]) -> None:
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good}, deadline=DEADLINE)
    assert success(series(service.get(timeout="3600").body), "good") == 1
    assert service.log == ["hanging: no answer within 3 s"]
    hanging.release.set()


def test_a_sensor_that_hangs_makes_no_new_container_unhealthy(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PROBE_TIMEOUT", DEADLINE)
    hanging = Hanging()
    service = start_service(collectors={"hanging": hanging, "good": good})
    answer = service.get("/healthz")
    assert (answer.status, answer.body.splitlines()[0]) == (200, "ok; failing collectors: hanging")
    hanging.release.set()


def test_everything_hanging_still_answers(start_service: Callable[..., Service]) -> None:
    hanging = Hanging()
    service = start_service(collectors={"only": hanging}, deadline=0.2)
    for _ in range(2):
        answer = service.get()
        assert answer.status == 200
        assert success(series(answer.body), "only") == 0
    hanging.release.set()


def test_a_read_that_hangs_in_the_kernel_holds_up_nothing_else(
    raspberry_pi: Path, start_service: Callable[..., Service]
) -> None:
    sensor = raspberry_pi / "sys/class/thermal/thermal_zone0/temp"
    sensor.unlink()
    os.mkfifo(sensor)  # opening it waits for a writer, as an I2C read waits for its bus
    service = start_service(root=raspberry_pi, deadline=DEADLINE)
    found = series(service.get().body)
    assert success(found, "thermal") == 0
    assert all(success(found, name) == 1 for name in COLLECTORS if name not in ("thermal", "simulated"))
    assert not [name for name in found if name.startswith("node_thermal")]
    assert service.log == [f"thermal: {sensor}: no answer within 3 s"]
    with sensor.open("w") as writer:
        writer.write("50000\n")
    sensor.unlink()
    sensor.write_text("51000\n")
    until(lambda: success(series(service.get().body), "thermal") == 1)
    assert series(service.get().body)['node_thermal_zone_temp{zone="0",type="cpu-thermal"}'] == 51


class Bus:
    """A collector of attributes, of which some are slow: they answer when they are let go."""

    def __init__(self, *attributes: str) -> None:
        self.release = {name: threading.Event() for name in attributes}
        for event in self.release.values():
            event.set()
        self.asked: list[str] = []

    def _read(self, path: str) -> bytes:
        self.asked.append(path)
        self.release[path].wait(PATIENCE)
        return b"7"

    def __call__(self, _: Robot, out: Output) -> None:
        for path in self.release:
            try:
                out.add(GOOD, float(out.ask(self._read, path)), attribute=path)
            except TimeoutError as error:
                out.fault(path, error)


def told(found: dict[str, float]) -> list[str]:
    return [name for name in "abcd" if f'good{{attribute="{name}"}}' in found]


def test_an_attribute_that_hangs_costs_itself_and_is_named(start_service: Callable[..., Service]) -> None:
    """What comes before it is there at once, and from the next scrape on what comes behind it, too."""
    bus = Bus("a", "b", "c")
    bus.release["b"].clear()
    service = start_service(collectors={"bus": bus}, deadline=DEADLINE)
    found = [series(service.get().body) for _ in range(3)]
    assert [told(page) for page in found] == [["a"], ["a", "c"], ["a", "c"]]
    assert [success(page, "bus") for page in found] == [0, 0, 0]
    assert bus.asked.count("b") == 1
    assert service.log == ["bus: b: no answer within 3 s"]
    bus.release["b"].set()
    until(lambda: success(series(service.get().body), "bus") == 1)
    assert told(series(service.get().body)) == ["a", "b", "c"]


def test_a_collector_that_hangs_in_a_second_attribute_is_left_out(start_service: Callable[..., Service]) -> None:
    bus = Bus("a", "b", "c")
    bus.release["a"].clear()
    bus.release["c"].clear()
    service = start_service(collectors={"bus": bus, "good": good}, deadline=DEADLINE)
    assert [told(series(service.get().body)) for _ in range(4)] == [[], ["b"], [], []]
    assert (bus.asked, service.runner.workers <= 4) == (["a", "b", "c"], True)
    assert "has not returned from an earlier scrape" in service.get("/healthz").body
    for event in bus.release.values():
        event.set()
    until(lambda: success(series(service.get().body), "bus") == 1)


def test_an_attribute_that_is_late_again_and_again_is_left_out_for_a_while() -> None:
    """Three thermometers on one 1-wire bus take longer than all have together: the third costs itself alone."""
    late = slow.Slow()
    late.ended_in("third", 0)
    assert late.left_out(1) == frozenset(), "the robot may have stood still"
    late.ended_in("third", 15)
    assert late.left_out(16) == {"third"}
    late.in_time()
    assert late.left_out(14 + slow.AGAIN) == {"third"}
    assert late.left_out(15 + slow.AGAIN) == frozenset()
    late.ended_in("third", 330)
    assert late.left_out(331) == frozenset()


@pytest.mark.parametrize("between", ["another", ""])
def test_one_late_round_now_and_then_leaves_nothing_out(between: str) -> None:
    late = slow.Slow()
    for now in range(0, 100, 2):
        late.ended_in("first", now)
        if between:
            late.ended_in(between, now + 1)
        else:
            late.in_time()
        assert late.left_out(now + 1) == frozenset()


def test_a_slow_collector_within_the_deadline_succeeds(start_service: Callable[..., Service]) -> None:
    def slow(_: Robot, out: Output) -> None:
        time.sleep(0.3)
        out.add(GOOD, 1)

    found, _ = timed(start_service(collectors={"slow": slow, "other": failing}))
    assert success(found, "slow") == 1
    assert found['sensor_collector_duration_seconds{collector="slow"}'] >= 0.3


def test_no_thread_to_be_had_is_survived(start_service: Callable[..., Service]) -> None:
    service = start_service(collectors={"good": good}, deadline=DEADLINE)
    service.runner.workers = 99  # as many as are allowed, and none of them sleeps
    assert success(series(service.get().body), "good") == 0
    service.runner.workers = 0
    assert success(series(service.get().body), "good") == 1


def test_the_histogram_covers_collection_and_encoding(start_service: Callable[..., Service]) -> None:
    def slow(_: Robot, out: Output) -> None:
        time.sleep(0.06)
        out.add(GOOD, 1)

    service = start_service(collectors={"slow": slow})
    first = series(service.get().body)
    assert first["sensor_scrape_duration_seconds_count"] == 0, "a scrape cannot contain its own duration"
    second = series(service.get().body)
    assert second["sensor_scrape_duration_seconds_count"] == 1
    assert second["sensor_scrape_duration_seconds_sum"] >= 0.06
    assert second['sensor_scrape_duration_seconds_bucket{le="0.05"}'] == 0
    assert second['sensor_scrape_duration_seconds_bucket{le="+Inf"}'] == 1


def test_the_histogram_sees_slow_encoding(start_service: Callable[..., Service]) -> None:
    class SlowText(str):
        __slots__ = ()

        def __format__(self, spec: str) -> str:
            time.sleep(0.08)
            return str(self)

    def collect(_: Robot, out: Output) -> None:
        out.add(GOOD, 1)
        out.families["good"].samples["good"] = SlowText("1")

    service = start_service(collectors={"collect": collect})
    collected = series(service.get().body)['sensor_collector_duration_seconds{collector="collect"}']
    whole = series(service.get().body)["sensor_scrape_duration_seconds_sum"]
    assert whole - collected >= 0.08


def test_one_worker_serves_every_scrape(
    raspberry_pi: Path, start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def counting(work: Callable[[], None], arguments: tuple[()]) -> int:
        started.append(1)
        return start_new_thread(work, arguments)

    monkeypatch.setattr(runner, "start_new_thread", counting)
    service = start_service(root=raspberry_pi)
    for _ in range(100):
        service.get()
    assert len(started) == 1
