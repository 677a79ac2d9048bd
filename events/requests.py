"""Questions to the services and their answers: requests over NATS, one JSON document each way."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from .errors import InputError, NotRunning, RooflogError, TooLarge, Unreachable
from .log.connection import Connection
from .traceparent import current, headers

QUERY = "rooflog.query"
"""The subject prefix of questions to the projector; the last token is the question's name."""

Kind = Literal["wrong", "too_large", "failed"]
"""Why there is no answer: the question is wrong, the answer does not fit into a message, or the service has failed."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """A question: wait until the tables have folded sequence `after`, then answer with `args`."""

    after: int = 0
    args: dict[str, Any] = {}


class Answer(msgspec.Struct):
    """The answer, or why there is none: a sentence in `error`, and its kind."""

    value: Any = None
    error: str | None = None
    kind: Kind | None = None


async def ask(
    connection: Connection,
    subject: str,
    args: dict[str, Any] | None = None,
    *,
    after: int = 0,
    who: str,
    timeout: float,
) -> Any:
    """The answer of the service `who`.

    Raises NotRunning where no such service runs, Unreachable where it is silent, Forbidden, and what `value_of` raises.
    """
    question = msgspec.json.encode(Question(after, args or {}))
    try:
        reply = await connection.request(subject, question, timeout=timeout, headers=headers(current()) or None)
    except NoRespondersError as error:
        raise NotRunning(who) from error
    except (NatsError, TimeoutError) as error:
        raise Unreachable(f"the {who} does not answer: {error or type(error).__name__}") from error
    return value_of(msgspec.json.decode(reply.data, type=Answer))


def value_of(answer: Answer) -> Any:
    """The value of an answer. Raises InputError, TooLarge or RooflogError with the reason why there is none."""
    if answer.error is None:
        return answer.value
    raise _ERRORS.get(answer.kind, RooflogError)(answer.error)


def refusal(error: RooflogError) -> Answer:
    """The answer that raises an error of the same kind where it arrives."""
    return Answer(error=str(error), kind=next(kind for kind, base in _ERRORS.items() if isinstance(error, base)))


_ERRORS: dict[Kind | None, type[RooflogError]] = {"wrong": InputError, "too_large": TooLarge, "failed": RooflogError}
"""What each kind raises where it arrives; the last one holds for every error that is none of the others."""
