"""What a driver tells of the requests that it makes, so that nobody else looks into one."""

from __future__ import annotations

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.driver import DOCKER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.podman.driver import PODMAN_DRIVER
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import Driver
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from robot_stack.robots import MIB, parameters, service

EACH = pytest.mark.parametrize("driver", [DOCKER, PODMAN_DRIVER], ids=lambda driver: driver.name)


@EACH
@pytest.mark.parametrize("command", [[], ["-a", "b"]])
def test_a_driver_reads_what_it_wrote(driver: Driver, command: list[str]) -> None:
    stack = parse.parse(parameters(service(command=command)))
    request = driver.request(stack, stack.services[0], "systemd", "sha256:1")
    before = dict(request)
    assert driver.image_of(request) == "sensor_service:1"
    assert driver.memory_of(request) == 32 * MIB
    longer = driver.with_words(request, ("-dst=x",))
    described = [line for line in driver.described(longer).splitlines() if line.startswith("command: ")]
    assert described == [f"command: {word}" for word in [*command, "-dst=x"]]
    assert request == before
    assert (driver.image_of(longer), driver.memory_of(longer)) == ("sensor_service:1", 32 * MIB)


@EACH
def test_a_stored_request_may_hold_anything(driver: Driver) -> None:
    for odd in ({}, {"Image": 1, "Memory": "x", "HostConfig": [], "Cmd": "a"}):
        assert (driver.image_of(odd), driver.memory_of(odd)) == ("", 0)
        assert driver.with_words(odd, ["b"]).get("Cmd") == ["b"]
