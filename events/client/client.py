"""The client: what an assistant calls, from threads and from coroutines alike.

Every call makes a fact, puts it into the outbox and returns; nothing of it waits for the log. `with` and `async with`,
`flush` and `aflush`, `close` and `aclose` are the same, for the two kinds of callers.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, Unpack, overload

import msgspec

from .. import calls
from ..calls import Common, Modifications, Turn
from ..conversations import Conversations
from ..errors import InvalidFact, OldServer
from ..facts import ExampleCaptured
from ..log.access import Access
from ..log.log import Log
from ..requests import QUERY
from ..subjects import new_event_id
from . import capture_wrapper, metrics
from .delivery import FLUSH_SECONDS, Delivery, Stats
from .outbox import MAX_BYTES, Outbox

logger = logging.getLogger("rooflog")

P = ParamSpec("P")
T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])


class FeedbackReceived(msgspec.Struct, frozen=True):
    """What comes back from feedback; `request_correction` says: ask the user what the answer should have been."""

    example_id: str
    event_id: str
    feedback: str
    request_correction: bool


class Rooflog:
    """One process's way to the log; open one and share it between threads and event loops.

    Whatever happens to the log's server reaches no caller: facts wait in the outbox, on disk. A value that breaks a
    fact's own rules, such as an id with a dot, is a mistake in the calling code. It raises InvalidFact at once.
    """

    def __init__(
        self,
        url: str | Access | None = None,
        *,
        actor: str | None = None,
        outbox: str | Path | None = None,
        user: str | None = None,
        password: str | None = None,
        secret: str | Path | None = None,
        creds: str | Path | None = None,
        nkey: str | Path | None = None,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        max_bytes: int = MAX_BYTES,
        sync_seconds: float | None = None,
    ) -> None:
        """Open the outbox and begin to publish, first what processes that are gone have left there.

        `url` may be several addresses, divided by commas, or an `Access`. `secret` is a file that `rooflog secrets`
        made, `creds` one of NATS, `nkey` that of a seed; `ca`, `cert` and `key` are files for TLS. What is not given
        comes from ROOFLOG_NATS_URL, ROOFLOG_NATS_SECRET and so on, ROOFLOG_ACTOR and ROOFLOG_OUTBOX_DIR. `max_bytes`
        bounds the outbox directory. Facts survive the death of the process as they are; with `sync_seconds` they are
        also synced to this machine's disk that often. Raises OutboxError where the directory cannot be used, and
        InputError for a file that cannot be read.
        """
        files = {"secret": secret, "creds": creds, "nkey": nkey, "ca": ca, "cert": cert, "key": key}
        given = {"user": user, "password": password} | {name: str(path) for name, path in files.items() if path}
        self._access = url if isinstance(url, Access) else Access.from_environment(url, given)
        self._access.options()
        self.actor = actor or os.environ.get("ROOFLOG_ACTOR") or "assistant"
        box = Outbox(Path(outbox or _default_outbox()).expanduser().absolute(), max_bytes=max_bytes)
        self._conversations = Conversations()
        self._delivery = Delivery(box, self._connect, sync_seconds=sync_seconds)

    def capture(
        self,
        prompt: str,
        response: str,
        *,
        source: str = "chat_interaction",
        skill_used: str | None = None,
        tier_handled: str | None = None,
        latency_ms: float | None = None,
        tokens_in: int | None = None,
        tokens_out: int | None = None,
        tags: Iterable[str] = (),
        project: str = "general",
        details: Mapping[str, Any] | None = None,
        include_in_training: bool = True,
        actor: str | None = None,
        at: datetime | None = None,
        example_id: str | None = None,
        trace_id: str | None = None,
        **turn: Unpack[Turn],
    ) -> str:
        """An interaction took place. Returns its example id at once. The latency is in milliseconds.

        `turn` are `conversation`, `follows`, `system`, `tools`, `attachments`, `finish_reason` and `model`. A turn that
        names its conversation follows the last one of it that this client has said, unless it says otherwise.

        A full outbox drops the capture, counts it in `stats().dropped` and logs an error. An answer to a user never
        fails because of it. Raises InvalidFact.
        """
        return self._captured(
            calls.capture,
            prompt,
            response,
            actor=actor or self.actor,
            source=source,
            skill_used=skill_used,
            tier_handled=tier_handled,
            latency_ms=latency_ms,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tags=tags,
            project=project,
            details=details,
            include_in_training=include_in_training,
            at=at,
            example_id=example_id,
            trace_id=trace_id,
            **turn,
        )

    def document(
        self,
        document_type: str,
        prompt: str,
        text: str,
        *,
        was_used: bool = False,
        modifications: Modifications = "none",
        source: str | None = None,
        tags: Iterable[str] = (),
        project: str = "general",
        details: Mapping[str, Any] | None = None,
        actor: str | None = None,
        **common: Unpack[Common],
    ) -> str:
        """A document (rfi, submittal, …) was generated for real use; its example id. Like `capture` otherwise."""
        return self._captured(
            calls.document,
            document_type,
            prompt,
            text,
            actor=actor or self.actor,
            was_used=was_used,
            modifications=modifications,
            source=source,
            tags=tags,
            project=project,
            details=details,
            **common,
        )

    def calculation(
        self,
        description: str,
        inputs: Mapping[str, Any],
        formula: str,
        result: str | float,
        *,
        explanation: str = "",
        tags: Iterable[str] = (),
        project: str = "general",
        actor: str | None = None,
        **common: Unpack[Common],
    ) -> str:
        """A verified calculation; its example id. Like `capture` otherwise."""
        return self._captured(
            calls.calculation,
            description,
            inputs,
            formula,
            result,
            actor=actor or self.actor,
            explanation=explanation,
            tags=tags,
            project=project,
            **common,
        )

    def spec_interpretation(
        self,
        section: str,
        question: str,
        interpretation: str,
        *,
        quote: str | None = None,
        tags: Iterable[str] = (),
        project: str = "general",
        actor: str | None = None,
        **common: Unpack[Common],
    ) -> str:
        """What a specification section means; its example id. Like `capture` otherwise."""
        return self._captured(
            calls.spec_interpretation,
            section,
            question,
            interpretation,
            actor=actor or self.actor,
            quote=quote,
            tags=tags,
            project=project,
            **common,
        )

    def detail_decision(
        self,
        condition: str,
        decision: str,
        reasoning: str,
        project: str,
        *,
        tags: Iterable[str] = (),
        actor: str | None = None,
        **common: Unpack[Common],
    ) -> str:
        """How a condition was detailed on shop drawings, and why; its example id. Like `capture` otherwise."""
        return self._captured(
            calls.detail_decision,
            condition,
            decision,
            reasoning,
            project,
            actor=actor or self.actor,
            tags=tags,
            **common,
        )

    def project_knowledge(
        self,
        project: str,
        *,
        spec_sections: Iterable[tuple[str, str]] = (),
        key_details: Iterable[tuple[str, str, str]] = (),
        lessons_learned: Iterable[tuple[str, str]] = (),
        actor: str | None = None,
        at: datetime | None = None,
        trace_id: str | None = None,
    ) -> list[str]:
        """A finished project's knowledge, one example each; their ids. Like `capture` otherwise.

        Sections are (number, summary), details (condition, solution, type), lessons (topic, lesson).
        """
        facts = _made(
            calls.project_knowledge,
            project,
            actor=actor or self.actor,
            spec_sections=spec_sections,
            key_details=key_details,
            lessons_learned=lessons_learned,
            at=at,
            trace_id=trace_id,
        )
        for fact in facts:
            self._delivery.say_or_drop(fact)
        return [fact.example_id for fact in facts]

    def feedback(
        self,
        example_id: str,
        feedback: Literal["positive", "negative"],
        *,
        comment: str | None = None,
        actor: str | None = None,
        at: datetime | None = None,
        event_id: str | None = None,
        trace_id: str | None = None,
    ) -> FeedbackReceived:
        """Thumbs up or down. A thumbs down answers `request_correction`: ask the user what would have been right.

        A person did this on purpose, so nothing drops it in silence. Raises OutboxFull or InvalidFact.
        """
        fact = _made(
            calls.feedback,
            example_id,
            feedback,
            actor=actor or self.actor,
            comment=comment,
            at=at,
            event_id=event_id,
            trace_id=trace_id,
        )
        self._delivery.say(fact)
        return FeedbackReceived(fact.example_id, fact.event_id, fact.feedback, fact.feedback == "negative")

    def correct(
        self,
        original_prompt: str,
        original_response: str,
        corrected_response: str,
        *,
        reason: str | None = None,
        corrector: str | None = None,
        example_id: str | None = None,
        tags: Iterable[str] = (),
        project: str = "general",
        actor: str | None = None,
        at: datetime | None = None,
        correction_id: str | None = None,
        trace_id: str | None = None,
    ) -> str:
        """The answer should have been this; the correction's id, which is an example of its own.

        Give `example_id` where the corrected answer was captured. Raises OutboxFull, as `feedback`, or InvalidFact.
        """
        fact = _made(
            calls.correction,
            original_prompt,
            original_response,
            corrected_response,
            actor=actor or corrector or self.actor,
            reason=reason,
            corrector=corrector,
            example_id=example_id,
            tags=tags,
            project=project,
            at=at,
            correction_id=correction_id,
            trace_id=trace_id,
        )
        self._delivery.say(fact)
        return fact.event_id

    @overload
    def wrap(
        self, process_query: Function, *, source: str = ..., describe: capture_wrapper.Describe | None = ...
    ) -> Function: ...

    @overload
    def wrap(
        self, *, source: str = ..., describe: capture_wrapper.Describe | None = ...
    ) -> Callable[[Function], Function]: ...

    def wrap(
        self,
        process_query: Function | None = None,
        *,
        source: str = "production_query",
        describe: capture_wrapper.Describe | None = None,
    ) -> Any:
        """Capture every call of the assistant's `process_query(query, context)`, a function or a coroutine function.

        Use it as a decorator or as `process_query = rooflog.wrap(process_query)`. The result gets
        `training_example_id`. `describe(query, context, result)` returns the keyword arguments of `capture`; without
        it they are read as `capture_wrapper.described` says. The turn's place in its conversation comes from the
        context, as `history.turn` says. A failed call is captured with the source `error` or
        `timeout`, and raises its exception. No error of capturing reaches the caller.
        """

        def decorate(function: Function) -> Function:
            return capture_wrapper.captured(
                function, self.capture, self._conversations, source=source, describe=describe
            )

        return decorate if process_query is None else decorate(process_query)

    def stats(self) -> Stats:
        """How things stand between this process and the log, without asking anybody."""
        return self._delivery.stats()

    def metrics(self) -> str:
        """The figures of `stats` in the text format of Prometheus, to be appended to the application's own."""
        return metrics.exposition(self.stats())

    def training_stats(self, timeout: float = 2.0) -> dict[str, Any]:
        """The projector's statistics: funnel, sources, relevance, tags. Waits. Raises Unreachable or RooflogError."""
        answer: dict[str, Any] = self._ask("stats", timeout).result()
        return answer

    async def atraining_stats(self, timeout: float = 2.0) -> dict[str, Any]:
        """`training_stats` for coroutines."""
        answer: dict[str, Any] = await asyncio.wrap_future(self._ask("stats", timeout))
        return answer

    def flush(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """Wait until every fact of earlier calls is on the log, and tell whether it is.

        False: a fact still waits in the outbox, or was dropped or set aside since the last flush. `stats` counts them.
        """
        return self._delivery.flush(timeout)

    async def aflush(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """`flush` for coroutines."""
        return await self._delivery.aflush(timeout)

    def close(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """Flush and stop publishing. The answer is that of `flush`. The next process publishes what still waits."""
        return self._delivery.close(timeout)

    async def aclose(self, timeout: float | None = FLUSH_SECONDS) -> bool:
        """`close` for coroutines."""
        return await self._delivery.aclose(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def _captured(self, call: Callable[P, ExampleCaptured], *args: P.args, **kwargs: P.kwargs) -> str:
        (fact,) = self._conversations.linked([_made(call, *args, **kwargs)])
        try:
            self._delivery.say_or_drop(fact)
        except InvalidFact:
            # The turn took place: the next one follows what the log does not hold, and not what came before it.
            self._conversations.remember([msgspec.structs.replace(fact, example_id=new_event_id())])
            raise
        self._conversations.remember([fact])
        return fact.example_id

    def _ask(self, question: str, timeout: float) -> Future[Any]:
        return self._delivery.ask(f"{QUERY}.{question}", "projector", timeout)

    async def _connect(self) -> Log:
        log = await Log.connect(self._access, name="rooflog-client", may_read=False)
        try:
            log.require_version()
        except OldServer as error:  # it takes facts all the same: none waits here because of that
            logger.warning("rooflog: %s", error)
        return log


def _default_outbox() -> str:
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return os.environ.get("ROOFLOG_OUTBOX_DIR") or f"{state}/rooflog/outbox"


def _made(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The fact of a call; raises InvalidFact where the arguments have types of which no fact can be made."""
    try:
        return call(*args, **kwargs)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidFact("invalid", f"{call.__name__}: {error}") from error
