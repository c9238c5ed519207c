"""HTTP/1.1 requests, as far as a scrape needs them (RFC 9110, RFC 9112): a head without a body."""

from __future__ import annotations

from .files import parse_float

# A scraper's head is below 1 KiB; nobody may make us keep more.
MAX_HEAD_BYTES = 8192
# Prometheus and VictoriaMetrics tell in it when they give up.
TIMEOUT = b"x-prometheus-scrape-timeout-seconds"
# As short as a scrape interval may be; what is shorter would have every collector fail.
SHORTEST_TIMEOUT = 0.1
NEVER = float("inf")
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadRequest(Exception):  # noqa: N818 -- it is HTTP's own name for it
    """A request that cannot be served; `status` is HTTP's number for why."""

    def __init__(self, status: int, reason: str) -> None:
        """Takes the status and a reason for the client."""
        super().__init__(reason)
        self.status = status


class Request:
    """A request's method, path (without query) and Accept header ("" where it has none).

    `timeout` is after how many seconds who asks gives up, NEVER where that is not known.
    """

    __slots__ = ("accept", "method", "path", "timeout")

    def __init__(self, method: str, path: str, accept: str, timeout: float) -> None:
        """Takes what was parsed."""
        self.method = method
        self.path = path
        self.accept = accept
        self.timeout = timeout


def parse(received: bytes) -> Request | None:
    """Returns the request in what was received so far, None while its head is incomplete. Raises BadRequest."""
    received = received.lstrip(b"\r\n")  # an empty line before a request is forgiven
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > MAX_HEAD_BYTES:
            raise BadRequest(431, "the head of the request is too long")
        return None
    if end > MAX_HEAD_BYTES:
        raise BadRequest(431, "the head of the request is too long")
    first, *fields = received[:end].split(b"\r\n")
    method, path, version = _request_line(first)
    headers = _headers(fields)
    if version == b"HTTP/1.1" and len(headers.get(b"host", ())) != 1:
        raise BadRequest(400, "HTTP/1.1 wants one Host header")
    accept = b",".join(headers.get(b"accept", ()))
    timeout = _timeout(headers.get(TIMEOUT, []))
    return Request(method.decode("ascii"), path.decode("latin-1"), accept.decode("latin-1"), timeout)


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    words = line.split(b" ")
    if len(words) != 3 or not words[0] or not _TOKEN.issuperset(words[0]):
        raise BadRequest(400, "the first line is not `method target HTTP/1.1`")
    method, target, version = words
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        known = version.startswith(b"HTTP/") and version[5:6].isdigit()
        raise BadRequest(505 if known else 400, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if target[:7].lower() == b"http://":  # as to a proxy; every server must understand it
        target = b"/" + target[7:].partition(b"/")[2]
    if not target.startswith(b"/"):
        raise BadRequest(400, "the target is no path")
    return method, target.partition(b"?")[0], version


def _headers(lines: list[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # a line that begins with a blank would continue the one before: obsolete, and a way to smuggle
        if not colon or not name or not _TOKEN.issuperset(name) or b"\n" in value or b"\0" in value:
            raise BadRequest(400, "a header is not `name: value`")
        found.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return found


def _timeout(values: list[bytes]) -> float:
    """Returns the seconds that a header tells, SHORTEST_TIMEOUT at least; NEVER where it does not tell one number."""
    try:
        seconds = parse_float(values[0]) if len(values) == 1 else 0.0
    except ValueError:
        seconds = 0.0
    return max(seconds, SHORTEST_TIMEOUT) if seconds > 0 else NEVER


def wants_openmetrics(accept: str) -> bool:
    """Returns whether an Accept header prefers OpenMetrics 1.x to the text format.

    Of equal wishes OpenMetrics counts, as in Prometheus' own libraries; without one the text format is the answer.
    """
    openmetrics = text = 0.0
    for choice in accept.lower().split(","):
        media, *parameters = [part.strip() for part in choice.split(";")]
        values = dict(part.split("=", 1) for part in parameters if "=" in part)
        quality = _quality(values.get("q", "1"))
        if media == "application/openmetrics-text":
            if values.get("version", "1").strip('"').split(".")[0] == "1":
                openmetrics = max(openmetrics, quality)
        elif media in ("text/plain", "text/*", "*/*"):
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
