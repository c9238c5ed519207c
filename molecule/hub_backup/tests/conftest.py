"""The hub, and samples in it of which everything is known."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import delivery
import pytest
from hub_backups import found
from waiting import until

MONTHS = 45 * 86400


@pytest.fixture(scope="session")
def hub(robots: dict[str, Any]) -> Any:
    return robots["hub"]


@pytest.fixture(scope="session")
def known(hub: Any) -> str:
    """What is known to be in the database before anything is backed up."""
    lay(hub)
    hub.run(f"python3 /run/known.py write {int(time.time()) - MONTHS}")
    digest = found(hub)
    assert digest.startswith("300000 ")
    until(lambda: not merging(hub), "what was written is merged")
    return digest


def lay(hub: Any) -> None:
    delivery.lay(hub, (Path(__file__).parents[1] / "known.py").read_bytes(), "/run/known.py")
    hub.run(f"rmdir {delivery.STAGING}")  # the helper makes it


def merging(hub: Any) -> bool:
    page = hub.get("http://127.0.0.1:8428/metrics")
    return bool(
        re.search(r'^vm_active_merges\{type="storage/(small|big)"\} [1-9]|^vm_active_force_merges [1-9]', page, re.M)
    )
