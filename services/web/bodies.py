"""Bodies: what a request may say, and the facts it becomes; `events.calls` has the words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from events import calls
from events.facts import Amount, Attachment, ContextKey, Count, ExampleCaptured, Timestamp
from events.limits import LIMITS

from ..curation.decisions import BULK

MANY = 500
"""Items in one batch at most."""

AN_ID = "[A-Za-z0-9_-]{1,128}"
"""What an id is made of in an address or a body, as a regular expression."""

Id = Annotated[str, Meta(pattern=f"^{AN_ID}$", examples=["train_20250318_143000_1a2b3c4d5e6f7081"])]
Text = Annotated[str, Meta(max_length=LIMITS["text"].most)]
Name = Annotated[str, Meta(min_length=1, max_length=LIMITS["name"].most)]
Short = Annotated[str, Meta(min_length=1, max_length=1_000)]
Source = Annotated[str, Meta(min_length=1, max_length=100)]
Tag = Annotated[str, Meta(min_length=1, max_length=LIMITS["tag"].most)]
Tags = Annotated[list[Tag], Meta(max_length=LIMITS["tags"].most)]


Reason = Annotated[str, Meta(min_length=1, max_length=100_000)]


class Tool(Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool, and what it answered; what is no text becomes JSON."""

    name: Annotated[str, Meta(max_length=LIMITS["name"].most)]
    arguments: Any = ""
    result: Any = None


