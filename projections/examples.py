"""Examples: one row for everything that might be trained on, a capture or a correction, with its text as it is now."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import itemgetter

import pyarrow as pa
from msgspec import json

from events import message
from events.facts import CorrectionRecorded, ExampleCaptured, ExampleRedacted
from events.message import Message

from .batch import Batch
from .database import Connection, with_rows
from .projection import ENVELOPE, Projection, envelope

CORRECTION_SOURCE = "user_correction"

ERASED_SOURCE = "erased"
"""What stands where a capture's source was: nobody knows it any more."""

_SAID = ENVELOPE | {
    "example_id": "VARCHAR",
    "kind": "VARCHAR",
    "source": "VARCHAR",
    "prompt": "VARCHAR",
    "response": "VARCHAR",
    "original_response": "VARCHAR",
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
}

_DERIVED = {
    "prompt_key": "VARCHAR",
    "text_key": "VARCHAR",
    "said_key": "VARCHAR",
    "original_key": "VARCHAR",
    "analysis_key": "VARCHAR",
    "redacted_seq": "BIGINT",
    "erased_seq": "BIGINT",
}

QUESTION = r"""regexp_replace(trim(regexp_replace(
    lower(translate(nfc_normalize(prompt), '’‘“”', '''''""')), '[\s\pZ]+', ' ', 'g')), '[ ?!.,;:]+$', '')"""
"""The normalised prompt: case, white space, quotation marks and closing punctuation make no difference."""

PROMPT_KEY = f"left(sha256({QUESTION}), 32)"
"""The digest of the normalised prompt: examples of one key are exact duplicates."""

TEXT_KEY = "left(sha256(prompt || chr(0) || response), 32)"
"""The digest of prompt and answer, 128 bits of SHA-256: the same words twice are one text.

`said_key` is the same of the text as it was first said: a redaction must not hide it from its correction.
"""

ORIGINAL_KEY = "CASE WHEN kind = 'correction' THEN left(sha256(prompt || chr(0) || original_response), 32) END"
"""The digest of prompt and answer that a correction replaced: the text_key of what it corrects."""

ANALYSIS_KEY = "left(sha256(prompt || chr(0) || response || chr(0) || coalesce(original_response, '')), 32)"
"""The digest of everything that is analysed."""

_ARRIVING = _SAID | {
    "original_key": "VARCHAR",
    "text_key": "VARCHAR",
    "analysis_key": "VARCHAR",
    "erased_seq": "BIGINT",
}
_ID = list(_ARRIVING).index("example_id")

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
}
_KEPT = {"seq", "event_id", "example_id", "kind", "corrects", "original_key", "erased_seq"}

BARE = ", ".join(f"{name} = {_FORGOTTEN.get(name, 'NULL')}" for name in (_SAID | _DERIVED) if name not in _KEPT)
"""The assignments that leave of an example what its tombstone knows: it was there, and which answer it corrected."""

_REKEY = f"prompt_key = {PROMPT_KEY}, text_key = {TEXT_KEY}, analysis_key = {ANALYSIS_KEY}"


def _captured(seq: int, fact: ExampleCaptured) -> tuple[object, ...]:
    meta, document = fact.metadata, fact.document
    return (
        *envelope(seq, fact),
        fact.example_id,
        "capture",
        fact.source,
        fact.prompt,
        fact.response,
        None,
        fact.project_context,
        fact.tags,
        meta.skill_used,
        meta.tier_handled,
        meta.latency_ms,
        meta.tokens_in,
        meta.tokens_out,
        document.document_type if document else None,
        document.was_used if document else None,
        document.modifications_made if document else None,
        json.encode(fact.details, order="sorted").decode() if fact.details else None,
        fact.include_in_training,
        fact.was_corrected,
        None,
        None,
        None,
        (),
    )


def _corrected(seq: int, fact: CorrectionRecorded) -> tuple[object, ...]:
    return (
        *envelope(seq, fact),
        fact.event_id,
        "correction",
        CORRECTION_SOURCE,
        fact.original_prompt,
        fact.corrected_response,
        fact.original_response,
        fact.project_context,
        fact.tags,
        *[None] * 9,
        fact.include_in_training,
        False,
        fact.example_id,
        fact.reason,
        fact.corrector,
        fact.aliases,
    )


def _erased(left: Message) -> tuple[object, ...] | None:
    """The row of a message of which only the tombstone is left; None where it held neither capture nor correction."""
    kinds = {"example.captured.v1": "capture", "correction.recorded.v1": "correction"}
    kept = left.erased
    if kept is None or kept.fact not in kinds:
        return None
    about, event_id = left.subject.split(".")[3:5]
    kind = kinds[kept.fact]
    is_correction = kind == "correction"
    told = {
        "seq": left.seq,
        "event_id": event_id,
        "example_id": event_id if is_correction else about,
        "kind": kind,
        "corrects": about if is_correction and about != event_id else None,
        "original_key": kept.corrected,
        "erased_seq": left.erased_by,
    }
    return tuple(told.get(name) for name in _ARRIVING)


