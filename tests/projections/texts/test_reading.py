"""Reading: what is read ahead of the fold is what the fold would have read."""

from __future__ import annotations

import numpy as np

from projections.fold.projector import prepare
from projections.policy.policy import default
from projections.texts.analysis import analyser
from projections.texts.reading import read

from ..given import (
    OTHER_PROMPT,
    SUPPLIER,
    adopted,
    approved,
    assert_told_ahead,
    captured,
    corrected,
    erased,
    given,
    liked,
    policy,
    redacted,
)

BY = analyser(default())


def test_a_part_says_what_it_says_alone() -> None:
    story = given(captured("a"), captured("b", OTHER_PROMPT), captured("c", response="Bo's number is 555-201-3344."))
    examples = prepare(story.messages).rows["examples"]
    part, alone = read(BY, examples).of([1, 3]), read(BY, examples.take([0, 2]))
    assert part.analyses.to_pylist() == alone.analyses.to_pylist()
    assert part.wordings.normals == alone.wordings.normals
    assert np.array_equal(part.wordings.keys, alone.wordings.keys)
    assert np.array_equal(part.wordings.banded, alone.wordings.banded)


def test_another_lexicon_adopted_meanwhile_analyses_anew() -> None:
    lexicon = {"terms": [{"term": "drain", "weight": 3, "tags": ["water"]}]}
    other = policy(lexicon=lexicon, filters={"min_prompt_chars": 0})
    story = given(captured("a"), liked("a"), adopted(other), captured("b", "Where does the tea go?", "Into the drain."))
    assert_told_ahead(story.messages, story.projector)


def test_whatever_a_batch_holds_is_folded_as_without() -> None:
    story = given(
        captured("a"), captured("a"), corrected("a"), captured("b", OTHER_PROMPT), approved("b"), redacted("b"),
        captured("c", response="Questions?" + SUPPLIER), erased("a"), captured("d"),
    )  # fmt: skip
    assert_told_ahead(story.messages, story.projector)
