"""The facts of the client's calls: one pure function per call, for the client and the gateway alike.

Every function takes `actor`, who makes the call. `at` and the fact's id replace the clock and a random id. Nothing is
published here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, Unpack

import msgspec

from .attachments import attachment
from .facts import Attachment, CorrectionRecorded, Document, ExampleCaptured, FeedbackGiven, Metadata, ToolTurn
from .subjects import new_event_id, new_example_id
from .tags import distinct

Modifications = Literal["none", "minor", "major"]


class Turn(TypedDict, total=False):
    """What an example may say of its place in a conversation, and of what came with it, as in `capture`."""

    conversation: str | None
    follows: str | None
    system: str | None
    tools: Iterable[ToolTurn | Mapping[str, Any]]
    attachments: Iterable[Attachment | Mapping[str, Any]]
    finish_reason: str | None
    model: str | None


class Common(Turn, total=False):
    """What every kind of example may carry, as in `capture`."""

    skill_used: str | None
    tier_handled: str | None
    latency_ms: float | None
    tokens_in: int | None
    tokens_out: int | None
    include_in_training: bool
    at: datetime | None
    example_id: str | None
    trace_id: str | None


def capture(
    prompt: str,
    response: str,
    *,
    actor: str,
    source: str = "chat_interaction",
    skill_used: str | None = None,
    tier_handled: str | None = None,
    latency_ms: float | None = None,
    tokens_in: int | None = None,
    tokens_out: int | None = None,
    tags: Iterable[str] = (),
    project: str = "general",
    details: Mapping[str, Any] | None = None,
    document: Document | None = None,
    include_in_training: bool = True,
    conversation: str | None = None,
    follows: str | None = None,
    system: str | None = None,
    tools: Iterable[ToolTurn | Mapping[str, Any]] = (),
    attachments: Iterable[Attachment | Mapping[str, Any]] = (),
    finish_reason: str | None = None,
    model: str | None = None,
    at: datetime | None = None,
    example_id: str | None = None,
    trace_id: str | None = None,
) -> ExampleCaptured:
    """An interaction took place; latency in milliseconds.

    `conversation` is the caller's own id of it, and `follows` the example of the turn before. A tool is
    `{"name", "arguments", "result"}`, its arguments and result a text or what becomes JSON. An attachment is
    `{"kind", "name", "address", "digest"}`; of a `data:` address only the digest of its bytes is kept.
    """
    at = at or datetime.now(UTC)
    example_id = example_id or new_example_id(at, "doc" if document else "train")
    return ExampleCaptured(
        event_id=example_id,
        occurred_at=at,
        actor=actor,
        trace_id=trace_id,
        example_id=example_id,
        prompt=prompt,
        response=response,
        source=source,
        metadata=Metadata(
            skill_used=skill_used,
            tier_handled=tier_handled,
            latency_ms=latency_ms,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        ),
        tags=distinct(tags),
        project_context=project,
        document=document,
        details=dict(details or {}),
        include_in_training=include_in_training,
        conversation=conversation,
        follows=follows,
        system=system,
        tools=tuple(map(_tool, tools)),
        attachments=tuple(map(_attachment, attachments)),
        finish_reason=finish_reason,
        model=model,
    )


def feedback(
    example_id: str,
    feedback: Literal["positive", "negative"],
    *,
    actor: str,
    comment: str | None = None,
    at: datetime | None = None,
    event_id: str | None = None,
    trace_id: str | None = None,
) -> FeedbackGiven:
    """Thumbs up or down on an example."""
    return FeedbackGiven(
        event_id=event_id or new_event_id(),
        occurred_at=at or datetime.now(UTC),
        actor=actor,
        trace_id=trace_id,
        example_id=example_id,
        feedback=feedback,
        comment=comment,
    )


def correction(
    original_prompt: str,
    original_response: str,
    corrected_response: str,
    *,
    actor: str,
    corrected_prompt: str | None = None,
    reason: str | None = None,
    corrector: str | None = None,
    example_id: str | None = None,
    tags: Iterable[str] = (),
    project: str = "general",
    at: datetime | None = None,
    correction_id: str | None = None,
    trace_id: str | None = None,
) -> CorrectionRecorded:
    """The answer should have been this; `corrector` is who knew, the actor unless given."""
    at = at or datetime.now(UTC)
    return CorrectionRecorded(
        event_id=correction_id or new_example_id(at, "correction"),
        occurred_at=at,
        actor=actor,
        trace_id=trace_id,
        example_id=example_id,
        original_prompt=original_prompt,
        original_response=original_response,
        corrected_response=corrected_response,
        corrected_prompt=corrected_prompt,
        reason=reason,
        corrector=corrector or actor,
        tags=distinct(tags),
        project_context=project,
    )


def document(
    document_type: str,
    prompt: str,
    text: str,
    *,
    actor: str,
    was_used: bool = False,
    modifications: Modifications = "none",
    source: str | None = None,
    tags: Iterable[str] = (),
    project: str = "general",
    details: Mapping[str, Any] | None = None,
    **common: Unpack[Common],
) -> ExampleCaptured:
    """A document was generated for real use; its source is `<type>_generation` unless given."""
    made = Document(document_type=document_type, was_used=was_used, modifications_made=modifications)
    source = source or f"{document_type}_generation"
    return capture(
        prompt, text, actor=actor, source=source, document=made, tags=tags, project=project, details=details, **common
    )


def calculation(
    description: str,
    inputs: Mapping[str, Any],
    formula: str,
    result: str | float,
    *,
    actor: str,
    explanation: str = "",
    tags: Iterable[str] = (),
    project: str = "general",
    **common: Unpack[Common],
) -> ExampleCaptured:
    """A verified calculation: asked as "Calculate …", answered by explanation, formula and result."""
    given = "\n".join(f"- {name}: {value}" for name, value in inputs.items())
    prompt = f"Calculate {_uncapitalised(description)}" + (f"\n\nGiven:\n{given}" if given else "")
    answer = [explanation] if explanation else []
    answer += [f"Formula: {formula}", f"Result: {result}"]
    details = {"description": description, "inputs": dict(inputs), "formula": formula, "result": result}
    return capture(
        prompt,
        "\n\n".join(answer),
        actor=actor,
        source="verified_calculation",
        tags=distinct(tags, "calculation"),
        project=project,
        details={"calculation": details | {"explanation": explanation}},
        **common,
    )


def spec_interpretation(
    section: str,
    question: str,
    interpretation: str,
    *,
    actor: str,
    quote: str | None = None,
    tags: Iterable[str] = (),
    project: str = "general",
    **common: Unpack[Common],
) -> ExampleCaptured:
    """What a specification section means; a quote from it is appended as the reference."""
    reference = f"\n\nSpec reference ({section}): {quote}" if quote else ""
    spec = {"section": section, "question": question, "interpretation": interpretation, "quote": quote}
    return capture(
        f"Spec section {section}: {question}",
        interpretation + reference,
        actor=actor,
        source="spec_interpretation",
        tags=distinct(tags, "specs", section_tag(section)),
        project=project,
        details={"spec": spec},
        **common,
    )


def detail_decision(
    condition: str,
    decision: str,
    reasoning: str,
    project: str,
    *,
    actor: str,
    tags: Iterable[str] = (),
    **common: Unpack[Common],
) -> ExampleCaptured:
    """How a condition was detailed on shop drawings, and why."""
    return capture(
        f"How should we detail {_named(condition)}?",
        f"{decision}\n\nReasoning: {reasoning}",
        actor=actor,
        source="detail_decision",
        tags=distinct(tags, "details", "shop-drawings"),
        project=project,
        details={"detail": {"condition": condition, "decision": decision, "reasoning": reasoning}},
        **common,
    )


def project_knowledge(
    project: str,
    *,
    actor: str,
    spec_sections: Iterable[tuple[str, str]] = (),
    key_details: Iterable[tuple[str, str, str]] = (),
    lessons_learned: Iterable[tuple[str, str]] = (),
    at: datetime | None = None,
    example_ids: Iterable[str] | None = None,
    trace_id: str | None = None,
) -> list[ExampleCaptured]:
    """A finished project's knowledge, one example each.

    Sections are (number, summary), details (condition, solution, type), lessons (topic, lesson). `example_ids`, where
    the caller chooses them, are taken in that order, as many as there are examples.
    """
    examples: list[tuple[str, str, tuple[str, ...], dict[str, str]]] = []
    for number, summary in spec_sections:
        prompt = f"What does spec section {number} require on {project}?"
        examples.append((prompt, summary, ("specs", section_tag(number)), {"section": number, "summary": summary}))
    for condition, solution, kind in key_details:
        prompt = f"How was {_named(condition)} detailed on {project}?"
        detail = {"condition": condition, "solution": solution, "type": kind}
        examples.append((prompt, solution, ("details", *filter(None, [_tag(kind)])), detail))
    for topic, lesson in lessons_learned:
        prompt = f"What did we learn about {_named(topic)} on {project}?"
        examples.append((prompt, lesson, ("lessons-learned",), {"topic": topic, "lesson": lesson}))
    ids = [None] * len(examples) if example_ids is None else list(example_ids)
    return [
        capture(
            prompt,
            answer,
            actor=actor,
            source="project_knowledge",
            tags=tags,
            project=project,
            details={"knowledge": detail},
            at=at,
            example_id=example_id,
            trace_id=trace_id,
        )
        for (prompt, answer, tags, detail), example_id in zip(examples, ids, strict=True)
    ]


def _tool(given: ToolTurn | Mapping[str, Any]) -> ToolTurn:
    return given if isinstance(given, ToolTurn) else tool(**given)


def tool(name: str, arguments: Any = "", result: Any = None) -> ToolTurn:
    """A call of a tool; arguments and result are texts, or what becomes JSON."""
    return ToolTurn(name=name, arguments=as_text(arguments), result=None if result is None else as_text(result))


def as_text(value: Any) -> str:
    """A text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def _attachment(given: Attachment | Mapping[str, Any]) -> Attachment:
    fields = msgspec.structs.asdict(given) if isinstance(given, Attachment) else given
    return attachment(**fields)


def section_tag(section: str) -> str:
    """The tag of a specification section: `07 54 00` is `07-54-00`."""
    return _tag(section)


def _tag(text: str) -> str:
    """A text as a tag: lower-case words joined by hyphens."""
    return "-".join(text.lower().replace("/", " ").replace("-", " ").split())


def _named(thing: str) -> str:
    """A thing as it is named inside a question."""
    return _uncapitalised(thing).rstrip(" ?.")


def _uncapitalised(text: str) -> str:
    """A text as it goes on inside a sentence: an initial capital is lowered, an abbreviation such as TPO stays."""
    text = text.strip()
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
