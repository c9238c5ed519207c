"""Somebody changes a robot by hand: verify says what, check mode what a run would do, and a run does that alone."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

SERVICES = ("sensor_service", "victoriametrics")
SENSOR, DATABASE = (f"robot-stack-{service}" for service in SERVICES)
DATA = "/var/lib/robot-stack/victoriametrics/data"
CEILING = "robotstack.slice"
IMAGE = "victoriametrics/victoria-metrics:v1.148.8"
BY_HAND = "--network host --read-only --restart unless-stopped"


@pytest.fixture
def strayed(robots: dict[str, Any]) -> Any:
    return robots["strayed"]


def by_hand(robot: Any, service: str, labels: bool, *words: str) -> None:
    """Make a service's container anew as a person would, with the same limits."""
    found = robot.inspect(service)
    host = found["HostConfig"]
    kept = [f"--label={key}={value}" for key, value in found["Config"]["Labels"].items()] if labels else []
    kept += [f"--memory={host['Memory']}", f"--memory-swap={host['MemorySwap']}", f"--pids-limit={host['PidsLimit']}"]
    kept += [f"--cpus={host['NanoCpus'] / 1e9}", f"--cgroup-parent={host['CgroupParent']}"]
    kept += [f"--user={found['Config']['User']}", *(f"--env={pair}" for pair in found["Config"]["Env"])]
    kept += [f"--mount=type=bind,src={m['Source']},dst={m['Target']}" for m in host["Mounts"]]
    name = f"robot-stack-{service}"
    command = [*kept, *words, found["Config"]["Image"], *(found["Config"]["Cmd"] or [])]
    robot.run(f"docker rm -f {name} && docker run -d --name {name} {BY_HAND} {shlex.join(command)}")


def planned(told: str) -> list[str]:
    """What check mode says of the robot that strayed; nothing of the other one."""
    (listed,) = re.findall(r"^strayed: what would be done:\n((?:  - .*\n)+)", told, re.MULTILINE)
    assert not re.search(r"^steady.*what would be done", told, re.MULTILINE)
    return [line[4:] for line in listed.splitlines()]


