"""Other processes of the machine: who holds a file, who listens at a port."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from services.runtime import processes


def test_the_holder_of_a_lock_is_known(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as file:
        assert processes.holder_of(path) is None
        fcntl.flock(file, fcntl.LOCK_EX)
        assert processes.holder_of(path) == os.getpid()
    assert processes.holder_of(tmp_path / "none") is None


def test_who_listens_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert processes.listener_at(port) == os.getpid()
    assert processes.listener_at(port) is None


def test_a_process_is_described() -> None:
    assert processes.described(os.getpid()).startswith(f"process {os.getpid()} (")
    assert processes.described(2**22 + 1) == f"process {2**22 + 1}"
    assert processes.described(None) == "another process"
