"""Which images of ours may go: all but those that run, ran before, were good before, or are declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..engine.protocol import Engine
from ..records.state import State


def ran(state: State, service: str, image: str, before: str) -> State:
    """Return a state that remembers which image (id) a service runs, and which it ran before."""
    known = [identity for identity in (before, *state.image_history.get(service, [])) if identity not in ("", image)]
    return replace(state, image_history={**state.image_history, service: [image, *known[:1]]})


def delivered(state: State, reference: str, replaced: str) -> State:
    """Return a state that knows ``reference`` as ours, and the image (id) that lost this name, if it was ours."""
    names = {*state.images, reference}
    if replaced and reference in state.images:
        names.add(replaced)
    return replace(state, images=sorted(names))


def awaited(state: State, reference: str, replaced: str) -> State:
    """Return what is known before ``reference`` is brought: a run that is cut off then leaves nothing behind for good.

    Where somebody else's image (``replaced``, its id) bears that name, it is not ours before ours is there.
    """
    return state if replaced and reference not in state.images else delivered(state, reference, replaced)


def only(state: State, service: str, image: str) -> State:
    """Return a state in which ``image`` (id) is all that a service ever ran: what came after it was not good."""
    return replace(state, image_history={**state.image_history, service: [image] if image else []})


def prune(state: State, engine: Engine, declared: Iterable[str], good: Iterable[str] = ()) -> State:
    """Remove images of ours that nothing needs, ``good`` (ids) being needed too; return the state without them.

    Others' images are never touched.
    """
    needed = {identity for history in state.image_history.values() for identity in history}
    needed |= set(good)
    needed |= {image.id for image in map(engine.image, declared) if image}
    left = []
    for name in state.images:
        image = engine.image(name)
        if image is None:
            continue
        if image.id not in needed:
            engine.remove_image(name)  # leaves alone what a container still uses
            if engine.image(name) is None:
                continue
        left.append(name)
    return replace(state, images=left)
