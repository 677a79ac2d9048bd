"""A socket that listens, or a reason why it cannot."""

from __future__ import annotations

import errno
import socket

from .runtime import processes


def listen(host: str, port: int, setting: str, backlog: int = 128) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError that names the flag of the port.

    Callers wait from here on instead of being refused: the address may be announced.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:  # the protocol is named so that asyncio turns Nagle's delay off: it costs 40 ms an answer
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            why = f"the port is taken by {processes.described(processes.listener_at(port))}"
        raise OSError(f"cannot listen on {host}:{port}: {why}; choose another {setting}") from error
    return listener
