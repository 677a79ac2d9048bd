"""LangSmith: exports of its runs, of the feedback on them, and of the examples of its datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from events import calls, chat

from . import messages
from .chats import Chats
from .conventions import Texts
from .format import ACTOR, Left, Part, Record
from .lines import Line
from .messages import decoded
from .moments import moment
from .ratings import name_of
from .reviewed import Reviewed, example_id, first_of, nanoseconds, optional_nanoseconds, required, text_of
from .scores import Opinion
from .spans import tags_of
from .traces import Recorded, named

_OTHERS = ("tool", "retriever", "embedding", "prompt", "parser")
"""Types of runs that hold no question with its answer."""

_BY_PEOPLE = "app"
"""The type of the source of feedback that people gave in LangSmith; `api` is any program's, `model` a judge's."""

_USERS = ("user", "thumb", "human")
"""Parts of the key of feedback that users gave, where its source is not told."""


class LangSmith(Reviewed):
    """A run, a feedback or an example of a dataset a line."""

    name = "langsmith"
    description = 'runs, feedback and dataset examples of LangSmith, {"run_type", "inputs", "outputs"} …'

    @staticmethod
    def recognises(data: dict[str, Any]) -> bool:
        """See `Format.recognises`."""
        return "run_type" in data or _is_feedback(data) or _is_example(data) or _is_many(data)

    def survey(self, line: Line) -> None:
        """See `Format.survey`."""
        if not _is_example(line.data):
            super().survey(line)

    def records(self, line: Line) -> Iterator[Record]:
        """See `Format.records`."""
        if _is_example(line.data):
            return iter([Record(line, line.data)])
        return super().records(line)

    def facts(self, record: Record) -> Iterator[Part]:
        """See `Format.facts`; an example of a dataset is the same as a chat of its words."""
        if not _is_example(record.data):
            yield from super().facts(record)
            return
        data = record.data
        asked, answers = messages.asked_in(data.get("inputs")), messages.answered_in(data.get("outputs"))
        spoken = [_openai(heard) for heard in asked]
        for first in answers[:1]:
            spoken.append(_openai(first.message) | {"reasoning": first.thoughts, "finish_reason": first.finish_reason})
        yield from Chats().facts(msgspec.structs.replace(record, data=data | {"messages": spoken}))
        yield from [Left.OTHER_CHOICE] * len(answers[1:])

    def calls(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Traces.calls`."""
        for run in data["runs"] if _is_many(data) else [data]:
            if not isinstance(run, Mapping) or not _is_feedback(run):
                yield f"run {run.get('id')!r}" if isinstance(run, Mapping) else "a run", run

    def place(self, raw: Any) -> tuple[str, str | None]:
        """See `Reviewed.place`."""
        return required(raw, "id"), text_of(raw, "trace_id")

    def recorded(self, raw: Any) -> Recorded | Left:
        """See `Traces.recorded`."""
        if not isinstance(raw, Mapping):
            raise ValueError(f"a run must be an object, but is {raw!r}")
        kind = str(raw.get("run_type"))
        if kind in _OTHERS:
            return Left.NO_ANSWER
        if kind not in ("llm", "chain"):
            raise ValueError(f"run_type {kind!r} is none that LangSmith has")
        outputs = decoded(raw.get("outputs"))
        texts = Texts(
            asked=messages.asked_in(raw.get("inputs")),
            answers=messages.answered_in(outputs),
            is_outer=kind == "chain",
        )
        if not texts.is_outer and not texts.asked and not texts.answers:
            return Left.UNRECORDED
        about, error = _about(raw), text_of(raw, "error")
        return Recorded(
            example_id=example_id("run", None, required(raw, "id")),
            texts=texts,
            began=nanoseconds(raw.get("start_time"), "start_time"),
            ended=optional_nanoseconds(first_of(raw, "end_time")),
            trace_id=text_of(raw, "trace_id") or required(raw, "id"),
            conversation=named(first_of(about, "thread_id", "session_id", "conversation_id")),
            actor=name_of(about.get("user_id")) or ACTOR,
            model=text_of(about, "ls_model_name", "model_name", "model"),
            tokens_in=raw.get("prompt_tokens"),
            tokens_out=raw.get("completion_tokens"),
            failure=error,
            is_late="timeout" in str(error).lower(),
            tags=tags_of(raw.get("tags")),
            details={name: value for name in ("name", "session_name") if (value := text_of(raw, name))},
            details_of="langsmith",
        )

    def opinion(self, raw: Any) -> Opinion:
        """See `Reviewed.opinion`."""
        return _sum(*raw) if isinstance(raw, tuple) else _opinion(raw)

    def opinions(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """See `Reviewed.opinions`; `feedback_stats` are what is left of the feedback in the line of a run."""
        if _is_feedback(data):
            yield f"feedback {data.get('id')!r}", data
            return
        for run in data["runs"] if _is_many(data) else [data]:
            stats = decoded(run.get("feedback_stats")) if isinstance(run, Mapping) and "run_type" in run else None
            for key, held in stats.items() if isinstance(stats, Mapping) else ():
                if isinstance(held, Mapping) and held.get("n"):
                    yield f"feedback {key!r} of run {run.get('id')!r}", (run, str(key), held)


def _is_feedback(data: Mapping[str, Any]) -> bool:
    return {"run_id", "key"} <= data.keys() and bool({"score", "value", "correction", "feedback_source"} & data.keys())


def _is_example(data: Mapping[str, Any]) -> bool:
    return {"inputs", "outputs"} <= data.keys() and "run_type" not in data


def _is_many(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("runs"), list)


def _about(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a run tells about itself: its metadata, which clients keep in `extra`, and the thread that it is in."""
    extra = decoded(raw.get("extra"))
    extra = extra if isinstance(extra, Mapping) else {}
    about: dict[str, Any] = {}
    for held in (extra.get("invocation_params"), extra.get("metadata"), decoded(raw.get("metadata"))):
        about |= held if isinstance(held, Mapping) else {}
    return about | ({"thread_id": raw["thread_id"]} if raw.get("thread_id") else {})


def _opinion(data: Mapping[str, Any]) -> Opinion:
    source, correction = decoded(data.get("feedback_source")), decoded(data.get("correction"))
    answers = messages.answered_in(correction)
    corrected = answers[0].message.text if answers else calls.as_text(correction) if correction else None
    key = required(data, "key")
    score, at = data.get("score"), first_of(data, "modified_at", "created_at")
    return Opinion(
        opinion_id=f"langsmith\0{text_of(data, 'id') or required(data, 'run_id') + key}",
        key=required(data, "run_id"),
        trace_id=text_of(data, "trace_id"),
        name=key,
        value=data.get("value") if score is None else score,
        at=None if at is None else moment(at, "created_at"),
        is_human=_is_human(key, [source]),
        comment=text_of(data, "comment"),
        by=text_of(source, "user_id", "ls_user_id") if isinstance(source, Mapping) else None,
        correction=corrected,
    )


def _sum(run: Mapping[str, Any], key: str, held: Mapping[str, Any]) -> Opinion:
    sources, comments = held.get("sources"), held.get("comments")
    values = held.get("values")
    only = next(iter(values)) if isinstance(values, Mapping) and len(values) == 1 else None
    average, at = held.get("avg"), first_of(run, "end_time", "start_time")
    return Opinion(
        opinion_id=f"langsmith\0{required(run, 'id')}\0{key}",
        key=required(run, "id"),
        trace_id=text_of(run, "trace_id"),
        name=key,
        value=only if average is None else average,
        at=None if at is None else moment(at, "end_time"),
        is_human=_is_human(key, sources if isinstance(sources, list) else []),
        comment=next((text for text in comments if isinstance(text, str) and text), None)
        if isinstance(comments, list)
        else None,
    )


def _is_human(key: str, sources: list[Any]) -> bool:
    held = [decoded(source) for source in sources]
    types = {str(each.get("type")) for each in held if isinstance(each, Mapping)}
    return types == {_BY_PEOPLE} if types else any(part in key.lower() for part in _USERS)


def _openai(heard: chat.Utterance) -> dict[str, Any]:
    """A message in OpenAI's format."""
    message: dict[str, Any] = {"role": heard.role, "content": heard.text}
    if heard.calls:
        message["tool_calls"] = [
            {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
            for key, name, arguments in heard.calls
        ]
    if heard.results:
        message["tool_call_id"] = heard.results[0][0]
    return message
