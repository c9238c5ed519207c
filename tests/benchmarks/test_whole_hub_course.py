"""A measurement of whole hubs leaves nothing behind, keeps what it found, and leaves out what cannot be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from benchmarks import cold, hub, results
from benchmarks.robot import ask
from benchmarks.running import LABEL, Program
from benchmarks.whole_hub import course, places, tidy
from benchmarks.whole_hub.there import There


class Containers:
    """An engine's containers, by the label that is asked for; those of others stay out of sight."""

    def __init__(self) -> None:
        self.ours: list[Any] = []
        self.asked: list[Any] = []
        self.run_with: dict[str, Any] = {}

    def left_behind(self, name: str) -> None:
        one = SimpleNamespace(name=name)
        one.remove = lambda force, v: self.ours.remove(one)
        self.ours.append(one)

    def list(self, **asked: Any) -> list[Any]:
        self.asked.append(asked)
        return list(self.ours)

    def run(self, image: str, **settings: Any) -> Any:
        self.run_with = {"image": image, **settings}
        return SimpleNamespace()


@pytest.fixture
def engine() -> Any:
    return SimpleNamespace(containers=Containers())


def test_what_a_killed_run_left_goes_before_and_what_is_left_of_this_one_goes_after(
    engine: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "hub"
    (folder / "robot-0000-old").mkdir(parents=True)
    engine.containers.left_behind("of the killed run")
    with tidy.tidy(engine, folder, tmp_path / "lock"):
        assert engine.containers.ours == []
        assert not folder.exists()
        engine.containers.left_behind("of this one")
        (folder / "robot-0000-new").mkdir(parents=True)
    assert engine.containers.ours == []
    assert not folder.exists()
    label = f"robot-stack.benchmark.whole-hub={tidy.FOLDER}"
    assert all(asked["filters"] == {"label": [label]} and asked["all"] for asked in engine.containers.asked)


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt, RuntimeError])
def test_a_run_that_is_cut_off_leaves_nothing(ending: type[BaseException], engine: Any, tmp_path: Path) -> None:
    def run() -> None:
        with tidy.tidy(engine, tmp_path / "hub", tmp_path / "lock"):
            engine.containers.left_behind("of this one")
            raise ending

    with pytest.raises(ending):
        run()
    assert engine.containers.ours == []


def test_a_second_run_leaves_those_of_the_first_alone(engine: Any, tmp_path: Path) -> None:
    with tidy.tidy(engine, tmp_path / "hub", tmp_path / "lock"):
        engine.containers.left_behind("of the first")
        with (
            pytest.raises(RuntimeError, match="another run measures a hub"),
            tidy.tidy(engine, tmp_path / "hub", tmp_path / "lock"),
        ):
            pytest.fail("it began")
        assert len(engine.containers.ours) == 1


def image(folder: Path, entry: str, **layers: str) -> Any:
    """Return an engine whose image has these layers, the uppermost last, each with this text as its program."""
    for name, text in layers.items():
        (folder / name).mkdir()
        if text:
            (folder / name / entry.lstrip("/")).write_text(text)
    lower, *_, upper = layers
    data = {"UpperDir": str(folder / upper), "LowerDir": str(folder / lower)}
    attrs = {"GraphDriver": {"Name": "overlay2", "Data": data}, "Config": {"Entrypoint": [entry]}}
    return SimpleNamespace(images=SimpleNamespace(get=lambda _: SimpleNamespace(attrs=attrs)))


def test_a_programs_own_text_is_that_of_the_uppermost_layer(tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert cold.own_text(image(tmp_path, "/vmauth-prod", lower="old", upper="new"), "vmauth", own) == "/vmauth-prod"
    assert own.read_text() == "new"
    assert own.stat().st_mode & 0o111 == 0o111


def test_a_programs_own_text_may_be_in_a_lower_layer(tmp_path: Path) -> None:
    cold.own_text(image(tmp_path, "/vmauth-prod", lower="old", upper=""), "vmauth", tmp_path / "own")
    assert (tmp_path / "own").read_text() == "old"


@pytest.mark.parametrize("entry", ["vmauth", "/not/there"])
def test_a_program_that_is_no_file_of_its_image_is_refused(entry: str, tmp_path: Path) -> None:
    found = image(tmp_path, "/vmauth-prod", lower="old", upper="new")
    found.images.get("").attrs["Config"]["Entrypoint"] = [entry]
    with pytest.raises(RuntimeError, match="no file of its own"):
        cold.own_text(found, "vmauth", tmp_path / "own")


def test_a_program_runs_in_the_network_of_its_place_with_its_bounds(engine: Any, tmp_path: Path) -> None:
    spec = {"image": {"reference": "vmauth:1"}, "environment": {}, "user": "1:1", "cpu_limit": 0.5, "pids_limit": 9,
            "open_files_limit": 416}  # fmt: skip
    place: Any = SimpleNamespace(container=SimpleNamespace(id="held"))
    there = There(engine, Program("vmauth", spec, 64, "127.0.0.1:1", "/"), place=place, shares_text=True)
    there._start()
    told = engine.containers.run_with
    assert told["network_mode"] == "container:held"
    assert told["labels"] == {LABEL: "vmauth", **tidy.OURS}
    assert (told["mem_limit"], told["memswap_limit"]) == ("64m", "64m")
    (files,) = told["ulimits"]
    assert (files.name, files.soft, files.hard) == ("nofile", 416, 416)


def test_a_door_is_sampled_from_its_start_and_not_only_once_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*asked: Any) -> str:
        raise OSError("it is busy with a fleet")

    seen: list[str] = []
    monkeypatch.setattr(places, "ask", nobody)
    monkeypatch.setattr(There, "_find", lambda self: setattr(self, "path", "/of/vmauth"))
    monkeypatch.setattr(There, "counters", lambda self: seen.append(self.path))
    program = Program("vmauth", {}, 64, "127.0.0.1:1", "/health")
    there = There(None, program, place=None)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="busy"):
        there._serves()
    assert seen == ["/of/vmauth"]


