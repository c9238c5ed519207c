"""Listening addresses: read from text, and opened."""

from __future__ import annotations

# The public `socket` module brings enum, selectors and collections along: 1.3 MiB. This is the module below it.
import _socket

BACKLOG = 32


def parse_address(text: str) -> tuple[str, int]:
    """Returns (address, port) of `127.0.0.1:9101`, `[::1]:9101`, or `:9101` for every address.

    Raises ValueError for names: looking one up could hang, and would say nothing about who can connect.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is not `address:port`")
    if host.startswith("[") and host.endswith("]"):
        family, host = _socket.AF_INET6, host[1:-1]
    else:
        family, host = _socket.AF_INET, host or "0.0.0.0"  # noqa: S104 -- asked for by leaving it out
    try:
        _socket.inet_pton(family, host)
    except (OSError, ValueError):
        raise ValueError(f"{text!r} has no numeric address (IPv6 stands in brackets)") from None
    return host, int(port)


def listen(address: tuple[str, int]) -> _socket.socket:
    """Returns a listening socket that does not block. Raises OSError where the address cannot be had."""
    family = _socket.AF_INET6 if ":" in address[0] else _socket.AF_INET
    listener = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            listener.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def accept(listener: _socket.socket) -> _socket.socket | None:
    """Returns the next connection, which does not block, or None where there is none."""
    try:
        descriptor, _ = listener._accept()  # type: ignore[attr-defined]  # typeshed leaves it out
    except OSError:
        return None  # gone again, or no descriptor to be had: the listener stays
    connection = _socket.socket(fileno=descriptor)
    connection.setblocking(False)
    return connection
