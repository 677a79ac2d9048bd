"""The embedded server: started once, shared, found again, ended by the last one who leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from nats.errors import TimeoutError as NatsTimeout

from events.log.log import Log
from services.access import server_config
from services.runtime import nats_server
from services.runtime.nats_server import EmbeddedServer, ServerError, _answers, _started
from tests.deadlines import FAR_SECONDS
from tests.faults.disks import fill, free, small_disk
from tests.faults.installation import NotRun

from ..conftest import capture


def test_two_leases_share_a_server_until_both_end(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        pid = first.pid
        with EmbeddedServer(tmp_path) as second:
            assert second.url == first.url
        assert first.pid == pid
    assert first.pid is None


async def test_facts_and_port_outlive_a_restart(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        url = server.url
        log = await Log.connect(server.access())
        await log.publish([capture(example_id="a")])
        await log.close()
    with EmbeddedServer(tmp_path) as server:
        assert server.url == url
        log = await Log.connect(server.access())
        assert await log.knows("a")
        await log.close()


def test_a_killed_server_is_revived_on_its_port(server: EmbeddedServer) -> None:
    pid = server.pid
    assert pid is not None
    assert not server.revive()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert server.revive()
    assert server.pid is not None


async def test_a_killed_server_returns_on_its_port(server: EmbeddedServer) -> None:
    """A killed process counts as gone a moment before it has let go of its port."""
    for _ in range(10):
        log = await Log.connect(server.access(), timeout=FAR_SECONDS)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while not await asyncio.to_thread(server.revive):
            await asyncio.sleep(0.001)
        await log.close()
    await (await Log.connect(server.access(), timeout=FAR_SECONDS)).close()


def test_a_server_left_by_a_killed_process_is_ended(tmp_path: Path) -> None:
    killed = EmbeddedServer(tmp_path).__enter__()
    pid = killed.pid
    assert pid is not None
    assert killed._users is not None
    killed._users.close()
    with EmbeddedServer(tmp_path) as next_one:
        assert next_one.pid == pid
    assert not _started(pid)


def test_a_taken_port_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServerError, match=r"taken by process .*; choose another with --nats-port"):
            EmbeddedServer(tmp_path, other.getsockname()[1]).__enter__()


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket that holds the usual port; another stands for it, as a server of this machine may have the real one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setattr(nats_server, "USUAL_PORT", other.getsockname()[1])
        yield other


def test_without_a_port_it_takes_the_usual_one(tmp_path: Path, usual: socket.socket) -> None:
    usual.close()
    with EmbeddedServer(tmp_path, None) as server:
        assert server.url == f"nats://127.0.0.1:{nats_server.USUAL_PORT}"


def test_a_taken_usual_port_gives_a_free_one_that_stays(tmp_path: Path, usual: socket.socket) -> None:
    usual.listen()
    with EmbeddedServer(tmp_path, None) as server:
        url = server.url
    usual.close()
    assert url != f"nats://127.0.0.1:{nats_server.USUAL_PORT}"
    with EmbeddedServer(tmp_path, None) as server:
        assert server.url == url


def test_port_zero_never_takes_the_usual_one(tmp_path: Path, usual: socket.socket) -> None:
    usual.close()
    with EmbeddedServer(tmp_path, 0) as server:
        assert server.url != f"nats://127.0.0.1:{nats_server.USUAL_PORT}"


def test_a_server_of_another_name_is_no_answer(server: EmbeddedServer) -> None:
    """Given two servers that start on the usual port at once, then the slower one does not use the faster one's log."""
    port = int(server.url.rsplit(":", 1)[1])
    assert not _answers(port, "rooflog-of-somebody-else")


def test_it_listens_on_loopback_and_syncs_before_it_acknowledges() -> None:
    made = server_config.document([], store=Path("store"))
    assert made["host"] == "127.0.0.1"
    assert made["jetstream"]["sync_interval"] == "always"


@pytest.fixture
def on_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose log has a disk of 64 MB of its own."""
    with ExitStack() as stack:
        try:
            stack.enter_context(small_disk(tmp_path / "nats", 64))
        except NotRun as reason:
            pytest.skip(f"not run: {reason}")
        yield tmp_path


async def test_a_full_disk_is_told_and_left_behind(on_small_disk: Path) -> None:
    """The server answers nobody who publishes after its disk was full, until it is started anew."""
    folder = on_small_disk / "nats"
    with EmbeddedServer(on_small_disk) as server:
        log = await Log.connect(server.access(), timeout=FAR_SECONDS)
        await log.publish([capture()])
        fill(folder)
        with pytest.raises(NatsTimeout):
            await log.client.request("training.example.captured.a.a", bytes(8_192), timeout=1)
        with pytest.raises(ServerError, match=f"write {folder}/store/.*: no space left on device; .* more space"):
            server.revive()
        free(folder)
        assert server.revive()
        assert not server.revive()
        await log.publish([capture()])
        assert await log.last_sequence() == 2
        await log.close()


def test_a_start_that_fails_leaves_no_server(tmp_path: Path) -> None:
    """Given a file that cannot be written after the server was started, then the server is ended."""
    (tmp_path / "nats" / "server.new").mkdir(parents=True)
    with pytest.raises(IsADirectoryError), EmbeddedServer(tmp_path):
        pass
    config = str(tmp_path / "nats" / "nats.conf").encode()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if config in command]
