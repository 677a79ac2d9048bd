"""Examples: one row for everything that might be trained on, a capture or a correction, with its text as it is now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, json

from events import message, same_words
from events.earlier_turns import understood
from events.facts import CorrectionRecorded, ExampleCaptured
from events.message import Message

from ..policy.policy import Policy
from ..store import database
from ..store.batch import DUPLICATE, Batch
from ..store.database import Connection
from ..store.projection import ENVELOPE, Projection, envelopes
from ..store.table import Table
from .question import prompt_key, question
from .turn import gaps

CORRECTION_SOURCE = "user_correction"

ERASED_SOURCE = "erased"
"""Stands in place of the source of an erased capture."""

_SAID = ENVELOPE | {
    "example_id": "VARCHAR",
    "kind": "VARCHAR",
    "source": "VARCHAR",
    "prompt": "VARCHAR",
    "response": "VARCHAR",
    "original_response": "VARCHAR",
    "original_prompt": "VARCHAR",
    "project_context": "VARCHAR",
    "author_tags": "VARCHAR[]",
    "skill_used": "VARCHAR",
    "tier_handled": "VARCHAR",
    "latency_ms": "DOUBLE",
    "tokens_in": "BIGINT",
    "tokens_out": "BIGINT",
    "document_type": "VARCHAR",
    "was_used": "BOOLEAN",
    "modifications_made": "VARCHAR",
    "details": "VARCHAR",
    "include_in_training": "BOOLEAN",
    "was_corrected": "BOOLEAN",
    "corrects": "VARCHAR",
    "reason": "VARCHAR",
    "corrector": "VARCHAR",
    "aliases": "VARCHAR[]",
    "untrusted": "BOOLEAN",
    "conversation": "VARCHAR",
    "follows": "VARCHAR",
    "system": "VARCHAR",
    "tools": "VARCHAR",
    "attachments": "VARCHAR",
    "finish_reason": "VARCHAR",
    "model": "VARCHAR",
}

_DERIVED = {
    "id_key": "UUID",
    "prompt_key": "UUID",
    "text_key": "UUID",
    "said_key": "UUID",
    "original_key": "UUID",
    "words_key": "UUID",
    "said_words": "UUID",
    "original_words": "UUID",
    "analysis_key": "UUID",
    "conversation_key": "UUID",
    "gaps": "BIGINT",
    "redacted_seq": "BIGINT",
    "erased_seq": "BIGINT",
}
"""Keys of the text as it is, see `keys`, and of two that it is not.

`said_key` is the text_key of what was first said, as a redaction must not hide it from its correction. `original_key`
is the text_key of what a correction replaced. `words_key`, `said_words` and `original_words` are the same in the normal
form of the words. Of a correction that 0.1.0 erased nobody knows more than the original_key, which stands for both.
`gaps` are the causes for which a turn is incomplete by itself.
"""

_ARRIVING = _SAID | {
    "id_key": "UUID",
    "original_key": "UUID",
    "original_words": "UUID",
    "text_key": "UUID",
    "words_key": "UUID",
    "analysis_key": "UUID",
    "prompt_key": "UUID",
    "conversation_key": "UUID",
    "gaps": "BIGINT",
    "erased_seq": "BIGINT",
}
_SCHEMA = database.schema(_ARRIVING)

_FORGOTTEN = {
    "occurred_at": "NULL",
    "actor": "NULL",
    "trace_id": "NULL",
    "source": f"CASE WHEN kind = 'correction' THEN '{CORRECTION_SOURCE}' ELSE '{ERASED_SOURCE}' END",
    "prompt": "''",
    "response": "''",
    "original_response": "CASE WHEN kind = 'correction' THEN '' END",
    "project_context": "'general'",
    "author_tags": "[]",
    "include_in_training": "true",
    "was_corrected": "false",
    "aliases": "[]",
    "untrusted": "false",
    "gaps": "0",
}
_KEPT = {
    *("seq", "event_id", "example_id", "id_key", "kind", "corrects", "original_key", "erased_seq"),
    *("original_words", "follows", "conversation_key"),
}

BARE = ", ".join(f"{name} = {_FORGOTTEN.get(name, 'NULL')}" for name in (_SAID | _DERIVED) if name not in _KEPT)
"""The assignments that leave of an example what its tombstone knows: it was there, which answer it corrected, and its
place in a conversation."""

CORRECTIONS = Table(
    name="corrections",
    columns={
        "seq": "BIGINT",
        "example_id": "VARCHAR",
        "corrects": "VARCHAR",
        "original_key": "UUID",
        "original_words": "UUID",
        "untrusted": "BOOLEAN",
    },
    key="seq",
    kind="derived",
    version=3,
    group="examples",
)
"""What is a correction of what, beside the examples: one example in twenty has these columns.

