"""Stands where an Alertmanager would: keeps each alert that it is sent as a line of JSON."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

KEPT = Path("/run/alerts.jsonl")


class Receiver(BaseHTTPRequestHandler):
    """Alertmanager's API, as far as vmalert uses it."""

    def do_POST(self) -> None:
        """Keep the alerts, or refuse what is sent elsewhere."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == "/api/v2/alerts"
        if known:
            with KEPT.open("a", encoding="utf-8") as kept:
                now = datetime.now(timezone.utc).isoformat()
                kept.writelines(json.dumps({"received": now, **alert}) + "\n" for alert in json.loads(body))
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()


HTTPServer(("127.0.0.1", 9093), Receiver).serve_forever()
