"""Whose process is at the other end of a connection on this machine, as Linux tells in `/proc/net/tcp`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Address = tuple[str, int | None]


def is_own(client: Address | None, server: Address | None) -> bool:
    """Whether this user, or root, has opened the connection; False where the system does not tell."""
    if client is None or server is None or client[1] is None or server[1] is None:
        return False
    owners = set(_owners(client[1], server[1]))
    return bool(owners) and owners <= {os.geteuid(), 0}


def _owners(client: int, server: int) -> Iterator[int]:
    """The users of sockets on the client's port that lead to the server's, in whatever family of addresses."""
    local, remote = f":{client:04X}", f":{server:04X}"
    for table in TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1].endswith(local) and fields[2].endswith(remote):
                yield int(fields[7])
