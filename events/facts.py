"""What can be said: every fact that rooflog's log may hold.

The names and tags in this module are the storage format. A field may be added if it has a default; anything else
is a new tag plus an upcaster in `codec`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,128}\Z")]
"""An id that can stand as one token of a NATS subject."""

Timestamp = Annotated[datetime, Meta(tz=True)]
"""A moment with a time zone; the codec stores it in UTC."""

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A SHA-256 in lower-case hexadecimal."""

TextKey = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""The first half of a SHA-256 over prompt, NUL and answer; see `message.text_key`."""

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""A number that every JSON reader keeps exactly."""

Amount = Annotated[float, Meta(ge=0)]


class Metadata(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """How an answer was produced; latency in milliseconds."""

    skill_used: str | None = None
    tier_handled: str | None = None
    latency_ms: Amount | None = None
    tokens_in: Count | None = None
    tokens_out: Count | None = None


class Document(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What became of a generated document."""

    document_type: str
    was_used: bool = False
    modifications_made: Literal["none", "minor", "major"] = "none"


class PersonalData(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One span of personal data: Unicode code points `start` to `end` of `field`, before redaction."""

    kind: str
    field: Literal["prompt", "response", "original_response"]
    start: Count
    end: Count


class ErasedMessage(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What is kept of a message that was erased from the log: enough to follow the running digest and the tables.

    `digest` is of its payload. `fact` is the tag of the fact that it held, None where it held no valid one. Of a
    correction, `corrected` is the key of the answer that it replaced, which stays out of the training set.
    """

    seq: Count
    digest: Digest
    subject: str = ""
    fact: str | None = None
    corrected: TextKey | None = None


class Fact(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False, tag_field="type"):
    """The envelope of every fact: who said it and when."""

    event_id: Id
    occurred_at: Timestamp
    actor: Annotated[str, Meta(min_length=1, max_length=200)]
    trace_id: str | None = None

    noun: ClassVar[str]
    verb: ClassVar[str]

    @property
    def about(self) -> str:
        """The id that this fact's subject carries: the example's where it has one, else its own."""
        return getattr(self, "example_id", None) or self.event_id


class ExampleCaptured(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.captured.v1"):
    """An interaction, document, calculation, interpretation, decision or lesson took place."""

    noun, verb = "example", "captured"
    example_id: Id
    prompt: str
    response: str
    source: Annotated[str, Meta(min_length=1, max_length=100)]
    metadata: Metadata = Metadata()
    tags: tuple[str, ...] = ()
    project_context: str = "general"
    document: Document | None = None
    details: dict[str, Any] = field(default_factory=dict)
    include_in_training: bool = True
    was_corrected: bool = False


class FeedbackGiven(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="feedback.given.v1"):
    """Thumbs up or thumbs down on an example."""

    noun, verb = "feedback", "given"
    example_id: Id
    feedback: Literal["positive", "negative"]
    comment: str | None = None


class CorrectionRecorded(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="correction.recorded.v1"):
    """The answer should have been this; the correction is itself an example whose id is this fact's `event_id`.

    `example_id` is the example that was corrected, `aliases` are ids under which another store knew the correction.
    """

    noun, verb = "correction", "recorded"
    example_id: Id | None = None
    original_prompt: str
    original_response: str
    corrected_response: str
    reason: str | None = None
    corrector: str | None = None
    tags: tuple[str, ...] = ()
    project_context: str = "general"
    include_in_training: bool = True
    aliases: tuple[Id, ...] = ()


class ExampleApproved(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.approved.v1"):
    """A reviewer wants this example trained on; `revision` is the sequence of the last fact about it that they saw."""

    noun, verb = "example", "approved"
    example_id: Id
    revision: Count
    reason: str | None = None


class ExampleRejected(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.rejected.v1"):
    """A reviewer does not want this example trained on; `revision` as in `ExampleApproved`."""

    noun, verb = "example", "rejected"
    example_id: Id
    revision: Count
    reason: str


class ExampleReopened(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.reopened.v1"):
    """A reviewer took the decisions on this example back: it stands undecided again; `revision` as above."""

    noun, verb = "example", "reopened"
    example_id: Id
    revision: Count
    reason: str | None = None


class ExampleRedacted(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.redacted.v1"):
    """Personal data in an example was replaced; `prompt` and `response` are the new texts."""

    noun, verb = "example", "redacted"
    example_id: Id
    prompt: str
    response: str
    original_response: str | None = None
    found: tuple[PersonalData, ...] = ()


class ExampleErased(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.erased.v1"):
    """The text of an example is gone for good; `erased` are the messages that held it."""

    noun, verb = "example", "erased"
    example_id: Id
    reason: str
    erased: tuple[ErasedMessage, ...] = ()


class PolicyAdopted(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="policy.adopted.v1"):
    """From here on this policy holds; `digest` is the policy's own."""

    noun, verb = "policy", "adopted"
    policy: dict[str, Any]
    digest: Digest
    reason: str | None = None


class TrainingSetExported(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="training_set.exported.v1"):
    """A training set was made from facts 1 to `last_seq` under the policy of `policy_digest`."""

    noun, verb = "training_set", "exported"
    export_digest: Digest
    policy_digest: Digest
    log_digest: Digest
    last_seq: Count
    counts: dict[str, int] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The export's digest: everything said about one export shares a subject prefix."""
        return self.export_digest


class TrainingTriggered(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="training.triggered.v1"):
    """The trainer is about to start (`intended`), was started or ended on an export."""

    noun, verb = "training", "triggered"
    export_digest: Digest
    outcome: Literal["intended", "started", "succeeded", "failed"]
    call_id: str | None = None
    detail: str | None = None

    @property
    def about(self) -> str:
        """The export's digest: everything said about one export shares a subject prefix."""
        return self.export_digest


AnyFact = (
    ExampleCaptured
    | FeedbackGiven
    | CorrectionRecorded
    | ExampleApproved
    | ExampleRejected
    | ExampleReopened
    | ExampleRedacted
    | ExampleErased
    | PolicyAdopted
    | TrainingSetExported
    | TrainingTriggered
)

FACTS: tuple[type[Fact], ...] = AnyFact.__args__
