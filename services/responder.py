"""What the services that answer over NATS share: the broker, and the loop from a request to its answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import nullcontext
from typing import Any

from faststream import FastStream
from faststream.message import StreamMessage
from faststream.nats import NatsBroker, NatsMessage, NatsUserPassword
from faststream.nats.security import NatsCredentials, NatsNKey, NatsSecurity, NatsToken
from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind

from events.log.access import Access
from events.log.connection import CONNECTING
from events.log.log import Log
from events.requests import Question
from events.traceparent import HEADER, valid

from . import tracing
from .metrics import histogram
from .state.protocol import answered

WORKERS = 4
"""Questions answered at a time."""

DRAIN_SECONDS = 5
"""How long answers on their way may take when a service ends."""

SECONDS = histogram("rooflog_question_seconds", (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60))

UNKNOWN = "unknown"
"""The label of a question that there is not: callers choose its name."""

Work = Callable[[str, Question], Awaitable[Any]]
"""Takes the name of a question and the question; its value is the answer, its RooflogError the reason for none."""


def broker(access: Access, who: str) -> NatsBroker:
    """The connection of the service `who`; it comes back after every interruption."""
    return NatsBroker(
        access.addresses,
        security=_security(access),
        inbox_prefix=access.inbox,
        name=f"rooflog-{who}",
        **CONNECTING,
        drain_timeout=DRAIN_SECONDS,
        apply_types=False,
        logger=None,
    )


async def run(app: FastStream, logger: logging.Logger) -> None:
    """Run an application until it is told to end. Raises NatsError or TimeoutError where it could not begin."""
    is_up = False

    async def up() -> None:
        nonlocal is_up
        is_up = True

    app.after_startup(up)
    try:
        await app.run()
    except (NatsError, TimeoutError) as error:  # the log may be away when the service ends
        if not is_up:
            raise
        logger.warning("the connection to the log was not ended in order: %s", error or type(error).__name__)


def respond(
    nats: NatsBroker,
    log: Log,
    prefix: str,
    work: Work,
    *,
    names: Collection[str],
    who: str,
    title: str,
    description: str,
    workers: int = 1,
) -> None:
    """Answer the questions below a prefix, so many at a time; title and description are those of the AsyncAPI.

    FastStream's own metrics are not used: they are divided by the subjects of messages, which are as many as the facts.
    """

    async def respond_to(message: NatsMessage) -> bytes:
        name = name_of(message, prefix)
        label = name if name in names else UNKNOWN
        parent = valid(message.headers.get(HEADER))
        followed = tracing.span(f"{who} {label}", kind=SpanKind.SERVER, parent=parent) if parent else nullcontext()
        with SECONDS.labels(label).time(), followed:
            return await answered(
                name, message.body, lambda question: work(name, question), who=who, max_payload=log.client.max_payload
            )

    subscriber = nats.subscriber(
        f"{prefix}.*", title=title, description=description, max_workers=workers, decoder=undecoded
    )
    subscriber(respond_to)


def name_of(message: NatsMessage, prefix: str) -> str:
    """The name of the question: the last token of its subject."""
    return message.raw_message.subject.removeprefix(f"{prefix}.")


async def undecoded(message: StreamMessage[Any]) -> StreamMessage[Any]:
    """A message as it came: it is decoded where it is used, so that a bad one is kept and not thrown away."""
    return message


def _security(access: Access) -> NatsSecurity:
    """Who connects, for FastStream; a secret is read at every connection, as `Access` does."""
    options, context = access.options(), access.tls()
    if credentials := options.get("user_credentials"):
        return NatsCredentials.from_file(credentials, ssl_context=context)
    if seed := options.get("nkeys_seed"):
        return NatsNKey.from_file(seed, ssl_context=context)
    if "user" in options:
        return NatsUserPassword(options["user"], options["password"], ssl_context=context)
    if token := options.get("token"):
        return NatsToken(token, ssl_context=context)
    return NatsSecurity(ssl_context=context)
