"""What a network costs: an engine's processes are counted, and a way that it refuses is told with its reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.robot import networks

# Runs a container as Podman does: a monitor for each, a server of names on some networks, one network refused.
PODMAN = """#!/bin/sh
began() {{
    mkdir -p "{proc}/$1"
    echo "$2" >"{proc}/$1/comm"
    printf 'Rss: 9 kB\\nPss: %s kB\\n' "$3" >"{proc}/$1/smaps_rollup"
}}
case "$*" in
    --version) echo podman version 5 ;;
    "network create"* | "network rm"*) echo "$*" >>"{log}" ;;
    rm*) rm -rf "{proc}/11" "{proc}/12" ;;
    *"--network {refused}"*) printf 'Warning: old\\nError: {refused} is not for root\\n' >&2; exit 125 ;;
    run*) began 11 conmon 1024
        case "$*" in *{names}*) began 12 aardvark-dns 512 ;; esac ;;
esac
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a robot's /proc: a container of others runs already, beside a program that is no engine's."""
    folder = tmp_path / "proc"
    for number, name, kib in ((7, "conmon", 800), (8, "python3", 9000)):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "comm").write_text(f"{name}\n")
        (folder / str(number) / "smaps_rollup").write_text(f"Rss: 1 kB\nPss: {kib} kB\nPss_Dirty: 3 kB\n")
    (folder / "9").mkdir()  # one that has ended
    return folder


def fake(refused: str, proc: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an engine on the PATH that refuses one network; return the file that tells of the networks made."""
    log, program = proc.parent / "log", proc.parent / "podman"
    program.write_text(PODMAN.format(proc=proc, log=log, refused=refused, names=networks.INNER))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(proc.parent), prepend=":")
    monkeypatch.setattr(networks, "SETTLED_SECONDS", 0)
    return log


def test_only_the_engines_processes_are_counted(proc: Path) -> None:
    assert networks.pss_kib(networks.PODMAN.processes, proc) == [("conmon", 800)]


def test_a_program_that_started_itself_once_more_is_known_by_how_it_was_called(proc: Path) -> None:
    (proc / "8" / "comm").write_text("exe\n")
    (proc / "8" / "cmdline").write_text("rootlessport-child\0")
    assert sorted(networks.pss_kib(networks.PODMAN.processes, proc)) == [("conmon", 800), ("rootlessport-child", 9000)]


def test_what_an_engine_has_without_a_container_is_told_apart(proc: Path) -> None:
    assert networks.at_rest(networks.PODMAN, proc) == {"mib": 0.8, "processes": {"conmon": 1}}


def test_a_way_costs_what_came_with_its_container(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("pasta", proc, monkeypatch)
    found = networks.measure_all(networks.PODMAN, "image", proc)
    assert found["host"].summary() == {"mib": [1.0, 1.0, 1.0], "processes": {"conmon": 1}}
    assert found["internal bridge"].summary() == {"mib": [1.5, 1.5, 1.5], "processes": {"aardvark-dns": 1, "conmon": 1}}
    assert len(found["host"].costs) == networks.ROUNDS
    assert found["pasta"].summary() == {"refused": "Error: pasta is not for root"}
    assert not found["slirp4netns"].refusal


def test_an_engine_that_runs_no_container_is_no_way_that_is_refused(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("host", proc, monkeypatch)
    with pytest.raises(networks.RefusedError, match="host is not for root"):
        networks.measure_all(networks.PODMAN, "image", proc)


def test_an_engine_whose_processes_have_other_names_costs_not_nothing(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("pasta", proc, monkeypatch)
    unknown = networks.Engine("podman", ("conmonrs",), {}, networks.PODMAN.ways)
    with pytest.raises(networks.RefusedError, match="none of conmonrs came"):
        networks.measure_all(unknown, "image", proc)


def test_a_way_that_fails_after_it_has_worked_is_an_error(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("pasta", proc, monkeypatch)
    rounds = iter([False] * len(networks.PODMAN.ways) + [True] * len(networks.PODMAN.ways))
    measure = networks.measure

    def once(engine: networks.Engine, image: str, options: list[str], found: networks.Found, root: Path) -> None:
        if next(rounds) and "none" in options:
            raise networks.RefusedError("disk is full")
        measure(engine, image, options, found, root)

    monkeypatch.setattr(networks, "measure", once)
    with pytest.raises(networks.RefusedError, match="disk is full"):
        networks.measure_all(networks.PODMAN, "image", proc)


def test_the_spread_is_told_beside_the_median() -> None:
    found = networks.Found([1.04, 3.0, 1.26], Counter(conmon=1))
    assert found.summary() == {"mib": [1.3, 1.0, 3.0], "processes": {"conmon": 1}}


@pytest.mark.parametrize("engine", networks.ENGINES.values(), ids=networks.ENGINES)
def test_each_engine_makes_the_networks_that_its_ways_need(engine: networks.Engine) -> None:
    used = {options[1] for options in engine.ways.values()}
    assert set(engine.networks) == {name for name in used if name.startswith("network-benchmark")}


def test_networks_are_gone_afterwards(
    proc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = fake("slirp4netns", proc, monkeypatch)
    monkeypatch.setattr("sys.argv", ["networks.py", "image", "podman"])
    monkeypatch.setattr(networks, "at_rest", lambda _: {})
    monkeypatch.setattr(networks, "measure_all", lambda *_: {"none": networks.Found(refusal="no")})
    networks.main()
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["none"]) == ("podman version 5", {"refused": "no"})
    made = [f"network rm {name}" for name in networks.PODMAN.networks]
    assert log.read_text().splitlines()[-len(made) :] == made
