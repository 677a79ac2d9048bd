"""The training set as conversations of system, user and assistant."""

from __future__ import annotations

import pyarrow as pa
from msgspec import structs

from ..rows import ASKED, CONVERSATION, SYSTEM_AND_USER, Rows, answer, lines, messages
from .format import Format


def _made(rows: Rows) -> pa.Table:
    rows = rows.where(rows["whole"])
    json = lines(f'{{"messages":[{ASKED},{answer("response")}]}}', rows)
    return pa.table([messages(rows, *SYSTEM_AND_USER, ("assistant", "response")), json], ["messages", "json"])


MESSAGES = Format(
    name="messages",
    title="Conversations, each with the turns before its last answer, where every answer may be learned",
    trainers="conversational language modeling in TRL",
    schema=pa.schema([("messages", CONVERSATION)]),
    lines={"messages": "whole"},
    made=_made,
)

ALONE = structs.replace(MESSAGES, title="The same rows as conversations", lines={"sft": "flat"})
"""The format where every turn stands alone."""
