"""Redactions reach every text of an example: what the rules find, and what a reviewer chose."""

from __future__ import annotations

from typing import Any

import pytest

from events.codec import encode
from events.errors import InputError, InvalidFact
from events.facts import NewComment, PersonalData, ToolTurn
from services.curation import redactions
from services.curation.decisions import Unchanged
from services.curation.redactions import Chosen

EXAMPLE: dict[str, Any] = {
    "example_id": "e1",
    "prompt": "Whom do I call about the TPO seam? ann@example.com",
    "response": "Call Ann at ann@example.com.",
    "original_response": None,
    "original_prompt": None,
    "system": "You answer for Maria Kowalczyk.",
    "tools": [{"name": "find", "result": "Maria: 312-555-0147"}],
    "attachments": [{"kind": "image", "name": "maria.jpg", "digest": "1" * 64}],
    "details": {"site": ["north", "ann@example.com"], "bo@example.com": 7, "size": 3},
    "comments": [{"seq": 4711, "actor": "bo", "fact": "feedback.given", "text": "Ask bo@example.com"}],
    "tags": ["tpo"],
    "project_context": "north roof",
}


def test_the_rules_find_personal_data_in_every_text() -> None:
    proposed = redactions.proposal(EXAMPLE)
    assert {(span.kind, span.field) for span in proposed.spans} == {
        ("email", "prompt"),
        ("email", "response"),
        ("phone", "tools.0.result"),
        ("email", "details.0.key"),
        ("email", "details.1.1"),
        ("email", "comments.4711"),
    }
    fact = redactions.redaction(EXAMPLE, proposed, actor="ann")
    assert fact.response == "Call Ann at [EMAIL]."
    assert fact.tools == (ToolTurn(name="find", result="Maria: [PHONE]"),)
    assert fact.details == {"[EMAIL]": 7, "site": ["north", "[EMAIL]"], "size": 3}
    assert fact.comments == (NewComment(seq=4711, comment="Ask [EMAIL]"),)
    assert (fact.system, fact.attachments, fact.original_response) == (None, None, None)
    encode(fact)


def test_chosen_spans_alone_are_replaced() -> None:
    spans = [
        Chosen("system", 15, 30, "name"),
        Chosen("attachments.0.name", 0, 5, "[name]"),
        Chosen("tools.0.result", 7, 19, "site phone"),
        Chosen("tools.0.result", 0, 5, "name"),
    ]
    fact = redactions.redaction(EXAMPLE, redactions.chosen(EXAMPLE, spans), actor="ann")
    assert fact.prompt == EXAMPLE["prompt"]
    assert fact.system == "You answer for [NAME]."
    assert fact.tools == (ToolTurn(name="find", result="[NAME]: [SITE_PHONE]"),)
    assert fact.attachments is not None
    assert (fact.attachments[0].name, fact.attachments[0].digest) == ("[NAME].jpg", "1" * 64)
    assert PersonalData(kind="site_phone", field="tools.0.result", start=7, end=19) in fact.found
    encode(fact)


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([Chosen("answer", 0, 1, "name")], "no text 'answer'; it has prompt, response, system"),
        ([Chosen("tags.0", 0, 1, "name")], "tags.0 is a name"),
        ([Chosen("added_tags.0.2", 0, 1, "name")], "added_tags.0.2 is a name"),
        ([Chosen("response", 20, 29, "name")], "response:20-29 is no part of a text of 28 characters"),
        ([Chosen("response", 3, 3, "name")], "response:3-3 is no part"),
        ([Chosen("response", 0, 4, "name"), Chosen("response", 3, 6, "name")], "response:3-6 overlaps another span"),
        ([Chosen("response", 0, 4, "[{}]")], "cannot stand for what is replaced"),
    ],
)
def test_a_wrong_span_is_refused_with_the_reason(spans: list[Chosen], says: str) -> None:
    with pytest.raises(InputError) as caught:
        redactions.chosen(EXAMPLE, spans)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["response", "response:1", "response:a-b", ":1-2", "response:-1-2"])
def test_a_span_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="FIELD:START-END"):
        Chosen.parse(text, "name")
    assert Chosen.parse("details.0.key:10-24", "name") == Chosen("details.0.key", 10, 24, "name")


def test_given_texts_come_before_proposed_ones() -> None:
    proposed = redactions.proposal(EXAMPLE)
    fact = redactions.redaction(EXAMPLE, proposed, {"response": "Call us.", "prompt": None}, actor="ann")
    assert (fact.prompt, fact.response) == ("Whom do I call about the TPO seam? [EMAIL]", "Call us.")


def test_a_redaction_that_changes_nothing_is_refused() -> None:
    clean = EXAMPLE | {"prompt": "Minimum slope?", "response": "A quarter inch.", "comments": [], "details": {}}
    clean |= {"tools": []}
    with pytest.raises(Unchanged, match="nothing to redact"):
        redactions.redaction(clean, redactions.proposal(clean), actor="ann")


def test_a_redaction_of_a_missing_text_is_refused() -> None:
    with pytest.raises(InvalidFact, match="has no original_response"):
        redactions.redaction(EXAMPLE, redactions.proposal(EXAMPLE), {"original_response": "x"}, actor="ann")
