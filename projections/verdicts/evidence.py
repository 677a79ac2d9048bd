"""Evidence: what a batch of ordinary facts says of examples, put into the columns without asking the tables.

Captures, corrections, feedback and decisions are ordinary. What takes texts away, describes an example, or comes before
the example that it is about, is gathered from the tables (`stored.gathered`), which say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from events.facts import CorrectionRecorded, Decision, ExampleApproved, ExampleRejected, ExampleReopened, FeedbackGiven

from ..policy.policy import Policy
from ..store.batch import Batch
from ..store.database import TYPES, Connection, append, with_table
from ..tables.examples import compared, id_key
from ..texts.text_size import READ
from . import stored
from .columns import MISSING, Columns, Rows
from .judgement import APPROVED, CORRECTION, FEEDBACK, POSITIVE

_VERBS: dict[type[Decision], int] = {ExampleApproved: 1, ExampleRejected: 2, ExampleReopened: 0}


class Arrivals(NamedTuple):
    """Examples that have arrived: their rows as `examples` holds them, and what was found of their texts.

    `clusters` are the sequences of what represents their near-duplicates, `more_personal_data` the kinds in system
    texts and tools, by sequence.
    """

    rows: pa.Table
    clusters: list[int]
    analyses: pa.Table
    more_personal_data: dict[int, list[str]]


def arrive(con: Connection, columns: Columns, arrivals: Arrivals, policy: Policy) -> tuple[Rows, Rows]:
    """Store the evidence on examples that have arrived, and put it into the columns.

    Their rows, and the rows of turns and corrections that were there before the turns that they belong to.
    """
    arrived, clusters, analyses, more = arrivals
    keys = compared(policy)
    page = _evidence(arrived, analyses, more, policy)
    flags = page["flags"].to_pylist()
    others = {
        "tags": pa.array(map(stored.encoded, page["tags"].to_pylist()), pa.string()),
        "occurred_at": page["occurred_at"].cast(pa.int64()),
        "has_personal_data": pc.greater(pc.list_value_length(page["personal_data"]), 0),
        "has_more_personal_data": pc.greater(pc.list_value_length(page["more_personal_data"]), 0),
        "has_flags": pc.greater(pc.list_value_length(page["flags"]), 0),
        "is_too_long": pa.array(["too_long" in some for some in flags], pa.bool_()),
        "cluster": pa.array(clusters, pa.int64()),
        "author": arrived["actor"],
        "id_key": arrived["id_key"],
        "text_key": arrived["text_key"],
        "words_now": arrived[keys.now],
        "corrects": arrived["corrects"],
        "words_replaced": arrived[keys.replaced],
        "follows": arrived["follows"],
        "conversation_key": arrived["conversation_key"],
    }
    names = [name for name in page.column_names if name not in others]
    rows = stored.put(columns, pa.table({name: page[name] for name in names} | others))
    _find_parents(columns, rows, arrived["follows"].to_pylist())
    page = page.append_column("parent", pa.array(columns["parent"][rows]))
    append(con, "evidence", page.select(stored.EVIDENCE.columns))
    late = _parents_of_earlier(columns, rows)
    if len(late):
        parents = pa.table(columns.of(late, ("seq", "parent")))
        with_table(con, parents, "UPDATE evidence SET parent = i.parent FROM incoming i WHERE evidence.seq = i.seq")
    columns.follow(np.concatenate([rows, late]))
    return rows, late


def _find_parents(columns: Columns, rows: Rows, follows: list[str | None]) -> None:
    """Find the `parent` of each row that has arrived, in the order of the log."""
    parent = columns["parent"]
    of = columns.of(rows, ("seq", "kind", "conversation"))
    each = zip(rows.tolist(), follows, *(of[name].tolist() for name in ("seq", "kind", "conversation")), strict=True)
    for row, named, seq, kind, conversation in each:
        if kind == CORRECTION:
            parent[row] = columns.corrected_seq(row)
        elif named is not None:
            parent[row] = MISSING
            key = id_key(named)
            if before := columns.by_id([key]):
                _let_follow(columns, row, before[0])
            else:
                columns.wait(row, key)
        elif conversation:
            parent[row] = columns.last_turn(conversation)
        if conversation:
            columns.goes_on(conversation, seq)


def _parents_of_earlier(columns: Columns, arrived: Rows) -> Rows:
    """Find the `parent` of rows that were there before what they follow or correct by its id; those rows."""
    late = []
    for row in arrived.tolist():
        for earlier in columns.waiting(row):
            if earlier < arrived[0]:
                late.append(earlier)
                _let_follow(columns, earlier, row)
    return np.unique(np.array(late, np.int64))


def _let_follow(columns: Columns, row: int, before: int) -> None:
    """Let a row follow another one, or stand beside what it corrects, unless they are turns of two conversations."""
    ours, theirs = int(columns["conversation"][row]), int(columns["conversation"][before])
    if not (ours and theirs and ours != theirs):
        columns["parent"][row] = columns["seq"][before]


def _evidence(arrived: pa.Table, analyses: pa.Table, more: dict[int, list[str]], policy: Policy) -> pa.Table:
    """The rows of `evidence` of what has arrived."""
    sizes = {name: pc.utf8_length(arrived[name]) for name in ("prompt", "response", "original_response")}
    longest = pc.max_element_wise(*sizes.values())
    flags = [
        [*some, "too_long"] if size > READ else some
        for some, size in zip(analyses["flags"].to_pylist(), longest.to_pylist(), strict=True)
    ]
    tags = [
        policy.tagged((*author, *of_text))
        for author, of_text in zip(arrived["author_tags"].to_pylist(), analyses["tags"].to_pylist(), strict=True)
    ]
    columns: dict[str, Any] = {name: arrived[name] for name in _TAKEN} | {
        "tags": pa.array(tags, TYPES["VARCHAR[]"]),
        "prompt_chars": sizes["prompt"].cast(pa.int64()),
        "response_chars": sizes["response"].cast(pa.int64()),
        "used_with": pc.if_else(pc.fill_null(arrived["was_used"], False), arrived["modifications_made"], None),
        "is_erased": pa.array(np.zeros(len(arrived), np.bool_)),
        "more_personal_data": pa.array([more.get(seq, []) for seq in arrived["seq"].to_pylist()], TYPES["VARCHAR[]"]),
        "flags": pa.array(flags, TYPES["VARCHAR[]"]),
    }
    columns |= {name: analyses[name] for name in ("score", "context", "personal_data")}
    return pa.table(columns)


_TAKEN = (
    *("example_id", "seq", "occurred_at", "kind", "source", "project_context"),
    *("include_in_training", "was_corrected", "untrusted", "prompt_key", "gaps"),
)


def said(columns: Columns, batch: Batch, arrived: Rows) -> Rows:
    """Put what a batch says of examples into the columns; the rows that it touches, without those that have arrived."""
    decided = sorted(
        (seq, verb, fact.about, fact.context) for kind, verb in _VERBS.items() for seq, fact in batch.of(kind)
    )
    about = {fact.example_id for _, fact in batch.of(FeedbackGiven)} | {example_id for _, _, example_id, _ in decided}
    about |= {fact.example_id for _, fact in batch.of(CorrectionRecorded) if fact.example_id is not None}
    row_of = rows_of(columns, about)
    touched, corrected = set(arrived.tolist()), set(arrived.tolist())
    for seq, fact in batch.of(FeedbackGiven):
        if (row := row_of.get(fact.example_id)) is None:
            continue
        number = FEEDBACK.index(fact.feedback) + 1
        author = int(columns["author"][row])
        if fact.untrusted and number == POSITIVE and author >= 0 and columns.authors.values[author] == fact.actor:
            continue
        columns["feedback"][row], columns["feedback_seq"][row] = number, seq
        touched.add(row)
    for seq, verb, example_id, context in decided:
        if (row := row_of.get(example_id)) is None:
            continue
        columns["decision"][row], columns["decision_seq"][row] = verb, seq if verb else 0
        columns["decision_context"][row] = int(context or "0", 16) if verb else 0
        touched.add(row)
        corrected.add(row)
    for row in list(corrected):
        if columns.is_correction(row):
            corrected.update(columns.corrected_by(row))
    for row in corrected:
        _correct(columns, row)
    return np.array(sorted(touched | corrected), np.int64)


def rows_of(columns: Columns, ids: Iterable[str]) -> dict[str, int]:
    """The rows of those of some ids that are there."""
    wanted = list(ids)
    return {wanted[number]: row for number, row in columns.by_id(list(map(id_key, wanted))).items()} if wanted else {}


def _correct(columns: Columns, row: int) -> None:
    """Find which correction stands against an example, and which one disputes it."""
    against = columns.against(row)
    untrusted, decision, seq = columns["untrusted"], columns["decision"], columns["seq"]
    stands = [other for other in against if not untrusted[other] or decision[other] == APPROVED]
    disputes = [other for other in against if untrusted[other] and decision[other] == 0]
    columns["superseded_by"][row] = seq[max(stands)] if stands else 0
    disputed_by = int(seq[max(disputes)]) if disputes else 0
    is_settled = decision[row] == APPROVED and columns["decision_seq"][row] > disputed_by
    columns["disputed_by"][row] = 0 if is_settled else disputed_by