def _fold(con: Connection, batch: Batch) -> None:
    """Append what is new; the first fact of an id wins and a second one is quarantined."""
    rows = [(*_captured(seq, fact), *_keys(fact.prompt, fact.response)) for seq, fact in batch.of(ExampleCaptured)]
    rows += [
        (*_corrected(seq, fact), *_keys(fact.original_prompt, fact.corrected_response, fact.original_response))
        for seq, fact in batch.of(CorrectionRecorded)
    ]
    rows += filter(None, map(_erased, batch.erased))
    if not rows:
        return
    known = _known(con, rows)
    fresh: dict[object, tuple[object, ...]] = {}
    again: list[int] = []
    for row in sorted(rows, key=itemgetter(0)):
        if row[_ID] in known or row[_ID] in fresh:
            again.append(row[0])  # type: ignore[arg-type]
        else:
            fresh[row[_ID]] = row
    if fresh:
        with_rows(
            con,
            _ARRIVING,
            list(fresh.values()),
            f"INSERT INTO examples BY NAME SELECT *, text_key AS said_key, {PROMPT_KEY} AS prompt_key FROM incoming",
        )
    if batch.erased:
        con.execute(f"UPDATE examples SET {BARE} WHERE erased_seq IS NOT NULL AND source IS NULL")
    batch.quarantine(
        again,
        "duplicate_example",
        "the log already holds an example of this id; capture it under an id of its own",
    )


def _known(con: Connection, rows: Sequence[tuple[object, ...]]) -> set[object]:
    """The ids of rows that are examples already."""
    known: list[tuple[object]] = []
    con.register("incoming", pa.table({"example_id": [row[_ID] for row in rows]}))
    try:
        known = con.execute("SELECT example_id FROM examples SEMI JOIN incoming USING (example_id)").fetchall()
    finally:
        con.unregister("incoming")
    return {example_id for (example_id,) in known}


def _keys(prompt: str, response: str, original: str | None = None) -> tuple[str | None, str, str, None]:
    """The original_key, text_key and analysis_key of a text as it is first said, and no erased_seq.

    They are what ORIGINAL_KEY, TEXT_KEY and ANALYSIS_KEY say, four times as fast as DuckDB's SHA-256.
    """
    digest = hashlib.sha256(f"{prompt}\0{response}".encode())
    text_key = digest.hexdigest()[:32]
    digest.update(f"\0{original or ''}".encode())
    original_key = None if original is None else message.text_key(prompt, original)
    return original_key, text_key, digest.hexdigest()[:32], None


EXAMPLES = Projection(
    name="examples",
    version=2,
    handles=(ExampleCaptured, CorrectionRecorded),
    columns=_SAID | _DERIVED,
    key="seq",
    fold=_fold,
)

_REDACTED = ENVELOPE | {
    "example_id": "VARCHAR",
    "prompt": "VARCHAR",
    "response": "VARCHAR",
    "original_response": "VARCHAR",
    "found": "VARCHAR",
}


def _fold_redactions(con: Connection, batch: Batch) -> None:
    """Keep redactions and give each example the text of its latest one, whichever of the two came first."""
    said = batch.of(ExampleRedacted)
    rows = [
        (*envelope(seq, f), f.example_id, f.prompt, f.response, f.original_response, json.encode(f.found).decode())
        for seq, f in said
    ]
    if rows:
        with_rows(con, _REDACTED, rows, "INSERT INTO redactions BY NAME SELECT * FROM incoming")
    ids = [(f.example_id,) for _, f in said] + _arrived(batch)
    if not ids:
        return
    with_rows(
        con,
        {"example_id": "VARCHAR"},
        ids,
        """UPDATE examples SET prompt = r.prompt, response = r.response, redacted_seq = r.seq,
             original_response = CASE WHEN kind = 'correction' THEN coalesce(r.original_response, '') END
           FROM (SELECT * FROM redactions SEMI JOIN incoming USING (example_id)
                 QUALIFY row_number() OVER (PARTITION BY example_id ORDER BY seq DESC) = 1) r
           WHERE examples.example_id = r.example_id AND examples.redacted_seq IS DISTINCT FROM r.seq
             AND examples.erased_seq IS NULL""",
        f"""UPDATE examples SET {_REKEY} WHERE redacted_seq IS NOT NULL AND erased_seq IS NULL AND example_id IN
            (SELECT example_id FROM incoming)""",
    )


REDACTIONS = Projection(
    name="redactions",
    version=2,
    handles=(ExampleRedacted,),
    columns=_REDACTED,
    key="seq",
    fold=_fold_redactions,
)


def _arrived(batch: Batch) -> list[tuple[str]]:
    captured = [(fact.example_id,) for _, fact in batch.of(ExampleCaptured)]
    return captured + [(fact.event_id,) for _, fact in batch.of(CorrectionRecorded)]
