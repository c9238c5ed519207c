"""The hub is restarted, and its disk is full: the robots wait, and nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import figures
import pytest
import telemetry
from waiting import until

PARTS = ("victoriametrics", "vmauth", "vmalert")
NO_DISK_IS_THAT_LARGE = 1 << 60  # bytes that must be free: the database then behaves as on a disk that is full


def restarted(hub: Any) -> None:
    hub.run("docker restart " + " ".join(f"robot-stack-telemetry_hub_{part}" for part in PARTS))


def without(fleet: dict[str, Any], hub: Any, trouble: Callable[[], None]) -> dict[str, Any]:
    """Have some trouble at the hub; return what it lacks of each robot afterwards."""
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
    began = telemetry.settled(hub, *fleet)
    trouble()
    for robot in fleet.values():
        telemetry.arrive(hub, robot.name)
        telemetry.drained(robot)
    ended = telemetry.settled(hub, *fleet)
    found = {}
    for name in fleet:
        there = telemetry.ledger(hub, name, (began, ended))
        found[name] = {
            "answers": len(there.answers()),
            "lost": there.lost_answers(),
            "incomplete": {job: there.incomplete(job) for job in ("sensor_service", "load")},
        }
    return found


def seconds_lost(found: dict[str, Any]) -> int:
    return max(sum(int(number) for _, number in of_robot["lost"]) for of_robot in found.values())


def nothing_is_missing(found: dict[str, Any]) -> None:
    for of_robot in found.values():
        assert of_robot["answers"] > 5
        assert of_robot["lost"] == []
        assert of_robot["incomplete"] == {"sensor_service": {}, "load": {}}


def test_a_hub_that_is_restarted_has_everything(fleet: dict[str, Any], hub: Any) -> None:
    found = without(fleet, hub, lambda: restarted(hub))
    figures.keep("outage", "hub_restarted", {"seconds_lost": seconds_lost(found)})
    nothing_is_missing(found)


def has(hub: Any, name: str, moment: float) -> bool:
    return bool(telemetry.exported(hub, name, (moment - 1, moment + 1)))


def test_what_is_sent_twice_is_there_once(fleet: dict[str, Any], hub: Any) -> None:
    """As a block is whose answer was lost: vmagent cannot know whether the hub has it."""
    robot, now = fleet["pusher"], int(time.time())
    for marker in ("first", "second"):
        telemetry.hand_over(robot, f"sent_twice 1 {now * 1000}\nsent_as_the_{marker} 1 {now * 1000}\n")
        until(partial(has, hub, f"sent_as_the_{marker}", now), f"the {marker} block arrives")
    (samples,) = telemetry.exported(hub, "sent_twice", (now - 1, now + 1)).values()
    assert samples == {now * 1000: 1}


def keeps(robot: Any) -> bool:
    return telemetry.pending(robot) > 20_000


@pytest.fixture
def full_disk(hub: Any, playbook: Any) -> Any:
    """A way to fill the hub's disk; it is empty again afterwards, also where a test fails."""

    filled = False

    def deploy(*arguments: str) -> None:
        nonlocal filled
        done = playbook("playbooks/hub.yml", *arguments)
        assert done.returncode == 0, done.stdout
        filled = bool(arguments)

    def fill() -> None:
        flags = {"storage.minFreeDiskSpaceBytes": NO_DISK_IS_THAT_LARGE}
        deploy("-e", json.dumps({"telemetry_hub_victoriametrics_flags_extra": flags}))

    yield fill, deploy
    if filled:
        deploy()


def test_a_hub_whose_disk_is_full_takes_nothing_and_gets_everything_later(
    fleet: dict[str, Any], hub: Any, full_disk: Any
) -> None:
    fill, empty = full_disk
    waited: list[float] = []

    def trouble() -> None:
        fill()
        full = 'vm_storage_is_read_only{path="/victoria-metrics-data"} 1'
        until(lambda: full in hub.get(f"{telemetry.STORAGE}/metrics"), "the hub's database takes nothing")
        for robot in fleet.values():
            until(partial(keeps, robot), f"{robot.name} keeps what the hub does not take")
            waited.append(telemetry.pending(robot))
        empty()

    found = without(fleet, hub, trouble)
    figures.keep("outage", "hub_disk_full", {"seconds_lost": seconds_lost(found), "backlog_bytes": max(waited)})
    nothing_is_missing(found)
