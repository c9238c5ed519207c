"""KVM is used where a kernel really starts under it, and emulation everywhere else; QEMU itself is stood in for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.machines import qemu

PROGRAM = "qemu-system-x86_64"
PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs"
# What a QEMU does that is asked to start a kernel, and whether that kernel has started under KVM.
PROBES = {
    "the kernel misses its root": (f'echo "{PANIC}"', True),
    "the kernel gets nowhere": ("exec sleep 60", False),
    "no KVM for this QEMU": ('echo "failed to initialize kvm" >&2; exit 1', False),
    "an end without a word": ("exit 0", False),
    "the kernel's words, and a QEMU that breaks": (f'echo "{PANIC}"; exit 1', False),
}


@dataclass(frozen=True)
class Computer:
    """A computer with a stand-in for QEMU, and the file in which is kept what was found out."""

    folder: Path

    def answer(self, words: str, version: str = "1") -> None:
        """Have QEMU do ``words`` of a shell where it starts a kernel."""
        program = self.folder / PROGRAM
        asked = f'echo "QEMU emulator version {version}"; exit 0'
        program.write_text(
            f'#!/bin/sh\n[ "$1" != --version ] || {{ {asked}; }}\necho "$*" >>"{self.folder}/asked"\n{words}\n'
        )
        program.chmod(0o755)

    def accelerator(self, base: str = "debian13-1") -> str:
        return qemu.accelerator(self.folder / base, self.folder / "kvm.json")

    @property
    def asked(self) -> list[str]:
        """The commands by which a kernel was started."""
        log = self.folder / "asked"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    """A computer that has KVM's device."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path == "/dev/kvm" or real(path, mode))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Computer(tmp_path)


@pytest.mark.parametrize("what", PROBES)
def test_kvm_is_used_where_a_kernel_starts_under_it_and_asked_once(
    computer: Computer, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    words, starts = PROBES[what]
    if "sleep" in words:
        monkeypatch.setattr(qemu, "PROBE_SECONDS", 3)
    computer.answer(words)
    assert computer.accelerator() == (qemu.KVM if starts else qemu.EMULATED)
    computer.answer("exit 1" if starts else f'echo "{PANIC}"')
    assert computer.accelerator() == (qemu.KVM if starts else qemu.EMULATED), "what was found is kept"
    (asked,) = computer.asked
    option = dict(zip(asked.split(), asked.split()[1:]))
    assert (option["-accel"], option["-kernel"]) == (qemu.KVM, f"{computer.folder}/debian13-1/kernel")


def test_without_kvms_device_no_kernel_is_tried(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != "/dev/kvm")
    computer.answer(f'echo "{PANIC}"')
    assert computer.accelerator() == qemu.EMULATED
    assert computer.asked == []


def test_another_kernel_or_another_qemu_is_tried_anew(computer: Computer) -> None:
    computer.answer("exit 1")
    assert computer.accelerator() == qemu.EMULATED
    computer.answer(f'echo "{PANIC}"')
    assert computer.accelerator("debian-testing-1") == qemu.KVM
    computer.answer("exit 1", version="2")
    assert computer.accelerator("debian-testing-1") == qemu.EMULATED
    assert len(computer.asked) == 3
