"""What a projector remembers is what its tables hold, and what judging all of it anew finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from projections.fold.projector import Projector
from projections.tables import policies
from projections.tables.examples import compared
from projections.verdicts import contexts, judgement, stored, verdicts
from projections.verdicts.columns import CONTEXT, EVIDENCE, JUDGED, SAID, Columns

NAMED = {"source": "sources", "project": "projects", "author": "authors", "used_with": "uses"}


def assert_remembered(projector: Projector) -> None:
    """Assert that the columns in memory are those of the tables, and their judgement the only one."""
    remembered = in_words(projector.memory.columns())
    with projector.con.cursor() as cursor:
        policy = policies.current(cursor)
        stored_columns = stored.read(cursor, compared(policy))
        rules = judgement.rules(policy, stored_columns.sources.numbers, stored_columns.uses.numbers)
        contexts.derive(stored_columns, np.arange(stored_columns.count), rules)
        cursor.execute("BEGIN TRANSACTION")
        gathered, _ = verdicts.supposed_anew(cursor, policy)
        cursor.execute("ROLLBACK")
    for name, told in (("stored", in_words(stored_columns)), ("judged anew", in_words(gathered))):
        for column, values in told.items():
            assert remembered[column] == values, f"{column} is {remembered[column]}, but {name} it is {values}"


def in_words(columns: Columns) -> dict[str, Any]:
    """Every column as plain values, names in words, and what is counted."""
    names = (*EVIDENCE, *SAID, *CONTEXT, *JUDGED, "id_high", "id_low", "text_high")
    told: dict[str, Any] = {name: columns[name].tolist() for name in names}
    for name, known in NAMED.items():
        values = [*getattr(columns, known).values, None]
        told[name] = [values[number] for number in told[name]]
    told["tags"] = [columns.tag_sets.tags_of(some) for some in told["tags"]]
    told["text"] = [sorted(columns.text_keys(row)) for row in range(columns.count)]
    told["clusters"] = [columns.members(np.array([row])).tolist() for row in range(columns.count)]
    told["followers"] = [columns.followers(np.array([row])).tolist() for row in range(columns.count)]
    told["found"] = [sorted(columns.by_id([columns.id_of(row)]).values()) for row in range(columns.count)]
    told["counts"] = list(columns.counts.everything())
    return told
