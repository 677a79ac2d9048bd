"""Corrections as pairs of a better and a worse answer."""

from __future__ import annotations

import pyarrow as pa

from ..rows import ASKED, CONVERSATION, SYSTEM_AND_USER, Rows, answer, lines, messages
from .format import Format


def _made(rows: Rows) -> pa.Table:
    rows = rows.where(rows["dpo"])
    answers = f'"chosen":[{answer("response")}],"rejected":[{answer("rejected")}]'
    columns = [
        messages(rows, *SYSTEM_AND_USER),
        *(messages(rows, ("assistant", text)) for text in ("response", "rejected")),
    ]
    return pa.table([*columns, lines(f'{{"prompt":[{ASKED}],{answers}}}', rows)], [*DPO.schema.names, "json"])


DPO = Format(
    name="dpo",
    title="Corrections: the corrected answer is chosen, the one that it replaced rejected",
    trainers="preference with an explicit prompt in TRL",
    schema=pa.schema([("prompt", CONVERSATION), ("chosen", CONVERSATION), ("rejected", CONVERSATION)]),
    lines={"dpo": "dpo"},
    made=_made,
)