They never change, but that of an erased correction only what its tombstone says is kept: it is not `untrusted`.
"""


class Compared(NamedTuple):
    """The columns by which a correction finds the answers that it replaces: as they are, as first said, as replaced."""

    now: str
    said: str
    replaced: str


def compared(policy: Policy) -> Compared:
    """The keys of the same words where the policy says so, and of exactly the same texts otherwise."""
    if policy.duplicates.same_words is True:
        return Compared("words_key", "said_words", "original_words")
    return Compared("text_key", "said_key", "original_key")


def _captured(sequenced: Sequence[tuple[int, ExampleCaptured]]) -> pa.Table:
    facts = [understood(fact) for _, fact in sequenced]
    metadata, documents = [f.metadata for f in facts], [f.document for f in facts]
    return _arriving(
        sequenced,
        "capture",
        [keys(f.prompt, f.response) for f in facts],
        {
            "example_id": [f.example_id for f in facts],
            "source": [f.source for f in facts],
            "prompt": [f.prompt for f in facts],
            "response": [f.response for f in facts],
            "skill_used": [m.skill_used for m in metadata],
            "tier_handled": [m.tier_handled for m in metadata],
            "latency_ms": [m.latency_ms for m in metadata],
            "tokens_in": [m.tokens_in for m in metadata],
            "tokens_out": [m.tokens_out for m in metadata],
            "document_type": [d and d.document_type for d in documents],
            "was_used": [d and d.was_used for d in documents],
            "modifications_made": [d and d.modifications_made for d in documents],
            "details": [json.encode(f.details, order="sorted").decode() if f.details else None for f in facts],
            "was_corrected": [f.was_corrected for f in facts],
            "aliases": [()] * len(facts),
            "conversation": [f.conversation for f in facts],
            "follows": [f.follows for f in facts],
            "system": [f.system for f in facts],
            "tools": [_json(f.tools) for f in facts],
            "attachments": [_json(f.attachments) for f in facts],
            "finish_reason": [f.finish_reason for f in facts],
            "model": [f.model for f in facts],
            "conversation_key": [
                f.conversation and bytes.fromhex(message.conversation_key(f.conversation)) for f in facts
            ],
            "gaps": [gaps(f.response, f.finish_reason, bool(f.tools), bool(f.attachments)) for f in facts],
        },
    )


def _json(items: Sequence[Struct]) -> str | None:
    return json.encode(items).decode() if items else None


def _corrected(sequenced: Sequence[tuple[int, CorrectionRecorded]]) -> pa.Table:
    facts = [fact for _, fact in sequenced]
    replaced = [keys(f.original_prompt, f.original_response)[:2] for f in facts]
    return _arriving(
        sequenced,
        "correction",
        [keys(f.prompt, f.corrected_response, f.original_response) for f in facts],
        {
            "example_id": [f.event_id for f in facts],
            "source": [CORRECTION_SOURCE] * len(facts),
            "prompt": [f.prompt for f in facts],
            "response": [f.corrected_response for f in facts],
            "original_response": [f.original_response for f in facts],
            "original_prompt": [None if f.corrected_prompt is None else f.original_prompt for f in facts],
            "was_corrected": [False] * len(facts),
            "corrects": [f.example_id for f in facts],
            "reason": [f.reason for f in facts],
            "corrector": [f.corrector for f in facts],
            "aliases": [f.aliases for f in facts],
            "gaps": [0] * len(facts),
            "original_key": [text_key for text_key, _ in replaced],
            "original_words": [words_key for _, words_key in replaced],
        },
    )


def _arriving(
    sequenced: Sequence[tuple[int, ExampleCaptured | CorrectionRecorded]],
    kind: str,
    keyed: Sequence[tuple[bytes, bytes, bytes]],
    columns: dict[str, list[Any]],
) -> pa.Table:
    """Rows of one kind, with the columns that both kinds have; every other column is empty."""
    facts = [fact for _, fact in sequenced]
    columns |= envelopes(sequenced) | {
        "id_key": list(map(id_key, columns["example_id"])),
        "kind": [kind] * len(facts),
        "project_context": [f.project_context for f in facts],
        "author_tags": [f.tags for f in facts],
        "include_in_training": [f.include_in_training for f in facts],
        "untrusted": [f.untrusted for f in facts],
        "text_key": [text_key for text_key, _, _ in keyed],
        "words_key": [words_key for _, words_key, _ in keyed],
        "prompt_key": [prompt_key(question(prompt)) for prompt in columns["prompt"]],
        "analysis_key": [analysis_key for _, _, analysis_key in keyed],
    }
    nothing = {
        name: pa.nulls(len(facts), database.TYPES[kind]) for name, kind in _ARRIVING.items() if name not in columns
    }
    return pa.table({name: nothing.get(name, columns.get(name)) for name in _ARRIVING}, schema=_SCHEMA)


def _erased(left: Message) -> dict[str, object] | None:
    """The row of a message of which only the tombstone is left; None where it held neither capture nor correction."""
    kinds = {"example.captured.v1": "capture", "correction.recorded.v1": "correction"}
    kept, of = left.erased, left.parts
    if kept is None or kept.fact not in kinds or not of.kind:
        return None
    kind = kinds[kept.fact]
    is_correction = kind == "correction"
    original_key = kept.corrected and bytes.fromhex(kept.corrected)
    example_id = of.event_id if is_correction else of.about
    return {
        "seq": left.seq,
        "event_id": of.event_id,
        "example_id": example_id,
        "id_key": id_key(example_id),
        "kind": kind,
        "corrects": of.about if is_correction and of.about != of.event_id else None,
        "original_key": original_key,
        "original_words": same_words.bits(kept.corrected_words) or original_key,
        "follows": kept.follows,
        "conversation_key": kept.conversation and bytes.fromhex(kept.conversation),
        "gaps": 0,
        "erased_seq": left.erased_by,
    }


def _rows(batch: Batch) -> pa.Table | None:
    """Every capture and correction in the order of the log; whether their ids are new is found out later."""
    captures, corrections = batch.of(ExampleCaptured), batch.of(CorrectionRecorded)
    tombs = [row for left in batch.erased if (row := _erased(left)) is not None]
    parts = [_captured(captures)] if captures else []
    parts += [_corrected(corrections)] if corrections else []
    parts += [database.table(_ARRIVING, {name: [t.get(name) for t in tombs] for name in _ARRIVING})] if tombs else []
    if len(parts) > 1:
        return pa.concat_tables(parts).sort_by("seq")
    return parts[0] if parts else None


def _fold(con: Connection, batch: Batch) -> None:
    """Append what is new; the first fact of an id wins and a second one is quarantined."""
    incoming = batch.rows.get("examples")
    if incoming is None:
        return
    again = _again(con, batch, incoming)
    is_again = pc.is_in(incoming["seq"], pa.array(again, pa.int64()))
    batch.arrived = incoming.filter(pc.invert(is_again)) if again else incoming  # a filter copies every text
    is_new = f"WHERE seq NOT IN ({', '.join(map(str, again))})" if again else ""
    database.with_table(
        con,
        incoming,
        f"INSERT INTO examples BY NAME SELECT *, text_key AS said_key, words_key AS said_words FROM incoming {is_new}",
    )
    if "correction" in incoming["kind"].unique().to_pylist():
        con.execute(
            f"""INSERT INTO corrections
                SELECT seq, example_id, corrects, original_key, original_words, coalesce(untrusted, false)
                FROM examples
                WHERE seq >= {batch.first} AND kind = 'correction'"""
        )
    if batch.erased:
        con.execute(f"UPDATE examples SET {BARE} WHERE erased_seq IS NOT NULL AND source IS NULL")
    batch.quarantine(
        again,
        DUPLICATE,
        "the log already holds an example of this id; capture it under an id of its own",
    )


def _again(con: Connection, batch: Batch, incoming: pa.Table) -> list[int]:
    """The sequences of an Arrow table whose id an example has already, or an earlier one of them."""
    seqs, ids = incoming["seq"].to_pylist(), incoming["example_id"].to_pylist()
    seen = set(_known(con, incoming.select(["id_key"])) if batch.known is None else batch.known)
    again = []
    for seq, example_id in zip(seqs, ids, strict=True):
        if example_id in seen:
            again.append(seq)
        seen.add(example_id)
    return again


def known(con: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The sequences of those of some ids that an example has."""
    return _known(con, database.table({"id_key": "UUID"}, {"id_key": map(id_key, ids)}))


