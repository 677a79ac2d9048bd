"""Connections: deadlines for whoever is silent or slow, places for newcomers, a reserve for the monitor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from services.web.access import connections
from services.web.access.connections import Phase, Places, address_of, protocol
from tests.deadlines import FAR_SECONDS

GET = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers `/large` with 20 MB, `/hold` when it is told to, reads the body of `/read` and of nothing else."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.held = 0
        self.broken_off = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b"yes"
        if scope["path"] == "/hold":
            self.held += 1
            await self.go_on.wait()
        elif scope["path"] == "/large":
            body = b"x" * 20 * 2**20
        elif scope["path"] == "/read":
            while (message := await receive()).get("more_body"):
                pass
            self.broken_off += message["type"] == "http.disconnect"
        length = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """A server in this process, on a free port."""

    def __init__(self, places: Places) -> None:
        self.app = App()
        kind = protocol(places)
        super().__init__(uvicorn.Config(self.app, http=kind, lifespan="off", ws="none", log_config=None))
        self.places = places
        self.writers: list[asyncio.StreamWriter] = []
        self.listener = socket.create_server(("127.0.0.1", 0))

    async def open(self, content: bytes = b"", address: str = "127.0.0.1") -> Streams:
        """A connection that has said something, and has its place."""
        port = self.listener.getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        self.writers.append(writer)
        writer.write(content)
        return reader, writer


@asynccontextmanager
async def serving(places: Places) -> AsyncIterator[Server]:
    server = Server(places)
    running = asyncio.create_task(server._serve([server.listener]))
    try:
        await until(lambda: server.started)
        yield server
    finally:
        server.app.go_on.set()
        for writer in server.writers:
            writer.transport.abort()
        server.should_exit = server.force_exit = True
        await running


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(FAR_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def full(places: Places, taken: int) -> None:
    """Wait until so many places are taken."""
    await until(lambda: len(places) == taken)


async def status(streams: Streams) -> int:
    """The status of an answer; 0 where the connection was closed without one."""
    async with asyncio.timeout(FAR_SECONDS):
        try:
            line = await streams[0].readline()
        except OSError:
            return 0
    return int(line.split()[1]) if line else 0


async def ends(streams: Streams) -> bytes:
    """Everything that still comes, to the end of the connection."""
    async with asyncio.timeout(FAR_SECONDS):
        try:
            return await streams[0].read()
        except OSError:
            return b""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every deadline is near."""
    for phase in Phase:
        monkeypatch.setitem(connections._SECONDS, phase, 0.2)
    monkeypatch.setattr(connections, "WINDOW_SECONDS", 0.2)


@pytest.mark.usefixtures("hasty")
async def test_whoever_says_nothing_is_closed() -> None:
    async with serving(Places()) as server:
        assert await ends(await server.open()) == b""
        answered = await server.open(GET)
        assert b"yes" in await ends(answered), "and so is who was answered and asks no more"
        assert len(server.places) == 0


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("part", [b"G", b"GET /page HTTP/1.1\r\n", GET[:-2]])
async def test_half_a_request_is_told_that_it_is_late(part: bytes) -> None:
    async with serving(Places()) as server:
        answer = await ends(await server.open(part))
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"too_slow"' in answer


