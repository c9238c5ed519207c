"""What belongs to somebody else on the robot `shared`, seen before this project touches it."""

from __future__ import annotations

from typing import Any

import pytest

OURS = "-not -path '*robotstack*' -not -path '*robot-stack*'"
PARTS = {
    "containers": "docker inspect theirs-running theirs-stopped",
    "volume": "docker volume inspect theirs; cat /var/lib/docker/volumes/theirs/_data/*",
    "image": "docker image inspect alpine:3.23",
    "networks": "docker network ls -q --no-trunc | sort",
    # name, owner, time of the last change, content of every file that is not ours
    "files": f"find /etc /usr /srv /opt /root /home/operator/.ssh -xdev -type f {OURS} "
    "-printf '%p %m %U:%G %s %T@\\n' | sort",
    "contents": f"find /etc /usr/local -xdev -type f {OURS} -print0 | sort -z | xargs -0 sha256sum",
    "links": f"find /etc -xdev -type l {OURS} -printf '%p %l\\n' | sort",
    # process and start of the engine, of their container and of their service
    "processes": "for name in dockerd containerd sleep; do "
    "for pid in $(pidof $name); do cut -d' ' -f1,2,22 /proc/$pid/stat; cat /proc/$pid/cgroup; done; done",
    "units": "systemctl show -p MainPID,ActiveEnterTimestamp,NRestarts,Slice,DropInPaths,FragmentPath "
    "docker.service containerd.service theirs.service",
    "limit": "cat /sys/fs/cgroup/memory/docker/*/memory.limit_in_bytes 2>/dev/null || cat "
    "/sys/fs/cgroup/system.slice/docker-*.scope/memory.max",
}


def photograph(robot: Any) -> dict[str, str]:
    """Return everything of theirs, as text that must stay the same."""
    return {part: robot.run(command) for part, command in PARTS.items()}


@pytest.fixture(scope="session")
def shared(robots: Any) -> Any:
    """The robot on which somebody else lives."""
    return robots["shared"]


@pytest.fixture(scope="session")
def before(shared: Any) -> dict[str, str]:
    """What was there before the first run: the first test asks for it."""
    return photograph(shared)


@pytest.fixture
def theirs(shared: Any) -> Any:
    """Return how their things are now."""
    return lambda: photograph(shared)
