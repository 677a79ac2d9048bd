"""A preview says what adopting does, and changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from projections.policy.lexicon import Term
from projections.policy.policy import Policy, default
from projections.queries import examples, policy_preview
from projections.store.database import Connection
from projections.texts import analysis

from ..given import (
    ANSWER,
    BETTER,
    Said,
    Story,
    adopted,
    approved,
    captured,
    corrected,
    document,
    fold,
    given,
    policy,
    reading,
)

LONG = "Which zorble keeps a mechanically attached roof membrane on its deck in a storm with much wind?"
WALL = "How do we terminate base flashing at a masonry parapet wall below the counter flashing"
FACTS: tuple[Said, ...] = (
    captured("a"),
    approved("a"),
    captured("short", "Roof?"),
    approved("short"),
    captured("b", "how high does the base flashing have to extend above a roof, please?", BETTER),
    approved("b"),
    document("c", prompt="What slope does tapered polyiso insulation need?"),
    corrected("c", prompt="What slope does tapered polyiso insulation need?"),
    captured("zorble", LONG, "Fasten the zorble at the corners, and again where the wind is strong, as the plan says."),
    approved("zorble"),
    captured("e", WALL, BETTER),
    approved("e"),
    captured("f", f"{WALL} downtown", BETTER),
    approved("f"),
    captured("g", "Who seals the scupper of the TPO roof?", f"{BETTER} The office is 020 7946 0958."),
    approved("g"),
    captured("h", "Howdy, who seals the scupper of the TPO roof? Cheers, Tom", BETTER),
    approved("h"),
)


def with_word(word: str, weight: int) -> Policy:
    lexicon = default().lexicon
    more = msgspec.structs.replace(lexicon, terms=(*lexicon.terms, Term(term=word, weight=weight, tags=("odd",))))
    return msgspec.structs.replace(default(), lexicon=more)


CANDIDATES = [
    policy(filters={"min_prompt_chars": 0}),
    policy(filters={"min_response_chars": 90}),
    policy(relevance={"high": 12, "medium": 11}),
    policy(duplicates={"near": False}),
    policy(duplicates={"threshold": 1.0}),
    policy(approval={"trusted_sources": [], "used_documents": []}),
    with_word("zorble", 3),
    msgspec.structs.replace(policy(), texts=msgspec.UNSET),
]


def training_set(con: Connection) -> set[str]:
    return {row[0] for row in con.execute("SELECT example_id FROM verdicts WHERE reasons = 0").fetchall()}


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_what_is_previewed_is_what_adopting_does(candidate: Policy) -> None:
    story = given(*FACTS)
    projector = fold([story.messages])
    while policy_preview.prepare(projector.con, policy=candidate.document())["left"]:
        pass
    before, digest = training_set(projector.con), content_digest(projector.con)
    told = policy_preview.preview(reading(projector), policy=candidate.document())
    pages: Any = list(policy_preview.moved(reading(projector), policy=candidate.document()))[1:]
    moved = [row for page in pages for row in page.to_pylist()]
    assert content_digest(projector.con) == digest

    projector.apply(story.when(adopted(candidate)).messages)
    after = training_set(projector.con)
    assert (told["enter"], told["leave"]) == (len(after - before), len(before - after))
    assert {row["example_id"] for row in moved if row["change"] == "enter"} == after - before
    assert {row["example_id"] for row in moved if row["change"] == "leave"} == before - after
    assert told["after"] == examples.funnel(reading(projector).columns.counts)
    assert [row["example_id"] for row in told["examples"]] == [row["example_id"] for row in moved]
    assert told["not_analysed"] == 0


def test_every_candidate_moves_something() -> None:
    """Else the test above compares nothing with nothing."""
    for candidate in CANDIDATES:
        told = policy_preview.preview(
            reading(fold([given(*FACTS, adopted(candidate)).messages])), policy=default().document()
        )
        assert told["enter"] + told["leave"] > 0, candidate


def test_the_reasons_tell_why_an_example_enters_or_leaves() -> None:
    projector = fold([given(*FACTS).messages])
    told = policy_preview.preview(reading(projector), policy=policy(filters={"min_prompt_chars": 0}).document())
    assert told["reasons"] == [{"change": "enter", "reason": "too_short", "count": 1}]
    told = policy_preview.preview(reading(projector), policy=policy(approval={"trusted_sources": []}).document())
    assert told["reasons"] == [{"change": "leave", "reason": "not_approved", "count": 1}]


@pytest.mark.parametrize("candidate", [with_word("zorble", 3), with_word("storm", 1), default()])
def test_what_another_lexicon_leaves_is_what_analysing_anew_finds(candidate: Policy) -> None:
    prepared = fold([given(*FACTS).messages])
    while policy_preview.prepare(prepared.con, policy=candidate.document())["left"]:
        pass
    anew = fold([given(adopted(candidate), *FACTS).messages])
    who = analysis.analyser(candidate).name
    assert analysed(prepared, who) == analysed(anew, who)


def analysed(projector: Projector, who: str) -> list[tuple[Any, ...]]:
    return projector.con.execute("FROM analysis WHERE analyser = ? ORDER BY ALL", [who]).fetchall()


def test_only_texts_with_a_word_that_differs_are_analysed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    con = fold([given(*FACTS).messages]).con
    read: list[int] = []
    analyse = analysis.analyse

    def counting(con: Connection, texts: str, by: Any) -> None:
        read.append(con.execute(f"SELECT count(DISTINCT analysis_key) FROM {texts}").fetchall()[0][0])
        analyse(con, texts, by)

    monkeypatch.setattr(analysis, "analyse", counting)
    assert policy_preview.prepare(con, policy=with_word("zorble", 3).document()) == {"left": 0}
    assert read == [1]


def test_a_policy_that_holds_already_moves_nothing() -> None:
    told = policy_preview.preview(
        reading(fold([Story().when(captured("a", response=ANSWER)).messages])), policy=default().document()
    )
    assert (told["enter"], told["leave"], told["reasons"], told["examples"]) == (0, 0, [], [])
    assert told["current"] == told["candidate"] == default().digest
