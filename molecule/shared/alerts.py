"""What came to Alertmanager's address on the hub, as molecule/hub/files/receiver.py keeps it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

Alert = dict[str, Any]


def told(hub: Any, /, **labels: str) -> list[Alert]:
    """Return what was told of the alerts with these labels; what is over is told again for a while."""
    lines = hub.run("cat /run/alerts.jsonl 2>/dev/null || true").splitlines()
    return [alert for alert in map(json.loads, lines) if labels.items() <= alert["labels"].items()]


def resolved(alert: Alert) -> bool:
    """Whether it was over when it was told; one that goes on ends later, unless it is told again."""
    return _moment(alert["endsAt"]) <= _moment(alert["received"])


def going_on(hub: Any, /, **labels: str) -> list[Alert]:
    """Return those of them that were not over when they were told."""
    return [alert for alert in told(hub, **labels) if not resolved(alert)]


def _moment(words: str) -> datetime:
    return datetime.fromisoformat(words.replace("Z", "+00:00"))
