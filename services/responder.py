"""What the services that answer over NATS share: the broker, and the loop from a request to its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from faststream.message import StreamMessage
from faststream.nats import NatsBroker, NatsMessage, NatsUserPassword
from faststream.nats.security import NatsCredentials, NatsNKey, NatsSecurity, NatsToken

from events.log.access import Access
from events.log.log import Log
from events.requests import Question

from .state.protocol import answered

WORKERS = 4
"""Questions answered at a time."""

Work = Callable[[str, Question], Awaitable[Any]]
"""Takes the name of a question and the question; its value is the answer, its RooflogError the reason for none."""


def broker(access: Access, who: str) -> NatsBroker:
    """The connection of the service `who`; it comes back after every interruption."""
    return NatsBroker(
        access.addresses,
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
    nats: NatsBroker, log: Log, prefix: str, work: Work, *, who: str, title: str, description: str, workers: int = 1
) -> None:
    """Answer the questions below a prefix, so many at a time; title and description are those of the AsyncAPI."""

    async def respond_to(message: NatsMessage) -> bytes:
        name = name_of(message, prefix)
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
