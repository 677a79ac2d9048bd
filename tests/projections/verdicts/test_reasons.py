"""Every reason is declared once, in the registry, with its bit and its words."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from pathlib import Path
from typing import get_args

from projections.policy import causes
from projections.policy.policy import default
from projections.texts.text_filters import Text, judge_texts
from projections.texts.text_size import READ
from projections.verdicts.judgement import LIKED, REVIEWER, TRUSTED, USED
from projections.verdicts.reasons import APPROVALS, BIT, CAUSES, OF_STAGE, PLACES, QUEUE, REASONS, Stage, names

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    SUPPLIER,
    Said,
    captured,
    corrected,
    disliked,
    document,
    erased,
    fold,
    given,
    liked,
    rejected,
    unlimited,
)

ROOT = Path(__file__).parents[3]

EVERY_REASON: tuple[Said, ...] = (
    captured("too_short", "Roof?"),
    captured("low_relevance", "Who won the game last night?", "Nobody knows, since it was never played to its end."),
    captured("excluded_source", source="error"),
    captured("excluded_by_author", include_in_training=False),
    captured("personal_data", response=ANSWER + SUPPLIER),
    captured("superseded_by", OTHER_PROMPT, BETTER),
    corrected("superseded_by", prompt=OTHER_PROMPT, wrong=BETTER, right=ANSWER),
    captured("erased"),
    erased("erased"),
    unlimited(captured("too_long", "Which KEE membrane is it?", ANSWER + " " * READ)),
    captured("incomplete", "Which roof drain strainer is it?", finish_reason="length"),
    captured("rejected"),
    rejected("rejected"),
    captured("not_approved", "Which roof tape seals an EPDM seam?"),
    captured("duplicate_of", response=ANSWER, minute=-1),
    liked("duplicate_of"),
    captured("best", response=ANSWER, minute=1),
    liked("best"),
    document("use", prompt="Which TPO membrane is it?"),
    captured("negative", "Which PVC membrane is it?"),
    disliked("negative"),
)
"""An example for each reason, by its name."""


def test_names_and_bits_are_those_that_answers_and_databases_hold() -> None:
    assert list(BIT.items()) == [
        ("too_short", 1),
        ("low_relevance", 2),
        ("excluded_source", 4),
        ("excluded_by_author", 8),
        ("personal_data", 16),
        ("superseded_by", 32),
        ("erased", 64),
        ("too_long", 128),
        ("incomplete", 256),
        ("rejected", 512),
        ("not_approved", 1024),
        ("duplicate_of", 2048),
    ]
    assert list(QUEUE) == [1, 2, 3, 4, 5]
    assert list(QUEUE.values()) == ["correction", "negative_feedback", "new_topic", "edge_case", "not_reviewed"]


def test_stages_take_their_reasons_in_the_order_of_the_pipeline() -> None:
    stages = [reason.stage for reason in REASONS]
    assert stages == sorted(stages, key=get_args(Stage).index)
    assert sum(OF_STAGE.values()) == sum(BIT.values())


def test_everything_has_words_of_its_own() -> None:
    assert tuple(cause.name for cause in CAUSES) == causes.CAUSES
    for declared in (REASONS, PLACES, APPROVALS, CAUSES):
        words = [entry.words for entry in declared]
        assert all(words)
        assert len(set(words)) == len(words)


def test_verdicts_hold_what_is_declared_and_nothing_else() -> None:
    con = fold([given(*EVERY_REASON).messages]).con
    bits = dict(con.execute("SELECT example_id, reasons FROM verdicts").fetchall())
    for name in BIT:
        assert name in names(bits[name]), f"no example fails for {name}"
    assert reduce(or_, bits.values()) == sum(BIT.values()), "a bit that nobody declared"
    queued = {
        place for (place,) in con.execute("SELECT DISTINCT queue FROM verdicts WHERE queue IS NOT NULL").fetchall()
    }
    assert queued <= QUEUE.keys()
    rest = {approval for (approval,) in con.execute("SELECT DISTINCT approval FROM verdicts").fetchall()} - {None}
    assert rest <= {approval.name for approval in APPROVALS}


def test_approvals_have_the_numbers_of_their_places() -> None:
    assert tuple(range(1, len(APPROVALS) + 1)) == (REVIEWER, LIKED, TRUSTED, USED)
    assert [basis.name for basis in APPROVALS] == ["reviewer", "feedback", "trusted_source", "use"]


def test_texts_that_are_on_no_log_fail_for_declared_reasons() -> None:
    texts = [
        Text("Hi"),
        Text("Who won the game last night?", "Nobody."),
        Text("Mail bo@example.com about the TPO roof."),
    ]
    found = {reason for judged in judge_texts(texts, default()) for reason in judged["verdict"]["reasons"]}
    assert found == {"too_short", "low_relevance", "personal_data"}
    assert found <= BIT.keys()


def test_pages_name_declared_reasons_only() -> None:
    """What a page shows in red, or puts a colour to, is named there; all words come from the registry."""
    for script in (ROOT / "services/web/static").rglob("*.js"):
        for listed in re.findall(r"const BAD_REASONS = \[(.*?)\]", script.read_text("utf-8"), re.DOTALL):
            assert set(re.findall(r'"(\w+)"', listed)) <= BIT.keys(), script.name
    style = "\n".join(path.read_text("utf-8") for path in (ROOT / "services/web/static").rglob("*.css"))
    assert set(re.findall(r"\.pip\.is-(\w+)", style)) <= set(QUEUE.values())
