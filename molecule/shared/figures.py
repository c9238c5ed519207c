"""What a scenario measured, kept for a person and for tools/telemetry_table.py: .artifacts/NAME.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".artifacts"


def keep(name: str, part: str, values: dict[str, Any]) -> None:
    """Put ``values`` in the place of what part ``part`` of scenario ``name`` had measured before."""
    path = FOLDER / f"{name}.json"
    FOLDER.mkdir(exist_ok=True)
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[part] = values
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
