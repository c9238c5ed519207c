"""Odd ways into a robot: who used to run it by hand has them. Each is tried with a verification, which does all that a
deployment does but change something.

From the first deployment on the robot speaks German, its temporary folder is noexec, what sudo makes is open to nobody
else (umask 077), and nobody but root sees the processes of others (hidepid).
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
KEYS = PROJECT / ".testbed" / "odd_robots"
PASSWORD = "correct horse"
SHADOW = f"jane:{PASSWORD}\\nroot:{PASSWORD}\\n"
TERMINAL = "Defaults requiretty in its sudoers"
# The images of robots leave translations out, as small robots do: they are brought back. LC_ALL counts more than LANG,
# which is all that many a program sets to be understood; sudo reads the file at each call, as Ubuntu's does.
GERMAN = """
export DEBIAN_FRONTEND=noninteractive
rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap*
apt-get -qq update
apt-get -qq install -y --no-install-recommends locales
apt-get -qq install -y --reinstall apt coreutils dpkg sudo
localedef -i de_DE -f UTF-8 de_DE.UTF-8
printf 'LANG=de_DE.UTF-8\\nLC_ALL=de_DE.UTF-8\\n' > /etc/default/locale
echo 'session required pam_env.so readenv=1 envfile=/etc/default/locale' >> /etc/pam.d/sudo
"""
SETUP = f"""
{GERMAN}
mount -o remount,noexec /tmp
mount -o remount,hidepid=2 /proc
for name in jane tess sue; do
  useradd --create-home --shell /bin/bash $name
  install -d -o $name -m 0700 /home/$name/.ssh
  install -o $name -m 0600 /home/operator/.ssh/authorized_keys /home/$name/.ssh/authorized_keys
