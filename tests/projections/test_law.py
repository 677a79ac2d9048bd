"""The law: whatever is said, in whatever batches it arrives and however often, the tables end in the same content,
and that content is what the rules in plain Python say.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import reduce
from itertools import cycle
from operator import or_
from pathlib import Path
from typing import Any, get_args

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import given as for_every
from hypothesis import strategies as st
from msgspec import UNSET, structs

from events.errors import InvalidFact
from events.facts import (
    Attachment,
    Document,
    ExampleErased,
    Fact,
    NewComment,
    ToolTurn,
    TrainingSetExported,
    TrainingTriggered,
)
from projections.fold.projector import Projector, prepare
from projections.store.database import Connection
from projections.texts.text_size import READ
from projections.verdicts import contexts
from projections.verdicts.reasons import causes, names

from ..events.copying import of_chat
from . import model, model_contexts
from .given import (
    ANSWER,
    BETTER,
    LIE,
    OTHER_PROMPT,
    PROMPT,
    QUICK,
    SUPPLIER,
    Defect,
    Erase,
    Lie,
    Said,
    Story,
    adopted,
    approved,
    captured,
    corrected,
    described,
    disliked,
    erased,
    everything,
    fold,
    given,
    junk,
    liked,
    noted,
    policy,
    redacted,
    rejected,
    reopened,
    split,
    unlimited,
)
from .remembered import assert_remembered

slow = settings(
    max_examples=int(os.environ.get("ROOFLOG_HISTORIES", "4" if QUICK else "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

IDS = "abcd"
SURFACE_EDIT = "how high does the base flashing have to extend above a roof, please?"
ONE_FACT_ELSE = "How high must base flashing extend above the EPDM roof?"
BEST = BETTER + " Always."
ids = st.sampled_from(IDS)
mostly = st.sampled_from([True] * 9 + [False])
questions = st.sampled_from([PROMPT, f" {PROMPT.upper().rstrip('?')}", SURFACE_EDIT, ONE_FACT_ELSE])
SAVED = [ANSWER.replace(" ", "\r\n", 1), f"{ANSWER}\n", ANSWER.replace(" ", "\u00a0", 1)]
"""One answer as editors save it."""

usual = st.tuples(questions, st.sampled_from([ANSWER, BETTER, BEST] * 2 + SAVED))
unusual = st.tuples(
    st.sampled_from([PROMPT, OTHER_PROMPT, "Roof?"]),
    st.sampled_from(
        [
            ANSWER + SUPPLIER,
            "TPO.",
            "A roof and its gutter are warm in the sun; nothing needs to be done about it.",
            "At the usual place, as on every other day of this week, at noon, all of us.",
        ]
    ),
)
texts = mostly.flatmap(lambda good: usual if good else unusual)
"""Few questions and answers, most of them good: so that they meet each other, and only one rule at a time decides."""

PHONE = "Call the site at 312-555-0147."

parts = mostly.flatmap(
    lambda usual: (
        st.just({})
        if usual
        else st.fixed_dictionaries(
            {},
            optional={
                "system": st.sampled_from(["You are a roofer.", "", "You work for bo@example.com."]),
                "tools": st.sampled_from(
                    [(), (ToolTurn(name="find", result="4 inches"),), (ToolTurn(name="find", result=PHONE),)]
                ),
                "details": st.sampled_from([{"site": {"call": PHONE}}, {"site": 7}, {}]),
                "attachments": st.sampled_from([(), (Attachment(kind="image", address="roof.jpg"),)]),
            },
        )
    )
)
"""What comes with a question besides its words, seldom anything."""

minutes = st.integers(0, 2)
documents = st.builds(
    Document,
    document_type=st.just("rfi"),
    was_used=st.booleans(),
    modifications_made=st.sampled_from(["none", "major"]),
)
policies = st.sampled_from([
    policy(),
    policy(filters={"exclude_personal_data": False, "min_relevance": "low", "min_prompt_chars": 0}),
    policy(filters={"excluded_sources": ["user_correction"]}, relevance={"medium": 5, "high": 7, "context": 4}),
    policy(duplicates={"near": False}, filters={"min_prompt_chars": 0}),
    policy(duplicates={"threshold": 1.0, "contradictions": False}),
    policy(duplicates={"same_words": False}),
    policy(review={"disputed": "stand"}, filters={"personal_data_of_turn": False}),
    policy(approval={"positive_feedback": False, "trusted_sources": [], "used_documents": ["major"]}),
    policy(conversations={"incomplete": ["withheld"], "max_turns": 1, "short_chars": 200}),
    policy(conversations={"incomplete": [], "max_chars": 300}, duplicates={"near": False}),
    structs.replace(policy(), conversations=UNSET),
    structs.replace(policy(), tags=UNSET),
    structs.replace(policy(), texts=UNSET),
    policy(tags={"synonyms": {"t.p.o.": "tpo", "Flashing": "details"}}),
])  # fmt: skip
SOURCES = ["chat_interaction"] * 3 + ["verified_calculation"] * 3 + ["verified_correction", "error"]


places = st.fixed_dictionaries({
    "conversation": st.sampled_from(["t", "t", "u", None]),
    "follows": st.sampled_from([None, None, *IDS, "nobody"]),
    "finish_reason": st.sampled_from([None] * 7 + ["length"]),
})  # fmt: skip
in_conversations = st.one_of(st.just({}), places, places)
copies = st.builds(
    lambda text, again: {"details": of_chat(*text, again)},
    usual,
    questions,
)
"""What 0.1.0 copied of a conversation: a turn that others may be."""


tags = st.lists(st.sampled_from(["TPO", " tpo", "t.p.o.", "flashing", "general", ""]), max_size=2).map(tuple)


def captures(id_: str) -> st.SearchStrategy[Said]:
    return st.builds(
        lambda text, *some, **more: captured(id_, *text, **reduce(or_, some) | more),
        texts,
        parts,
        in_conversations,
        mostly.flatmap(lambda new: st.just({}) if new else copies),
        minute=minutes,
        source=st.sampled_from(SOURCES),
        include_in_training=mostly,
        tags=tags,
        untrusted=mostly.map(lambda usual: not usual),
        was_corrected=mostly.map(lambda usual: not usual),
        document=st.none() | documents,
    )


def corrections(id_: str) -> st.SearchStrategy[Said]:
    return st.builds(
        lambda text, right, **more: corrected(prompt=text[0], wrong=text[1], right=right[1], id=id_, **more),
        texts,
        texts,
        example_id=st.none() | st.sampled_from(IDS.replace(id_, "")),
        minute=minutes,
        include_in_training=mostly,
        tags=tags,
        untrusted=st.booleans(),
        reason=st.sampled_from([None, None, PHONE]),
        corrected_prompt=st.sampled_from([None, None, None, PROMPT, OTHER_PROMPT]),
    )


def arrivals(id_: str) -> st.SearchStrategy[Said]:
    return st.one_of(captures(id_), captures(id_), corrections(id_))


EXPORT: dict[str, Any] = {
    "event_id": "x",
    "occurred_at": datetime(2025, 3, 18, tzinfo=UTC),
    "actor": "exporter",
    "export_digest": "0" * 64,
}
others = st.one_of(
    policies.map(adopted),
    st.sampled_from([
        junk(),
        junk("training.other.thing.b.e1", b'{"type":"other.thing.v1"}'),
        TrainingSetExported(**EXPORT, policy_digest="1" * 64, log_digest="2" * 64, last_seq=3, counts={"unique": 1}),
        TrainingTriggered(**EXPORT, outcome="started"),
    ]),
)  # fmt: skip
said_of_one: list[Callable[[str], Said]] = [
    liked, disliked, approved, rejected, reopened,
    lambda example_id: approved(example_id, context=model_contexts.ALONE),
    lambda example_id: approved(example_id, context="f" * 16),
    lambda example_id: liked(example_id, untrusted=True),
    lambda example_id: disliked(example_id, comment=PHONE),
    noted,
    lambda example_id: noted(example_id, PHONE),
    lambda example_id: liked(example_id, untrusted=True, actor="bo"),
]  # fmt: skip
decisions: st.SearchStrategy[Said] = st.sampled_from(said_of_one).flatmap(ids.map)
redactions = st.builds(
    lambda id_, text, turn, seqs, **more: redacted(
        id_, text[0], text[1], text[1], comments=tuple(NewComment(seq=n, comment="seen") for n in seqs), **turn, **more
    ),
    ids,
    texts,
    parts,
    st.sets(st.integers(1, 12), max_size=4),
    original_prompt=st.sampled_from([None, OTHER_PROMPT]),
)
descriptions = st.builds(
    described, ids, added=tags, removed=tags,
    project_context=st.sampled_from([None, None, "Tower A"]), include_in_training=st.sampled_from([None, True, False]),
)  # fmt: skip
real_erasures = st.builds(Erase, ids, all_but=st.integers(0, 1), comments=st.booleans(), exactly=st.booleans(),
                          kept=st.sampled_from([(), (), ("b", "c")]))  # fmt: skip
defects: list[Defect] = list(get_args(Defect))
lies = st.builds(Lie, ids, st.sampled_from(defects))
erasures = st.one_of(ids.map(erased), real_erasures, lies)
rare = st.one_of(redactions, descriptions, descriptions, erasures, ids.flatmap(arrivals), others)
histories = st.tuples(
    st.tuples(*map(arrivals, IDS)), st.lists(st.one_of(decisions, decisions, rare), max_size=10)
).flatmap(lambda said: st.permutations([*said[0], *said[1]]))
"""An arrival of each id, and what else is said, in any order."""


@slow
@for_every(
    history=histories,
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    overlap=st.integers(0, 4),
    reopened_after=st.integers(0, 3),
    judged_at_the_end_from=st.integers(0, 5),
)
def test_every_way_of_delivery_ends_in_the_same_content(
    history: list[Said], sizes: list[int], overlap: int, reopened_after: int, judged_at_the_end_from: int
) -> None:
    messages = given(*history).messages
    with closing(fold([messages])) as at_once:
        expected = everything(at_once.con)
    with tempfile.TemporaryDirectory() as folder:
        projector = Projector(Path(folder) / "rooflog.duckdb")
        start = 0
        for number, size in enumerate(cycle(sizes)):
            end = min(start + size, len(messages))
            if number >= judged_at_the_end_from:
                projector.fold(prepare(messages[start:end]))
            else:
                assert projector.apply(messages[max(0, start - overlap) : end]) == end - start
            start = end
            if number == reopened_after:
                projector.close()
                projector = Projector(Path(folder) / "rooflog.duckdb")
            if start == len(messages):
                break
        projector.judge()
        assert everything(projector.con) == expected
        projector.close()


@slow
@for_every(
    before=histories,
    erased_ids=st.lists(real_erasures, min_size=1, max_size=3),
    after=st.lists(st.one_of(decisions, ids.flatmap(arrivals), redactions, lies), max_size=4),
    size=st.integers(1, 9),
)
def test_a_log_without_erased_messages_ends_in_the_same_content(
    before: list[Said], erased_ids: list[Said], after: list[Said], size: int
) -> None:
    """Whoever saw the texts before they were erased cannot be told from who only knows the tombstones."""
    story = given(*before, *erased_ids, *after)
    with closing(fold([story.messages])) as saw, closing(fold(tuple(split(story.left, size)))) as rebuilt:
        assert everything(rebuilt.con) == everything(saw.con)


@slow
@for_every(
    before=histories,
    told=st.lists(st.one_of(lies, lies, real_erasures, decisions), min_size=1, max_size=4),
    after=st.lists(st.one_of(decisions, ids.flatmap(arrivals)), max_size=4),
)
def test_a_wrong_tombstone_changes_no_more_than_junk(before: list[Said], told: list[Said], after: list[Said]) -> None:
    said = [*before, *told, *after]
    other = [junk("training.other.thing.nobody.e1") if isinstance(one, Lie) else one for one in said]
    with closing(fold([given(*said).messages])) as lied, closing(fold([given(*other).messages])) as thrown:
        assert _but_for(UNBELIEVED, everything(lied.con)) == _but_for(UNBELIEVED, everything(thrown.con))


UNBELIEVED = ("chain", "checkpoint", "erasures", "quarantine", "unerased_messages")
"""What says which messages the log holds; all other tables follow from the facts that count."""


def _but_for(names: Sequence[str], content: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in content.items() if name not in names}


@slow
@for_every(histories)
def test_the_tables_say_what_the_rules_in_plain_python_say(history: list[Said]) -> None:
    story = given(*history)
    with closing(fold([story.messages])) as projector:
        analysed, told = _analysed(projector.con), _verdicts(projector)
    assert told == model.judge(_decoded(story), analysed)


def test_other_rules_reach_what_an_erasure_links_anew() -> None:
    without = structs.replace(policy(), texts=UNSET)
    for first, second in ((policy(), without), (without, policy())):
        said = [
            captured("a"),
            corrected("nobody", wrong=ANSWER, id="c"),
            captured("d"),
            liked("a"),
            adopted(first),
            liked("a"),
        ]
        assert given(*said, erased("a"), adopted(second)).projector


LONG = " " * READ
LONG_TEXTS: tuple[Said, ...] = (
    captured("a"),
    unlimited(captured("b", OTHER_PROMPT, ANSWER + LONG + SUPPLIER)),
    approved("b"),
    unlimited(captured("c", "Which TPO membrane is it?" + LONG + "tpo")),
    unlimited(corrected("a", wrong=ANSWER + LONG)),
    unlimited(captured("d", "Which PVC membrane is it?", ANSWER + LONG)),
    liked("d"),
    redacted("d", "Which PVC membrane is it?", ANSWER),
    unlimited(redacted("a", PROMPT, ANSWER + LONG)),
)


def test_a_text_read_in_part_waits_for_a_person() -> None:
    story = given(*LONG_TEXTS)
    story.then(
        training_set=["d"],
        why={"b": ["too_long"], "c": ["too_long", "not_approved"], "fix-a": ["too_long"]},
        queue=[("fix-a", "correction"), ("c", "new_topic")],
    )
    assert story.show("b")["personal_data"] == []
    assert story.funnel["lost"] == {"superseded_by": 1, "too_long": 3}
    told = _verdicts(story.projector)
    assert told == model.judge(_decoded(story), _analysed(story.con))


def _verdicts(projector: Projector) -> dict[str, model.Verdict]:
    turns = _turns(projector)
    rows = projector.con.execute(
        """SELECT v.example_id, v.reasons, v.approval, v.superseded_by, v.disputed_by, d.example_id,
                  c.example_id, v.queue, v.causes, r.example_id, v.tags, v.project_context
           FROM verdicts v LEFT JOIN verdicts d ON d.seq = v.duplicate_of
                LEFT JOIN verdicts c ON c.seq = v.contradicts JOIN verdicts r ON r.seq = v.root"""
    ).fetchall()
    told = (
        (
            row[0],
            (
                *(set(names(row[1])), *row[2:8], set(causes(row[8])), row[9], turns.get(row[0], ())),
                *(tuple(row[10]), row[11]),
            ),
        )
        for row in rows
    )
    return {example_id: model.Verdict(*fields) for example_id, fields in told}


def _turns(projector: Projector) -> dict[str, tuple[str, ...]]:
    """The examples whose texts stand before each one, as an export finds them."""
    ids = dict(projector.con.execute("SELECT seq, example_id FROM examples").fetchall())
    chains = contexts.chains(projector.memory.columns())
    columns = {name: chains[name].to_numpy() for name in chains.column_names}
    found: dict[str, tuple[str, ...]] = {}
    for row in contexts.turns(columns, np.arange(len(chains))).to_pylist():
        assert row["place"] == len(found.get(ids[row["seq"]], ()))
        found[ids[row["seq"]]] = (*found.get(ids[row["seq"]], ()), ids[row["text_seq"]])
    return found


def _decoded(story: Story) -> list[tuple[int, Fact]]:
    said: list[tuple[int, Fact]] = []
    for message in story.messages:
        try:
            said.append((message.seq, message.fact()))
        except InvalidFact:
            continue
    return [(seq, fact) for seq, fact in said if not (isinstance(fact, ExampleErased) and fact.reason == LIE)]


def _analysed(con: Connection) -> dict[str, model.Analysis]:
    """What the analysis says of each example: the one thing that the model does not redo."""
    rows = con.execute(
        """SELECT example_id, score, context, len(a.personal_data) > 0,
                  regexp_matches(coalesce(system, '') || coalesce(tools, ''), '@|555'), len(a.flags) > 0, a.tags
           FROM examples JOIN analysis a USING (analysis_key)"""
    ).fetchall()
    return {example_id: model.Analysis(*found) for example_id, *found in rows}


@slow
@for_every(history=histories, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_memory_is_what_the_tables_hold_after_every_batch(history: list[Said], sizes: list[int]) -> None:
    messages = given(*history).messages
    with closing(fold([])) as projector:
        start = 0
        for size in cycle(sizes):
            projector.apply(messages[start : start + size])
            assert_remembered(projector)
            start += size
            if start >= len(messages):
                break
