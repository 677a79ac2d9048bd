"""Examples: one row for everything that might be trained on, a capture or a correction, with its text as it is now."""

from __future__ import annotations

from msgspec import json

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

_ORIGINAL_KEY = "CASE WHEN kind = 'correction' THEN left(sha256(prompt || chr(0) || original_response), 32) END"

ANALYSIS_KEY = "left(sha256(prompt || chr(0) || response || chr(0) || coalesce(original_response, '')), 32)"
"""The digest of everything that is analysed."""

_ARRIVING = _SAID | {"original_key": "VARCHAR", "erased_seq": "BIGINT"}

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


def _erased(message: Message) -> tuple[object, ...] | None:
    """The row of a message of which only the tombstone is left; None where it held neither capture nor correction."""
    kinds = {"example.captured.v1": "capture", "correction.recorded.v1": "correction"}
    kept = message.erased
    if kept is None or kept.fact not in kinds:
        return None
    about, event_id = message.subject.split(".")[3:5]
    kind = kinds[kept.fact]
    is_correction = kind == "correction"
    told = {
        "seq": message.seq,
        "event_id": event_id,
        "example_id": event_id if is_correction else about,
        "kind": kind,
        "corrects": about if is_correction and about != event_id else None,
        "original_key": kept.corrected,
        "erased_seq": message.erased_by,
    }
    return tuple(told.get(name) for name in _ARRIVING)


def _fold(con: Connection, batch: Batch) -> None:
    """Append what is new; the first fact of an id wins and a second one is quarantined."""
    rows = [(*_captured(seq, fact), None, None) for seq, fact in batch.of(ExampleCaptured)]
    rows += [(*_corrected(seq, fact), None, None) for seq, fact in batch.of(CorrectionRecorded)]
    rows += filter(None, map(_erased, batch.erased))
    if not rows:
        return
    with_rows(
        con,
        _ARRIVING,
        rows,
        """CREATE OR REPLACE TEMP TABLE fresh AS SELECT *, seq = min(seq) OVER (PARTITION BY example_id)
           AND example_id NOT IN (SELECT e.example_id FROM examples e SEMI JOIN incoming USING (example_id)) AS is_new
           FROM incoming""",
        f"""INSERT INTO examples BY NAME SELECT * EXCLUDE (is_new) REPLACE (
                coalesce(original_key, {_ORIGINAL_KEY}) AS original_key),
            {PROMPT_KEY} AS prompt_key, {TEXT_KEY} AS text_key, {TEXT_KEY} AS said_key,
            {ANALYSIS_KEY} AS analysis_key FROM fresh WHERE is_new""",
    )
    if batch.erased:
        con.execute(f"UPDATE examples SET {BARE} WHERE erased_seq IS NOT NULL AND source IS NULL")
    again = con.execute("SELECT seq FROM fresh WHERE NOT is_new ORDER BY seq").fetchall()
    batch.quarantine(
        (seq for (seq,) in again),
        "duplicate_example",
        "the log already holds an example of this id; capture it under an id of its own",
    )


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