def _known(con: Connection, ids: pa.Table) -> dict[str, int]:
    con.register("ids", ids)
    try:
        return dict(con.execute("SELECT example_id, seq FROM examples SEMI JOIN ids USING (id_key)").fetchall())
    finally:
        con.unregister("ids")


def id_key(example_id: str) -> bytes:
    """128 bits of the SHA-256 of an id: DuckDB finds a number among a million in a third of what a string takes."""
    return hashlib.sha256(example_id.encode("utf-8", "surrogatepass")).digest()[:16]


def keys(prompt: str, response: str, original: str | None = None) -> tuple[bytes, bytes, bytes]:
    """The text_key, words_key and analysis_key of a text, 128 bits of SHA-256 each.

    They are over prompt and answer, over the two in normal form, and over all of the text as it is.

    DuckDB's SHA-256 takes four times as long.
    """
    digest = hashlib.sha256(f"{prompt}\0{response}".encode())
    text_key = digest.digest()[:16]
    words = f"{same_words.normal(prompt)}\0{same_words.normal(response)}"
    words_key = hashlib.sha256(words.encode()).digest()[:16]
    if original is None:
        return text_key, words_key, text_key
    digest.update(f"\0{original}".encode())
    return text_key, words_key, digest.digest()[:16]


EXAMPLES = Projection(
    name="examples",
    version=9,
    group="examples",
    handles=(ExampleCaptured, CorrectionRecorded),
    columns=_SAID | _DERIVED,
    key="seq",
    rows=_rows,
    fold=_fold,
)
