"""The fact that takes back a decision or a description."""

from __future__ import annotations

from typing import Any

import pytest

from events.facts import ExampleApproved, ExampleDescribed, ExampleRejected, ExampleReopened
from services.curation.decisions import Unchanged
from services.curation.undoing import undoing

NONE = {"said": "decision", "decision": None, "reason": None, "context": None}


def undone(before: dict[str, Any]) -> Any:
    return undoing("a", actor="ann", revision=7, before=before, reason="by mistake")


def test_a_first_decision_is_taken_back() -> None:
    fact = undone(NONE)
    assert isinstance(fact, ExampleReopened)
    assert (fact.example_id, fact.revision, fact.reason) == ("a", 7, "by mistake")


def test_the_decision_before_holds_with_its_reason() -> None:
    approved = undone(NONE | {"decision": "approved", "reason": "checked", "context": "c" * 16})
    assert isinstance(approved, ExampleApproved)
    assert (approved.reason, approved.context) == ("checked", "c" * 16)
    rejected = undone(NONE | {"decision": "rejected", "reason": " "})
    assert isinstance(rejected, ExampleRejected)
    assert rejected.reason == "rejected before"


def test_a_description_is_turned_round() -> None:
    fact = undone({"said": "description", "added": ["x"], "removed": ["y"], "project": "Depot", "include": True})
    assert isinstance(fact, ExampleDescribed)
    assert (fact.added_tags, fact.removed_tags) == (("y",), ("x",))
    assert (fact.project_context, fact.include_in_training) == ("Depot", True)


def test_what_was_no_decision_is_refused() -> None:
    with pytest.raises(Unchanged, match="at 7 nobody decided on a"):
        undone({"said": None})