def told_and_healed(playbook: Any, robots: dict[str, Any], restarted: set[str], *expected: str) -> str:
    """Verify, check, run, verify; return what the first said. Only the services named may have been restarted."""
    verified = playbook("playbooks/verify.yml")
    assert verified.returncode != 0, verified.stdout
    assert "strayed differs from its declaration:" in verified.stdout
    assert "steady differs" not in verified.stdout
    for words in expected:
        assert words in verified.stdout, f"{words!r} is not in:\n{verified.stdout}"
    before = {(name, service): robots[name].started_at(service) for name in robots for service in SERVICES}
    checked = playbook("playbooks/site.yml", "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert {(name, service): robots[name].started_at(service) for name, service in before} == before
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout
    assert re.findall(r"^strayed changed: (.*)", done.stdout, re.MULTILINE) == planned(checked.stdout)
    changed = {key for key, started in before.items() if robots[key[0]].started_at(key[1]) != started}
    assert changed == {("strayed", service) for service in restarted}
    green = playbook("playbooks/verify.yml")
    assert green.returncode == 0, green.stdout
    assert "differs" not in green.stdout
    return str(verified.stdout)


def test_limits_an_owner_and_an_images_name_restart_no_more_than_they_must(
    robots: dict[str, Any], playbook: Any, strayed: Any
) -> None:
    strayed.run(f"docker update --memory 64m --memory-swap 64m {SENSOR}")
    strayed.run(f"systemctl set-property {CEILING} MemoryMax=400M")
    strayed.host.run(f"chgrp -R root {DATA}")  # what the database removes meanwhile is told as an error
    image = strayed.run(f"docker image inspect -f '{{{{.Id}}}}' {IMAGE}")
    strayed.run(f"docker tag $(docker inspect -f '{{{{.Image}}}}' {SENSOR}) {IMAGE}")
    told_and_healed(
        playbook,
        robots,
        {"sensor_service"},
        "Memory is 64.0 MiB, not 32.0 MiB",
        "-memory: 64.0 MiB",
        "+memory: 32.0 MiB",
        "cap the whole stack at 300 MiB (was 400 MiB)",
        "-memory limit in the kernel: 400.0 MiB",
        f"make {DATA}, owned by 70101:70101",
        "-owner: 70101:0",
        f"replace image {IMAGE}",
        "-fingerprint: sha256:",
    )
    assert strayed.run(f"find {DATA} -ignore_readdir_race ! -group 70101") == ""
    assert strayed.run(f"docker image inspect -f '{{{{.Id}}}}' {IMAGE}") == image
    limit = strayed.run(f"systemctl show --property MemoryMax --value {CEILING}").strip()
    assert int(limit) == 300 << 20
    # or it would be back after the next boot
    assert strayed.host.run("grep -rl MemoryMax /etc/systemd/system.control").stdout == ""


def test_a_container_that_was_made_by_hand_is_told_although_it_bears_our_labels(
    robots: dict[str, Any], playbook: Any, strayed: Any
) -> None:
    labels = strayed.inspect("sensor_service")["Config"]["Labels"]
    by_hand(strayed, "sensor_service", True, "--env=DEBUG=1")
    assert strayed.inspect("sensor_service")["Config"]["Labels"].items() >= labels.items()
    told_and_healed(
        playbook, robots, {"sensor_service"}, "it was made by hand, or by another program", "-environment: DEBUG=1"
    )
    assert "DEBUG=1" not in strayed.inspect("sensor_service")["Config"]["Env"]


def test_a_container_without_our_labels_is_told_and_replaced(
    robots: dict[str, Any], playbook: Any, strayed: Any
) -> None:
    by_hand(strayed, "victoriametrics", False, "--env=GOMEMLIMIT=1GiB")
    told_and_healed(
        playbook, robots, {"victoriametrics"}, "recreate container robot-stack-victoriametrics", "GOMEMLIMIT=1GiB"
    )
    assert "GOMEMLIMIT=1GiB" not in strayed.inspect("victoriametrics")["Config"]["Env"]


def test_a_file_that_was_edited_and_a_container_that_was_stopped(
    robots: dict[str, Any], playbook: Any, strayed: Any
) -> None:
    (mount,) = [m for m in strayed.inspect("victoriametrics")["HostConfig"]["Mounts"] if m["Target"] == "/config"]
    file = f"{mount['Source']}/scrape.yml"
    ours = strayed.inspect("sensor_service")["Id"]
    # without its watchdog, which would start it
    strayed.run(f"systemctl stop robot-stack-watchdog.timer && echo '# by hand' >> {file} && docker stop {SENSOR}")
    told = told_and_healed(
        playbook,
        robots,
        set(SERVICES),
        f"write {file}",
        "-# by hand",
        "one of its files was changed",
        f"start container {SENSOR}: it is exited",
    )
    assert strayed.inspect("sensor_service")["Id"] == ours, "what is as declared is started, and its log stays"
    assert "sensor_service: down" in told
    assert "by hand" not in strayed.run(f"cat {file}")


def test_a_program_that_was_edited_is_not_asked_and_is_written_anew(
    robots: dict[str, Any], playbook: Any, strayed: Any
) -> None:
    """A robot's own program answers for the module, so it must be ours; see `own_copy`."""
    assert modules_sent(playbook("playbooks/verify.yml", "-vvv")) == 0
    file = "/var/lib/robot-stack/watchdog/robot_stack/judge/verdict.py"
    before = strayed.run(f"sha256sum {file}")
    strayed.run(f"echo 'FAILING = ()  # by hand' >> {file}")
    told = playbook("playbooks/verify.yml", "-vvv")
    assert (told.returncode != 0, modules_sent(told)) == (True, 1), told.stdout
    told_and_healed(playbook, robots, set(), "update the watchdog (looks every 30 s)")
    assert strayed.run(f"sha256sum {file}") == before
    assert modules_sent(playbook("playbooks/verify.yml", "-vvv")) == 0


def modules_sent(done: Any) -> int:
    """How many modules a run with -vvv has sent: Ansible tells of each, on standard error where Molecule has it so."""
    told = done.stdout + done.stderr
    assert "ESTABLISH SSH CONNECTION" in told, "a run with -vvv tells how it connects"
    return int(told.count("Using module file"))
