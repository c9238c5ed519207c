"""The next image of the sensor service: the same but for one file of its application, as a release changes it.

It has a name of its own, so that the product's image stays what it is for everything else on this computer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import APIError, BuildError, ImageNotFound

from . import robot
from .changes import NextImage
from .robot import PROJECT, FailedError
from .variants import Variant

SOURCE = PROJECT / "files" / "sensor_service"
ROLE = PROJECT / "roles" / "sensor_service"
CHANGED = Path("src") / "sensor_service" / "server.py"
NEXT = NextImage("robot-stack-benchmark/next-sensor-service", "1")
ARCHITECTURE = "amd64"  # the machines'


def ready(variant: Variant) -> NextImage:
    """Have it, and the product's own images, in this computer's engine. Raises FailedError."""
    robot.playbook("playbooks/images.yml", "--limit", variant.name, log="images")
    engine: Any = docker.from_env()
    bases = _read(ROLE / "vars" / "main.yml")["sensor_service_spec"]["image"]["bases"]
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "sensor_service"
        shutil.copytree(SOURCE, context)
        file = context / CHANGED
        file.write_text(f'{file.read_text(encoding="utf-8")}\nNEXT = "{NEXT.version}"\n', encoding="utf-8")
        try:
            engine.images.build(path=str(context), tag=NEXT.reference, buildargs=bases, rm=True, forcerm=True)
            own = engine.api.inspect_image(own_name())
        except (APIError, BuildError, ImageNotFound) as error:
            raise FailedError(f"the next image of the sensor service cannot be built: {error}") from error
    check(own["RootFS"]["Layers"], engine.api.inspect_image(NEXT.reference)["RootFS"]["Layers"])
    return NEXT


def own_name() -> str:
    """Return the name under which this computer keeps the product's own image for the machines."""
    return (
        f"robot-stack/sensor-service:{_read(ROLE / 'defaults' / 'main.yml')['sensor_service_version']}-{ARCHITECTURE}"
    )


def check(before: Sequence[str], after: Sequence[str]) -> None:
    """See that the last layer, the application's, is another one, and all others are the same. Raises FailedError."""
    if before[:-1] != after[:-1] or before[-1:] == after[-1:]:
        raise FailedError(
            f"the next image of the sensor service is to differ in its last layer alone: {list(before)}, {list(after)}"
        )


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
