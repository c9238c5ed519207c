"""The stack changes and leaves, twice: with its data kept, and without. What is somebody else's stays. Runs last."""

from __future__ import annotations

from typing import Any

# What stays although nobody had it before: what Ansible's module for apt installs for itself where it is missing, and
# a library of iptables that systemd suggests, so that apt keeps it.
STAYS = ("python3-apt", "python-apt-common", "distro-info-data", "libip4tc2")
DATA = "/var/lib/robot-stack/victoriametrics/data"


def _ours(robot: Any) -> str:
    """Return what is left of the stack."""
    units = robot.run("systemctl list-units --all --no-legend --plain 'robotstack*'")
    names = robot.run("docker ps -a --format '{{.Names}}'").split()
    images = robot.run("docker images --format '{{.Repository}}'").split()
    groups = robot.run("find /sys/fs/cgroup -name 'robotstack*' -type d")
    left = [name for name in names if name.startswith("robot-stack")] + [i for i in images if i != "alpine"]
    return "\n".join([units, *left, groups]).strip()


def but_for_what_stays(text: str) -> list[str]:
    """Return the lines that are not about packages that stay."""
    return [line for line in text.splitlines() if not any(name in line for name in STAYS)]


def test_a_changed_limit_restarts_ours_alone(before: Any, theirs: Any, shared: Any, playbook: Any) -> None:
    started = shared.started_at("sensor_service")
    done = playbook("playbooks/site.yml", "--limit", "shared", "-e", '{"sensor_service_memory_limit_mib": 40}')
    assert done.returncode == 0, done.stdout
    assert shared.started_at("sensor_service") != started
    assert theirs() == before
    back = playbook("playbooks/site.yml", "--limit", "shared")
    assert back.returncode == 0, back.stdout


def test_their_engine_is_not_removed_on_request_either(before: Any, theirs: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml", "--limit", "shared", "-e", "remove_engine=true")
    assert done.returncode != 0, done.stdout
    assert "the engine also runs theirs-running, theirs-stopped, which are not ours" in done.stdout
    assert theirs() == before


def test_removal_keeps_our_data_and_all_of_theirs(before: Any, theirs: Any, shared: Any, playbook: Any) -> None:
    done = playbook("playbooks/remove.yml", "--limit", "shared")
    assert done.returncode == 0, done.stdout
    assert theirs() == before
    assert _ours(shared) == ""
    assert int(shared.run(f"find {DATA} -type f | wc -l")) > 0


def test_removal_with_data_leaves_the_robot_as_it_was(before: Any, theirs: Any, shared: Any, playbook: Any) -> None:
    back = playbook("playbooks/site.yml", "--limit", "shared")
    assert back.returncode == 0, back.stdout
    done = playbook("playbooks/remove.yml", "--limit", "shared", "-e", "remove_data=true")
    assert done.returncode == 0, done.stdout
    assert theirs() == before
    assert _ours(shared) == ""
    assert shared.run("find /etc /var/lib /usr/local -xdev -name '*robot*stack*'").strip() == ""


def test_removal_takes_our_engine_where_it_is_asked_to_and_nothing_of_theirs(
    bare: Any, bare_before: Any, bare_theirs: Any, bare_lost: Any, playbook: Any
) -> None:
    done = playbook("playbooks/remove.yml", "--limit", "bare", "-e", "remove_engine=true", "-e", "remove_data=true")
    assert done.returncode == 0, done.stdout
    assert bare.host.run("pidof dockerd containerd").rc != 0
    assert bare.run("dpkg-query -W -f '${Package}\\n' | grep -xE 'docker.io|containerd|runc' || true").strip() == ""
    assert bare_lost() == []
    now = bare_theirs()
    for part in set(bare_before) - {"all files", "all contents"}:  # of those, Debian's packages leave some
        assert but_for_what_stays(now[part]) == but_for_what_stays(bare_before[part]), part
    ours = "find /etc /var/lib /usr/local -xdev -name '*robot*stack*' -not -path '*/robot-stack-of-theirs*'"
    assert bare.run(ours).split() == ["/var/lib/robot-stack"]
    assert bare.run("ls -A /var/lib/robot-stack").split() == ["of-theirs"]
