"""An installation at one moment: what every check looks at, gathered once and without changing anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from nats.errors import Error as NatsError

from events import requests
from events.errors import NotRunning, RooflogError, Unreachable
from events.log import stream
from events.log.access import Access
from events.log.log import Log, Message

from ..access.connect import access
from ..private_files import is_writable
from ..runtime import processes
from ..runtime.nats_server import EmbeddedServer
from ..settings import Settings
from ..state.protocol import ASK, EXPORTER
from . import tables

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 10.0
"""How long a server or a service may take."""


Part = Literal["nothing", "directory", "server", "log"]
"""What must be there before anything can be said about what belongs to it."""


class Installation:
    """What was seen of an installation: `now` is the moment, `outboxes` are those of clients on this machine."""

    def __init__(self, settings: Settings, now: datetime, outboxes: Sequence[Path]) -> None:
        self.settings = settings
        self.now = now
        self.outboxes = outboxes
        self.server: EmbeddedServer | None = None
        """The server below the data directory; None where an outside one is named."""
        self.is_left = False
        """Whether the embedded server was running and nobody used it."""
        self.url = ""
        self.log: Log | None = None
        """None while the log is away, or where there is none yet."""
        self.away: RooflogError | OSError | None = None
        self.stream: dict[str, Any] | None = None
        """What the server says about the stream; None where there is none."""
        self.last: Message | None = None
        """The last message of the log."""
        self.projector: dict[str, Any] | RooflogError | None = None
        """The answer of the projector, why there is none, or None where nobody listens."""
        self.exporter: dict[str, Any] | RooflogError | None = None
        self.tables = tables.Tables()

    def has(self, part: Part) -> bool:
        """Whether a part of an installation can be looked at; what needs the log needs all that come before it."""
        has_directory = self.settings.data_dir.is_dir()
        has = {
            "nothing": True,
            "directory": has_directory,
            "server": has_directory and self.log is not None,
            "log": has_directory and self.stream is not None,
        }
        return has[part]

    @property
    def shown(self) -> str:
        """The address of the server for messages, without what is secret in it."""
        return Access.of(self.url).shown

    @property
    def supervisor(self) -> int | None:
        """The process of a `rooflog up` on the data directory."""
        return processes.holder_of(self.settings.up_lock)

    @property
    def is_served(self) -> bool:
        """Whether services should be running: something watches them, or the server is an outside one."""
        return self.settings.nats_url is not None or self.supervisor is not None

    async def ask(self, subject: str, who: str) -> dict[str, Any] | RooflogError | None:
        """What a service says of itself, what is wrong with its answer, or None where none runs."""
        assert self.log is not None  # noqa: S101
        try:
            answer: dict[str, Any] = await requests.ask(self.log, subject, who=who, timeout=ANSWER_SECONDS)
        except NotRunning:
            return None
        except RooflogError as error:
            return error
        return answer


@asynccontextmanager
async def opened(settings: Settings, now: datetime, outboxes: Sequence[Path]) -> AsyncIterator[Installation]:
    """Look at an installation for as long as this is open. It starts the embedded server where that holds a log."""
    seen = Installation(settings, now, outboxes)
    async with AsyncExitStack() as stack:
        try:
            if seen.has("directory") and await _has_server(seen, stack):
                log = await Log.connect(
                    access(settings, seen.url, "operator"),
                    name="rooflog-doctor",
                    timeout=CONNECT_SECONDS,
                    create=False,
                )
                stack.push_async_callback(log.close)
                await _look_at_log(seen, log)
        except (RooflogError, OSError) as error:
            seen.away = error
        if seen.log is not None:
            seen.projector = await seen.ask(f"{ASK}.status", "projector")
            seen.exporter = await seen.ask(f"{EXPORTER}.status", "exporter")
        if isinstance(seen.projector, dict):
            seen.tables.status = seen.projector
        elif seen.has("directory"):
            seen.tables = await asyncio.to_thread(tables.read, settings.database)
        yield seen


async def _has_server(seen: Installation, stack: AsyncExitStack) -> bool:
    """Whether there is a server to ask, whose address is then known. One that was left to itself is not ended."""
    settings = seen.settings
    if settings.nats_url is not None:
        seen.url = settings.nats_url
        return True
    seen.server = EmbeddedServer(settings.data_dir, settings.nats_port)
    seen.is_left = seen.server.is_left
    if not seen.is_left:
        if not is_writable(settings.data_dir) or not seen.server.has_log:
            return False
        await asyncio.to_thread(stack.enter_context, seen.server)
    seen.url = seen.server.url
    return True


async def _look_at_log(seen: Installation, log: Log) -> None:
    """What the server says about the stream. Raises Unreachable where JetStream is silent, Forbidden."""
    try:
        answer = msgspec.json.decode((await log.request(stream.info(log), b"", timeout=ANSWER_SECONDS)).data)
    except (NatsError, TimeoutError) as error:
        raise Unreachable(
            f"the NATS server at {log.access.shown} has no working JetStream: {error or type(error).__name__}; "
            "see the log of the server, and whether most servers of its cluster run"
        ) from error
    seen.log = log
    if "error" in answer:
        if answer["error"].get("code") != 404:
            seen.log = None
            raise Unreachable(f"the NATS server at {log.access.shown} refused: {answer['error'].get('description')}")
        return
    seen.stream = answer
    with contextlib.suppress(RooflogError):
        seen.last = await log.at(answer["state"]["last_seq"]) if answer["state"]["last_seq"] else None
