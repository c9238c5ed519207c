"""Somebody who calls the module on one robot, again and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.apply import apply
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import file_digest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import Engine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import platforms
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.run import run
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers import shape
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import Robot, parameters, write

NAME = "robot-stack-sensor_service"
ROOT = "var/lib/robot-stack"


class Operator:
    """Calls the module; ``fake`` is the robot's engine, ``None`` stands for a robot that has none."""

    def __init__(self, robot: Robot, fake: FakeEngine | None) -> None:
        self.robot, self.fake, self.systemctl = robot, fake, list[list[str]]()
        self.pause: Callable[[float], None] = lambda _: None  # what goes on while a service settles
        self.other: Engine | None = None  # which the robot may have had before

    def engine(self) -> Engine:
        return DockerEngine(self.fake.socket if self.fake else "/nowhere")

    def parameters(self, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
        return parameters(*services, **more)

    def call(self, *services: dict[str, Any], check: bool = False, sent: bool = True, **more: Any) -> dict[str, Any]:
        stack = platforms.completed(parse.parse(self.parameters(*services, **more)), self.robot.roots)
        archives = {}
        for declared in stack.services if sent else ():
            path = write(self.robot.root / ROOT / "staging" / declared.name, declared.image)
            archives[declared.image] = apply.Archive(f"/{ROOT}/staging/{declared.name}", file_digest(path))
        engine = self.engine()
        applier = apply.Applier(
            stack,
            self.robot.roots,
            engine,
            archives,
            run=self.robot.systemctl(self.systemctl),
            clock=lambda: 1000.0,
            pause=self.pause,
        )
        made = run.Call(stack, self.robot.roots, engine, archives, check, clock=lambda: 1000.0, applier=applier)
        made.patience_seconds, made.other = 0, self.other
        if self.fake:
            self.fake.calls.clear()
        self.systemctl.clear()
        result: dict[str, Any] = run.execute(made)
        on_the_wire = json.loads(json.dumps(result))
        assert shape.read("robot_stack", on_the_wire) == on_the_wire, "the controller reads all of an honest answer"
        return result
