"""The engine's client against an engine on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import (
    DockerEngine,
    demultiplex,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.robots import IMAGE

BODY = {"Image": "it:1", "Labels": {"robot-stack.service": "it"}}


@pytest.fixture
def fake() -> Iterator[FakeEngine]:
    with FakeEngine() as engine:
        engine.images["it:1"] = IMAGE
        yield engine


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.51", "1.24", "/v1.41/info"), ("1.40", "1.12", "/v1.40/info"), ("1.53", "1.44", "/v1.44/info")],
)
def test_the_api_version_is_one_that_both_know(newest: str, oldest: str, spoken: str) -> None:
    with FakeEngine(newest=newest, oldest=oldest) as fake:
        engine = DockerEngine(fake.socket)
        engine.info()
        engine.info()
    assert fake.calls == ["GET /version", *2 * [f"GET {spoken}", "GET /version"]]


def test_an_engine_that_is_not_there_is_named(tmp_path: Path) -> None:
    engine = DockerEngine(str(tmp_path / "nothing"))
    assert not engine.reachable()
    with pytest.raises(EngineError, match="nothing does not answer") as caught:
        engine.info()
    assert caught.value.status == 0


def test_a_container_lives_and_goes(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    assert engine.reachable()
    assert engine.inspect("it") is None
    engine.create("it", BODY)
    engine.start("it")
    found = engine.inspect("it")
    assert found is not None
    assert (found.running, found.service, found.image_name) == (True, "it", "it:1")
    engine.stop("it", 7)
    engine.rename("it", "it.previous")
    assert engine.inspect("it") is None
    engine.remove("it.previous")
    engine.remove("it.previous")  # gone already: no error
    assert fake.containers == {}
    assert "POST /containers/it/stop?t=7" in fake.changes


def test_containers_are_listed_with_their_service(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    engine.create("ours", BODY)
    engine.create("theirs", {"Image": "it:1"})
    assert [(one.name, one.service) for one in engine.containers()] == [("ours", "it"), ("theirs", "")]


def test_the_engines_own_words_are_kept(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    with pytest.raises(EngineError, match="No such image: other") as caught:
        engine.create("x", {"Image": "other"})
    assert caught.value.status == 404
    fake.errors["GET /containers/x/json"] = (500, b"no JSON at all")
    with pytest.raises(EngineError, match="no JSON at all"):
        engine.inspect("x")
    fake.errors["DELETE /containers/x"] = (409, b'{"message": "removal is in progress"}')
    with pytest.raises(EngineError, match="in progress"):
        engine.remove("x")


RACE_LOST = (
    b'{"message": "runc create failed: unable to start container process: unable to apply cgroup configuration: mkdir '
    b'/sys/fs/cgroup/devices/robotstack.slice/x.slice/docker-1.scope: no such file or directory"}'
)


@pytest.mark.parametrize(("times", "runs"), [(1, True), (2, True), (3, False)])
def test_a_start_that_lost_a_race_for_its_cgroup_is_tried_again(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch, times: int, runs: bool
) -> None:
    engine = DockerEngine(fake.socket)
    engine.create("it", BODY)
    asked, answers = DockerEngine._request, [(500, RACE_LOST)] * times

    def answered(*arguments: Any, **options: Any) -> Any:
        if answers:
            fake.errors["POST /containers/it/start"] = answers.pop()
        else:
            fake.errors.pop("POST /containers/it/start", None)
        return asked(*arguments, **options)

    monkeypatch.setattr(DockerEngine, "_request", answered)
    with nullcontext() if runs else pytest.raises(EngineError, match="no such file or directory"):
        engine.start("it")
    monkeypatch.undo()
    found = engine.inspect("it")
    assert found is not None
    assert found.running is runs


def test_a_start_that_fails_for_another_reason_is_not_tried_again(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    engine.create("it", BODY)
    fake.errors["POST /containers/it/start"] = (500, b'{"message": "exec: no such file"}')
    with pytest.raises(EngineError, match="no such file"):
        engine.start("it")
    assert len([call for call in fake.calls if call.endswith("/start")]) == 1


def test_an_image_in_use_stays(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    image = engine.image("it:1")
    assert image is not None
    assert image.id == IMAGE["Id"]
    assert engine.image("other:1") is None
    fake.errors["DELETE /images/it:1"] = (409, b'{"message": "in use"}')
    engine.remove_image("it:1")
    assert "it:1" in fake.images
    fake.errors.clear()
    engine.remove_image("it:1")
    engine.remove_image("it:1")
    assert fake.images == {}


def test_an_image_gets_a_second_name_with_a_registry_port(fake: FakeEngine) -> None:
    DockerEngine(fake.socket).tag("it:1", "registry:5000/it:2")
    assert fake.changes == ["POST /images/it:1/tag?repo=registry%3A5000%2Fit&tag=2"]


def test_an_archive_is_sent_whole(fake: FakeEngine, tmp_path: Path) -> None:
    archive = tmp_path / "it.tar"
    archive.write_bytes(b"x" * 300_000)
    assert DockerEngine(fake.socket).load(archive) == "Loaded image: it"
    assert fake.loaded == archive.read_bytes()


def test_an_archive_that_the_engine_cannot_read_is_an_error(fake: FakeEngine, tmp_path: Path) -> None:
    archive = tmp_path / "it.tar"
    archive.write_bytes(b"x")
    fake.errors["POST /images/load"] = (200, b'{"stream": "a"}\n{"error": "unexpected EOF"}\n')
    with pytest.raises(EngineError, match="unexpected EOF"):
        DockerEngine(fake.socket).load(archive)


def test_logs_are_text(fake: FakeEngine) -> None:
    engine = DockerEngine(fake.socket)
    engine.create("it", BODY)
    assert engine.logs("it", 2) == "one\ntwo"


@given(st.lists(st.binary(max_size=50)))
def test_log_frames_are_joined(parts: list[bytes]) -> None:
    raw = b"".join(b"\x01\0\0\0" + len(part).to_bytes(4, "big") + part for part in parts)
    assert demultiplex(raw) == b"".join(parts)
