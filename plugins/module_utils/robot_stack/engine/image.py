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
    config, layers = inspected.get("Config"), inspected.get("RootFS")
    essence = {
        "layers": _plain(layers.get("Layers") if isinstance(layers, Mapping) else None) or [],
        "platform": [_plain(inspected.get("Os")), _plain(inspected.get("Architecture"))],
        "settings": {key: _plain(config.get(key)) if isinstance(config, Mapping) else None for key in SETTINGS},
    }
    return "sha256:" + hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a text, or a list or mapping of texts, as it is; None where it is empty or something else."""
    inner = [value] if isinstance(value, str) else value
    texts = inner.values() if isinstance(inner, Mapping) else inner if isinstance(inner, list) else [None]
    return (value or None) if all(isinstance(text, str) for text in texts) else None
