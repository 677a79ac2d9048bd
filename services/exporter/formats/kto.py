"""Answers with a label: good or bad."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..rows import ASKED, CONVERSATION, ENDS, SYSTEM_AND_USER, Rows, answer, lines, messages
from .format import Format


def _made(rows: Rows) -> pa.Table:
    """A row that is liked and disliked (a correction, and the answer that it replaced) is two, the good one first."""
    row, is_bad = np.nonzero(np.column_stack([rows.table.column(name).to_numpy() for name in ("liked", "disliked")]))
    rows = rows.with_table(rows.table.take(pa.array(row)))
    bad = pa.array(is_bad == 1)
    replaced = pc.and_(bad, rows["dpo"])
    answers = {f"answer{end}": pc.if_else(replaced, rows[f"rejected{end}"], rows[f"response{end}"]) for end in ENDS}
    label = {"label": pc.invert(bad), "label_json": pc.if_else(bad, "false", "true")}
    for name, values in (answers | label).items():
        rows = rows.with_table(rows.table.append_column(name, values))
    json = lines(f'{{"prompt":[{ASKED}],"completion":[{answer("answer")}],"label":<label>}}', rows)
    columns = [messages(rows, *SYSTEM_AND_USER), messages(rows, ("assistant", "answer")), rows["label"]]
    return pa.table([*columns, json], [*KTO.schema.names, "json"])


KTO = Format(
    name="kto",
    title="Thumbs: answers that were liked or corrected to, and answers that were disliked or corrected",
    trainers="unpaired preference in TRL",
    schema=pa.schema([("prompt", CONVERSATION), ("completion", CONVERSATION), ("label", pa.bool_())]),
    lines={"kto_good": "liked", "kto_bad": "disliked"},
    made=_made,
)