@contextmanager
def closed_door(header: str) -> Iterator[str]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = {"status": "success", "data": {"result": [1]}}
            self.send_response(200 if self.headers["Authorization"] == header else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_who_asks_shows_the_password_that_it_was_given() -> None:
    query = {"expr": "up", "range_seconds": 60, "points": 4}
    with closed_door("Basic word") as address:
        for headers, failed in (({"Authorization": "Basic word"}, 0), ({}, 1)):
            answers = ask.Answers()
            ask.ask({"collector": address, "headers": headers}, query, 30, answers)
            assert (len(answers.failures), answers.asked) == (failed, 1)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "machine", lambda: {"cpus": 2})
    results.keep("hub", {"fleets": [], hub.CLUSTER: {"one": "old", "machine": {"cpus": 64}}})
    return lambda: results.load("hub")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., hub.Run]:
    """Return what makes a run in which nothing is really measured."""

    @contextmanager
    def fleet(engine: Any, names: Any, most: int, series: int) -> Iterator[Callable[[int, int], dict[str, Any]]]:
        yield lambda count, rounds: {"robots": count, "rounds": rounds, "hosts": list(names)}

    def measure(engine: Any, robots: int, limit_mib: int, rounds: int) -> dict[str, Any]:
        return {"robots": robots, "limit_mib": limit_mib, "series": robots * 300, "peak_mib": 50 + robots, "text": True}

    monkeypatch.setattr(course, "fleet", fleet)
    monkeypatch.setattr(course, "lacking", lambda engine: [])
    monkeypatch.setattr(hub, "measure", measure)
    return lambda robots=(), minutes=hub.MINUTES: hub.Run(object(), robots, minutes)  # type: ignore[arg-type]


def test_a_whole_run_keeps_each_part(run: Callable[..., hub.Run], kept: Callable[[], dict[str, Any]]) -> None:
    whole = run()
    whole.text()
    assert kept()[hub.CLUSTER]["one"] == "old", "until it is measured again"
    whole.sent()
    fits = hub.fits(kept())
    sent = kept()[hub.SENT]["fleets"]
    assert [one["robots"] for one in sent] == [10, 50, fits]
    assert all(one["as_text"]["robots"] == one["robots"] and one["as_text"]["limit_mib"] == 256 for one in sent)
    assert {one["rounds"] for one in sent} == {240}, "an hour"
    whole.cluster()
    assert kept()[hub.CLUSTER]["one"] == {key: value for key, value in sent[-1].items() if key != "as_text"}
    assert kept()[hub.CLUSTER]["three"]["hosts"] == list(course.THREE_HOSTS)
    assert kept()[hub.CLUSTER]["machine"] == {"cpus": 2}


def test_a_cluster_alone_is_measured_beside_one_host(
    run: Callable[..., hub.Run], kept: Callable[[], dict[str, Any]]
) -> None:
    alone = run(robots=(4,), minutes=3)
    alone.cluster()
    assert alone.of_one_host == {4: {"robots": 4, "rounds": 12, "hosts": list(course.ONE_HOST)}}
    assert kept()[hub.CLUSTER]["one"] == "old", "what somebody only wants to see is not kept"


def test_a_cluster_that_cannot_be_had_is_left_out_with_a_line_and_keeps_its_last_figures(
    run: Callable[..., hub.Run],
    kept: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(course, "lacking", lambda engine: ["victoriametrics/vmselect:v1"])
    run().cluster()
    assert kept()[hub.CLUSTER] == {"one": "old", "machine": {"cpus": 64}}
    said = capsys.readouterr().out
    assert said.startswith("Left out: three hosts.")
    assert "victoriametrics/vmselect:v1 (testbed/cluster_images)" in said
