"""Whatever letters a root has, systemd starts our programs there: its units say such a path as systemd reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.base.files import FoundFile
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.host import systemd
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.jobs import setup as jobs_setup
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.plan import elsewhere
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup as watchdog_setup
from robot_stack import hub_backups
from robot_stack.robots import parameters
from robot_stack.test_plan import bare

PLAIN = ["/var/lib/robot-stack", "/data/a:b", "/data/Stäck~1+2@3", "/data/x;y#z*", "/data/(a)[b]{c}&|<>!?"]
ODD = [
    "/data/100%h",
    "/data/%%",
    '/data/a"b',
    '/data/"',
    "/data/it's",
    "/data/a\\b\\",
    "/data/\\x41",
    "/data/$HOME",
    "/data/${HOME}x",
    "/data/a$$b",
]


def words(line: str) -> list[str]:
    """Return what systemd reads in a command line of ours: systemd.service(5), systemd.syntax(7)."""
    found = []
    for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+)', line):
        word = re.sub(r"\\(.)", r"\1", quoted or plain) if quoted or "\\" in plain else plain
        assert not re.search(r"(?<!%)(%%)*%(?!%)", word), "a specifier"
        assert not re.search(r"(?<!\$)(\$\$)*\$\{", word), "a variable"
        found.append(word.replace("%%", "%").replace("$$", "$"))
    return found


def stack(root: str) -> Any:
    budget = {**parameters()["budget"], "root": root}
    return parse.parse(parameters(*hub_backups.declared("http://127.0.0.1:1", "fs:///srv/b"), budget=budget))


def commands(text: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if re.match(r"Exec(Start|StopPost)=", line)]


@pytest.mark.parametrize("root", PLAIN + ODD)
def test_the_watchdog_is_started_where_it_is(root: str) -> None:
    unit = watchdog_setup.settings(stack(root), "docker.service", own_engine=True)[2].content
    (line,) = commands(unit)
    top = f"{root}/watchdog"
    assert words(line) == ["/usr/bin/python3", "-I", "-S", f"{top}/look.py", top]


@pytest.mark.parametrize("root", PLAIN + ODD)
def test_a_job_is_started_and_cleaned_up_where_it_is(root: str) -> None:
    declared = stack(root)
    (job,) = declared.jobs
    unit, _ = jobs_setup.unit_files(declared, job, "docker.service")
    top = f"{root}/jobs"
    start = ["/usr/bin/python3", "-I", "-S", f"{top}/run.py", top, job.name]
    assert [words(line) for line in commands(unit.content)] == [start, [*start, "clean"]]


@pytest.mark.parametrize("root", PLAIN)
def test_a_plain_path_stands_as_it_is(root: str) -> None:
    """A robot whose path needs nothing gets no other unit."""
    assert systemd.word(f"{root}/x") == f"{root}/x"


@pytest.mark.parametrize("root", PLAIN + ODD)
def test_the_unit_tells_where_the_stack_was(root: str) -> None:
    path = watchdog_setup.UNIT_FILES[0]
    unit = watchdog_setup.settings(stack(root), "docker.service", own_engine=True)[2].content
    found = {path: FoundFile(unit, 0o644, 0, 0)}
    assert elsewhere.reasons(stack(root), bare(found_files=found)) == []
    (reason,) = elsewhere.reasons(stack("/data/other"), bare(found_files=found))
    assert f"this robot's stack with its data is below {root}:" in reason


def test_a_unit_that_an_older_version_wrote_tells_it_too() -> None:
    path = watchdog_setup.UNIT_FILES[0]
    for root in ("/data/a$b", "/data/x"):
        line = f"[Service]\nExecStart=/usr/bin/python3 {root}/watchdog/look.py {root}/watchdog\n"
        (reason,) = elsewhere.reasons(stack("/data/y"), bare(found_files={path: FoundFile(line, 0o644, 0, 0)}))
        assert f"is below {root}:" in reason


def test_settings_keep_the_path_itself() -> None:
    root = ODD[2]
    settings = watchdog_setup.settings(stack(root), "docker.service", own_engine=True)[0]
    assert json.loads(settings.content)["budget"]["root"] == root
    assert replace(settings).path == f"{root}/watchdog/stack.json"