done
printf '{SHADOW}' | chpasswd
echo 'jane ALL=(ALL:ALL) ALL' > /etc/sudoers.d/jane
printf 'tess ALL=(ALL:ALL) NOPASSWD: ALL\\nDefaults:tess requiretty\\n' > /etc/sudoers.d/tess
echo 'Defaults umask=0077, umask_override' > /etc/sudoers.d/umask
chmod 0440 /etc/sudoers.d/*
sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0 || true
"""


@pytest.fixture(scope="session")
def odd(robots: dict[str, Any], playbook: Any) -> Any:
    """The robot, deployed by its usual way in."""
    found = robots["odd"]
    found.host.check_output("bash -euc %s", SETUP)
    done = playbook("playbooks/site.yml", "--limit", "odd")
    assert done.returncode == 0, done.stdout
    return found


def verified(playbook: Any, limit: str = "odd", **variables: Any) -> str:
    """Verify the robot, with ``variables`` on the way there; return what was said."""
    done = playbook("playbooks/verify.yml", "--limit", limit, "-e", json.dumps(variables))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing changed." in done.stdout
    return str(done.stdout)


def speaks_german(robot: Any) -> bool:
    """Whether programs that our way in starts speak it."""
    return "Datei oder Verzeichnis nicht gefunden" in robot.host.run("ls /nowhere").stderr


def test_a_robot_with_a_noexec_folder_and_another_language_is_as_declared(odd: Any, playbook: Any) -> None:
    assert "noexec" in odd.run("findmnt -no OPTIONS /tmp")
    assert speaks_german(odd)
    assert "odd    sensor_service" in verified(playbook)


def test_a_change_below_an_umask_of_sudos_is_as_declared(odd: Any, playbook: Any) -> None:
    assert odd.run("umask").strip() == "0077"
    for interval in ("3s", "2s"):  # and back
        change = json.dumps({"victoriametrics_scrape_interval": interval})
        done = playbook("playbooks/site.yml", "--limit", "odd", "-e", change)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "odd changed: write /var/lib/robot-stack/victoriametrics/config/" in done.stdout
    verified(playbook)


def test_figures_are_there_where_processes_are_hidden(odd: Any) -> None:
    assert "hidepid" in odd.run("findmnt -no OPTIONS /proc")
    assert odd.host.run("runuser -u jane -- ls /proc/1").rc != 0
    assert odd.query('node_network_receive_bytes_total{device="eth0"}')
    (root,) = odd.query('node_filesystem_readonly{mountpoint="/"}')
    assert root["value"][1] == "0"
    failed = [one["metric"]["collector"] for one in odd.query("sensor_collector_success") if one["value"][1] != "1"]
    assert failed == []


def test_sudo_with_a_password(odd: Any, playbook: Any) -> None:
    verified(playbook, ansible_user="jane", ansible_become_password=PASSWORD)


def test_sudo_without_the_password_that_it_wants_is_told(odd: Any, playbook: Any) -> None:
    """Ansible knows its English words alone."""
    done = playbook("playbooks/verify.yml", "--limit", "odd", "-e", "ansible_user=jane")
    assert done.returncode != 0
    assert "sudo wants a password on this robot" in done.stdout, done.stdout + done.stderr


def test_su(odd: Any, playbook: Any) -> None:
    verified(playbook, ansible_user="sue", ansible_become_method="su", ansible_become_password=PASSWORD)


def test_sudo_that_wants_a_terminal_is_told_and_its_remedy_works(odd: Any, playbook: Any) -> None:
    done = playbook("playbooks/verify.yml", "--limit", "odd", "-e", "ansible_user=tess")
    assert done.returncode != 0
    assert TERMINAL in done.stdout, done.stdout + done.stderr
    verified(playbook, ansible_user="tess", ansible_ssh_pipelining=False)


def jump(odd: Any) -> str:
    """Return what leads from the robot itself on to it, with the key of the way there."""
    ours = f"-i {KEYS}/id_ed25519 -o UserKnownHostsFile={KEYS}/known_hosts -o IdentitiesOnly=yes"
    through = f"ssh {ours} -W [%h]:%p -p {odd.variables['testbed_ssh_port']} operator@127.0.0.1"
    return f"{ours} -o HostKeyAlias=[127.0.0.1]:{odd.variables['testbed_ssh_port']} -o ProxyCommand='{through}'"


def test_a_jump_host(odd: Any, playbook: Any) -> None:
    verified(playbook, ansible_host="127.0.0.1", ansible_port=22, ansible_ssh_common_args=jump(odd))


def test_an_ipv6_address_behind_it(odd: Any, playbook: Any) -> None:
    assert "::1" in odd.run("cat /proc/net/if_inet6 | sed 's/^0*1 .*/::1/'")
    verified(playbook, ansible_host="::1", ansible_port=22, ansible_ssh_common_args=jump(odd))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(
        ["ansible-playbook", *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def way(odd: Any) -> dict[str, Any]:
    """What an inventory of one's own must say of the robot."""
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": odd.variables["testbed_ssh_port"],
        "ansible_user": "operator",
        "ansible_become": "true",
        "ansible_ssh_private_key_file": str(KEYS / "id_ed25519"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={KEYS}/known_hosts",
        "robot_stack_memory_total_mib": "500",
        "sensor_service_simulated": "true",
        "victoriametrics_scrape_interval": "2s",
    }


def test_an_ini_inventory(way: dict[str, Any], tmp_path: Path) -> None:
    """Its truths are texts, and some of its numbers."""
    lines = [f"{name}={value}" for name, value in way.items()]
    (tmp_path / "hosts.ini").write_text("\n".join(["[robots]", "odd", "[robots:vars]", *lines, ""]), encoding="utf-8")
    done = run("-i", tmp_path / "hosts.ini", "playbooks/verify.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_dynamic_inventory(way: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "inventory"
    told = json.dumps({"robots": {"hosts": ["odd"]}, "_meta": {"hostvars": {"odd": way}}})
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{told}\nEND\n", encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    done = run("-i", script, "playbooks/verify.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_limit_from_a_file(odd: Any, playbook: Any, tmp_path: Path) -> None:
    (tmp_path / "verify.retry").write_text("odd\n", encoding="utf-8")
    verified(playbook, f"@{tmp_path / 'verify.retry'}")


@pytest.fixture(scope="session")
def bare(robots: dict[str, Any]) -> Any:
    """The robot without an engine, which speaks German as well."""
    found = robots["bare"]
    found.host.check_output("bash -euc %s", GERMAN)
    assert speaks_german(found)
    return found


EXPIRED = """
folder=/srv/old/dists/old
architecture=$(dpkg --print-architecture)
mkdir -p $folder/main/binary-$architecture
: > $folder/main/binary-$architecture/Packages
cat > $folder/Release <<END
Suite: old
Codename: old
Components: main
Architectures: $architecture
Date: Wed, 01 Jan 2020 00:00:00 UTC
Valid-Until: Wed, 08 Jan 2020 00:00:00 UTC
SHA256:
 $(sha256sum < $folder/main/binary-$architecture/Packages | cut -d' ' -f1) 0 main/binary-$architecture/Packages
END
echo 'deb [trusted=yes check-date=yes check-valid-until=yes] file:/srv/old old main' > /etc/apt/sources.list.d/old.list
"""
OLD = "touch -d 2020-01-01 /var/lib/apt/lists /var/lib/apt/periodic/* 2>/dev/null; rm -f /var/cache/apt/*.bin"


def test_a_package_on_hold_is_named_with_what_to_do(bare: Any, playbook: Any) -> None:
    bare.run("apt-mark hold docker.io")
    done = playbook("playbooks/site.yml", "--limit", "bare")
    assert done.returncode != 0
    assert "docker.io cannot be installed: somebody has put packages on hold on the robot (docker.io)" in done.stdout
    assert "apt-mark unhold" in done.stdout
    assert bare.host.run("pidof dockerd").rc != 0


def test_a_source_that_has_expired_is_named_beside_it(bare: Any, playbook: Any) -> None:
    bare.host.check_output("bash -euc %s", EXPIRED)
    bare.run(OLD)
    done = playbook("playbooks/site.yml", "--limit", "bare")
    bare.run("apt-mark unhold docker.io; rm /etc/apt/sources.list.d/old.list")
    assert done.returncode != 0
    assert "somebody has put packages on hold on the robot (docker.io)" in done.stdout
    assert re.search(r"going on with what is known: .*file:/srv/old\S* (is expired|ist abgelaufen)", done.stdout)


# Somebody else's apt: it renews its lists until ours wants to, and installs until ours waits for that.
BUSY = """
import ctypes, fcntl, glob, os, select, time

C, IN_OPEN, EVENT_BYTES = ctypes.CDLL(None), 0x20, 16

def until(found):
    for _ in range(250):
        if any(map(found, glob.glob("/proc/[0-9]*"))):
            return
        time.sleep(1)
    raise SystemExit("nobody has come")

def told(path):
    try:
        return open(path, "rb").read()
    except OSError:
        return b""

def is_tried_again(lock):
    # each try opens the file: who does so twice has failed once, and waits
    watch = C.inotify_init()
    if watch < 0 or C.inotify_add_watch(watch, os.fsencode(lock.name), IN_OPEN) < 0:
        raise SystemExit("inotify is not to be had")
    for _ in range(2):
        if not select.select([watch], [], [], 250)[0]:
            raise SystemExit("nobody has waited")
        os.read(watch, EVENT_BYTES)
    os.close(watch)

lists, frontend = [open(path, "w") for path in ("/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend")]
for lock in lists, frontend:
    fcntl.lockf(lock, fcntl.LOCK_EX)
open("/run/apt-is-busy", "w").close()
until(lambda process: told(process + "/comm")[:6] == b"python" and b"libapt-pkg" in told(process + "/maps"))
is_tried_again(lists)
open("/run/apt-was-waited-for", "w").close()
lists.close()
until(lambda process: told(process + "/comm") == b"apt-get\\n" and b"\\0install\\0" in told(process + "/cmdline"))
is_tried_again(frontend)
open("/run/dpkg-was-waited-for", "w").close()
"""
DEAD = "deb http://127.0.0.1:9/ros noetic main"


def test_a_busy_apt_is_waited_for_and_a_dead_source_is_no_reason(bare: Any, playbook: Any) -> None:
    """As unattended upgrades, and a vendor's source that is gone, make it on most robots."""
    bare.run(f"echo '{DEAD}' > /etc/apt/sources.list.d/gone.list; {OLD}")
    bare.host.check_output("systemd-run --quiet --unit busy-apt /usr/bin/python3 -c %s", BUSY)
    bare.host.check_output("until test -e /run/apt-is-busy; do sleep 0.1; done")
    done = playbook("playbooks/site.yml", "--limit", "bare")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not every source of packages can be read" in done.stdout + done.stderr
    assert "127.0.0.1" in done.stdout + done.stderr
    assert "bare changed: install docker.io" in done.stdout
    bare.host.check_output("test -e /run/apt-was-waited-for && test -e /run/dpkg-was-waited-for")
