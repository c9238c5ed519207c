"""Which images of ours may go: all but those that run, ran before, were good before, or are declared.

One that stays and whose name goes to a newer one gets a name by which it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..engine import kept
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


def keep(state: State, engine: Engine, reference: str, replaced: str) -> None:
    """Give an image of ours, which (its id) is about to lose the name ``reference``, one that it does not lose."""
    if replaced and reference in state.images:
        engine.tag(replaced, kept.name_of(replaced))


def only(state: State, service: str, image: str) -> State:
    """Return a state in which ``image`` (id) is all that a service ever ran: what came after it was not good."""
    return replace(state, image_history={**state.image_history, service: [image] if image else []})


def prune(state: State, engine: Engine, declared: Iterable[str], good: Iterable[str] = ()) -> State:
    """Remove images of ours that nothing needs, ``good`` (ids) being needed too; return the state without them.

    What is needed and has no tag, as what is pulled by its digest, is kept: no container may be made of it now. Others'
    images are never touched.
    """
    needed = {identity for history in state.image_history.values() for identity in history}
    needed |= set(good)
    needed |= set(map(engine.image_id, declared))
    left, ours = [], set()
    for name in state.images:
        identity = engine.image_id(name)
        if not identity:
            continue
        if identity not in needed:
            engine.remove_image(name)  # leaves alone what a container still uses
            if not engine.image_id(name):
                continue
        left.append(name)
        ours.add(identity)
    for identity in engine.kept_images():
        if identity not in needed:
            engine.remove_image(identity)
    for identity in sorted(needed & ours):
        image = engine.image(identity)
        if image is not None and not (image.names or image.kept):
            engine.tag(identity, kept.name_of(identity))
    return replace(state, images=left)
