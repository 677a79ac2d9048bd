"""Samples of every kind of fact, in the order of their golden bytes, and strategies that draw any others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from events.facts import (
    Attachment,
    CorrectionRecorded,
    Document,
    ErasedMessage,
    ExampleApproved,
    ExampleCaptured,
    ExampleDescribed,
    ExampleErased,
    ExampleNoted,
    ExampleRedacted,
    ExampleRejected,
    ExampleReopened,
    ExampleRestated,
    Fact,
    FeedbackGiven,
    Metadata,
    NewComment,
    PersonalData,
    PolicyAdopted,
    ToolTurn,
    TrainingSetExported,
    TrainingTriggered,
)

AT = datetime(2025, 1, 15, 14, 30, tzinfo=UTC)
EXACTLY = datetime(2025, 1, 15, 8, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-6)))
FULL: dict[str, Any] = {"event_id": "e1", "occurred_at": EXACTLY, "actor": "ana", "trace_id": "trace-1"}
BARE: dict[str, Any] = {"event_id": "e2", "occurred_at": AT, "actor": "ana"}
ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64

SAID: list[Fact] = [
    ExampleCaptured(
        **FULL,
        example_id="train_20250115_143000_1a2b3c4d",
        prompt="How high is “base flashing”?\n",
        response='8" above the roof – é 屋根 \u0000',
        source="rfi_generation",
        metadata=Metadata(skill_used="rfi", tier_handled="modal", latency_ms=180.5, tokens_in=12, tokens_out=58),
        tags=("rfi", "flashing"),
        project_context="Tower A",
        document=Document(document_type="rfi", was_used=True, modifications_made="minor"),
        details={"section": "07 62 00", "inputs": {"b": 2, "a": [1.5, None, True]}},
        include_in_training=False,
        was_corrected=True,
    ),
    ExampleCaptured(**BARE, example_id="a", prompt="", response="", source="chat_interaction"),
    FeedbackGiven(**FULL, example_id="a", feedback="negative", comment="too short"),
    FeedbackGiven(**BARE, example_id="a", feedback="positive"),
    CorrectionRecorded(
        **FULL,
        example_id="a",
        original_prompt="What overlap?",
        original_response="2 inches.",
        corrected_response="2.5 inches.",
        reason="incomplete",
        corrector="bo",
        tags=("tpo",),
        project_context="Tower A",
        include_in_training=False,
        aliases=("correction_20250115_001",),
    ),
    CorrectionRecorded(**BARE, original_prompt="p", original_response="w", corrected_response="r"),
    ExampleApproved(**FULL, example_id="a", revision=7, reason="good"),
    ExampleApproved(**BARE, example_id="a", revision=0),
    ExampleRejected(**FULL, example_id="a", revision=2**53, reason="wrong"),
    ExampleRejected(**BARE, example_id="a", revision=1, reason=""),
    ExampleReopened(**FULL, example_id="a", revision=2**53, reason="the wrong key"),
    ExampleReopened(**BARE, example_id="a", revision=1),
    ExampleRedacted(
        **FULL,
        example_id="a",
        prompt="Call [phone]",
        response="r",
        original_response="w",
        found=(PersonalData(kind="phone", field="prompt", start=5, end=17),),
    ),
    ExampleRedacted(**BARE, example_id="a", prompt="p", response="r"),
    ExampleErased(**FULL, example_id="a", reason="asked to", erased=(ErasedMessage(seq=3, digest=ONE),)),
    ExampleErased(**BARE, example_id="a", reason="asked to"),
    ExampleErased(
        **BARE,
        example_id="a",
        reason="asked to",
        erased=(
            ErasedMessage(
                seq=3,
                digest=ONE,
                subject="training.correction.recorded.a.c",
                fact="correction.recorded.v1",
                corrected="4" * 32,
            ),
        ),
    ),
    PolicyAdopted(**FULL, policy={"b": 1, "a": {"d": [], "c": "x"}}, digest=ONE, reason="stricter"),
    PolicyAdopted(**BARE, policy={}, digest=ONE),
    TrainingSetExported(
        **FULL,
        export_digest=ONE,
        policy_digest=TWO,
        log_digest=THREE,
        last_seq=9,
        counts={"unique": 2, "approved": 3},
        paths=("sft.jsonl",),
    ),
    TrainingSetExported(**BARE, export_digest=ONE, policy_digest=TWO, log_digest=THREE, last_seq=0),
    TrainingTriggered(**FULL, export_digest=ONE, outcome="failed", call_id="fc-1", detail="no GPU"),
    TrainingTriggered(**BARE, export_digest=ONE, outcome="intended"),
    ExampleCaptured(**BARE, example_id="a", prompt="", response="", source="chat_interaction", untrusted=True),
    FeedbackGiven(**BARE, example_id="a", feedback="positive", untrusted=True),
    CorrectionRecorded(**BARE, original_prompt="p", original_response="w", corrected_response="r", untrusted=True),
    ExampleCaptured(
        **FULL,
        example_id="b",
        prompt="And for EPDM?",
        response="3 inches of seam tape.",
        source="chat_interaction",
        conversation="thread 7/é",
        follows="a",
        system="You are a roofing assistant.",
        tools=(ToolTurn(name="find", arguments='{"q":"EPDM"}', result="figure 4-8"), ToolTurn(name="look")),
        attachments=(
            Attachment(kind="image", name="roof.jpg", address="https://example.com/roof.jpg", digest=ONE),
            Attachment(kind="file"),
        ),
        finish_reason="stop",
        model="gpt-4o-mini",
    ),
    ExampleRedacted(
        **FULL,
        example_id="b",
        prompt="p",
        response="r",
        found=(PersonalData(kind="phone", field="tools.0.result", start=5, end=17),),
        system="",
        tools=(ToolTurn(name="find", result="[phone]"),),
        attachments=(),
    ),
    ExampleErased(
        **BARE, example_id="a", reason="", erased=(ErasedMessage(seq=3, digest=ONE, words=(f"1:{'5' * 32}",)),)
    ),
    ExampleApproved(**FULL, example_id="b", revision=7, reason="good", context="0123456789abcdef"),
    ExampleRejected(**FULL, example_id="b", revision=7, reason="wrong", context="0123456789abcdef"),
    ExampleReopened(**FULL, example_id="b", revision=7, reason="the wrong key", context="0123456789abcdef"),
    ExampleErased(
        **BARE,
        example_id="b",
        reason="",
        erased=(ErasedMessage(seq=3, digest=ONE, follows="a", conversation="6" * 32),),
    ),
    ExampleRedacted(
        **FULL,
        example_id="c",
        prompt="p",
        response="r",
        attachments=(Attachment(kind="image", name="[name].jpg", address="[address]", digest=ONE),),
    ),
    CorrectionRecorded(
        **FULL,
        example_id="a",
        original_prompt="What overlap at Maria's?",
        original_response="2 inches.",
        corrected_response="2 inches.",
        corrected_prompt="What overlap?",
    ),
    ExampleRedacted(
        **FULL,
        example_id="d",
        prompt="p",
        response="r",
        original_response="w",
        found=(PersonalData(kind="name", field="comments.4711", start=5, end=17),),
        original_prompt="o",
        details={"site": {"[EMAIL]": ["[PHONE]", 7]}},
        comments=(NewComment(seq=4711, comment="ask [NAME]"),),
    ),
    ExampleRestated(
        **FULL,
        example_id="b",
        prompt="And for EPDM?",
        response="3 inches of seam tape.",
        source="chat_interaction",
        metadata=Metadata(skill_used="rfi"),
        tags=("epdm",),
        project_context="Tower A",
        document=Document(document_type="rfi"),
        include_in_training=False,
        was_corrected=True,
        untrusted=True,
        details={"chat": {"id": "c1"}},
        conversation="c1",
        follows="a",
        system="You are a roofing assistant.",
        tools=(ToolTurn(name="find", arguments='{"q":"EPDM"}', result="figure 4-8"),),
        attachments=(Attachment(kind="image", name="roof.jpg", address="https://example.com/roof.jpg", digest=ONE),),
        finish_reason="stop",
        model="gpt-4o-mini",
        restates=3,
        restated_digest=TWO,
    ),
    ExampleErased(**BARE, example_id="a", reason="", erased=(ErasedMessage(seq=3, digest=ONE, restated=True),)),
    ExampleRestated(
        **BARE, example_id="a", prompt="", response="", source="chat_interaction", restates=3, restated_digest=TWO
    ),
    ExampleErased(
        **BARE, example_id="a", reason="", erased=(ErasedMessage(seq=3, digest=ONE, corrected_words=f"1:{'5' * 32}"),)
    ),
    ExampleErased(**BARE, example_id="a", reason="", words=(f"1:{'5' * 32}",), kept=("b",)),
    ExampleDescribed(
        **FULL,
        example_id="a",
        added_tags=("tpo",),
        removed_tags=("epdm",),
        project_context="Tower B",
        include_in_training=False,
        reason="not ours",
    ),
    ExampleDescribed(**BARE, example_id="a"),
    CorrectionRecorded(
        **BARE,
        original_prompt="p",
        original_response="w",
        corrected_response="r",
        proposed_by="gpt-4.1",
    ),
    ExampleNoted(**FULL, example_id="a", note="Is that so, @ben?", mentions=("ben",)),
    ExampleNoted(**BARE, example_id="a", note=""),
]


ids = st.text("abcXYZ019_-", min_size=1, max_size=128)
texts = st.text(max_size=40)
counts = st.integers(0, 2**53)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, plain, max_size=3)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
tools = st.lists(st.builds(ToolTurn, name=texts, arguments=texts, result=st.none() | texts), max_size=2).map(tuple)
attachments = st.lists(
    st.builds(Attachment, kind=texts, name=st.none() | texts, digest=st.none() | digests), max_size=2
).map(tuple)
envelope = {
    "event_id": ids,
    "occurred_at": st.datetimes(datetime(1970, 1, 4), datetime(9998, 12, 29), timezones=zones),
    "actor": st.text(min_size=1, max_size=200),
    "trace_id": st.none() | texts,
}
said: dict[type[Fact], dict[str, st.SearchStrategy[Any]]] = {
    ExampleCaptured: {
        "example_id": ids, "prompt": texts, "response": texts, "source": st.text(min_size=1, max_size=100),
        "metadata": st.builds(Metadata, skill_used=st.none() | texts, tokens_in=st.none() | counts,
                              latency_ms=st.none() | st.floats(0, allow_infinity=False)),
        "tags": st.lists(texts, max_size=3).map(tuple), "details": objects, "include_in_training": st.booleans(),
        "document": st.none() | st.builds(Document, document_type=texts, was_used=st.booleans()),
        "conversation": st.none() | st.text(min_size=1, max_size=200), "follows": st.none() | ids,
        "system": st.none() | texts, "tools": tools, "attachments": attachments, "finish_reason": st.none() | texts,
        "model": st.none() | texts,
    },
    ExampleRestated: {
        "example_id": ids, "prompt": texts, "response": texts, "source": st.text(min_size=1, max_size=100),
        "details": objects, "restates": counts, "restated_digest": digests,
    },
    FeedbackGiven: {"example_id": ids, "feedback": st.sampled_from(["positive", "negative"]), "comment": texts},
    CorrectionRecorded: {
        "example_id": st.none() | ids, "original_prompt": texts, "original_response": texts,
        "corrected_response": texts, "corrected_prompt": st.none() | texts, "proposed_by": st.none() | texts,
        "aliases": st.lists(ids, max_size=2).map(tuple),
    },
    ExampleApproved: {"example_id": ids, "revision": counts},
    ExampleRejected: {"example_id": ids, "revision": counts, "reason": texts},
    ExampleReopened: {"example_id": ids, "revision": counts, "reason": st.none() | texts},
    ExampleRedacted: {
        "example_id": ids, "prompt": texts, "response": texts, "original_response": st.none() | texts,
        "system": st.none() | texts, "tools": st.none() | tools, "attachments": st.none() | attachments,
        "details": st.none() | objects, "original_prompt": st.none() | texts,
    },
    ExampleDescribed: {
        "example_id": ids, "added_tags": st.lists(texts, max_size=3).map(tuple),
        "removed_tags": st.lists(texts, max_size=3).map(tuple), "project_context": st.none() | texts,
        "include_in_training": st.none() | st.booleans(), "reason": st.none() | texts,
    },
    ExampleNoted: {"example_id": ids, "note": texts, "mentions": st.lists(texts, max_size=2).map(tuple)},
    ExampleErased: {"example_id": ids, "reason": texts},
    PolicyAdopted: {"policy": objects, "digest": digests},
    TrainingSetExported: {
        "export_digest": digests, "policy_digest": digests, "log_digest": digests, "last_seq": counts,
        "counts": st.dictionaries(texts, st.integers(), max_size=3),
    },
    TrainingTriggered: {"export_digest": digests, "outcome": st.sampled_from(["intended", "started", "failed"])},
}  # fmt: skip
facts = st.one_of([st.builds(kind, **envelope, **fields) for kind, fields in said.items()])
