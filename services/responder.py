"""What the services that answer over NATS share: the broker, and the loop from a request to its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from faststream.message import StreamMessage
from faststream.nats import NatsBroker, NatsMessage, NatsUserPassword
from faststream.nats.security import NatsCredentials, NatsNKey, NatsSecurity

from events.log.access import Access
from events.log.log import Log
from events.requests import Question

from .metrics import histogram
from .state.protocol import answered

WORKERS = 4
"""Questions answered at a time."""

SECONDS = histogram("rooflog_question_seconds", (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60))

UNKNOWN = "unknown"
"""The label of a question that there is not: callers choose its name."""

Work = Callable[[str, Question], Awaitable[Any]]
"""Takes the name of a question and the question; its value is the answer, its RooflogError the reason for none."""


def broker(access: Access, who: str) -> NatsBroker:
    """The connection of the service `who`; it comes back after every interruption."""
    return NatsBroker(
        list(access.servers),
        security=_security(access),
        inbox_prefix=access.inbox,
        name=f"rooflog-{who}",
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        apply_types=False,
        logger=None,
    )


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
        with SECONDS.labels(name if name in names else UNKNOWN).time():
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
    return NatsSecurity(ssl_context=context)
