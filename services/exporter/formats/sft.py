"""The training set as the deployed trainer reads it: prompt, response and system text."""

from __future__ import annotations

import pyarrow as pa

from ..rows import Rows, lines
from .format import Format


def _made(rows: Rows) -> pa.Table:
    rows = rows.where(rows["flat"])
    prompt = "transcript" if rows.in_context else "prompt"
    json = lines(f'{{"prompt":<{prompt}>,"response":<response>,"system":<system>}}', rows)
    system = pa.repeat(rows.system, len(rows.table))
    return pa.table([rows[prompt], rows["response"], system, json], [*SFT.schema.names, "json"])


SFT = Format(
    name="sft",
    title="The training set: prompt, response and system text",
    trainers="read by the deployed trainer",
    schema=pa.schema([("prompt", pa.string()), ("response", pa.string()), ("system", pa.string())]),
    lines={"sft": "flat"},
    made=_made,
)
