"""What is measured is what is published, and a run that changed something does not count."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from declarations import PROJECT

from benchmarks.provision import contenders, measure, tables

COSTS = {"wall_seconds": 1.0, "controller_cpu_seconds": 1.0, "robot_cpu_seconds": 1.0, "robot_kib": 9.0}


def found(**usual: float) -> dict[str, Any]:
    """Results in which the usual role costs eleven times the product, but for ``usual``."""
    product = {"one": {**COSTS, "robot_commands": 1.0}, "further": COSTS}
    dear = {key: value * usual.get(key, 11) for key, value in COSTS.items()}
    role = {"one": {**dear, "robot_commands": 50.0}, "further": dear}
    return {"contenders": {contenders.PRODUCT: product, contenders.ROLE: role}}


def test_a_tenth_in_everything_holds() -> None:
    assert tables.holds(found())


@pytest.mark.parametrize("figure", ["wall_seconds", "controller_cpu_seconds", "robot_cpu_seconds"])
def test_more_than_a_tenth_in_one_figure_does_not(figure: str) -> None:
    assert not tables.holds(found(**{figure: 9.9}))


def test_a_second_command_on_the_robot_does_not() -> None:
    two = found()
    two["contenders"][contenders.PRODUCT]["one"]["robot_commands"] = 2.0
    assert not tables.holds(two)


def test_the_usual_role_has_25_tasks() -> None:
    listed = tables.tasks()
    assert len(listed) == 25
    assert ("Run VictoriaMetrics", "`community.docker.docker_container`") in listed


def test_the_usual_role_declares_what_the_product_does() -> None:
    """Its limits, flags and images are the product's defaults, written out."""
    from benchmarks import product  # noqa: PLC0415 (it starts Ansible's plugin loader)

    role = tables.read(contenders.USUAL / "roles/telemetry/defaults/main.yml")
    sensor, database = product.service("sensor_service"), product.service("victoriametrics")
    assert [image["name"] for image in role["telemetry_images"]] == [
        service["image"]["reference"] for service in (sensor, database)
    ]
    assert role["telemetry_sensor_memory_limit_mib"] == sensor["memory_limit_mib"]
    assert role["telemetry_victoriametrics_memory_limit_mib"] == database["memory_limit_mib"]
    address = role["telemetry_victoriametrics_address"]
    flags = [flag.replace("{{ telemetry_victoriametrics_address }}", address) for flag in
             role["telemetry_victoriametrics_flags"]]  # fmt: skip
    assert flags == database["command"]
    database_vars = tables.read(PROJECT / "roles/victoriametrics/vars/main.yml")
    assert role["telemetry_victoriametrics_own_metrics"] == database_vars["victoriametrics_own_metrics"]
    assert role["telemetry_memory_budget_mib"] == product.default("robot_stack_memory_budget_mib")


@pytest.mark.parametrize(
    ("text", "robots", "unchanged"),
    [
        ("a : ok=24   changed=0    unreachable=0    failed=0    skipped=2", 1, True),
        ("a : ok=24   changed=1    unreachable=0    failed=0    skipped=2", 1, False),
        ("a : ok=24   changed=0    unreachable=1    failed=0    skipped=2", 1, False),
        ("a : ok=24   changed=0    unreachable=0    failed=0    skipped=2", 2, False),
    ],
)
def test_ansible_says_that_nothing_changed(text: str, robots: int, unchanged: bool) -> None:
    assert contenders.recap(text, robots) is unchanged


@pytest.mark.parametrize(
    ("line", "unchanged"),
    [("    Grand total    27   -   -   27   ", True), ("    Grand total    27   1   -   26   ", False), ("", False)],
)
def test_pyinfra_says_that_nothing_changed(line: str, unchanged: bool) -> None:
    assert contenders.pyinfra_total(line, 1) is unchanged


LEAVES_A_DAEMON = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        os.write(write, b"used")
        time.sleep(600)
    os._exit(0)
os.wait()
os.read(read, 4)
"""


def test_the_cpu_of_what_goes_into_the_background_is_counted() -> None:
    """As SSH's masters do. In a process of its own, because it ends all of its children."""
    program = f"""
import subprocess, sys
from benchmarks.provision import measure
measure.adopt_orphans()
subprocess.run([sys.executable, "-c", {LEAVES_A_DAEMON!r}], check=True)
measure.end_children()
print(measure.cpu_of_children())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert float(done.stdout) >= 0.3
    assert measure.ADOPT_ORPHANS == 36
