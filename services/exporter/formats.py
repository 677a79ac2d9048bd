"""The formats: what a row of the training set is in each of them, as JSON line and as Parquet columns.

DuckDB escapes each text once; lines and columns are put together from whole Arrow arrays. So no text passes through
Python, and every step keeps the order of the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from projections.store.database import Connection

SPLITS = ("train", "eval")

_TEXTS = ("prompt", "response", "rejected")
_ENDS = ("", "_json")


class Rows(Struct, frozen=True):
    """Rows of one side of the split: a page's texts and which formats hold them, and the texts as JSON (`prompt_json`).

    `system` and `system_json` are the system text of all of them.
    """

    table: pa.Table
    system: str
    system_json: str

    def __getitem__(self, name: str) -> pa.Array:
        column = self.table.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def where(self, mask: pa.Array) -> Rows:
        """The rows for which the mask is true."""
        return self if pc.all(mask, min_count=0).as_py() else self.with_table(self.table.filter(mask))

    def with_table(self, table: pa.Table) -> Rows:
        """Other rows with the same system text."""
        return Rows(table, self.system, self.system_json)


def by_split(page: pa.Table, system: str, con: Connection) -> dict[str, Rows]:
    """The rows of a page (of `training_set.pages`) by their side, each text escaped once for all formats."""
    escaped = ", ".join(f"to_json({text})::VARCHAR AS {text}_json" for text in _TEXTS)
    [(system_json,)] = con.execute("SELECT to_json($1)::VARCHAR", [system]).fetchall()
    rows = page.select(["sft", "dpo", "liked", "disliked", *_TEXTS])
    split = {}
    for side in SPLITS:
        table = rows.filter(pc.equal(page.column("side"), side))
        con.register("side", table)
        json = con.sql(f"SELECT {escaped} FROM side").to_arrow_table()
        for name in json.column_names:
            table = table.append_column(name, json.column(name))
        con.unregister("side")
        split[side] = Rows(table, system, system_json)
    return split


class Format(Struct, frozen=True):
    """What a format's rows are: `made` takes the rows of a side and gives those that the format holds.

    They have the Parquet columns of `schema`, and `json`, the lines with their ends.
    """

    name: str
    title: str
    schema: pa.Schema
    made: Callable[[Rows], pa.Table]

    @property
    def paths(self) -> dict[str, str]:
        """The paths of its files, without their ends, by split."""
        return {split: f"data/{self.name}/{split}" for split in SPLITS}


_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_MESSAGES = pa.list_(_MESSAGE)


def _messages(rows: Rows, *said: tuple[str, str]) -> pa.Array:
    """A list of messages a row, from the role and the text of each; `system` is the same in every row.

    The texts of a row, one after the other, are the characters of its messages: what is added is where each ends.
    """
    count = len(rows.table)
    texts = [rows.system if text == "system" else rows[text] for _, text in said]
    lengths = np.column_stack(
        [np.full(count, len(t.encode())) if isinstance(t, str) else pc.binary_length(t).to_numpy() for t in texts]
    )
    ends = np.concatenate([[0], np.cumsum(lengths.ravel())]).astype(np.int32)
    joined = pc.binary_join_element_wise(*texts, "")
    contents = pa.StringArray.from_buffers(ends.size - 1, pa.py_buffer(ends), joined.buffers()[2])
    roles = pa.array([role for role, _ in said]).take(pa.array(np.tile(np.arange(len(said)), count)))
    lists = pa.array(np.arange(count + 1, dtype=np.int32) * len(said))
    return pa.ListArray.from_arrays(lists, pa.StructArray.from_arrays([roles, contents], fields=list(_MESSAGE)))


def _lines(template: str, rows: Rows) -> pa.Array:
    """JSON lines from a template: its text and, for each `<name>`, what that text of a row is as JSON."""
    pieces = re.split(r"<(\w+)>", template + "\n")
    values = [
        piece if n % 2 == 0 else rows.system_json if piece == "system" else rows[f"{piece}_json"]
        for n, piece in enumerate(pieces)
    ]
    return pc.binary_join_element_wise(*values, "")


_ASKED = '{"role":"system","content":<system>},{"role":"user","content":<prompt>}'
_SYSTEM_AND_USER = ("system", "system"), ("user", "prompt")


def _answer(text: str) -> str:
    return f'{{"role":"assistant","content":<{text}>}}'


def _sft(rows: Rows) -> pa.Table:
    rows = rows.where(rows["sft"])
    lines = _lines('{"prompt":<prompt>,"response":<response>,"system":<system>}', rows)
    system = pa.repeat(rows.system, len(rows.table))
    return pa.table([rows["prompt"], rows["response"], system, lines], [*SFT.schema.names, "json"])


def _conversations(rows: Rows) -> pa.Table:
    rows = rows.where(rows["sft"])
    lines = _lines(f'{{"messages":[{_ASKED},{_answer("response")}]}}', rows)
    return pa.table([_messages(rows, *_SYSTEM_AND_USER, ("assistant", "response")), lines], ["messages", "json"])


def _dpo(rows: Rows) -> pa.Table:
    rows = rows.where(rows["dpo"])
    answers = f'"chosen":[{_answer("response")}],"rejected":[{_answer("rejected")}]'
    columns = [
        _messages(rows, *_SYSTEM_AND_USER),
        *(_messages(rows, ("assistant", text)) for text in ("response", "rejected")),
    ]
    return pa.table([*columns, _lines(f'{{"prompt":[{_ASKED}],{answers}}}', rows)], [*DPO.schema.names, "json"])


def _kto(rows: Rows) -> pa.Table:
    """A row that is liked and disliked (a correction, and the answer that it replaced) is two, the good one first."""
    row, is_bad = np.nonzero(np.column_stack([rows.table.column(name).to_numpy() for name in ("liked", "disliked")]))
    rows = rows.with_table(rows.table.take(pa.array(row)))
    bad = pa.array(is_bad == 1)
    replaced = pc.and_(bad, rows["dpo"])
    answers = {f"answer{end}": pc.if_else(replaced, rows[f"rejected{end}"], rows[f"response{end}"]) for end in _ENDS}
    label = {"label": pc.invert(bad), "label_json": pc.if_else(bad, "false", "true")}
    for name, values in (answers | label).items():
        rows = rows.with_table(rows.table.append_column(name, values))
    lines = _lines(f'{{"prompt":[{_ASKED}],"completion":[{_answer("answer")}],"label":<label>}}', rows)
    columns = [_messages(rows, *_SYSTEM_AND_USER), _messages(rows, ("assistant", "answer")), rows["label"]]
    return pa.table([*columns, lines], [*KTO.schema.names, "json"])


SFT = Format(
    "sft",
    "The training set: prompt, response and system text",
    pa.schema([("prompt", pa.string()), ("response", pa.string()), ("system", pa.string())]),
    _sft,
)
MESSAGES = Format("messages", "The same rows as conversations", pa.schema([("messages", _MESSAGES)]), _conversations)
DPO = Format(
    "dpo",
    "Corrections: the corrected answer is chosen, the one that it replaced rejected",
    pa.schema([("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES)]),
    _dpo,
)
KTO = Format(
    "kto",
    "Thumbs: answers that were liked or corrected to, and answers that were disliked or corrected",
    pa.schema([("prompt", _MESSAGES), ("completion", _MESSAGES), ("label", pa.bool_())]),
    _kto,
)

FORMATS = (SFT, MESSAGES, DPO, KTO)
