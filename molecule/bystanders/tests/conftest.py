"""What belongs to somebody else on both robots, seen before this project touches them.

`shared`: an engine, containers and settings that are theirs, and stay as they are all the time. `bare`: no engine, but
what they have prepared for one; its settings are joined with ours while ours is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

OURS = "-not -path '*robotstack*' -not -path '*robot-stack*'"
FILE = "-printf '%p %m %U:%G %s %T@\\n'"  # name, mode, owner, size, time of the last change
FOLDER = "-printf '%p %m %U:%G\\n'"
PACKAGES = {
    "packages": "dpkg-query --show --showformat '${Package}:${Architecture} ${Version} ${db:Status-Abbrev}\\n'",
    "selections": "dpkg --get-selections",
    "marks": 'for mark in auto manual hold; do apt-mark show$mark | sed "s/^/$mark /"; done',
}
PARTS = {
    "containers": "docker inspect theirs-running theirs-stopped",
    "volume": "docker volume inspect theirs; cat /var/lib/docker/volumes/theirs/_data/*",
    "image": "docker image inspect alpine:3.23",
    "networks": "docker network ls -q --no-trunc | sort",
    "files": f"find /etc /usr /srv /opt /root /home/operator/.ssh -xdev -type f {OURS} {FILE} | sort",
    "contents": f"find /etc /usr/local -xdev -type f {OURS} -print0 | sort -z | xargs -0 sha256sum",
    "links": f"find /etc -xdev -type l {OURS} -printf '%p %l\\n' | sort",
    # process and start of the engine, of their container and of their service
    "processes": "for name in dockerd containerd sleep; do "
    "for pid in $(pidof $name); do cut -d' ' -f1,2,22 /proc/$pid/stat; cat /proc/$pid/cgroup; done; done",
    "units": "systemctl show -p MainPID,ActiveEnterTimestamp,NRestarts,Slice,DropInPaths,FragmentPath "
    "docker.service containerd.service theirs.service",
    "limit": "cat /sys/fs/cgroup/memory/docker/*/memory.limit_in_bytes 2>/dev/null || cat "
    "/sys/fs/cgroup/system.slice/docker-*.scope/memory.max",
    **PACKAGES,
}

SETTINGS = "/etc/docker/daemon.json"
PLACES = (
    "/etc/docker /etc/systemd/system/docker.service.d/proxy.conf /etc/systemd/system/mnt-ssd.mount "
    "/etc/systemd/system/theirs.service /etc/systemd/system/theirs-asleep.service /etc/their-robot /opt/theirs "
    "/home/alice /var/lib/robot-stack/of-theirs /var/lib/robot-stack-of-theirs /mnt/ssd/site.pgm"
)
# What Debian's packages write beside their own files: the group `docker`, which stays, and an index of libraries.
DEBIANS = r"-not -path '/etc/group*' -not -path '/etc/gshadow*' -not -path /etc/ld.so.cache"
BARE_PARTS = {
    "files": f"find {PLACES} -type f {FILE} | sort",
    "contents": f"find {PLACES} -type f -print0 | sort -z | xargs -0 sha256sum",
    "folders": f"find {PLACES} -type d {FOLDER} | sort; find /var/lib/robot-stack -maxdepth 0 {FOLDER}",
    "all files": f"find /etc /usr /home/operator/.ssh -xdev -type f {OURS} {DEBIANS} {FILE} | sort",
    "all contents": f"find /etc /usr/local -xdev -type f {OURS} {DEBIANS} -print0 | sort -z | xargs -0 sha256sum",
    "accounts": "cat /etc/passwd; grep alice /etc/group",
    "units": "systemctl show -p Id,ActiveState,MainPID,ActiveEnterTimestamp,NRestarts,Slice,DropInPaths,FragmentPath,"
    "UnitFileState theirs.service theirs-asleep.service mnt-ssd.mount",
    "disk": "findmnt -rno SOURCE,TARGET,OPTIONS /mnt/ssd",
    **PACKAGES,
}


def photograph(robot: Any, parts: Mapping[str, str] = PARTS) -> dict[str, str]:
    """Return everything of theirs, as text that must stay the same."""
    return {part: robot.run(command) for part, command in parts.items()}


def lost(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what was there before and is not, or is another, after; what came along with ours does not count."""
    return [
        f"{part}: {line}"
        for part, text in before.items()
        for line in sorted(set(text.splitlines()) - set(after[part].splitlines()))
    ]


@pytest.fixture(scope="session")
def shared(robots: Any) -> Any:
    """The robot on which somebody else's engine runs."""
    return robots["shared"]


@pytest.fixture(scope="session")
def before(shared: Any) -> dict[str, str]:
    """What was there before the first run: the first test asks for it."""
    return photograph(shared)


@pytest.fixture
def theirs(shared: Any) -> Any:
    """Return how their things are now."""
    return lambda: photograph(shared)


@pytest.fixture(scope="session")
def bare(robots: Any) -> Any:
    """The robot whose engine comes from us."""
    return robots["bare"]


@pytest.fixture(scope="session")
def bare_before(bare: Any) -> dict[str, str]:
    """What was there before the first run: the first test asks for it."""
    return photograph(bare, BARE_PARTS)


@pytest.fixture
def bare_theirs(bare: Any) -> Any:
    """Return how their things are now."""
    return lambda: photograph(bare, BARE_PARTS)


@pytest.fixture
def bare_lost(bare_before: dict[str, str], bare_theirs: Any) -> Any:
    """Return what of theirs is gone or another, but for the settings that are joined while our engine is there."""
    return lambda: [line for line in lost(bare_before, bare_theirs()) if SETTINGS not in line]
