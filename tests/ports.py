"""Ports of servers that tests stop and start again: nobody else is given one meanwhile."""

from __future__ import annotations

import secrets
import socket

LOWEST, HIGHEST = 12_000, 32_000
"""Below what systems give to those that ask for any port, and to connections that go out."""


def free_port() -> int:
    """A port that nobody listens at, another one for every process that asks."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)  # `random` begins alike in all processes of a test run
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
