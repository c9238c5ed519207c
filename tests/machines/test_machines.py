"""Machines of the testbed: how QEMU is called, what it is started with, and what comes after it has ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import pytest
from machine_settings import MACHINE

from testbed.machines import kernel_line, qemu, settings
from testbed.machines.keeper import End, Next, decide, keep

RESET, OFF = End(0, "guest-reset"), End(0, "guest-shutdown")
KILLED, BROKEN = End(-9), End(1)


def values(argv: list[str], option: str) -> list[str]:
    return [value for name, value in zip(argv, argv[1:]) if name == option]


def test_qemu_is_called_with_what_the_inventory_says_and_ends_with_its_keeper() -> None:
    argv = qemu.argv(MACHINE, "root=/dev/vda rw quiet", qemu.EMULATED)
    assert argv[:5] == ["setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64"]
    assert values(argv, "-m") == ["512"]
    assert values(argv, "-smp") == ["2"]
    assert values(argv, "-append") == ["root=/dev/vda rw quiet"], "one argument, whatever is in it"
    assert values(argv, "-netdev") == ["user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:2201-:22"]
    assert [drive.partition(",")[0] for drive in values(argv, "-drive")] == ["file=disk.qcow2", "file=boot.img"]
    assert values(argv, "-chardev") == ["file,id=console,append=on,path=/artifacts/a,,b.log"]
    assert values(argv, "-rtc") == ["base=utc"]
    assert values(argv, "-accel") == ["tcg,thread=multi,tb-size=512"]
    assert "-no-reboot" in argv, "the kernel line is read again at each start"


def test_swap_a_clock_and_a_network_without_a_way_out_are_options() -> None:
    argv = qemu.argv(replace(MACHINE, swap_mib=64, clock="2000-01-01T00:00:00", route_out=False), "x", qemu.KVM)
    assert "file=swap.img,format=raw,if=virtio,cache=unsafe" in values(argv, "-drive")
    assert values(argv, "-rtc") == ["base=2000-01-01T00:00:00"]
    assert values(argv, "-netdev")[0].endswith(",restrict=on")
    assert values(argv, "-accel") == ["kvm"]


def test_settings_are_read_as_they_were_written() -> None:
    assert settings.parse(json.dumps(asdict(MACHINE))) == MACHINE


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"memory_mib": "512"}, "memory_mib"),
        ({"cpus": True}, "cpus"),
        ({"route_out": 1}, "route_out"),
        ({"speed": 3}, "speed"),
        ({"name": None}, "name"),
    ],
)
def test_settings_of_another_type_or_name_are_refused(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=rf"'{named}'"):
        settings.parse(json.dumps({**asdict(MACHINE), **changes}))


@pytest.mark.parametrize("text", ["[]", "3", '{"name": "one"}', "{"])
def test_what_is_no_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        settings.parse(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("root=/dev/vda rw\n", "root=/dev/vda rw"),
        ("root=/dev/vda rw", "root=/dev/vda rw"),
        ("  root=/dev/vda\t rw \r\nignored=1\n", "root=/dev/vda rw"),
    ],
)
def test_the_kernel_line_is_the_first_line(text: str, line: str) -> None:
    assert kernel_line.of(text) == line


@pytest.mark.parametrize("text", ["", "\nroot=/dev/vda\n", "x" * 2048])
def test_a_kernel_line_that_starts_no_kernel_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cmdline\.txt"):
        kernel_line.of(text)


@pytest.mark.parametrize(
    ("end", "following"),
    [
        (RESET, Next.START_AGAIN),
        (KILLED, Next.START_AGAIN),
        (OFF, Next.SWITCHED_OFF),
        (BROKEN, Next.FAILED),
        (End(0, "host-error"), Next.FAILED),
        (End(0), Next.FAILED),
        (End(-11), Next.FAILED),
        (End(1, "guest-reset"), Next.FAILED),
    ],
)
def test_what_comes_after_the_end_of_qemu(end: End, following: Next) -> None:
    assert decide(end) is following


@dataclass
class Fake:
    """A run of QEMU that ends as it was told to."""

    pid: int
    end: End
    reachable: bool = True
    interrupted: bool = False
    killed: bool = False

    def answers(self) -> bool:
        return self.reachable

    def ended(self) -> End:
        if self.interrupted:
            raise SystemExit(143)
        return self.end

    def kill(self) -> None:
        self.killed = True


def launcher(runs: Iterator[Fake]) -> Callable[[], Fake]:
    return lambda: next(runs)


def test_a_machine_is_started_again_after_a_reboot_and_a_power_cut_until_it_is_switched_off() -> None:
    runs = [Fake(11, RESET), Fake(12, KILLED), Fake(13, OFF), Fake(14, RESET)]
    started: list[tuple[int, int]] = []
    told = keep(launcher(iter(runs)), lambda number, pid: started.append((number, pid)))
    assert started == [(1, 11), (2, 12), (3, 13)]
    assert told == "switched off: QEMU ended (exit code 0, guest-shutdown)"


def test_a_qemu_that_does_not_answer_is_ended_and_not_called_started() -> None:
    run, started = Fake(11, BROKEN, reachable=False), []
    told = keep(launcher(iter([run])), lambda *numbers: started.append(numbers))
    assert (started, run.killed) == ([], True)
    assert told == "failed: QEMU did not answer (exit code 1)"


def test_a_qemu_that_breaks_is_not_started_again() -> None:
    told = keep(launcher(iter([Fake(11, BROKEN), Fake(12, OFF)])), lambda *_: None)
    assert told == "failed: QEMU ended (exit code 1)"


def test_a_kernel_line_that_was_lost_is_told() -> None:
    def launch() -> Fake:
        raise ValueError("no cmdline.txt")

    assert keep(launch, lambda *_: None) == "failed: no cmdline.txt"


def test_whatever_ends_the_keeper_ends_qemu() -> None:
    run = Fake(11, OFF, interrupted=True)
    with pytest.raises(SystemExit):
        keep(launcher(iter([run])), lambda *_: None)
    assert run.killed
