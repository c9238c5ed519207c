"""A page of another origin, as any web site is for VMUI, that asks for a robot's samples in its visitor's browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

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


POSTS = """async ([address, contents]) => {
    for (const [path, type, body] of contents) {
        const headers = type ? {'Content-Type': type} : {};
        const asked = {method: 'POST', mode: 'no-cors', credentials: 'include', headers, body};
        await fetch(address + path, asked).catch(() => 0);
    }
}"""
READS = """async paths => {
    const told = [];
    for (const path of paths) {
        const answer = await fetch(path, {credentials: 'omit'});
        told.push([answer.status, await answer.text()]);
    }
    return told;
}"""
FRAME = """address => new Promise(done => {
    const frame = document.createElement('iframe');
    frame.onload = done;
    frame.src = address;
    document.body.append(frame);
})"""
STRANGER = "cats.example"


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


def sends(address: str, contents: list[tuple[str, str, str]], login: str = "") -> None:
    """Have the page send each (path, content type, content), as any page may without asking; it reads no answer.

    With ``login`` (user:password) somebody has looked at the address in the same browser before, which knows it since.
    """
    with _site() as site, chromium() as browser:
        page = browser.new_page()
        if login:
            page.goto(address.replace("://", f"://{login}@") + "/vmui/")
        page.goto(site)
        page.evaluate(POSTS, [address, contents])


def rebound(address: str, paths: list[str]) -> list[tuple[int, str]]:
    """Return status and text of what a page reads whose own name has become that of this machine meanwhile.

    To the browser, it asks its own server: no rule about origins applies (DNS rebinding). A password that the browser
    knows belongs to another name; the page asks without, or the browser would ask its user.
    """
    port = urlsplit(address).port
    with chromium(f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1") as browser:
        page = browser.new_page()
        page.goto(f"http://{STRANGER}:{port}/health")
        answers: list[list[Any]] = page.evaluate(READS, paths)
    return [(int(status), str(text)) for status, text in answers]


def shown(address: str) -> bool:
    """Whether a page can show another's within itself, for its visitor to click there."""
    with _site() as site, chromium() as browser:
        page = browser.new_page()
        page.goto(site)
        page.evaluate(FRAME, address)
        return page.frames[1].url.startswith(address)  # what was refused is an error page of the browser's own
