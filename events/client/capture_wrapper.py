"""A query to the assistant, captured on its way: the wrapper around `process_query(query, context)`."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeVar

from ..chat import conversation_name
from ..conversations import Conversations
from .history import History

ID = "training_example_id"
"""What the result of a wrapped call carries besides its own."""

Describe = Callable[[Any, Any, Any], Mapping[str, Any]]
"""From query, context and result to keyword arguments of `capture`; `response` must be among them."""

Function = TypeVar("Function", bound=Callable[..., Any])

_ANSWERS = ("response", "answer", "text", "content")
_METADATA = ("skill_used", "tier_handled", "latency_ms", "tokens_in", "tokens_out", "tags", "trace_id")
_NAMES = ("model", "finish_reason")

logger = logging.getLogger("rooflog")


def captured(
    function: Function,
    capture: Callable[..., str],
    conversations: Conversations,
    *,
    source: str,
    describe: Describe | None = None,
) -> Function:
    """The function, its calls captured: see `Rooflog.wrap`."""
    call = _Call(function, capture, conversations, source, describe or described)

    @functools.wraps(function)
    async def later(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.failed(args, kwargs, error, began)
            raise
        return call.answered(args, kwargs, result, began)

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.failed(args, kwargs, error, began)
            raise
        return call.answered(args, kwargs, result, began)

    return later if inspect.iscoroutinefunction(function) else now  # type: ignore[return-value]


def described(_query: Any, context: Any, result: Any) -> dict[str, Any]:
    """What a result says about itself, as keyword arguments of `capture`.

    The answer is the result where that is a text, else its `response`, `answer`, `text` or `content` (a key or an
    attribute). `skill_used`, `tier_handled` or `tier`, `latency_ms`, `tokens_in`, `tokens_out`, `tags`, `trace_id`,
    `model`, `finish_reason` come from the result, and `project` or `project_context` from the context or the result.
    """
    if isinstance(result, str):
        arguments: dict[str, Any] = {"response": result}
    else:
        answers = (_get(result, name) for name in _ANSWERS)
        arguments = {"response": next((answer for answer in answers if isinstance(answer, str)), str(result))}
    arguments |= {name: value for name in _METADATA if (value := _get(result, name)) is not None}
    arguments |= {name: value for name in _NAMES if isinstance(value := _get(result, name), str)}
    if "tier_handled" not in arguments and (tier := _get(result, "tier")) is not None:
        arguments["tier_handled"] = tier
    for holder in (context, result):
        project = _get(holder, "project") or _get(holder, "project_context")
        if isinstance(project, str):
            arguments["project"] = project
            break
    return arguments


class _Call:
    """What is the same for every call of one wrapped function."""

    def __init__(
        self,
        function: Callable[..., Any],
        capture: Callable[..., str],
        conversations: Conversations,
        source: str,
        describe: Describe,
    ) -> None:
        self.signature = inspect.signature(function)
        self.capture = capture
        self.conversations = conversations
        self.source = source
        self.describe = describe

    def answered(self, args: Any, kwargs: Any, result: Any, began: float) -> Any:
        """The result, captured, with the example's id in it where it has room for one."""
        milliseconds = (time.perf_counter() - began) * 1000
        try:
            query, context = self._asked(args, kwargs)
            about = {"source": self.source, "latency_ms": milliseconds} | dict(self.describe(query, context, result))
            return _with_id(result, self._captured(str(query), context, about))
        except Exception:
            logger.exception("rooflog: an answer could not be captured")
            return result

    def _captured(self, query: str, context: Any, about: dict[str, Any]) -> str:
        """Capture an answer as a turn of the conversation that the context tells of."""
        conversation = conversation_name(_get(context, "conversation"))
        history = _history(context, query, about)
        turn = history.turn(conversation, self.conversations) if history else {}
        example_id = self.capture(query, **({"conversation": conversation} | turn | about))
        if history:
            history.keep(example_id, self.conversations)
        return example_id

    def failed(self, args: Any, kwargs: Any, error: BaseException, began: float) -> None:
        """A call that gave no answer: kept, and never trained on."""
        milliseconds = (time.perf_counter() - began) * 1000
        late = isinstance(error, TimeoutError | CancelledError)
        try:
            query, _ = self._asked(args, kwargs)
            self.capture(
                str(query),
                f"{type(error).__name__}: {error}",
                source="timeout" if late else "error",
                latency_ms=milliseconds,
                details={"exception": type(error).__qualname__},
            )
        except Exception:
            logger.exception("rooflog: a failed answer could not be captured")

    def _asked(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        given = self.signature.bind(*args, **kwargs).arguments
        others = [value for name, value in given.items() if name not in ("self", "cls")]
        return given.get("query", others[0] if others else ""), given.get("context")


def _history(context: Any, query: str, about: Mapping[str, Any]) -> History | None:
    """The history in a context; None where there is none, or one that cannot be read."""
    given = (_get(context, name) for name in ("history", "messages"))
    messages = next((value for value in given if isinstance(value, list | tuple)), None)
    try:
        return None if messages is None else History(messages, query, str(about.get("response", "")))
    except Exception:
        logger.exception("rooflog: a history could not be read")
        return None


def _with_id(result: Any, example_id: str) -> Any:
    if isinstance(result, MutableMapping):
        result[ID] = example_id
    elif isinstance(result, Mapping):
        return {**result, ID: example_id}
    elif result is not None and not isinstance(result, str | bytes | int | float | tuple | list):
        try:
            setattr(result, ID, example_id)
        except (AttributeError, TypeError):
            logger.debug("rooflog: a %s has no room for %s", type(result).__name__, ID)
    return result


def _get(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        return holder.get(name)
    return None if isinstance(holder, str) else getattr(holder, name, None)
