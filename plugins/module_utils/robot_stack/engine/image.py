"""Tells whether two engines hold the same image.

Image ids differ between engines' stores (config digest here, manifest digest there). What an image does depends
on its layers' diff ids and on a few settings; a digest over these is the same everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SETTINGS = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels")


def fingerprint(inspected: Mapping[str, Any]) -> str:
    """Return a digest of the answer of /images/NAME/json that every engine agrees on."""
    config = inspected.get("Config") or {}
    essence = {
        "layers": (inspected.get("RootFS") or {}).get("Layers") or [],
        "platform": [inspected.get("Os"), inspected.get("Architecture")],
        "settings": {key: config.get(key) or None for key in SETTINGS},
    }
    return "sha256:" + hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()
