"""The training set as conversations of which the last answer alone is learned."""

from __future__ import annotations

import pyarrow as pa

from ..rows import ASKED, CONVERSATION, SYSTEM_AND_USER, Rows, answer, lines, messages
from .format import Format


def _made(rows: Rows) -> pa.Table:
    rows = rows.where(rows["sft"])
    json = lines(f'{{"prompt":[{ASKED}],"completion":[{answer("response")}]}}', rows)
    columns = [messages(rows, *SYSTEM_AND_USER), messages(rows, ("assistant", "response"))]
    return pa.table([*columns, json], [*PROMPT_COMPLETION.schema.names, "json"])


PROMPT_COMPLETION = Format(
    name="prompt_completion",
    title="Every row of the training set, with the conversation as prompt and the last answer as completion",
    trainers="conversational prompt-completion in TRL",
    schema=pa.schema([("prompt", CONVERSATION), ("completion", CONVERSATION)]),
    lines={"prompt_completion": "sft"},
    made=_made,
)
