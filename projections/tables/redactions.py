"""Redactions: the texts that an example has now, where personal data in it was replaced; and the comments about it."""

from __future__ import annotations

import pyarrow as pa
from msgspec import json

from events.facts import ExampleRedacted

from ..store import database
from ..store.batch import Batch
from ..store.database import Connection
from ..store.projection import ENVELOPE, Projection, envelope
from .examples import keys
from .question import prompt_key, question
from .turn import gaps

OF_THE_TURN = ("original_prompt", "system", "tools", "attachments", "details")
"""What a redaction leaves as it was where it says nothing of it."""

_REDACTED = (
    ENVELOPE
    | dict.fromkeys(("example_id", "prompt", "response", "original_response", "found"), "VARCHAR")
    | dict.fromkeys(OF_THE_TURN, "VARCHAR")
    | {"commented": "BIGINT[]"}
)
"""Of several redactions of an example only the last one keeps its texts. `commented` are the sequences of the facts
whose comments it replaces."""

_ARRIVING = _REDACTED | {"comments": "VARCHAR[]"}


def _rows(batch: Batch) -> pa.Table | None:
    rows = [
        (
            *(*envelope(seq, f), f.example_id, f.prompt, f.response, f.original_response),
            *(json.encode(f.found).decode(), f.original_prompt, f.system),
            *(None if items is None else json.encode(items).decode() for items in (f.tools, f.attachments)),
            None if f.details is None else json.encode(f.details, order="sorted").decode(),
            *([new.seq for new in f.comments], [new.comment for new in f.comments]),
        )
        for seq, f in batch.of(ExampleRedacted)
    ]
    return database.by_column(_ARRIVING, rows) if rows else None


def _fold(con: Connection, batch: Batch) -> None:
    """Keep redactions and give each example the text of its latest one, whichever of the two came first.

    The temporary table `redacted` holds the latest ones of what the batch brings, with the latest of what each part of
    the turn became.
    """
    if "redactions" in batch.rows:
        _replace_comments(con, batch.rows["redactions"])
        stored = "INSERT INTO redactions BY NAME SELECT * EXCLUDE (comments) FROM incoming"
        database.with_table(con, batch.rows["redactions"], stored)
    elif "redactions" in batch.empty:
        return
    ids = [batch.rows[name].select(["example_id"]) for name in ("redactions", "examples") if name in batch.rows]
    if not ids:
        return
    latest = ", ".join(f"arg_max({name}, seq) OVER (PARTITION BY example_id) AS {name}" for name in OF_THE_TURN)
    database.with_table(
        con,
        pa.concat_tables(ids),
        f"""CREATE OR REPLACE TEMP TABLE redacted AS SELECT * REPLACE ({latest})
            FROM redactions SEMI JOIN incoming USING (example_id)
            QUALIFY row_number() OVER (PARTITION BY example_id ORDER BY seq DESC) = 1""",
    )
    if not database.first(con, "SELECT 1 FROM redacted LIMIT 1"):
        return
    _forget_earlier(con)
    con.execute(
        """UPDATE examples SET prompt = r.prompt, response = r.response, redacted_seq = r.seq,
             original_response = CASE WHEN kind = 'correction' THEN coalesce(r.original_response, '') END,
             original_prompt = CASE WHEN examples.original_prompt IS NOT NULL
                                    THEN coalesce(r.original_prompt, examples.original_prompt) END,
             system = coalesce(r.system, examples.system),
             tools = nullif(coalesce(r.tools, examples.tools), '[]'),
             attachments = nullif(coalesce(r.attachments, examples.attachments), '[]'),
             details = nullif(coalesce(r.details, examples.details), '{}')
           FROM redacted r
           WHERE examples.example_id = r.example_id AND examples.redacted_seq IS DISTINCT FROM r.seq
             AND examples.erased_seq IS NULL"""
    )
    changed = con.execute(
        """SELECT seq, finish_reason, tools IS NOT NULL, attachments IS NOT NULL, kind = 'capture',
                  prompt, response, original_response FROM examples
           WHERE redacted_seq IS NOT NULL AND erased_seq IS NULL AND example_id IN (SELECT example_id FROM redacted)"""
    ).fetchall()
    database.with_rows(
        con,
        {
            "seq": "BIGINT",
            "gaps": "BIGINT",
            "prompt_key": "UUID",
            "text_key": "UUID",
            "words_key": "UUID",
            "analysis_key": "UUID",
        },
        [
            (
                *(seq, gaps(texts[1], finish, has_tools, has_attachments) if is_capture else 0),
                *(prompt_key(question(texts[0])), *keys(*texts)),
            )
            for seq, finish, has_tools, has_attachments, is_capture, *texts in changed
        ],
        """UPDATE examples SET gaps = i.gaps, prompt_key = i.prompt_key, text_key = i.text_key,
                               words_key = i.words_key, analysis_key = i.analysis_key
           FROM incoming i WHERE examples.seq = i.seq""",
    )


def _forget_earlier(con: Connection) -> None:
    """Take out of the earlier redactions of examples what later ones have replaced again."""
    last = "FROM redacted l WHERE l.example_id = redactions.example_id AND l.seq > redactions.seq"
    con.execute(f"UPDATE redactions SET prompt = '', response = '', original_response = NULL {last}")
    for name in OF_THE_TURN:
        con.execute(
            f"""UPDATE redactions SET {name} = NULL FROM (
                    SELECT example_id, max(seq) AS seq FROM redactions SEMI JOIN redacted USING (example_id)
                    WHERE {name} IS NOT NULL GROUP BY ALL HAVING count(*) > 1) l
                WHERE l.example_id = redactions.example_id AND l.seq > redactions.seq"""
        )


def _replace_comments(con: Connection, redactions: pa.Table) -> None:
    """Put new comments in the place of those of earlier facts about the same example."""
    for row in redactions.select(["seq", "example_id", "commented", "comments"]).to_pylist():
        for seq, comment in zip(row["commented"], row["comments"], strict=True):
            if seq < row["seq"]:
                for table, column in COMMENTS.items():
                    con.execute(
                        f"""UPDATE {table} SET {column} = $comment
                            WHERE seq = $seq AND example_id = $id AND {column} IS NOT NULL""",
                        {"comment": comment, "seq": seq, "id": row["example_id"]},
                    )


COMMENTS = {
    "feedback": "comment",
    "decisions": "reason",
    "descriptions": "reason",
    "notes": "note",
    "examples": "reason",
}
"""The columns of the tables of facts that hold a comment about an example."""

REDACTIONS = Projection(
    name="redactions",
    version=4,
    handles=(ExampleRedacted,),
    columns=_REDACTED,
    key="seq",
    rows=_rows,
    fold=_fold,
)
