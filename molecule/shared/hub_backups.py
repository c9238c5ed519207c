"""Backups of a hub's samples: how one is made, what is remembered of it, and what the database has."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

JOB = "telemetry_hub_backup"
UNIT, TIMER = f"robot-stack-{JOB}.service", f"robot-stack-{JOB}.timer"
ROOT = "/var/lib/robot-stack"
DATABASE = "telemetry_hub_victoriametrics"  # of one hub, or of a host of a pair; in a cluster it is another one
DATA = f"{ROOT}/{DATABASE}/data"


def record(hub: Any, database: str = DATABASE) -> dict[str, Any]:
    """Return what the hub remembers of its backups."""
    found: dict[str, Any] = json.loads(hub.run(f"cat {ROOT}/jobs/record-{database}.json"))
    return found


def backed_up(hub: Any, database: str = DATABASE) -> dict[str, Any]:
    """Make a backup, and return what is remembered of it. Raises AssertionError."""
    done = hub.host.run(f"systemctl start {UNIT}")
    remembered = record(hub, database)
    assert done.rc == 0, remembered
    return remembered


def refused(hub: Any, words: str, database: str = DATABASE) -> None:
    """Have a backup fail for a reason that is remembered."""
    assert hub.host.run(f"systemctl start {UNIT}").rc != 0
    failure = record(hub, database)["failure"]
    assert re.search(words, failure), failure
    assert failure in hub.run(f"journalctl --quiet --output=cat --unit={UNIT}")


def found(hub: Any) -> str:
    """Return how many of the samples that are known the hub has, and their digest (molecule/hub_backup/known.py)."""
    return str(hub.run("python3 /run/known.py found")).strip()


def counted(hub: Any, until_: float) -> int:
    """Return how many samples of the robot there are in the hour before a moment."""
    query = quote('sum(count_over_time(up{robot="scout"}[1h]))')
    page = hub.get(f"http://127.0.0.1:8428/api/v1/query?query={query}&time={until_:.3f}&nocache=1")
    (result,) = json.loads(page)["data"]["result"]
    return int(result["value"][1])


def another_disk(hub: Any) -> None:
    """Leave nothing of the stack there, as on a disk that takes the place of one that is dead."""
    hub.run(f"systemctl disable --now {TIMER} robot-stack-watchdog.timer; systemctl stop robot-stack-watchdog.service")
    hub.run(
        f"docker ps --all --quiet | xargs docker rm --force; rm -rf {ROOT} /run/robot-stack"
        " /etc/systemd/system/robot-stack-*; systemctl daemon-reload"
    )
