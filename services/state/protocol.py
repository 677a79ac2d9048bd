"""The protocol of questions over NATS: subjects, answers, and long answers in chunks."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from events.errors import InputError, NotRunning, RooflogError, TooLarge, Unreachable
from events.log.log import Log
from events.requests import QUERY, Answer, Question, ask, refusal, value_of

if TYPE_CHECKING:
    import pyarrow as pa

ASK = QUERY

MOVED = "rooflog.moved"
"""The subject on which the projector publishes its checkpoint after every commit."""

ROWS = "rooflog.rows"
"""The subject prefix of questions with long answers; the answer is a number, by which its chunks are asked for."""

MORE = "rooflog.more"
"""The subject on which the next chunk of a long answer is asked for, or, behind `ENOUGH`, no more of it."""

PART, LAST, END, FAILED = b"+", b".", b"$", b"!"
"""How a chunk begins: a part goes on after it, ends with it, the answer is over, or has failed with an `Answer`."""

ENOUGH = b"-"

RUN = "rooflog.command"
"""The subject prefix of commands to the owner of the tables; they run one at a time, while nothing is folded."""

EXPORTER = "rooflog.exporter"
"""The subject prefix of questions and commands to the exporter."""

ANSWER_SECONDS = 60.0

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


async def received_rows(log: Log, name: str, question: Question) -> AsyncGenerator[bytes]:
    """The parts of a long answer of the projector, joined from their chunks; each chunk is asked for.

    Raises NotRunning, Unreachable where the answer breaks off, and what `requests.value_of` raises.
    """
    number: str = await ask(
        log, f"{ROWS}.{name}", question.args, after=question.after, who="projector", timeout=ANSWER_SECONDS
    )
    try:
        part = bytearray()
        while True:
            try:
                reply = await log.request(MORE, number.encode(), timeout=ANSWER_SECONDS)
            except NoRespondersError as error:
                raise NotRunning("projector") from error
            except (NatsError, TimeoutError) as error:
                raise Unreachable(f"the projector broke off its answer: {error or type(error).__name__}") from error
            kind, chunk = reply.data[:1], reply.data[1:]
            if kind == FAILED:
                value_of(msgspec.json.decode(chunk, type=Answer))
            if kind == END:
                return
            part += chunk
            if kind == LAST:
                yield bytes(part)
                part.clear()
    finally:
        if log.client.is_connected:  # whoever has enough says so; an answer that is over does not mind
            with contextlib.suppress(NatsError, TimeoutError):
                await log.send((MORE, ENOUGH + number.encode(), None))


def packed(part: bytes | pa.Table) -> bytes:
    """A part of a long answer as it is sent: the head as it is, a page of rows as an Arrow IPC stream."""
    if isinstance(part, bytes):
        return part
    import pyarrow as pa  # a process that only asks does not load Arrow

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, part.schema) as writer:
        writer.write_table(part)
    return sink.getvalue()
