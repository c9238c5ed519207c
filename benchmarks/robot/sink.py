"""A hub that takes everything and keeps nothing: what vmagent can send to, for as long as this runs.

python3 sink.py --listen 127.0.0.1:9400
"""

from __future__ import annotations

import argparse
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every block with "taken"."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the block and let it go."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing: a line for every block helps nobody."""


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Takes remote writes and keeps nothing.")
    parser.add_argument("--listen", default="127.0.0.1:9400")
    host, _, port = parser.parse_args().listen.rpartition(":")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
