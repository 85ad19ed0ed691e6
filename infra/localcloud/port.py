"""Taking a port on 127.0.0.1."""

import socket

from infra.localcloud.record import CloudError


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
