"""A whole measurement: the places, the robots, and one fleet after the other; nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from docker.errors import ImageNotFound

from benchmarks import product

from . import load
from .hosts import Secrets
from .places import Place
from .robots import Robots

if TYPE_CHECKING:
    from docker import DockerClient

ONE_HOST = ("hub",)
THREE_HOSTS = ("hub-1", "hub-2", "hub-3")
OF_A_CLUSTER = ("telemetry_hub_vmstorage", "telemetry_hub_vmselect", "telemetry_hub_vminsert")


def lacking(engine: DockerClient) -> list[str]:
    """Return the images of a cluster that the local engine does not have."""
    wanted = [str(product.value(f"{part}_spec.image.reference")) for part in OF_A_CLUSTER]
    return [image for image in wanted if not _is_there(engine, image)]


def _is_there(engine: DockerClient, image: str) -> bool:
    try:
        engine.images.get(image)
    except ImageNotFound:
        return False
    return True


@contextmanager
def fleet(
    engine: DockerClient, names: Sequence[str], most: int, series: int, *, floors: bool = False
) -> Iterator[Callable[[int, int], dict[str, Any]]]:
    """Have ``most`` robots of ``series`` series each, and places for hosts of these names.

    Yield what measures a hub of those hosts: with so many of the robots, and so many scrapes of each. With ``floors``
    its parts have the smallest limits that the inventory gate accepts.
    """
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(Place(engine, name)) for name in names}
        place = stack.enter_context(Place(engine, "robots"))
        addresses = {name: host.address for name, host in hosts.items()}
        robots = stack.enter_context(Robots(engine, place, Secrets(most), series, addresses))
        yield lambda count, rounds: load.measure(engine, robots, hosts, count, rounds, floors=floors)
