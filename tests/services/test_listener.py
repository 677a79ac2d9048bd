"""A listening socket, or a reason."""

from __future__ import annotations

import pytest

from services.listener import listen


def test_a_taken_port_is_named_with_its_setting() -> None:
    with listen("127.0.0.1", 0, "--web-port") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: .*; choose another --monitor-port"):
            listen("127.0.0.1", port, "--monitor-port")
