"""The facts: everything that rooflog's log may hold.

The names and tags in this module are the storage format. A field may be added if it has a default; anything else
is a new tag plus an upcaster in `codec`. Every field that holds strings declares what they are (see `traits`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

from .traits import DATA, FEW, Comment, Data, Name, Tag, Text, has, strings_of

Id = Annotated[Data, Meta(pattern=r"\A[A-Za-z0-9_-]{1,128}\Z")]
"""An id that can stand as one token of a NATS subject."""

Timestamp = Annotated[datetime, Meta(tz=True)]
"""A moment with a time zone; the codec stores it in UTC."""

Digest = Annotated[Data, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A SHA-256 in lower-case hexadecimal."""

TextKey = Annotated[Data, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""The first half of a SHA-256, over prompt, NUL and answer, or over a conversation; see `message`."""

ContextKey = Annotated[Data, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""What came before a turn, as it stands, in 64 bits."""

Place = Annotated[Data, Meta(pattern=r"\A[a-z_]+(\.([a-z_]+|[0-9]{1,16}))*\Z")]
"""Where a string stands, such as `prompt` or `tools.0.result`; see `places`."""

WordsKey = Annotated[Data, Meta(pattern=r"\A[0-9]+:[0-9a-f]{32}\Z")]
"""The key of a prompt and its answer in normal form; see `same_words.key`."""

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""A number that every JSON reader keeps exactly."""

Amount = Annotated[float, Meta(ge=0)]

Tags = Annotated[tuple[Tag, ...], FEW]

Conversation = Annotated[Name, Meta(min_length=1, max_length=200)]
"""Another system's own id of a conversation."""


class Metadata(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """How an answer was produced; latency in milliseconds."""

    skill_used: Name | None = None
    tier_handled: Name | None = None
    latency_ms: Amount | None = None
    tokens_in: Count | None = None
    tokens_out: Count | None = None


class Document(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What became of a generated document."""

    document_type: Name
    was_used: bool = False
    modifications_made: Literal["none", "minor", "major"] = "none"


class ToolTurn(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A call of a tool and what it answered, None where no answer is known; `arguments` are JSON."""

    name: Name
    arguments: Text = ""
    result: Text | None = None


class Attachment(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What came with a question and is no text, such as a photo: where it lies, and the SHA-256 of its bytes.

    The bytes themselves are never on the log; see `attachments`.
    """

    kind: Name
    name: Name | None = None
    address: Data | None = None
    digest: Digest | None = None


class PersonalData(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One span of personal data: Unicode code points `start` to `end` of `field`, before redaction.

    `field` is the path of a text: names and positions, such as `prompt` or `tools.0.result`.
    """

    kind: Data
    field: Place
    start: Count
    end: Count


class NewComment(Struct, frozen=True, kw_only=True, gc=False):
    """What the comment or the reason of the fact of a sequence has become."""

    seq: Count
    comment: Comment


class ErasedMessage(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What is kept of a message that was erased from the log: enough to follow the running digest and the tables.

    `digest` is of its payload. `fact` is the tag of the fact that it held, None where it held no valid one. Of a
    correction, `corrected` is the key of the answer that it replaced, which stays out of the training set, and
    `corrected_words` that of the same words however they are saved; 0.1.0 did not keep it. Of a turn,
    `follows` is the example before it, and `conversation` the key of its conversation: later turns hang on it still.
    `words` are the keys of what may not be said again. A capture that was `restated` had only copied the text of the
    erased example, and stays as an `ExampleRestated` says it.
    """

    seq: Count
    digest: Digest
    subject: Data = ""
    fact: Data | None = None
    corrected: TextKey | None = None
    corrected_words: WordsKey | None = None
    follows: Id | None = None
    conversation: TextKey | None = None
    words: tuple[WordsKey, ...] = ()
    restated: bool = False


ToolTurns = Annotated[tuple[ToolTurn, ...], FEW]

Attachments = Annotated[tuple[Attachment, ...], FEW]


class Fact(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False, tag_field="type"):
    """The envelope of every fact: who recorded it and when."""

    event_id: Id
    occurred_at: Timestamp
    actor: Annotated[Name, Meta(min_length=1, max_length=200)]
    trace_id: Data | None = None

    noun: ClassVar[str]
    verb: ClassVar[str]

    @property
    def about(self) -> str:
        """The id that this fact's subject carries: the example's where it has one, else its own."""
        return getattr(self, "example_id", None) or self.event_id


class ExampleCaptured(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.captured.v1"):
    """An interaction, document, calculation, interpretation, decision or lesson took place.

    `untrusted` is recorded by somebody whose claims approve nothing: neither the source nor that a document was used.

    A turn of a conversation names its `conversation`, and the example of the turn before, which it `follows`. Where it
    names the conversation alone, it follows the last turn of it that is earlier on the log. What came before is never
    copied. `system` is the system text that it was asked under; None where it is that of the turn before, or there is
    none. `tools` and `attachments` are what came between the question and the answer, in order.
    """

    noun, verb = "example", "captured"
    example_id: Id
    prompt: Text
    response: Text
    source: Annotated[Name, Meta(min_length=1, max_length=100)]
    metadata: Metadata = Metadata()
    tags: Tags = ()
    project_context: Name = "general"
    document: Document | None = None
    details: Annotated[dict[str, Any], DATA] = field(default_factory=dict)
    include_in_training: bool = True
    was_corrected: bool = False
    untrusted: bool = False
    conversation: Conversation | None = None
    follows: Id | None = None
    system: Text | None = None
    tools: ToolTurns = ()
    attachments: Attachments = ()
    finish_reason: Name | None = None
    model: Name | None = None


class ExampleRestated(ExampleCaptured, frozen=True, omit_defaults=True, kw_only=True, tag="example.restated.v1"):
    """A capture is said again without the earlier turns that it had copied, as the text of such a turn was erased.

    It has everything else of the capture, its `event_id` and time as well, and stands in its place: at the sequence
    `restates`, whose payload had the digest `restated_digest`.
    """

    noun, verb = "example", "restated"
    restates: Count
    restated_digest: Digest


class FeedbackGiven(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="feedback.given.v1"):
    """Thumbs up or thumbs down on an example; an `untrusted` thumbs up on one's own capture approves nothing."""

    noun, verb = "feedback", "given"
    example_id: Id
    feedback: Literal["positive", "negative"]
    comment: Comment | None = None
    untrusted: bool = False


class CorrectionRecorded(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="correction.recorded.v1"):
    """The answer should have been this; the correction is itself an example whose id is this fact's `event_id`.

    `example_id` is the example that was corrected, `aliases` are ids under which another store knew the correction.
    An `untrusted` one approves nothing, and disputes an answer that a reviewer has approved. `corrected_prompt` is the
    question that the corrected answer is for, None where it stays what it was. `proposed_by` is the model whose
    suggestion was taken over.
    """

    noun, verb = "correction", "recorded"
    example_id: Id | None = None
    original_prompt: Text
    original_response: Text
    corrected_response: Text
    reason: Comment | None = None
    corrector: Name | None = None
    tags: Tags = ()
    project_context: Name = "general"
    include_in_training: bool = True
    aliases: Annotated[tuple[Id, ...], FEW] = ()
    untrusted: bool = False
    corrected_prompt: Text | None = None
    proposed_by: Name | None = None

    @property
    def prompt(self) -> str:
        """The question as it should have been asked."""
        return self.original_prompt if self.corrected_prompt is None else self.corrected_prompt


class Decision(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """A reviewer decided on an example; `revision` is the sequence of the last fact about it that they saw.

    `context` stands for the earlier turns that they saw. An approval holds until those are others.
    """

    example_id: Id
    revision: Count
    reason: Comment | None = None
    context: ContextKey | None = None


class ExampleApproved(Decision, frozen=True, omit_defaults=True, kw_only=True, tag="example.approved.v1"):
    """A reviewer wants this example trained on; `revision` is the sequence of the last fact about it that they saw."""

    noun, verb = "example", "approved"


class ExampleRejected(Decision, frozen=True, omit_defaults=True, kw_only=True, tag="example.rejected.v1"):
    """A reviewer does not want this example trained on; `revision` as in `ExampleApproved`."""

    noun, verb = "example", "rejected"
    reason: Comment


class ExampleReopened(Decision, frozen=True, omit_defaults=True, kw_only=True, tag="example.reopened.v1"):
    """A reviewer took the decisions on this example back: it stands undecided again; `revision` as above."""

    noun, verb = "example", "reopened"


class ExampleRedacted(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.redacted.v1"):
    """Personal data in an example was replaced; `prompt` and `response` are the new texts.

    `original_prompt`, `system`, `tools`, `attachments` and `details` are new ones too, None where they stay what they
    are. `comments` are those that were replaced, of earlier facts about the example.
    """

    noun, verb = "example", "redacted"
    example_id: Id
    prompt: Text
    response: Text
    original_response: Text | None = None
    found: tuple[PersonalData, ...] = ()
    system: Text | None = None
    tools: ToolTurns | None = None
    attachments: Attachments | None = None
    details: Annotated[dict[str, Any], DATA] | None = None
    original_prompt: Text | None = None
    comments: Annotated[tuple[NewComment, ...], FEW] = ()


class ExampleDescribed(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.described.v1"):
    """From here on an example has other tags, is of another project, or is or is not to be trained on.

    What is empty or None stays what it is. Tags are added and removed one by one, not replaced: of two people who tag
    at once both are heard. Of a tag that one fact removes and adds, the latter counts. A removed tag may be one that
    the text itself gives.
    """

    noun, verb = "example", "described"
    example_id: Id
    added_tags: Tags = ()
    removed_tags: Tags = ()
    project_context: Name | None = None
    include_in_training: bool | None = None
    reason: Comment | None = None


class ExampleNoted(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.noted.v1"):
    """Somebody says something about an example to the others; it decides nothing.

    `mentions` are the people that the note names, in small letters.
    """

    noun, verb = "example", "noted"
    example_id: Id
    note: Comment
    mentions: Annotated[tuple[Name, ...], FEW] = ()


class ExampleErased(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="example.erased.v1"):
    """The text of an example is gone for good; `erased` are the messages that held it.

    `words` are the keys of more that may not be said again: of messages that a restored backup does not hold. `kept`
    are the examples in the same words that somebody chose to keep: under their ids these may be said.
    """

    noun, verb = "example", "erased"
    example_id: Id
    reason: Comment
    erased: tuple[ErasedMessage, ...] = ()
    words: tuple[WordsKey, ...] = ()
    kept: tuple[Id, ...] = ()


class PolicyAdopted(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="policy.adopted.v1"):
    """From here on this policy holds; `digest` is the policy's own."""

    noun, verb = "policy", "adopted"
    policy: Annotated[dict[str, Any], DATA]
    digest: Digest
    reason: Comment | None = None


class TrainingSetExported(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="training_set.exported.v1"):
    """A training set was made from facts 1 to `last_seq` under the policy of `policy_digest`."""

    noun, verb = "training_set", "exported"
    export_digest: Digest
    policy_digest: Digest
    log_digest: Digest
    last_seq: Count
    counts: Annotated[dict[str, int], DATA] = field(default_factory=dict)
    paths: tuple[Data, ...] = ()

    @property
    def about(self) -> str:
        """The export's digest: everything said about one export shares a subject prefix."""
        return self.export_digest


class TrainingTriggered(Fact, frozen=True, omit_defaults=True, kw_only=True, tag="training.triggered.v1"):
    """The trainer is about to start (`intended`), was started or ended on an export."""

    noun, verb = "training", "triggered"
    export_digest: Digest
    outcome: Literal["intended", "started", "succeeded", "failed"]
    call_id: Data | None = None
    detail: Comment | None = None

    @property
    def about(self) -> str:
        """The export's digest: everything said about one export shares a subject prefix."""
        return self.export_digest


AnyFact = (
    ExampleCaptured
    | ExampleRestated
    | FeedbackGiven
    | CorrectionRecorded
    | ExampleApproved
    | ExampleRejected
    | ExampleReopened
    | ExampleRedacted
    | ExampleDescribed
    | ExampleNoted
    | ExampleErased
    | PolicyAdopted
    | TrainingSetExported
    | TrainingTriggered
)

FACTS: tuple[type[Fact], ...] = AnyFact.__args__

Review = Decision | ExampleRedacted | ExampleDescribed | CorrectionRecorded
"""What a reviewer may say about an example that they have looked at."""

BY_CLIENTS = (ExampleCaptured, FeedbackGiven, CorrectionRecorded)
"""What an assistant says."""

ABOUT_EXAMPLES = tuple(kind for kind in FACTS if "example_id" in kind.__struct_fields__)
"""The facts about one example; a correction need not name the example that it corrects."""

DECISIONS = tuple(kind for kind in FACTS if issubclass(kind, Decision))

WITH_TEXTS = tuple(kind for kind in FACTS if has(kind, "text"))

WITH_COMMENTS = tuple(kind for kind in FACTS if has(kind, "comment"))


def texts_of(fact: Fact) -> list[str]:
    """The texts of an example that a fact holds."""
    return strings_of(fact, "text")


def comments_of(fact: Fact) -> list[str]:
    """The comments that a fact holds."""
    return strings_of(fact, "comment")


def notes_of(fact: Fact) -> list[str]:
    """The comments and data of a fact in which somebody may quote a text; not its ids, which its subject repeats.

    A tombstone's data are what it lists. A tag or project that was given to an example may quote its text too.
    """
    if isinstance(fact, ExampleErased):
        return comments_of(fact)
    if isinstance(fact, ExampleDescribed):
        return [*comments_of(fact), *fact.added_tags, *fact.removed_tags, *filter(None, [fact.project_context])]
    ids = {fact.event_id, fact.about, *getattr(fact, "aliases", ())}
    return [*comments_of(fact), *(text for text in strings_of(fact, "data") if text not in ids)]