@pytest.mark.usefixtures("hasty")
async def test_headers_that_drip_are_late_all_the_same() -> None:
    async with serving(Places()) as server:
        streams = await server.open(GET[:-2])
        while not streams[0].at_eof() and not streams[0]._buffer:  # type: ignore[attr-defined]
            streams[1].write(b"X: y\r\n")
            await asyncio.sleep(0.02)
        assert await status(streams) == 408


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("drip", [b"", b"x"])
async def test_a_body_that_hardly_moves_is_given_up(drip: bytes) -> None:
    async with serving(Places()) as server:
        streams = await server.open(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        while not streams[0].at_eof() and not streams[0]._buffer:  # type: ignore[attr-defined]
            streams[1].write(drip)
            await asyncio.sleep(0.02)
        assert await status(streams) == 408
        await until(lambda: server.app.broken_off == 1)


@pytest.mark.usefixtures("hasty")
async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with serving(Places()) as server:
        _, writer = await server.open(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: len(server.places) == 1)
        await until(lambda: len(server.places) == 0)


async def test_answers_that_nobody_reads_have_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_BYTES", 15 * 2**20)
    async with serving(Places()) as server:
        readers = []
        for _ in range(5):  # of an answer the system takes some megabytes, and two are too much
            reader, writer = await server.open(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            readers.append((reader, writer))
            await until(lambda: server.places.behind)
        await full(server.places, 1)
        readers[-1][1].transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await ends(readers[-1])) > 20 * 2**20


@pytest.mark.usefixtures("hasty")
async def test_an_answer_that_takes_long_is_waited_for() -> None:
    async with serving(Places()) as server:
        streams = await server.open(GET.replace(b"page", b"hold"))
        await until(lambda: server.app.held == 1)
        await ends(await server.open())  # one deadline has passed since
        server.app.go_on.set()
        assert await status(streams) == 200


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_a_body_that_nobody_wants_does_not_hide_the_answer(close: bytes) -> None:
    async with serving(Places()) as server:
        head = b"POST /page HTTP/1.1\r\nHost: x\r\n" + close + b"Content-Length: 9000000\r\n\r\n"
        streams = await server.open(head)
        for _ in range(90):
            streams[1].write(b"x" * 100_000)
            await streams[1].drain()
        assert await status(streams) == 200


async def test_the_longest_silent_makes_room_for_a_newcomer() -> None:
    async with serving(Places(most=4, of_one=4)) as server:
        silent = []
        for n in range(4):
            silent.append(await server.open(b"", f"127.0.0.{n + 2}"))
            await until(lambda: len(server.places) == len(silent))
        assert await status(await server.open(GET)) == 200
        assert await ends(silent[0]) == b""
        assert not silent[1][0].at_eof()


async def test_one_address_makes_room_among_its_own() -> None:
    async with serving(Places(most=10, of_one=2)) as server:
        other = await server.open(b"", "127.0.0.2")
        await until(lambda: len(server.places) == 1)
        first = await server.open()
        await until(lambda: len(server.places) == 2)
        await server.open()
        await until(lambda: len(server.places) == 3)
        assert await status(await server.open(GET)) == 200
        assert await ends(first) == b""
        assert not other[0].at_eof()


async def test_where_all_are_at_work_only_health_is_answered() -> None:
    async with serving(Places(most=3, of_one=3)) as server:
        working = [await server.open(GET.replace(b"page", b"hold")) for _ in range(3)]
        await until(lambda: server.app.held == 3)
        for address in ("127.0.0.1", "127.0.0.2"):
            assert await status(await server.open(HEALTH, address)) == 200
            assert await status(await server.open(GET, address)) == 503
        server.app.go_on.set()
        assert [await status(streams) for streams in working] == [200] * 3


async def test_beyond_the_reserve_nobody_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RESERVE", 1)
    async with serving(Places(most=2, of_one=2)) as server:
        hold = GET.replace(b"page", b"hold")
        for n in range(2):
            await server.open(hold)
            await full(server.places, n + 1)
        await until(lambda: server.app.held == 2)
        monkeypatch.setattr(connections, "SILENT", ())  # so that nobody makes room
        await server.open(b"", "127.0.0.2")
        await until(lambda: len(server.places) == 3)
        assert await status(await server.open(HEALTH, "127.0.0.3")) == 0
        assert len(server.places) == 3


async def test_a_proxy_stands_for_many_callers() -> None:
    from ipaddress import ip_network

    places = Places(most=10, of_one=1, proxies=[ip_network("127.0.0.0/29")])
    async with serving(places) as server:
        for n in range(3):
            await server.open(b"", "127.0.0.2")
            await full(places, n + 1)


GARBAGE = [
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 100_000,
]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_is_no_http_is_refused_without_a_traceback(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Places()) as server:
        answer = await ends(await server.open(content))
        assert answer.startswith(b"HTTP/1.1 400")
        assert b'"code":"malformed"' in answer
        await until(lambda: len(server.places) == 0)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.usefixtures("hasty")
async def test_garbage_behind_an_answer_that_has_begun_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Places()) as server:
        head = b"POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        streams = await server.open(head)
        assert await status(streams) == 200
        streams[1].write(b"zz\r\n")
        await ends(streams)
        await until(lambda: len(server.places) == 0)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_an_address_of_ipv6_counts_with_its_network(host: str, address: str) -> None:
    assert address_of(host) == address
