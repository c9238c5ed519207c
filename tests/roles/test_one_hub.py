"""A fleet with one hub, or a pair, has the containers that it had before there were clusters: none is made anew.

`one_hub.json` is what such a fleet is given. Where it has to change, every hub and every robot that pushes gets a new
container: write it anew on purpose, with `WRITE_ONE_HUB=1 pytest tests/roles/test_one_hub.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.files import rendered
from declarations import PROJECT
from rendering import rendered_template, value

KNOWN = Path(__file__).with_name("one_hub.json")
ROBOT = {
    "vmagent_hub_url": "https://hub.example.org:8427",
    "vmagent_hub_password": "robots",
    "vmagent_hub_ca": "authority",
    "group_names": ["robots", "hall_3"],
}
HUB = {
    "inventory_hostname": "hub",
    "telemetry_hub_robots": ["rover", "scout"],
    "telemetry_hub_robot_passwords": {"rover": "one", "scout": "other"},
    "telemetry_hub_reader_password": "readers",
    "telemetry_hub_database_password": "databases",
    "telemetry_hub_tls_certificate": (PROJECT / "tests/roles/certificate.pem").read_text(encoding="utf-8"),
    "telemetry_hub_tls_key": "key",
}
NORTH, SOUTH = "https://north:8427", "https://south:8427"
PAIR = {
    **HUB,
    "inventory_hostname": "north",
    "telemetry_hub_pair": ["north", "south"],
    "telemetry_hub_other_url": SOUTH,
    "telemetry_hub_other_ca": "authority",
}
TO_BOTH = {**ROBOT, "vmagent_hub_url": "", "vmagent_hub_urls": [NORTH, SOUTH]}
FLEET: dict[str, tuple[str, dict[str, Any]]] = {
    "robot, push": ("vmagent", {**ROBOT, "robot_stack_telemetry_mode": "push"}),
    "robot, both": ("vmagent", {**ROBOT, "robot_stack_telemetry_mode": "both"}),
    "database": ("telemetry_hub_victoriametrics", HUB),
    "entry_point": ("telemetry_hub_vmauth", HUB),
    "rules": ("telemetry_hub_vmalert", HUB),
    "pair, robot, push": ("vmagent", {**TO_BOTH, "robot_stack_telemetry_mode": "push"}),
    "pair, robot, both": ("vmagent", {**TO_BOTH, "robot_stack_telemetry_mode": "both"}),
    "pair, database": ("telemetry_hub_victoriametrics", PAIR),
    "pair, entry_point": ("telemetry_hub_vmauth", PAIR),
    "pair, rules": ("telemetry_hub_vmalert", PAIR),
}


def given(service: str, written: dict[str, Any]) -> dict[str, Any]:
    """Return what a container is made of, but for its image; of files a digest."""
    spec = value(f"{service}_spec", **written)
    files = rendered(spec["files"], [PROJECT / "roles"], lambda path: rendered_template(path, **written))
    digests = {str(file["path"]): hashlib.sha256(str(file["content"]).encode()).hexdigest() for file in files}
    kept = {key: found for key, found in spec.items() if key not in ("image", "memory_floor")}
    found: dict[str, Any] = json.loads(json.dumps({**kept, "files": digests}))
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """What the containers were made of."""
    if os.environ.get("WRITE_ONE_HUB"):
        KNOWN.write_text(json.dumps({part: given(*FLEET[part]) for part in FLEET}, indent=2) + "\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("part", FLEET)
def test_a_fleet_with_one_hub_or_a_pair_is_given_what_it_had(part: str, known: dict[str, Any]) -> None:
    assert given(*FLEET[part]) == known[part]
