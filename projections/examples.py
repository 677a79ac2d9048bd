"""Examples: one row for everything that might be trained on, a capture or a correction, with its text as it is now."""

from __future__ import annotations

from msgspec import json

from events.facts import CorrectionRecorded, ExampleCaptured, ExampleErased, ExampleRedacted

from .batch import Batch
from .database import Connection, first, with_rows
from .projection import ENVELOPE, Projection, envelope

CORRECTION_SOURCE = "user_correction"

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


def _fold(con: Connection, batch: Batch) -> None:
    """Append what is new; the first fact of an id wins and a second one is quarantined."""
    rows = [_captured(seq, fact) for seq, fact in batch.of(ExampleCaptured)]
    rows += [_corrected(seq, fact) for seq, fact in batch.of(CorrectionRecorded)]
    if not rows:
        return
    with_rows(
        con,
        _SAID,
        rows,
        """CREATE OR REPLACE TEMP TABLE fresh AS SELECT *, seq = min(seq) OVER (PARTITION BY example_id)
           AND example_id NOT IN (SELECT e.example_id FROM examples e SEMI JOIN incoming USING (example_id)) AS is_new
           FROM incoming""",
        f"""INSERT INTO examples BY NAME SELECT * EXCLUDE (is_new), {PROMPT_KEY} AS prompt_key,
            {TEXT_KEY} AS text_key, {TEXT_KEY} AS said_key, {_ORIGINAL_KEY} AS original_key,
            {ANALYSIS_KEY} AS analysis_key FROM fresh WHERE is_new""",
    )
    again = con.execute("SELECT seq FROM fresh WHERE NOT is_new ORDER BY seq").fetchall()
    batch.quarantine(
        (seq for (seq,) in again),
        "duplicate_example",
        "the log already holds an example of this id; capture it under an id of its own",
    )


EXAMPLES = Projection(
    name="examples",
    version=1,
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
           WHERE examples.example_id = r.example_id AND examples.redacted_seq IS DISTINCT FROM r.seq""",
        f"""UPDATE examples SET {_REKEY} WHERE redacted_seq IS NOT NULL AND example_id IN
            (SELECT example_id FROM incoming)""",
    )


REDACTIONS = Projection(
    name="redactions",
    version=1,
    handles=(ExampleRedacted,),
    columns=_REDACTED,
    key="seq",
    fold=_fold_redactions,
)

_ERASED = ENVELOPE | {"example_id": "VARCHAR", "reason": "VARCHAR", "erased": "VARCHAR"}


def _fold_erasures(con: Connection, batch: Batch) -> None:
    """Take the text out of erased examples, also of those that only arrive afterwards.

    Corrections of an erased example repeat its text and are erased with it. They keep the digest of the answer that
    they corrected: that answer stays untrained.
    """
    said = batch.of(ExampleErased)
    rows = [(*envelope(seq, f), f.example_id, f.reason, json.encode(f.erased).decode()) for seq, f in said]
    if rows:
        with_rows(con, _ERASED, rows, "INSERT INTO erasures BY NAME SELECT * FROM incoming")
    is_redacted = bool(batch.of(ExampleRedacted))
    if not (said or is_redacted or _arrived(batch)):
        return
    con.execute(
        """CREATE OR REPLACE TEMP TABLE gone AS
           WITH RECURSIVE erased AS (
               SELECT example_id, seq FROM erasures
               UNION SELECT e.example_id, x.seq FROM examples e JOIN erased x ON e.corrects = x.example_id)
           SELECT example_id, min(seq) AS seq FROM erased GROUP BY example_id"""
    )
    if not first(con, "SELECT 1 FROM gone LIMIT 1"):
        return
    con.execute(
        """UPDATE examples SET prompt = '', response = '', details = NULL, reason = NULL, erased_seq = gone.seq,
              original_response = CASE WHEN kind = 'correction' THEN '' END, prompt_key = NULL, text_key = NULL,
              said_key = NULL, analysis_key = NULL
            FROM gone WHERE examples.example_id = gone.example_id"""
    )
    con.execute(
        """UPDATE redactions SET prompt = '', response = '', original_response = NULL
           WHERE example_id IN (SELECT example_id FROM gone)"""
    )


def _arrived(batch: Batch) -> list[tuple[str]]:
    captured = [(fact.example_id,) for _, fact in batch.of(ExampleCaptured)]
    return captured + [(fact.event_id,) for _, fact in batch.of(CorrectionRecorded)]


ERASURES = Projection(
    name="erasures",
    version=1,
    handles=(ExampleErased,),
    columns=_ERASED,
    key="seq",
    fold=_fold_erasures,
)
