"""Asks a service over HTTP whether it works. From outside the container: a probe inside would cost its memory."""

from __future__ import annotations

import base64
import re
import time
from typing import Callable
from urllib.parse import urlsplit

from ..base import wire
from ..spec.model import Probe, Service

INTERVAL_SECONDS = 0.25
# A program that cannot work mostly says so at once. The engine's own word for "it runs" comes before that.
SETTLING_SECONDS = 3.0
REQUEST_TIMEOUT_SECONDS = 5.0
LONGEST_REASON = 200  # http.client quotes what it did not understand


def get(
    url: str,
    username: str = "",
    password: str = "",
    timeout: float = REQUEST_TIMEOUT_SECONDS,
) -> tuple[int, str]:
    """Return status and body of ``url``; status 0 and the reason where nothing answered.

    So it is where the answer is not there, whole, ``timeout`` seconds from now, or its body is above 1 MiB.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {}
    if username:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    connection = wire.Connection(parts.hostname or "", parts.port, timeout, wire.LARGEST_BODY)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, b"".join(connection.pieces(response)).decode("utf-8", "replace")
    except wire.FAILURES as error:
        return 0, (str(error) or type(error).__name__)[:LONGEST_REASON]
    finally:
        connection.close()


def password_of(service: Service) -> str:
    """Return the password that the service's own files hold, "" where it has none.

    Blanks at its end are none of it, and those at its beginning are: so VictoriaMetrics reads such a file.
    """
    wanted = service.probe.password_file
    return next((file.content.rstrip() for file in service.files if wanted and file.path == wanted), "")


def asker(service: Service) -> Callable[[str], tuple[int, str]]:
    """Return what asks a URL of ``service`` with the user name and the password that it wants."""
    return lambda url: get(url, service.probe.username, password_of(service))


def wait_until_healthy(
    service: Service,
    gone: Callable[[], str],
    ask: Callable[[str, str, str], tuple[int, str]] = get,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Ask until the service answers 200; return None, or why it is not healthy.

    ``gone`` returns why asking on is pointless (the container ended), or "". A service without a health page is
    healthy when its container still runs after it has had some seconds to end.
    """
    probe: Probe = service.probe
    if not probe.url:
        return _settled(gone, pause)
    deadline, last = clock() + probe.timeout_seconds, "it did not answer"
    while clock() < deadline:
        status, text = ask(probe.url, probe.username, password_of(service))
        if status == 200:
            return None
        last = f"HTTP {status}" if status else text
        reason = gone()
        if reason:
            return reason
        pause(INTERVAL_SECONDS)
    return f"{probe.url} was not healthy within {probe.timeout_seconds} s: {last}"


def _settled(gone: Callable[[], str], pause: Callable[[float], None]) -> str | None:
    for _ in range(int(SETTLING_SECONDS / INTERVAL_SECONDS)):
        reason = gone()
        if reason:
            return reason
        pause(INTERVAL_SECONDS)
    return gone() or None


def metric(text: str, name: str) -> float | None:
    """Return the first value of metric ``name`` in a Prometheus text page, which is never taken apart as a whole."""
    found = re.search(rf"^{re.escape(name)}(?:\{{[^\n]*\}}| )[ \t]*(\S{{1,40}})", text, re.MULTILINE)
    try:
        return float(found.group(1)) if found else None
    except ValueError:
        return None
