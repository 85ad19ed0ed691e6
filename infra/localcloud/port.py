"""Taking a port on 127.0.0.1."""

import secrets
import socket
from contextlib import suppress

from infra.localcloud.record import CloudError

KEPT_FROM_CONNECTIONS = range(20000, 29000)
"""Ports below those that systems give to outgoing connections: what is free here is so until its user takes it."""


def listen(port: int) -> socket.socket:
    """Return a socket bound to `port`, or to a free one for 0. Raises CloudError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise CloudError(
            thing="port",
            value=str(port),
            rule=f"cannot be taken on 127.0.0.1 ({error})",
            fix="leave the option out for a free one",
        ) from error
    return listener


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, for a program that will take it in a moment."""
    while True:
        port = secrets.choice(KEPT_FROM_CONNECTIONS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
