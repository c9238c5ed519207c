"""Fuzzers over what an engine answers: a missing key, an odd type, a number without end, JSON in JSON, no JSON at all.

Each method returns what it says it returns, or raises `EngineError`, which a run tells as one sentence.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import inventory
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker import container as made
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import (
    LARGEST_ANSWER,
    LONGEST_LINE,
    DockerEngine,
    _progress,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_stack.robots import IMAGE, parameters, service

LABELS = {"robot-stack.service": "it", "robot-stack.spec": "digest"}
CONTAINER = {
    "Id": "abc",
    "Name": "/robot-stack-it",
    "Image": "sha256:1",
    "Created": "2026-01-01T00:00:00.123456789Z",
    "RestartCount": 2,
    "Config": {"Image": "it:1", "Labels": LABELS, "Env": ["A=1"], "Cmd": ["run"], "User": "1:1", "StopTimeout": 10},
    "HostConfig": {
        "Memory": 1 << 25,
        "MemorySwap": 1 << 25,
        "NanoCpus": 500_000_000,
        "PidsLimit": 32,
        "RestartPolicy": {"Name": "unless-stopped"},
        "CgroupParent": "robotstack.slice",
        "Mounts": [{"Source": "/a", "Target": "/b", "ReadOnly": True}],
        "Binds": ["/c:/d"],
    },
    "Mounts": [{"Name": "volume"}],
    "State": {"Running": True, "Status": "running", "Pid": 7, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
}
EVENT = {"timeNano": 1, "Action": "die", "Actor": {"ID": "abc", "Attributes": {"exitCode": "137", "signal": "9"}}}
ANSWERS: dict[str, Any] = {
    "version": {"ApiVersion": "1.41", "MinAPIVersion": "1.24"},
    "info": {"ServerVersion": "20.10", "CgroupDriver": "systemd", "SwapLimit": True, "DriverStatus": [["a", "b"]]},
    "containers/json": [{"Id": "abc", "Names": ["/robot-stack-it"], "Labels": LABELS}],
    "containers/it/json": CONTAINER,
    "images/it/json": {**IMAGE, "Size": 5},
    "images/json": [{"Id": "sha256:1"}],
    "volumes": {"Volumes": [{"Name": "volume"}]},
    "events": EVENT,
}
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from(["1.41", "-1", "999999999.1", "\ud800", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class Answering(DockerEngine):
    """An engine whose answers are given to it; what lies below has tests of its own."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("/nowhere")
        self.answers = answers

    def _request(
        self, method: str, path: str, body: Any = None, prefix: Any = None, more_seconds: float = 0.0
    ) -> bytes:
        if prefix is None:
            self._negotiated()
        name = path.partition("?")[0].strip("/")
        kind = name if name in self.answers else "containers/it/json" if "containers" in name else "images/it/json"
        told = self.answers[kind]
        return told if isinstance(told, bytes) else json.dumps(told).encode()


STACK = parse.parse(parameters(service("it")))
WANTED = made.body(STACK, STACK.services[0], "systemd", "f")


def asked(engine: DockerEngine) -> Iterator[Callable[[], Any]]:
    """All that a run asks an engine, and what it does with the answers."""

    def inspected() -> Any:
        found = engine.inspect("it")
        assert found is not None
        assert found.pid >= 0, "a negative one would be a whole group of processes"
        json.dumps([found.text, engine.driver.drift(WANTED, found)], default=str).encode()
        return found

    yield lambda: engine.driver.too_old(engine.info())
    yield inspected
    yield lambda: inventory.containers_of(STACK, engine)
    yield lambda: inventory.foreign(engine, {}) + inventory.foreign_volumes(engine, {})
    yield lambda: inventory.foreign_images(engine, ["it:1"])
    yield lambda: [engine.image(identity) for identity in engine.image_ids()]
    yield lambda: inventory.running_images(STACK, engine, inventory.containers_of(STACK, engine), {})
    yield lambda: sorted(event.time for event in engine.events("abc", 0, 1))


def tried(engine: DockerEngine) -> int:
    """Ask all of it; return how often the engine was told to have failed."""
    told = []
    for ask in asked(engine):
        try:
            ask()
        except EngineError as error:
            told.append(str(error))
    assert all(0 < len(words) < 3000 for words in told)
    return len(told)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


PLACES = [path for path in places(ANSWERS) if path]


def put(path: tuple[Any, ...], new: Any) -> dict[str, Any]:
    answers: Any = copy.deepcopy(ANSWERS)
    here = answers
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = new
    return dict(answers)


def test_honest_answers_are_read() -> None:
    assert tried(Answering(ANSWERS)) == 0
    found = Answering(ANSWERS).inspect("it")
    assert found is not None
    assert (found.pid, found.memory, found.restarts, found.volumes) == (7, 1 << 25, 2, ("volume",))


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_an_answer_without_one_of_its_fields_is_read_or_refused(path: tuple[Any, ...]) -> None:
    answers = put(path, None)
    tried(Answering(answers))


@given(path=st.sampled_from(PLACES), odd=ODD)
@settings(max_examples=200, deadline=None)
def test_a_field_of_an_odd_type_is_read_or_refused(path: tuple[Any, ...], odd: Any) -> None:
    tried(Answering(put(path, odd)))


@given(kind=st.sampled_from(sorted(ANSWERS)), raw=st.binary(max_size=60))
@settings(max_examples=80, deadline=None)
def test_what_is_no_json_is_refused(kind: str, raw: bytes) -> None:
    tried(Answering({**ANSWERS, kind: raw}))


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@pytest.mark.parametrize("depth", [300, 900, 200_000])
def test_json_in_json_without_end_is_refused(kind: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    assert tried(Answering({**ANSWERS, kind: deep}))
    inside = json.dumps(put((kind, "x"), 0)[kind] if isinstance(ANSWERS[kind], dict) else {"Labels": 0}).encode()
    tried(Answering({**ANSWERS, kind: inside.replace(b"0}", deep + b"}")}))


@pytest.mark.parametrize("version", ["", "1", "a.b", "1." + "9" * 5000, "-1.4", "1.41\n", "1..4", 1.41, None, ["1.41"]])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    with pytest.raises(EngineError, match="version"):
        Answering({**ANSWERS, "version": {"ApiVersion": version}}).containers()


@given(raw=st.lists(st.binary(max_size=40) | ODD.map(lambda odd: json.dumps(odd).encode()), max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_is_said_while_an_image_is_loaded_ends_in_words(raw: list[bytes]) -> None:
    try:
        words = _progress([b"\n".join(raw)])
    except EngineError as error:
        words = str(error)
    assert len(words) < 11_000


def test_a_line_without_end_is_not_kept() -> None:
    """It would be copied once more with each piece: 64 MiB took minutes of a robot's processor."""
    seen = []

    def pieces() -> Iterator[bytes]:
        for _ in range(LARGEST_ANSWER // 65536):
            seen.append(1)
            yield b" " * 65536

    with pytest.raises(EngineError, match="without end"):
        _progress(pieces())
    assert len(seen) <= LONGEST_LINE // 65536 + 1


def test_errors_without_end_are_a_sentence() -> None:
    with pytest.raises(EngineError) as caught:
        _progress([b'{"error": "no"}\n' * 100_000])
    assert str(caught.value) == "no; no; no; no; no"
