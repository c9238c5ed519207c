"""The kernel's command line: the memory controller is switched on in it, and everything else stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import kernel_cmdline
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host.platforms.cmdline_txt import CMDLINE_TXT
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.robots import write


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("root=/dev/sda quiet\n", "root=/dev/sda quiet cgroup_enable=memory cgroup_memory=1\n"),
        ("quiet", "quiet cgroup_enable=memory cgroup_memory=1\n"),
        ("a cgroup_disable=memory b\n", "a b cgroup_enable=memory cgroup_memory=1\n"),
        ("cgroup_memory=1 quiet\n", "cgroup_memory=1 quiet cgroup_enable=memory\n"),
        ('dyndbg="file a.c  +p" quiet\n', 'dyndbg="file a.c  +p" quiet cgroup_enable=memory cgroup_memory=1\n'),
        ("quiet\n# a note\n", "quiet cgroup_enable=memory cgroup_memory=1\n# a note\n"),
    ],
)
def test_a_boot_line_gets_its_options_and_keeps_the_rest(before: str, after: str) -> None:
    assert kernel_cmdline.with_memory_controller(before, CMDLINE_TXT) == after
    assert kernel_cmdline.with_memory_controller(after, CMDLINE_TXT) == after
    assert kernel_cmdline.switches_on(CMDLINE_TXT.line(after))
    assert not kernel_cmdline.switches_on(CMDLINE_TXT.line(before))


def test_the_last_word_of_a_boot_line_decides() -> None:
    """A Raspberry Pi's firmware puts its own words before those of cmdline.txt."""
    assert kernel_cmdline.switches_on("cgroup_disable=memory quiet cgroup_enable=memory")
    assert not kernel_cmdline.switches_on("cgroup_enable=memory quiet cgroup_disable=memory")


def test_the_new_boot_path_stands_before_the_old_one(tmp_path: Path) -> None:
    names = CMDLINE_TXT.places
    assert names == ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")
    assert kernel_cmdline.boot_file(names, tmp_path) is None
    for name in reversed(names):
        expected = write(tmp_path / name.lstrip("/"), "")
        assert kernel_cmdline.boot_file(names, tmp_path) == expected


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\r\n")))
def test_any_boot_line_keeps_its_words(line: str) -> None:
    once = kernel_cmdline.with_memory_controller(line, CMDLINE_TXT)
    assert kernel_cmdline.with_memory_controller(once, CMDLINE_TXT) == once
    assert set(line.split()) - {kernel_cmdline.DISABLING} <= set(once.split())
