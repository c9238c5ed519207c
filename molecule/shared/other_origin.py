"""A page of another origin, as any web site is for VMUI, that asks for a robot's samples in its visitor's browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from browsing import chromium

# "no-cors" sends a request whose answer the page cannot read, as a form or a picture does.
ATTACK = """async ([address, asked]) => {
    const told = [];
    for (const [method, mode, path] of asked) {
        try {
            const answer = await fetch(address + path, {method, mode});
            told.push(answer.type === 'opaque' ? '' : await answer.text());
        } catch (error) {
            told.push('');
        }
    }
    return told;
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Cats</title>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def told(address: str, asked: list[tuple[str, str, str]]) -> list[str]:
    """Return what the page could read of each answer to (method, mode, path), "" where nothing."""
    with _site() as site, chromium() as browser:
        page = browser.new_page()
        page.goto(site)
        answers: list[str] = page.evaluate(ATTACK, [address, asked])
    return answers
