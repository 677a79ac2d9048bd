"""The delivery of what this process says: an outbox and its publisher, over forks and to the interpreter's end."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import msgspec

from ..codec import encode
from ..deadline import within
from ..errors import InvalidFact, OutboxFull, RooflogError
from ..facts import Fact
from ..log.log import Log
from ..subjects import subject_of
from ..traceparent import current
from .outbox import Outbox
from .publisher import Publisher

FLUSH_SECONDS = 5.0

EXIT_SECONDS = 2.0
"""What an interpreter's end waits, unless the log is in trouble; what is not out by then the next process publishes."""

COMPLAIN_SECONDS = 60.0
"""Between two complaints in the logs about facts that the outbox could not keep."""

logger = logging.getLogger("rooflog")


class Stats(msgspec.Struct, frozen=True):
    """How things stand between this process and the log; counts begin with the client."""

    said: int
    """Facts that are in the outbox or beyond."""
    waiting: int
    """Of those, facts that the log has not acknowledged yet."""
    published: int
    """Facts that were new on the log, those adopted from processes that are gone included."""
    existing: int
    """Facts that turned out to be on the log already."""
    dropped: int
    """Facts that were lost because the outbox was full or its disk was: anything but 0 needs attention."""
    set_aside: int
    """Facts that the log refused for good; they are in `set_aside.jsonl` of the outbox."""
    damaged: int
    """Stretches of segments that held no whole fact: a process was killed, or power was lost, in the middle of one."""
    adopted: int
    """Segments taken over from processes that are gone."""
    outbox_bytes: int
    """What the whole directory takes, all processes together."""
    max_bytes: int
    is_connected: bool
    problem: str | None
    """What keeps facts from the log; None while nothing does."""
    held_up_seconds: float
    """How long no fact has reached the log though some wait; 0 while none does."""
    last_published_at: datetime | None


class Delivery:
    """Facts from any thread of this process into the outbox, and from there to the log."""

    def __init__(
        self, outbox: Outbox, connect: Callable[[], Awaitable[Log]], *, sync_seconds: float | None = None
    ) -> None:
        """Begin to publish, first what processes that are gone have left in the outbox."""
        self._outbox = outbox
        self._connect = connect
        self._sync_seconds = sync_seconds
        self._dropped = 0
        self._reported_lost = 0
        self._complained_at: float | None = None
        self._is_closed = False
        self._starting = threading.Lock()
        self._publisher: Publisher | None = self._publish()
        _deliveries.add(self)

    def say(self, fact: Fact) -> None:
        """Keep a fact and have it published. Raises InvalidFact, or OutboxFull where it could not be kept."""
        fact, data = _encoded(fact)
        self._outbox.put(subject_of(fact), data, current())
        if not self._is_closed:
            (self._publisher or self._running()).wake()

    def say_or_drop(self, fact: Fact) -> None:
        """`say` for facts that must not get in anybody's way: what cannot be kept is counted and complained about."""
        try:
            self.say(fact)
        except OutboxFull as error:
            self._drop(error)

    def flush(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """Wait until every fact of earlier calls is on the log, and tell whether it is.

        False: a fact still waits in the outbox, or was dropped or set aside since the last flush. `stats` counts them.
        """
        if self._is_closed:
            return self._is_all_out()
        future = self._running().flushed()
        try:
            future.result(timeout)
        except TimeoutError:
            future.cancel()
        return self._is_all_out()

    async def aflush(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """`flush` for coroutines."""
        if self._is_closed:
            return self._is_all_out()
        with contextlib.suppress(TimeoutError):
            await within(timeout, asyncio.wrap_future(self._running().flushed()))
        return self._is_all_out()

    def close(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """Flush and stop publishing. The answer is that of `flush`. The next process publishes what still waits."""
        is_out = self.flush(timeout)
        self._stop()
        return is_out

    async def aclose(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """`close` for coroutines."""
        is_out = await self.aflush(timeout)
        await asyncio.to_thread(self._stop)
        return is_out

    def stats(self) -> Stats:
        """How things stand between this process and the log, without asking anybody."""
        outbox, publisher = self._outbox, self._publisher
        return Stats(
            said=outbox.said,
            waiting=outbox.said - outbox.settled,
            published=publisher.new if publisher else 0,
            existing=publisher.existing if publisher else 0,
            dropped=self._dropped,
            set_aside=outbox.set_aside_count,
            damaged=outbox.damaged,
            adopted=outbox.adopted,
            outbox_bytes=outbox.size,
            max_bytes=outbox.max_bytes,
            is_connected=publisher is not None and publisher.is_connected,
            problem=publisher.problem if publisher else None,
            held_up_seconds=publisher.held_up_seconds if publisher else 0.0,
            last_published_at=publisher.last_published_at if publisher else None,
        )

    def ask(self, subject: str, who: str, timeout: float) -> Future[Any]:
        """Ask the service `who` behind the log's server. The future raises as `requests.ask` does."""
        return self._running().ask(subject, who, timeout)

    def _drop(self, error: OutboxFull) -> None:
        self._dropped += 1
        now = time.monotonic()
        if self._complained_at is None or now - self._complained_at > COMPLAIN_SECONDS:
            self._complained_at = now
            publisher = self._publisher
            logger.error(
                "rooflog: captures are being LOST, %d so far: %s; the log: %s",
                self._dropped,
                error,
                (publisher and publisher.problem) or "answers",
            )

    def _is_all_out(self) -> bool:
        lost, reported = self._dropped + self._outbox.set_aside_count, self._reported_lost
        self._reported_lost = lost
        return lost == reported and self._outbox.said == self._outbox.settled

    def _publish(self) -> Publisher:
        return Publisher(self._outbox, self._connect, sync_seconds=self._sync_seconds)

    def _running(self) -> Publisher:
        """The publisher; a forked child begins one of its own. Raises RooflogError once closed."""
        if self._is_closed:
            raise RooflogError("this client is closed; open another one")
        with self._starting:
            if self._publisher is None:
                self._publisher = self._publish()
        return self._publisher

    def _stop(self) -> None:
        self._is_closed = True
        if self._publisher is not None:
            self._publisher.stop()
        self._outbox.close()

    def _forked(self) -> None:
        """This is a forked child: threads and segments stayed with the parent."""
        self._outbox.forget()
        self._starting = threading.Lock()
        self._dropped = self._reported_lost = 0
        if self._publisher is not None:
            _left_behind.append(self._publisher)
            self._publisher = None

    def _at_exit(self) -> None:
        publisher = self._publisher
        if publisher is not None and not self._is_closed:
            self.close(0 if publisher.problem else EXIT_SECONDS)


_deliveries: weakref.WeakSet[Delivery] = weakref.WeakSet()

_left_behind: list[Publisher] = []
"""In a forked child: what belongs to threads of the parent, kept so that nothing of it is closed from here."""


def _in_forked_child() -> None:
    for delivery in list(_deliveries):
        delivery._forked()


@atexit.register
def _at_exit() -> None:
    for delivery in list(_deliveries):
        delivery._at_exit()


os.register_at_fork(after_in_child=_in_forked_child)


def _encoded(fact: Fact) -> tuple[Fact, bytes]:
    """A fact and its bytes; half characters, as broken clients send them, become whole or `\ufffd`."""
    try:
        return fact, encode(fact)
    except InvalidFact as error:
        if not isinstance(error.__cause__, UnicodeEncodeError):
            raise
    whole = msgspec.convert(_whole(msgspec.to_builtins(fact)), type(fact))
    return whole, encode(whole)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value
