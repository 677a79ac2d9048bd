"""The protocol of questions over NATS: subjects, answers, and long answers in chunks."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from events.errors import InputError, NotRunning, RooflogError, TooLarge, Unreachable
from events.requests import QUERY, Answer, Question, refusal, value_of

if TYPE_CHECKING:
    import pyarrow as pa

ASK = QUERY

MOVED = "rooflog.moved"
"""The subject on which the projector publishes its checkpoint after every commit."""

ROWS = "rooflog.rows"
"""The subject prefix of long answers; the asker acknowledges each chunk."""

RUN = "rooflog.command"
"""The subject prefix of commands to the owner of the tables; they run one at a time, while nothing is folded."""

ANSWER_SECONDS = 60.0

REFUSE_SECONDS = 5.0
"""How long the service tries to send an error to an asker that may have ended."""

HEADROOM_BYTES = 1_024
"""Bytes of a message beside its data."""

Progress = Callable[[int, int], None]
"""Receives how much is done and how much there is in all."""


class Moved(msgspec.Struct):
    """The tables have been folded up to this sequence of the log."""

    checkpoint: int


async def answered(
    name: str, data: bytes, work: Callable[[Question], Awaitable[Any]], *, who: str, max_payload: int
) -> bytes:
    """The answer to a question as the service `who` sends it.

    A RooflogError that `work` raises is sent to the asker. Any other exception is a bug of the service: its log gets
    the traceback, and the asker gets a sentence.
    """
    try:
        answer = Answer(value=await work(_question(data)))
        encoded = msgspec.json.encode(answer)
    except RooflogError as error:
        return msgspec.json.encode(refusal(error))
    except Exception as error:
        return msgspec.json.encode(bug(name, error, who=who))
    if len(encoded) > max_payload - HEADROOM_BYTES:
        text = f"the answer to {name!r} has {len(encoded):,} bytes, more than one message takes; ask for fewer rows"
        return msgspec.json.encode(refusal(TooLarge(text)))
    return encoded


def bug(name: str, error: Exception, *, who: str) -> Answer:
    """Log the traceback of a bug; the answer that tells the asker about it."""
    logging.getLogger(f"rooflog.{who}").error("question %s", name, exc_info=error)
    return Answer(error=f"the {who} could not answer {name!r}: {error or type(error).__name__}", kind="failed")


def _question(data: bytes) -> Question:
    try:
        return msgspec.json.decode(data or b"{}", type=Question)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"this is no question: {error}") from error


async def send_rows(
    client: Client, inbox: str, name: str, data: bytes, rows: Callable[[Question], Awaitable[_Chunks]], *, who: str
) -> None:
    """Send a long answer in chunks; each waits for the asker's acknowledgement, so that no buffer overflows.

    `+` begins a chunk that goes on, `.` one that ends a part of the answer, `$` ends all, `!` is an error.
    """
    size = client.max_payload - HEADROOM_BYTES
    try:
        with contextlib.closing(await rows(_question(data))) as parts:
            packages = map(packed, parts)
            while (package := await asyncio.to_thread(next, packages, None)) is not None:
                for start in range(0, len(package), size):
                    kind = b"." if start + size >= len(package) else b"+"
                    await client.request(inbox, kind + package[start : start + size], timeout=ANSWER_SECONDS)
        await client.request(inbox, b"$", timeout=ANSWER_SECONDS)
    except (NatsError, TimeoutError):
        logging.getLogger(f"rooflog.{who}").info("whoever asked for %s had enough", name)
    except Exception as error:
        answer = refusal(error) if isinstance(error, RooflogError) else bug(name, error, who=who)
        with contextlib.suppress(NatsError, TimeoutError):
            await client.request(inbox, b"!" + msgspec.json.encode(answer), timeout=REFUSE_SECONDS)


async def received_rows(client: Client, name: str, question: Question) -> AsyncGenerator[bytes]:
    """The parts of a long answer of the projector, joined from their chunks.

    Raises NotRunning, Unreachable where the answer breaks off, and what `requests.value_of` raises.
    """
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=arrived.put)
    try:
        await client.publish(f"{ROWS}.{name}", msgspec.json.encode(question), reply=inbox)
        part = bytearray()
        while True:
            message = await asyncio.wait_for(arrived.get(), ANSWER_SECONDS)
            if not message.reply:  # the NATS server says that nobody subscribes
                raise NoRespondersError
            await message.respond(b"")
            kind, chunk = message.data[:1], message.data[1:]
            if kind == b"!":
                value_of(msgspec.json.decode(chunk, type=Answer))
            if kind == b"$":
                return
            part += chunk
            if kind == b".":
                yield bytes(part)
                part.clear()
    except NoRespondersError as error:
        raise NotRunning("projector") from error
    except (NatsError, TimeoutError) as error:
        raise Unreachable(f"the projector broke off its answer: {error or type(error).__name__}") from error
    finally:
        await subscription.unsubscribe()


def packed(part: bytes | pa.Table) -> bytes:
    """A part of a long answer as it is sent: the head as it is, a page of rows as an Arrow IPC stream."""
    if isinstance(part, bytes):
        return part
    import pyarrow as pa  # a process that only asks does not load Arrow

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, part.schema) as writer:
        writer.write_table(part)
    return sink.getvalue()


_Chunks = Generator["bytes | pa.Table"]
