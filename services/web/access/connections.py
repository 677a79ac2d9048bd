"""Connections: how many there may be, and how long each may keep us waiting; all of it below the parsing of HTTP.

uvicorn gives up on a connection only between two answers (`timeout_keep_alive`). Here every state in which the client
has the next move has a deadline. Where all places are taken, the connection that has been silent longest makes room.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Collection
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

import h11
import msgspec
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from ...monitor import LIVE, READY
from ..errors import CODES, Error, Problem

CONNECTIONS = 1_024
"""Connections at a time: a hundred reviewers with ten tabs; each idle one takes some 10 kB."""

FROM_ONE_ADDRESS = 256
"""Of them from one address: an office behind one router, and never all of them."""

HEALTH = frozenset({"/health", LIVE, READY})
"""Are answered to everybody however much they ask: they cost nothing, and a monitor must not be locked out."""

RESERVE = 16
"""Places beyond the limit where only HEALTH is answered, so that a monitor sees a full gateway and no dead one."""

SPARE_FILES = 64
"""Open files that the service needs beside its connections: log, processes of the past, its own files."""

HEAD_SECONDS = 10.0
"""How long a request line and its headers may take: they fit into one packet."""

IDLE_SECONDS = 30.0
"""How long an answered connection may wait for its next request."""

HEAD_BYTES = 16 * 2**10
"""A request line with its headers at most."""

WINDOW_SECONDS = 10.0
WINDOW_BYTES = 64 * 2**10
"""A body, or an answer on its way, moves by so many bytes in every window: the slowest line that we wait for."""

UNREAD_BYTES = 64 * 2**20
"""Answers that clients have not read, together at most; whoever has been behind longest is given up first."""

LINGER_SECONDS = 5.0
"""How long a body may still come that was refused: closed at once, the client might never read why."""

Network = IPv4Network | IPv6Network


class Phase(Enum):
    """Who has the next move: the client (all but ANSWERING), and what it owes."""

    FRESH = "it has sent nothing"
    HEAD = "it has begun a request"
    BODY = "its body is under way"
    ANSWERING = "we work"
    LINGERING = "its body was refused, and may still come"
    IDLE = "it was answered, and may ask again"
    ENDING = "all was said"


SILENT = (Phase.FRESH, Phase.HEAD, Phase.IDLE)
"""Phases of connections that may be closed to make room: nothing that was asked is lost."""


class Places:
    """The places of all connections, and who is silent, the longest first."""

    def __init__(
        self, most: int = CONNECTIONS, of_one: int = FROM_ONE_ADDRESS, proxies: Collection[Network] = ()
    ) -> None:
        """`proxies` are addresses that stand for many callers, so that the limit of one address is not theirs."""
        self._most, self._of_one, self._proxies = most, of_one, proxies
        self._taken: dict[Connection, str] = {}
        self._silent: dict[str, dict[Connection, None]] = {}
        self._silent_anywhere: dict[Connection, None] = {}
        self._of_address: dict[str, int] = {}
        self.behind: dict[Connection, None] = {}

    def __len__(self) -> int:
        """How many are taken."""
        return len(self._taken)

    def admit(self, connection: Connection, host: str) -> bool | None:
        """Give a connection a place: True, False for one in the reserve, None where there is none."""
        address = address_of(host)
        while (over_one := self._of_one_more(host, address)) > 0 and self._make_room(self._silent.get(address, {})):
            pass
        while (over := len(self._taken) + 1 - self._most) > 0 and self._make_room(self._silent_anywhere):
            pass
        if max(over, over_one) > RESERVE:
            return None
        self._taken[connection] = address
        self._of_address[address] = self._of_address.get(address, 0) + 1
        return max(over, over_one) <= 0

    def mark(self, connection: Connection, *, is_silent: bool) -> None:
        """Note that a connection has begun to be silent, or is so no longer."""
        address = self._taken.get(connection)
        if address is None:
            return
        if is_silent:
            self._silent_anywhere[connection] = self._silent.setdefault(address, {})[connection] = None
        else:
            self._silent_anywhere.pop(connection, None)
            self._silent.get(address, {}).pop(connection, None)

    def fall_behind(self, connection: Connection) -> None:
        """Note that a client reads more slowly than it is answered; give others up where too much is unread."""
        self.behind[connection] = None
        unread = {one: one.unread for one in self.behind}
        while sum(unread.values()) > UNREAD_BYTES and len(unread) > 1:
            slowest = next(iter(unread))
            del unread[slowest]
            self.leave(slowest)
            slowest.transport.abort()

    def catch_up(self, connection: Connection) -> None:
        """Note that a client has read what it was sent."""
        self.behind.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Free a place, once however often this is called."""
        self.mark(connection, is_silent=False)
        self.catch_up(connection)
        address = self._taken.pop(connection, None)
        if address is None:
            return
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
            self._silent.pop(address, None)

    def _of_one_more(self, host: str, address: str) -> int:
        """By how many connections an address is over its limit with one more."""
        is_proxy = bool(self._proxies) and is_within(host, self._proxies)
        return 0 if is_proxy else self._of_address.get(address, 0) + 1 - self._of_one

    def _make_room(self, silent: dict[Connection, None]) -> bool:
        oldest = next(iter(silent), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.transport.abort()
        return True


class _Transport:
    """The transport as uvicorn sees it: what it closes is closed once the client could read the answer.

    A socket that is closed with bytes unread is reset, and the answer is lost with it.
    """

    def __init__(self, transport: asyncio.Transport, hang_up: Callable[[], None]) -> None:
        self._transport = transport
        self._hang_up = hang_up
        self.is_leaving = False

    def close(self) -> None:
        if not self.is_closing():
            self.is_leaving = True
            self._hang_up()

    def is_closing(self) -> bool:
        return self.is_leaving or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Connection(H11Protocol):
    """One connection: uvicorn's, with a place and with deadlines."""

    places: Places
    """Whose places these are; `protocol` sets it."""

    _phase: Phase | None = None
    _deadline: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _moved = 0

    @property
    def unread(self) -> int:
        """Bytes of answers that the client has not taken."""
        return self._socket.get_write_buffer_size()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or go."""
        self._socket = transport
        super().connection_made(_Transport(transport, self._hang_up))  # type: ignore[arg-type]
        place = self.places.admit(self, self.client[0] if self.client else "")
        if place is None:
            transport.abort()
            return
        if not place:
            self.app = _only_health(self.app)
        self._enter(Phase.FRESH)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.places.leave(self)
        for timer in (self._deadline, self._writing):
            if timer is not None:
                timer.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what came, and see who has the next move."""
        if self.transport.is_closing():  # the rest of a body that was refused
            return
        self._moved += len(data)
        if self._phase in (Phase.FRESH, Phase.IDLE):
            self._enter(Phase.HEAD)
        super().data_received(data)

    def handle_events(self) -> None:
        """Follow what has come. Raises nothing, whatever it was."""
        super().handle_events()
        self._enter(self._now())

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the phases have deadlines of their own
        self._enter(self._now())

    def pause_writing(self) -> None:
        """The client reads more slowly than we answer: see to it that it does read."""
        super().pause_writing()
        self.places.fall_behind(self)
        self._watch_writing(self.unread)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self.places.catch_up(self)
        if self._writing is not None:
            self._writing.cancel()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the shape of every refusal."""
        self._refuse(400, f"this is no HTTP that can be read: {msg}")

    def shutdown(self) -> None:
        """End, after the answer that is on its way."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _now(self) -> Phase:
        """Who has the next move, as the parser sees it."""
        if self.transport.is_closing():
            return Phase.ENDING
        ours, theirs = self.conn.our_state, self.conn.their_state
        if ours is h11.IDLE:
            if self._phase in (Phase.FRESH, Phase.HEAD):
                return self._phase
            return Phase.HEAD if self.conn.trailing_data[0] else Phase.IDLE
        if ours in (h11.SEND_RESPONSE, h11.SEND_BODY):
            return Phase.BODY if theirs is h11.SEND_BODY else Phase.ANSWERING
        return Phase.LINGERING if theirs is h11.SEND_BODY else Phase.IDLE

    def _enter(self, phase: Phase) -> None:
        if phase is self._phase:
            return
        self._phase = phase
        self.places.mark(self, is_silent=phase in SILENT)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if phase is Phase.BODY:
            self._watch_body(self._moved - WINDOW_BYTES)
        elif phase is not Phase.ANSWERING:
            self._deadline = self.loop.call_later(_SECONDS[phase], self._end)

    def _end(self) -> None:
        """The client has kept us waiting too long."""
        left = self.unread
        if self._phase is Phase.HEAD:
            self._refuse(408, f"the headers did not come within {HEAD_SECONDS:.0f} seconds")
        elif left:
            self._watch_writing(left)
        else:
            self._socket.abort()

    def _watch_body(self, mark: int) -> None:
        """Wait for another window's bytes of a body; `mark` is where the last window began."""
        if self._moved - mark < WINDOW_BYTES and not self.flow.read_paused:
            self._refuse(408, f"the body came to less than {WINDOW_BYTES:,} bytes in {WINDOW_SECONDS:.0f} seconds")
            return
        self._deadline = self.loop.call_later(WINDOW_SECONDS, self._watch_body, self._moved)

    def _watch_writing(self, left: int) -> None:
        """Wait for the client to read; `left` is how many bytes were left when the last window began."""
        if self._writing is not None:
            self._writing.cancel()
        self._writing = self.loop.call_later(WINDOW_SECONDS, self._check_writing, left)

    def _check_writing(self, before: int) -> None:
        left = self.unread
        if left and before - left >= WINDOW_BYTES:
            self._watch_writing(left)
        elif left or self._phase is Phase.ENDING:
            self._socket.abort()

    def _refuse(self, status: int, message: str) -> None:
        """Answer in place of the application, if nothing was answered yet, and end."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = msgspec.json.encode(Problem(Error(CODES[status], message)))
            headers = [
                *self.server_state.default_headers,
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
            ]
            answer = h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status])
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:  # what still works on it learns that nobody listens
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self._enter(Phase.ENDING)

    def _hang_up(self) -> None:
        """Close: at once where all was read, else after the client had time to read the answer."""
        if self.conn.their_state not in (h11.SEND_BODY, h11.ERROR) and not self.conn.trailing_data[0]:
            self._socket.close()
        else:
            self._socket.write_eof()
            if not self._socket.is_closing():
                self._socket.resume_reading()
        self._enter(Phase.ENDING)


_SECONDS = {
    Phase.FRESH: HEAD_SECONDS,
    Phase.HEAD: HEAD_SECONDS,
    Phase.IDLE: IDLE_SECONDS,
    Phase.LINGERING: LINGER_SECONDS,
    Phase.ENDING: LINGER_SECONDS,
}


def protocol(places: Places) -> type[Connection]:
    """The protocol of connections that take these places."""
    return type("PlacedConnection", (Connection,), {"places": places})


def raise_open_files(most: int = CONNECTIONS) -> int:
    """Let this process open as many files as it may; how many connections that allows, `most` at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return most if hard == resource.RLIM_INFINITY else max(1, min(most, hard - SPARE_FILES - RESERVE))


def address_of(host: str) -> str:
    """Whose address a limit counts for: one machine of IPv4, a network of 64 bits of IPv6, which is one customer's."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address) >> 64 << 64, 64)))


def is_within(host: str, networks: Collection[Network]) -> bool:
    """Is an address in one of these networks?"""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in networks)


def _only_health(app: ASGI3Application) -> ASGI3Application:
    """The application for a connection in the reserve: HEALTH is answered, all else is asked to come again."""

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http" and scope["path"] in HEALTH:
            await app(scope, receive, send)
            return
        body = msgspec.json.encode(Problem(Error(CODES[503], "all connections are taken; come again in a moment")))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"2"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return answer