class Common(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every kind of example may carry; latency in milliseconds, `occurred_at` is now unless given.

    `conversation` is the caller's own id of it. A turn that names it follows the last one that the caller has said of
    it, unless it says what it `follows`. Of an attachment whose address is a `data:` URL only the digest is kept.
    """

    skill_used: str | None = None
    tier_handled: str | None = None
    latency_ms: Amount | None = None
    tokens_in: Count | None = None
    tokens_out: Count | None = None
    tags: Tags = []
    include_in_training: bool = True
    conversation: Annotated[str, Meta(min_length=1, max_length=LIMITS["name"].most)] | None = None
    follows: Id | None = None
    system: Text | None = None
    tools: Annotated[list[Tool], Meta(max_length=LIMITS["tags"].most)] = []
    attachments: Annotated[list[Attachment], Meta(max_length=LIMITS["tags"].most)] = []
    finish_reason: str | None = None
    model: str | None = None
    at: Timestamp | None = field(default=None, name="occurred_at")
    trace_id: Short | None = None

    def arguments(self) -> dict[str, Any]:
        """The fields as `events.calls` takes them."""
        return msgspec.structs.asdict(self) | {"tools": [msgspec.structs.asdict(tool) for tool in self.tools]}


class Capture(Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An interaction took place."""

    prompt: Text
    response: Text
    source: Source = "chat_interaction"
    project: Short = "general"
    details: dict[str, Any] = {}

    def fact(self, actor: str, example_id: str | None) -> ExampleCaptured:
        """The fact that it becomes."""
        return calls.capture(actor=actor, example_id=example_id, **self.arguments())


class Document(Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document was generated for real use."""

    document_type: Annotated[str, Meta(min_length=1, max_length=80, examples=["rfi", "submittal"])]
    prompt: Text
    text: Text
    was_used: bool = False
    modifications: Literal["none", "minor", "major"] = "none"
    source: Source | None = None
    project: Short = "general"

    def fact(self, actor: str, example_id: str | None) -> ExampleCaptured:
        """The fact that it becomes."""
        return calls.document(actor=actor, example_id=example_id, **self.arguments())


class Calculation(Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verified calculation."""

    description: Text
    inputs: dict[str, Any] = {}
    formula: Text
    result: Annotated[str | int | float, Meta(description="A number or a text with its unit.")]
    explanation: Text = ""
    project: Short = "general"

    def fact(self, actor: str, example_id: str | None) -> ExampleCaptured:
        """The fact that it becomes."""
        return calls.calculation(actor=actor, example_id=example_id, **self.arguments())


class SpecInterpretation(Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a specification section means."""

    section: Annotated[str, Meta(min_length=1, max_length=100, examples=["07 54 00"])]
    question: Text
    interpretation: Text
    quote: Text | None = None
    project: Short = "general"

    def fact(self, actor: str, example_id: str | None) -> ExampleCaptured:
        """The fact that it becomes."""
        return calls.spec_interpretation(actor=actor, example_id=example_id, **self.arguments())


class DetailDecision(Common, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a condition was detailed on shop drawings, and why."""

    condition: Text
    decision: Text
    reasoning: Text
    project: Short

    def fact(self, actor: str, example_id: str | None) -> ExampleCaptured:
        """The fact that it becomes."""
        return calls.detail_decision(actor=actor, example_id=example_id, **self.arguments())


class SpecSection(Struct, frozen=True, forbid_unknown_fields=True):
    """A section of a project's specification."""

    number: Short
    summary: Text


class KeyDetail(Struct, frozen=True, forbid_unknown_fields=True):
    """How a condition was solved."""

    condition: Text
    solution: Text
    type: Annotated[str, Meta(max_length=100)] = ""


class Lesson(Struct, frozen=True, forbid_unknown_fields=True):
    """What was learned."""

    topic: Text
    lesson: Text


class ProjectKnowledge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a finished project has taught; each entry becomes an example."""

    project: Short
    spec_sections: Annotated[list[SpecSection], Meta(max_length=MANY)] = []
    key_details: Annotated[list[KeyDetail], Meta(max_length=MANY)] = []
    lessons_learned: Annotated[list[Lesson], Meta(max_length=MANY)] = []
    at: Timestamp | None = field(default=None, name="occurred_at")
    trace_id: Short | None = None

    @property
    def count(self) -> int:
        """How many examples it becomes."""
        return len(self.spec_sections) + len(self.key_details) + len(self.lessons_learned)

    def facts(self, actor: str, example_ids: list[str] | None) -> list[ExampleCaptured]:
        """The facts that it becomes."""
        return calls.project_knowledge(
            self.project,
            actor=actor,
            spec_sections=[(entry.number, entry.summary) for entry in self.spec_sections],
            key_details=[(entry.condition, entry.solution, entry.type) for entry in self.key_details],
            lessons_learned=[(entry.topic, entry.lesson) for entry in self.lessons_learned],
            at=self.at,
            example_ids=example_ids,
            trace_id=self.trace_id,
        )


class Feedback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thumbs up or down."""

    feedback: Literal["positive", "negative"]
    comment: Text | None = None
    at: Timestamp | None = field(default=None, name="occurred_at")
    trace_id: Short | None = None


class Correction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an answer should have been: of an example by its id, or of a prompt and answer told here."""

    corrected_response: Text
    example_id: Id | None = None
    original_prompt: Text | None = None
    original_response: Text | None = None
    reason: Text | None = None
    corrector: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    tags: Tags | None = None
    project: Short | None = None
    at: Timestamp | None = field(default=None, name="occurred_at")
    trace_id: Short | None = None


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """Many interactions in one request."""

    items: Annotated[list[Capture], Meta(min_length=1, max_length=MANY)]


class Approval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This example is to be trained on; `revision` and the `context` of a turn are those that were looked at."""

    revision: Count
    context: ContextKey | None = None
    reason: Text | None = None


class Rejection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This example is not to be trained on."""

    revision: Count
    reason: Reason


class Edit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A better answer, a better question or both, approved at once."""

    revision: Count
    response: Annotated[str, Meta(min_length=1, max_length=4_000_000)] | None = None
    prompt: Annotated[str, Meta(min_length=1, max_length=4_000_000)] | None = None
    reason: Text | None = None
    proposed_by: Name | None = None


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something about an example that others are to read."""

    note: Annotated[str, Meta(min_length=1, max_length=LIMITS["comment"].most, examples=["is that so, @ben?"])]


Field = Annotated[str, Meta(min_length=1, max_length=LIMITS["data"].most, examples=["response", "details.2"])]


class ChosenSpan(Struct, frozen=True, forbid_unknown_fields=True):
    """Code points `start` to `end` of a text of the example; `name` such as `address` becomes [ADDRESS]."""

    field: Field
    start: Count
    end: Count
    name: Annotated[str, Meta(min_length=1, max_length=60)] = "name"


class Redaction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is replaced: `spans`, or whole `texts` by their field, or else what the rules find.

    Of `prompt`, `response` and `original_response` those that are not given are redacted by the rules.
    """

    revision: Count
    prompt: Text | None = None
    response: Text | None = None
    original_response: Text | None = None
    spans: Annotated[list[ChosenSpan], Meta(max_length=MANY)] = []
    texts: dict[Field, Text] = {}


class Description(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tags that the example has more or fewer, its project, and whether to train on it; the rest stays.

    Removed tags are named as the example has them.
    """

    revision: Count
    added_tags: Tags = []
    removed_tags: Annotated[list[str], Meta(max_length=LIMITS["tags"].most)] = []
    project: Short | None = None
    include_in_training: bool | None = None
    reason: Text | None = None


class Seen(Struct, frozen=True, forbid_unknown_fields=True):
    """An example as it was seen in the preview."""

    example_id: Id
    revision: Count
    context: ContextKey | None = None


class BulkDecision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decide on what a preview has shown, each at the revision it was seen at."""

    items: Annotated[list[Seen], Meta(min_length=1, max_length=BULK)]
    reason: Text | None = None


class BulkRejection(BulkDecision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reject what a preview has shown, for one reason."""

    reason: Reason


class BulkDescription(BulkDecision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change tags, project or exclusion of what a preview has shown, as for one example; the rest stays."""

    added_tags: Tags = []
    removed_tags: Annotated[list[str], Meta(max_length=LIMITS["tags"].most)] = []
    project: Short | None = None
    include_in_training: bool | None = None


class Export(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many examples an export needs and their lowest relevance; the policy's unless given."""

    min_examples: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    min_quality: Literal["low", "medium", "high"] | None = None

    def arguments(self) -> dict[str, Any]:
        """The fields as the exporter takes them."""
        return msgspec.structs.asdict(self)


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`force` trains without the policy's numbers, and again on what was trained on."""

    force: bool = False


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A token, for a session cookie."""

    token: Annotated[str, Meta(min_length=1, max_length=200)]
