"""The service as a process: start, SIGTERM, exit codes, and what it imports."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from sensor_service.process import Start

from files.sensor_service.tests.conftest import HERE
from files.sensor_service.tests.service import Service, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Each costs more memory than a collector: an import that brings one along must be meant.
HEAVY = {"asyncio", "enum", "logging", "pathlib", "re", "socket", "ssl", "subprocess", "threading", "typing", "urllib"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-S", "-s", "-B", "-m", "sensor_service"]
    variables = {"PYTHONPATH": str(HERE.parent / "src"), **environment}
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


def answers(started: subprocess.Popen[str], url: str) -> bool:
    """Waits until the process answers; False where it has ended, or does not answer for very long."""
    ends = time.monotonic() + 30
    while started.poll() is None and time.monotonic() < ends:
        try:
            urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


@pytest.fixture
def process(raspberry_pi: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    for _ in range(3):  # another program may take the port between its being found and its being used
        port = free_port()
        started = launch(
            {
                "SENSOR_SERVICE_LISTEN_ADDRESS": f"127.0.0.1:{port}",
                "SENSOR_SERVICE_PROC_ROOT": str(raspberry_pi / "proc"),
                "SENSOR_SERVICE_SYS_ROOT": str(raspberry_pi / "sys"),
                "SENSOR_SERVICE_MISTYPED": "1",
            }
        )
        url = f"http://127.0.0.1:{port}"
        if answers(started, url):
            break
        started.kill()
        _, log = started.communicate()
    else:
        pytest.fail(f"it does not answer; its log: {log}")
    yield started, url
    started.kill()
    started.communicate()


def stopped(started: subprocess.Popen[str]) -> tuple[int, str]:
    """Ends the process, which must not wait for what never comes; its exit code and its log."""
    started.send_signal(signal.SIGTERM)
    _, log = started.communicate(timeout=20)
    return started.returncode, log


def test_the_process_tells_its_own_cost_and_version(process: tuple[subprocess.Popen[str], str]) -> None:
    with urlopen(f"{process[1]}/metrics") as answer:
        found = series(answer.read().decode())
    assert found['sensor_service_info{version="0.1.0"}'] == 1
    assert 1_000_000 < found["process_resident_memory_bytes"] < 100_000_000
    assert 0 < found["process_cpu_seconds_total"] < 10
    assert abs(found["process_start_time_seconds"] - time.time()) < 60


def test_the_start_follows_a_clock_that_is_set_and_not_one_that_is_slewed(
    start_service: Callable[..., Service],
) -> None:
    """A robot without a battery for its clock boots in the past; a start that moves by itself looks like a restart."""
    wall, uptime = [1000.4], [5.0]
    service = start_service(collectors={}, start=Start(lambda: wall[0], lambda: uptime[0]))

    def told() -> float:
        return series(service.get().body)["process_start_time_seconds"]

    assert told() == 1000
    wall[0], uptime[0] = 1010.7, 15.0
    assert told() == 1000
    wall[0] += 86400
    assert told() == 87401


def test_sigterm_stops_it_cleanly(process: tuple[subprocess.Popen[str], str]) -> None:
    urlopen(f"{process[1]}/metrics").close()
    code, log = stopped(process[0])
    assert code == 0
    assert "listening on 127.0.0.1" in log
    assert "SENSOR_SERVICE_MISTYPED is not a setting" in log
    assert "Traceback" not in log


def test_sigterm_stops_it_while_a_sensor_hangs(process: tuple[subprocess.Popen[str], str], raspberry_pi: Path) -> None:
    sensor = raspberry_pi / "sys/class/thermal/thermal_zone0/temp"
    sensor.unlink()
    os.mkfifo(sensor)
    with urlopen(f"{process[1]}/metrics", timeout=10) as answer:
        assert series(answer.read().decode())['sensor_collector_success{collector="thermal"}'] == 0
    assert stopped(process[0])[0] == 0


def test_sigterm_stops_it_with_clients_connected(process: tuple[subprocess.Popen[str], str]) -> None:
    port = int(process[1].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /met")
        assert stopped(process[0])[0] == 0


def test_wrong_settings_end_it_with_a_code_of_its_own() -> None:
    started = launch({"SENSOR_SERVICE_SIMULATED": "maybe"})
    _, log = started.communicate(timeout=20)
    assert started.returncode == 78
    assert "SENSOR_SERVICE_SIMULATED: 'maybe' is neither true nor false" in log
    assert "Traceback" not in log


def test_an_address_in_use_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = launch({"SENSOR_SERVICE_LISTEN_ADDRESS": f"127.0.0.1:{port}"})
        _, log = started.communicate(timeout=20)
    assert started.returncode == 1
    assert re.fullmatch(f"sensor_service: cannot listen on 127.0.0.1 port {port}: Address .*in use\n", log)


def test_nothing_heavy_is_imported_and_importing_does_nothing() -> None:
    code = "import sys, sensor_service.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", code],
        env={"PYTHONPATH": str(HERE.parent / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY & set(done.stdout.split()) == set()
    assert done.stderr == ""
